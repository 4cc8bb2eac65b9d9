#include "core/wire/offer.hpp"

#include <array>
#include <utility>

#include "core/base/json.hpp"
#include "core/wire/json_fields.hpp"

namespace boathouse::wire {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using base::Result;
using base::Status;
using rowing::Stream;

constexpr std::array kOfferResults{
    std::pair{OfferResult::want, std::string_view("want")},
    std::pair{OfferResult::have, std::string_view("have")},
    std::pair{OfferResult::mismatch, std::string_view("mismatch")},
    std::pair{OfferResult::gone, std::string_view("gone")},
};

Result<OfferAnswer> offer_answer_of(const JsonValue& value, const std::string& place, const base::Uuid& asked) {
  JsonFields fields(value, place);
  OfferAnswer answer;
  answer.rec_id = fields.uuid("rec_id");
  BOATHOUSE_TRY(fields.status());
  if (answer.rec_id != asked) {
    fields.fail(ErrorCode::invalid_input, "rec_id", "is not the one that was asked for here");
  }
  answer.result = fields.one_of("result", kOfferResults);
  answer.birth = fields.boolean("birth");
  answer.revision = fields.u32("revision", 0);
  fields.streams("streams", [&answer](Stream stream, const JsonValue& member, std::string where) -> Status {
    JsonFields held(member, std::move(where));
    answer.streams[stream] = {held.ranges("have"), held.ranges("gone")};
    return held.status();
  });
  BOATHOUSE_TRY(fields.status());
  return answer;
}

}  // namespace

std::string_view name(OfferResult result) { return name_in(kOfferResults, result); }

std::string encode_offer(const std::vector<OfferedRecording>& recordings) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("recordings").begin_array();
  for (const OfferedRecording& recording : recordings) {
    json.begin_object();
    json.key("rec_id").value(recording.rec_id.text());
    json.key("streams").begin_object();
    for (const auto& [stream, ranges] : recording.streams) {
      put_ranges(json.key(rowing::name(stream)), ranges);
    }
    json.end_object().end_object();
  }
  json.end_array().end_object();
  return out;
}

Result<std::vector<OfferedRecording>> decode_offer(std::string_view text) {
  const auto parsed = parse_object(text, kMaxRequestBytes, "offer");
  if (!parsed.ok()) {
    return parsed.error();
  }
  JsonFields top(*parsed, "offer");
  const JsonValue::Array& entries = top.array("recordings", kMaxOfferRecordings);
  BOATHOUSE_TRY(top.status());
  std::vector<OfferedRecording> recordings;
  std::size_t ranges_so_far = 0;
  for (const JsonValue& entry : entries) {
    JsonFields fields(entry, "offer, recording " + std::to_string(recordings.size()));
    OfferedRecording& recording = recordings.emplace_back();
    recording.rec_id = fields.uuid("rec_id");
    fields.streams("streams", [&](Stream stream, const JsonValue& value, const std::string& where) -> Status {
      auto ranges = ranges_of(value);
      if (!ranges) {
        return Error{ErrorCode::invalid_input, where + ": " + std::string(kWrongRanges)};
      }
      ranges_so_far += ranges->size();
      if (ranges_so_far > kMaxOfferRanges) {
        return Error{ErrorCode::too_large,
                     where + ": more than " + std::to_string(kMaxOfferRanges) + " ranges; offer fewer recordings"};
      }
      recording.streams[stream] = std::move(*ranges);
      return {};
    });
    BOATHOUSE_TRY(fields.status());
  }
  return recordings;
}

std::string encode_offer_reply(const OfferReply& reply) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  put_envelope(json, reply.epoch, reply.replica_id);
  json.key("results").begin_array();
  for (const OfferAnswer& answer : reply.results) {
    json.begin_object();
    json.key("rec_id").value(answer.rec_id.text());
    json.key("result").value(name(answer.result));
    json.key("birth").value(answer.birth);
    json.key("revision").value(answer.revision);
    json.key("streams").begin_object();
    for (const auto& [stream, held] : answer.streams) {
      json.key(rowing::name(stream)).begin_object();
      put_ranges(json.key("have"), held.have);
      put_ranges(json.key("gone"), held.gone);
      json.end_object();
    }
    json.end_object().end_object();
  }
  json.end_array().end_object();
  return out;
}

Result<OfferReply> decode_offer_reply(std::string_view text, const std::vector<base::Uuid>& asked) {
  return read_answers<OfferReply>(text, kMaxReplyBytes, "offer reply", asked, offer_answer_of);
}

}  // namespace boathouse::wire
