#include "core/wire/json_fields.hpp"

#include <algorithm>

#include "core/base/hex.hpp"
#include "core/base/utf8.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/cut_text.hpp"

namespace boathouse::wire {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonValue;
using base::JsonWriter;
using base::Result;

constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kMaxQuoted = 50;  // code points of a foreign name in an error
constexpr auto kLastSequence = static_cast<std::int64_t>(kMaxSequence);

const JsonValue kNoObject{JsonValue::Data(JsonValue::Object())};
const JsonValue::Array kNoArray;

// The two whole numbers of a pair; nullopt unless they are 0 to their limits.
std::optional<std::pair<std::int64_t, std::int64_t>> pair_of(const JsonValue& value, std::int64_t max_first,
                                                             std::int64_t max_second) {
  if (value.array() == nullptr || value.array()->size() != 2) {
    return std::nullopt;
  }
  const auto first = value.array()->front().integer();
  const auto second = value.array()->back().integer();
  if (!first || !second || *first < 0 || *first > max_first || *second < 0 || *second > max_second) {
    return std::nullopt;
  }
  return std::pair(*first, *second);
}

}  // namespace

Result<JsonValue> parse_object(std::string_view json, std::size_t max_bytes, std::string_view place) {
  auto parsed = base::parse_json(json, {.max_depth = kMaxDepth, .max_bytes = max_bytes});
  if (!parsed.ok()) {
    return parsed.error().within(place);
  }
  if (parsed->object() == nullptr) {
    return Error{ErrorCode::invalid_input, std::string(place) + ": must be a JSON object"};
  }
  return parsed;
}

std::optional<std::vector<Range>> ranges_of(const JsonValue& value) {
  if (value.array() == nullptr) {
    return std::nullopt;
  }
  std::vector<Range> ranges;
  for (const JsonValue& entry : *value.array()) {
    const auto pair = pair_of(entry, kLastSequence, kLastSequence);
    if (!pair) {
      return std::nullopt;
    }
    const Range range{static_cast<std::uint64_t>(pair->first), static_cast<std::uint64_t>(pair->second)};
    if (range.from >= range.to || (!ranges.empty() && range.from <= ranges.back().to)) {
      return std::nullopt;
    }
    ranges.push_back(range);
  }
  return ranges;
}

void put_ranges(JsonWriter& json, const std::vector<Range>& ranges) {
  json.begin_array();
  for (const Range& range : ranges) {
    json.begin_array().value(range.from).value(range.to).end_array();
  }
  json.end_array();
}

void put_stamp(JsonWriter& json, const rowing::Stamp& stamp) {
  json.begin_array().value(stamp.ms).value(stamp.count).end_array();
}

void put_envelope(JsonWriter& json, const std::string& epoch, const base::Uuid& replica_id) {
  json.key("protocol").value(kProtocolVersion);
  json.key("epoch").value(epoch);
  json.key("replica_id").value(replica_id.text());
}

void JsonFields::fail(ErrorCode code, std::string_view key, std::string_view problem) {
  fail(Error{code, place_ + ": \"" + std::string(key) + "\" " + std::string(problem)});
}

void JsonFields::fail(Error error) {
  if (status_.ok()) {
    status_ = std::move(error);
  }
}

const JsonValue* JsonFields::find(std::string_view key, bool required) {
  const JsonValue* value = object_.find(key);
  if (value != nullptr && value->is_null()) {
    value = nullptr;
  }
  if (value == nullptr && required) {
    fail(ErrorCode::invalid_input, key, "is missing");
  }
  return value;
}

std::string JsonFields::text(std::string_view key, std::size_t max, bool required) {
  const JsonValue* value = find(key, required);
  if (value == nullptr) {
    return "";
  }
  if (value->text() == nullptr || (required && value->text()->empty()) ||
      base::code_point_count(*value->text()) > max) {
    fail(ErrorCode::invalid_input, key,
         std::string("must be text of ") + (required ? "1 to " : "at most ") + std::to_string(max) + " characters");
    return "";
  }
  return *value->text();
}

