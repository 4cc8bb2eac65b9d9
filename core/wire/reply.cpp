// The JSON reply of core/wire/batch.hpp.
#include <array>
#include <utility>

#include "core/base/json.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/cut_text.hpp"
#include "core/wire/json_fields.hpp"

namespace boathouse::wire {
namespace {

using base::JsonValue;
using base::JsonWriter;
using base::Result;

constexpr std::size_t kMaxDetail = 300;  // code points: with these the reply to a full batch fits, whatever is escaped

constexpr std::array kOutcomes{
    std::pair{Outcome::stored, std::string_view("stored")},
    std::pair{Outcome::duplicate, std::string_view("duplicate")},
    std::pair{Outcome::mismatch, std::string_view("mismatch")},
    std::pair{Outcome::rejected, std::string_view("rejected")},
    std::pair{Outcome::later, std::string_view("later")},
};

bool has_receipt(Outcome outcome) { return outcome == Outcome::stored || outcome == Outcome::duplicate; }

void put_identity(JsonWriter& json, const Item& item) {
  json.key("rec_id").value(item.rec_id.text());
  if (item.refusal) {
    return;
  }
  json.key("kind").value(name(item.kind));
  if (item.kind == ItemKind::chunk) {
    json.key("stream").value(rowing::name(item.stream));
    json.key("from").value(item.from).key("to").value(item.to);
  } else if (item.kind == ItemKind::seal) {
    json.key("revision").value(item.revision);
  } else if (item.kind == ItemKind::edit) {
    json.key("op_id").value(item.op_id.text());
  }
}

Result<ItemResult> result_of(const JsonValue& value, std::string place) {
  JsonFields fields(value, std::move(place));
  ItemResult result;
  result.outcome = fields.one_of("result", kOutcomes);
  if (has_receipt(result.outcome)) {
    result.server_seq = fields.sequence("server_seq", 1);
  }
  if (fields.find("have") != nullptr) {
    result.have = fields.ranges("have");
  }
  // For people: a text that is too long or none is no reason to lose a receipt.
  if (const JsonValue* detail = fields.find("detail"); detail != nullptr && detail->text() != nullptr) {
    result.detail = cut_text(*detail->text(), kMaxDetail);
  }
  if (result.outcome == Outcome::later) {
    result.retry_after_s = fields.sequence("retry_after_s", 0);
  }
  BOATHOUSE_TRY(fields.status());
  return result;
}

}  // namespace

std::string_view name(Outcome outcome) { return name_in(kOutcomes, outcome); }

std::string encode_reply(const Reply& reply, std::span<const Item> items) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  put_envelope(json, reply.epoch, reply.replica_id);
  json.key("results").begin_array();
  for (std::size_t i = 0; i < reply.results.size(); ++i) {
    const ItemResult& result = reply.results[i];
    json.begin_object();
    put_identity(json, items[i]);
    json.key("result").value(name(result.outcome));
    if (has_receipt(result.outcome)) {
      json.key("server_seq").value(result.server_seq);
    }
    if (!result.have.empty()) {
      put_ranges(json.key("have"), result.have);
    }
    if (!result.detail.empty()) {
      json.key("detail").value(cut_text(result.detail, kMaxDetail));
    }
    if (result.outcome == Outcome::later) {
      json.key("retry_after_s").value(result.retry_after_s);
    }
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

Result<Reply> decode_reply(std::string_view text, std::size_t expected_items) {
  const auto parsed = parse_object(text, kMaxReplyBytes, "batch reply");
  if (!parsed.ok()) {
    return parsed.error();
  }
  JsonFields fields(*parsed, "batch reply");
  Reply reply;
  fields.envelope(reply.epoch, reply.replica_id);
  const JsonValue::Array& results = fields.results(expected_items, "items");
  BOATHOUSE_TRY(fields.status());
  for (const JsonValue& value : results) {
    auto result = result_of(value, "batch reply, result " + std::to_string(reply.results.size()));
    if (!result.ok()) {
      return result.error();
    }
    reply.results.push_back(std::move(*result));
  }
  return reply;
}

}  // namespace boathouse::wire
