// The JSON reply of core/wire/batch.hpp.
#include <optional>

#include "core/base/json.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/cut_text.hpp"

namespace boathouse::wire {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using base::Result;

constexpr std::size_t kMaxReplyBytes = std::size_t{2} << 20;
constexpr std::size_t kMaxDetail = 300;  // code points: with these the reply to a full batch fits, whatever is escaped
constexpr std::size_t kMaxReplyDepth = 8;

constexpr Outcome kOutcomes[] = {Outcome::stored, Outcome::duplicate, Outcome::mismatch, Outcome::rejected,
                                 Outcome::later};

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
  }
}

// A whole number that JSON holds exactly, at least `min`.
std::optional<std::int64_t> whole(const JsonValue* value, std::int64_t min) {
  const auto number = value != nullptr ? value->integer() : std::nullopt;
  return number && *number >= min && *number <= static_cast<std::int64_t>(kMaxSequence) ? number : std::nullopt;
}

// nullopt unless ascending ranges with room between.
std::optional<std::vector<Range>> ranges_of(const JsonValue& value) {
  if (value.array() == nullptr) {
    return std::nullopt;
  }
  std::vector<Range> ranges;
  for (const JsonValue& pair : *value.array()) {
    if (pair.array() == nullptr || pair.array()->size() != 2) {
      return std::nullopt;
    }
    const auto from = whole(&pair.array()->front(), 0);
    const auto to = whole(&pair.array()->back(), 0);
    if (!from || !to || *from >= *to || (!ranges.empty() && static_cast<std::uint64_t>(*from) <= ranges.back().to)) {
      return std::nullopt;
    }
    ranges.push_back({static_cast<std::uint64_t>(*from), static_cast<std::uint64_t>(*to)});
  }
  return ranges;
}

Result<ItemResult> result_of(const JsonValue& value) {
  const auto wrong = [](std::string_view what) { return Error{ErrorCode::invalid_input, std::string(what)}; };
  const JsonValue* word = value.find("result");
  if (word == nullptr || word->text() == nullptr) {
    return wrong("\"result\" is missing");
  }
  ItemResult result;
  bool known = false;
  for (const Outcome outcome : kOutcomes) {
    if (*word->text() == name(outcome)) {
      result.outcome = outcome;
      known = true;
    }
  }
  if (!known) {
    return Error{ErrorCode::unsupported, "\"result\" has no word that is known here"};
  }
  if (has_receipt(result.outcome)) {
    const auto server_seq = whole(value.find("server_seq"), 1);
    if (!server_seq) {
      return wrong("\"server_seq\" must be a whole number from 1");
    }
    result.server_seq = *server_seq;
  }
  if (const JsonValue* have = value.find("have")) {
    auto ranges = ranges_of(*have);
    if (!ranges) {
      return wrong("\"have\" must be ascending pairs [from, to)");
    }
    result.have = std::move(*ranges);
  }
  if (const JsonValue* detail = value.find("detail"); detail != nullptr && detail->text() != nullptr) {
    result.detail = *detail->text();
  }
  if (result.outcome == Outcome::later) {
    const auto seconds = whole(value.find("retry_after_s"), 0);
    if (!seconds) {
      return wrong("\"retry_after_s\" must be a whole number from 0");
    }
    result.retry_after_s = *seconds;
  }
  return result;
}

}  // namespace

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::stored:
      return "stored";
    case Outcome::duplicate:
      return "duplicate";
    case Outcome::mismatch:
      return "mismatch";
    case Outcome::rejected:
      return "rejected";
    case Outcome::later:
      return "later";
  }
  return "unknown";
}

std::string encode_reply(const Reply& reply, std::span<const Item> items) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("protocol").value(kProtocolVersion);
  json.key("epoch").value(reply.epoch);
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
      json.key("have").begin_array();
      for (const Range& range : result.have) {
        json.begin_array().value(range.from).value(range.to).end_array();
      }
      json.end_array();
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
  const auto wrong = [](std::string_view what) {
    return Error{ErrorCode::invalid_input, "batch reply: " + std::string(what)};
  };
  const auto parsed = base::parse_json(text, {.max_depth = kMaxReplyDepth, .max_bytes = kMaxReplyBytes});
  if (!parsed.ok()) {
    return parsed.error().within("batch reply");
  }
  const JsonValue* epoch = parsed->find("epoch");
  if (epoch == nullptr || epoch->text() == nullptr || epoch->text()->empty()) {
    return wrong("\"epoch\" is missing");
  }
  const JsonValue* results = parsed->find("results");
  if (results == nullptr || results->array() == nullptr) {
    return wrong("\"results\" is missing");
  }
  if (results->array()->size() != expected_items) {
    return wrong(std::to_string(results->array()->size()) + " results for " + std::to_string(expected_items) +
                 " items");
  }
  Reply reply;
  reply.epoch = *epoch->text();
  for (const JsonValue& value : *results->array()) {
    auto result = result_of(value);
    if (!result.ok()) {
      return result.error().within("batch reply, result " + std::to_string(reply.results.size()));
    }
    reply.results.push_back(std::move(*result));
  }
  return reply;
}

}  // namespace boathouse::wire