std::optional<std::int64_t> JsonFields::integer(std::string_view key, std::int64_t min, std::int64_t max,
                                                bool required) {
  const JsonValue* value = find(key, required);
  if (value == nullptr) {
    return std::nullopt;
  }
  const auto number = value->integer();
  if (!number || *number < min || *number > max) {
    fail(ErrorCode::invalid_input, key,
         "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    return std::nullopt;
  }
  return number;
}

std::int64_t JsonFields::sequence(std::string_view key, std::int64_t min) {
  return integer(key, min, kLastSequence, true).value_or(min);
}

std::uint64_t JsonFields::count(std::string_view key, std::uint64_t min) {
  return static_cast<std::uint64_t>(sequence(key, static_cast<std::int64_t>(min)));
}

std::uint32_t JsonFields::u32(std::string_view key, std::uint32_t min) {
  return static_cast<std::uint32_t>(integer(key, min, UINT32_MAX, true).value_or(min));
}

bool JsonFields::boolean(std::string_view key) {
  const JsonValue* value = find(key, true);
  if (value != nullptr && !value->boolean()) {
    fail(ErrorCode::invalid_input, key, "must be true or false");
  }
  return value != nullptr && value->boolean().value_or(false);
}

base::Uuid JsonFields::uuid(std::string_view key) {
  const JsonValue* value = find(key, true);
  const auto uuid = base::Uuid::parse(value != nullptr && value->text() != nullptr ? *value->text() : "");
  if (!uuid.ok()) {
    fail(ErrorCode::invalid_input, key, "must be a UUID in lower case");
    return {};
  }
  return *uuid;
}

std::optional<base::Digest> JsonFields::digest(std::string_view key, bool required) {
  const JsonValue* value = find(key, required);
  if (value == nullptr) {
    return std::nullopt;
  }
  const std::string* text = value->text();
  base::Digest digest{};
  if (text != nullptr && text->size() == 2 * digest.size()) {
    if (const auto bytes = base::from_hex(*text); bytes.ok() && base::to_hex(*bytes) == *text) {
      std::copy(bytes->begin(), bytes->end(), digest.begin());
      return digest;
    }
  }
  fail(ErrorCode::invalid_input, key, "must be a SHA-256 in 64 lower-case hex digits");
  return std::nullopt;
}

std::optional<rowing::Stamp> JsonFields::stamp(std::string_view key, bool required) {
  const JsonValue* value = find(key, required);
  if (value == nullptr) {
    return std::nullopt;
  }
  const auto pair = pair_of(*value, rowing::kMaxStampMs, UINT32_MAX);
  if (!pair) {
    fail(ErrorCode::invalid_input, key, "must be [milliseconds from 0 to 2^47, counter of 32 bits]");
    return std::nullopt;
  }
  return rowing::Stamp{pair->first, static_cast<std::uint32_t>(pair->second)};
}

std::optional<rowing::Stream> JsonFields::stream(std::string_view key, bool required) {
  const JsonValue* value = find(key, required);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (value->text() == nullptr) {
    fail(ErrorCode::invalid_input, key, "must be a stream's name");
    return std::nullopt;
  }
  return known_stream(*value->text());
}

std::optional<rowing::Stream> JsonFields::known_stream(const std::string& stream_name) {
  const auto stream = rowing::stream_from_name(stream_name);
  if (!stream) {
    fail(Error{ErrorCode::unsupported,
               place_ + ": stream \"" + std::string(cut_text(stream_name, kMaxQuoted)) + "\" is not known here"});
  }
  return stream;
}

std::vector<Range> JsonFields::ranges(std::string_view key) {
  const JsonValue* value = find(key, true);
  auto ranges = value != nullptr ? ranges_of(*value) : std::nullopt;
  if (!ranges) {
    fail(ErrorCode::invalid_input, key, kWrongRanges);
    return {};
  }
  return std::move(*ranges);
}

const JsonValue::Array& JsonFields::array(std::string_view key, std::size_t max) {
  const JsonValue* value = find(key, true);
  if (value == nullptr || value->array() == nullptr) {
    fail(ErrorCode::invalid_input, key, "must be an array");
    return kNoArray;
  }
  if (value->array()->size() > max) {
    fail(ErrorCode::too_large, key, "has more than " + std::to_string(max) + " entries");
    return kNoArray;
  }
  return *value->array();
}

const JsonValue& JsonFields::object(std::string_view key) {
  const JsonValue* value = find(key, true);
  if (value == nullptr || value->object() == nullptr) {
    fail(ErrorCode::invalid_input, key, "must be an object");
    return kNoObject;
  }
  return *value;
}

void JsonFields::envelope(std::string& epoch, base::Uuid& replica_id) {
  const auto protocol = integer("protocol", 1, UINT32_MAX, true);
  if (protocol && *protocol != kProtocolVersion) {
    fail(ErrorCode::unsupported, "protocol",
         "is " + std::to_string(*protocol) + ", only " + std::to_string(kProtocolVersion) + " is known here");
  }
  epoch = text("epoch", kMaxEpoch, true);
  replica_id = uuid("replica_id");
}

const JsonValue::Array& JsonFields::results(std::size_t expected, std::string_view asked_for) {
  const JsonValue* value = find("results", true);
  if (value == nullptr || value->array() == nullptr) {
    fail(ErrorCode::invalid_input, "results", "must be an array");
    return kNoArray;
  }
  if (value->array()->size() != expected) {
    fail(Error{ErrorCode::invalid_input, place_ + ": " + std::to_string(value->array()->size()) + " results for " +
                                             std::to_string(expected) + " " + std::string(asked_for)});
    return kNoArray;
  }
  return *value->array();
}

}  // namespace boathouse::wire
