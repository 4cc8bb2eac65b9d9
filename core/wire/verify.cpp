#include "core/wire/verify.hpp"

#include <array>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/wire/json_fields.hpp"

namespace boathouse::wire {
namespace {

using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using base::Result;
using base::Status;
using rowing::Stream;

constexpr std::array kVerifyResults{
    std::pair{VerifyResult::verified, std::string_view("verified")},
    std::pair{VerifyResult::stored, std::string_view("stored")},
    std::pair{VerifyResult::incomplete, std::string_view("incomplete")},
    std::pair{VerifyResult::different, std::string_view("different")},
    std::pair{VerifyResult::unknown, std::string_view("unknown")},
    std::pair{VerifyResult::gone, std::string_view("gone")},
};

Result<VerifyAnswer> verify_answer_of(const JsonValue& value, const std::string& place, const base::Uuid& asked) {
  JsonFields fields(value, place);
  VerifyAnswer answer;
  answer.rec_id = fields.uuid("rec_id");
  BOATHOUSE_TRY(fields.status());
  if (answer.rec_id != asked) {
    fields.fail(ErrorCode::invalid_input, "rec_id", "is not the one that was asked for here");
  }
  answer.result = fields.one_of("result", kVerifyResults);
  fields.streams("streams", [&answer](Stream stream, const JsonValue& member, std::string where) -> Status {
    JsonFields held(member, std::move(where));
    VerifiedStream& verified = answer.streams[stream];
    verified.count = held.count("count");
    verified.root = held.digest("root", true).value_or(base::Digest{});
    verified.visible = held.count("visible");
    return held.status();
  });
  BOATHOUSE_TRY(fields.status());
  return answer;
}

}  // namespace

std::string_view name(VerifyResult result) { return name_in(kVerifyResults, result); }

std::string encode_verify(const std::vector<VerifyQuestion>& questions) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("recordings").begin_array();
  for (const VerifyQuestion& question : questions) {
    json.begin_object();
    json.key("rec_id").value(question.rec_id.text());
    json.key("revision").value(question.revision);
    json.key("streams").begin_object();
    for (const auto& [stream, sealed] : question.streams) {
      json.key(rowing::name(stream)).begin_object();
      json.key("count").value(sealed.count).key("root").value(base::to_hex(sealed.root));
      json.end_object();
    }
    json.end_object().end_object();
  }
  json.end_array().end_object();
  return out;
}

Result<std::vector<VerifyQuestion>> decode_verify(std::string_view text) {
  const auto parsed = parse_object(text, kMaxRequestBytes, "verify");
  if (!parsed.ok()) {
    return parsed.error();
  }
  JsonFields top(*parsed, "verify");
  const JsonValue::Array& entries = top.array("recordings", kMaxVerifyRecordings);
  BOATHOUSE_TRY(top.status());
  std::vector<VerifyQuestion> questions;
  for (const JsonValue& entry : entries) {
    JsonFields fields(entry, "verify, recording " + std::to_string(questions.size()));
    VerifyQuestion& question = questions.emplace_back();
    question.rec_id = fields.uuid("rec_id");
    question.revision = fields.u32("revision", 1);
    fields.streams("streams", [&question](Stream stream, const JsonValue& member, std::string where) -> Status {
      JsonFields facts(member, std::move(where));
      rowing::StreamSeal& sealed = question.streams[stream];
      sealed.count = facts.count("count");
      sealed.root = facts.digest("root", true).value_or(base::Digest{});
      return facts.status();
    });
    BOATHOUSE_TRY(fields.status());
  }
  return questions;
}

std::string encode_verify_reply(const VerifyReply& reply) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  put_envelope(json, reply.epoch, reply.replica_id);
  json.key("results").begin_array();
  for (const VerifyAnswer& answer : reply.results) {
    json.begin_object();
    json.key("rec_id").value(answer.rec_id.text());
    json.key("result").value(name(answer.result));
    json.key("streams").begin_object();
    for (const auto& [stream, held] : answer.streams) {
      json.key(rowing::name(stream)).begin_object();
      json.key("count").value(held.count);
      json.key("root").value(base::to_hex(held.root));
      json.key("visible").value(held.visible);
      json.end_object();
    }
    json.end_object().end_object();
  }
  json.end_array().end_object();
  return out;
}

Result<VerifyReply> decode_verify_reply(std::string_view text, const std::vector<base::Uuid>& asked) {
  return read_answers<VerifyReply>(text, kMaxReplyBytes, "verify reply", asked, verify_answer_of);
}

}  // namespace boathouse::wire
