#include "core/wire/facts.hpp"

#include <array>
#include <optional>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
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
using base::Status;
using rowing::Birth;
using rowing::EndReason;
using rowing::Origin;
using rowing::Seal;

constexpr int kMaxOffsetMinutes = 18 * 60;  // the widest that ISO 8601 libraries take
constexpr std::size_t kMaxFactsDepth = 8;

constexpr std::array kOrigins{
    std::pair{Origin::live, std::string_view("live")},
    std::pair{Origin::replay, std::string_view("replay")},
    std::pair{Origin::import, std::string_view("import")},
    std::pair{Origin::simulated, std::string_view("simulated")},
};
constexpr std::array kEndReasons{
    std::pair{EndReason::logged, std::string_view("logged")},
    std::pair{EndReason::rearmed, std::string_view("rearmed")},
    std::pair{EndReason::stopped, std::string_view("stopped")},
    std::pair{EndReason::silence, std::string_view("silence")},
    std::pair{EndReason::end_of_input, std::string_view("end_of_input")},
    std::pair{EndReason::crashed, std::string_view("crashed")},
};

template <typename Table, typename T>
std::string_view name_in(const Table& table, T value) {
  for (const auto& [number, name] : table) {
    if (number == value) {
      return name;
    }
  }
  return "";
}

// Absent, null and "" mean the same, so nothing is written for "".
void put_text(JsonWriter& json, std::string_view key, std::string_view text, std::size_t max = kMaxFactText) {
  if (!text.empty()) {
    json.key(key).value(cut_text(text, max));
  }
}

// Reads the members of one object; the first thing that is wrong stays in status().
class Reader {
 public:
  Reader(const JsonValue& object, std::string what) : object_(object), what_(std::move(what)) {}

  [[nodiscard]] const Status& status() const { return status_; }

  void fail(ErrorCode code, std::string_view key, std::string_view problem) {
    if (status_.ok()) {
      status_ = Error{code, what_ + ": \"" + std::string(key) + "\" " + std::string(problem)};
    }
  }

  const JsonValue* find(std::string_view key, bool required = false) {
    const JsonValue* value = object_.find(key);
    if (value != nullptr && value->is_null()) {
      value = nullptr;
    }
    if (value == nullptr && required) {
      fail(ErrorCode::invalid_input, key, "is missing");
    }
    return value;
  }

  std::string text(std::string_view key, std::size_t max = kMaxFactText) {
    const JsonValue* value = find(key);
    if (value == nullptr) {
      return "";
    }
    if (value->text() == nullptr || base::code_point_count(*value->text()) > max) {
      fail(ErrorCode::invalid_input, key, "must be text of at most " + std::to_string(max) + " characters");
      return "";
    }
    return *value->text();
  }

  std::optional<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max, bool required) {
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

  base::Uuid uuid(std::string_view key) {
    const JsonValue* value = find(key, true);
    const auto uuid = base::Uuid::parse(value != nullptr && value->text() != nullptr ? *value->text() : "");
    if (!uuid.ok()) {
      fail(ErrorCode::invalid_input, key, "must be a UUID in lower case");
      return {};
    }
    return *uuid;
  }

  std::optional<base::Digest> digest(std::string_view key, bool required) {
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

  template <typename Table>
  auto one_of(std::string_view key, const Table& table) {
    const JsonValue* value = find(key, true);
    const std::string* text = value != nullptr ? value->text() : nullptr;
    for (const auto& [number, name] : table) {
      if (text != nullptr && *text == name) {
        return number;
      }
    }
    fail(text != nullptr ? ErrorCode::unsupported : ErrorCode::invalid_input, key, "has no name that is known here");
    return table.front().first;
  }

 private:
  const JsonValue& object_;
  std::string what_;
  Status status_;
};

Result<JsonValue> parse_object(std::string_view json, std::string_view what) {
  auto parsed = base::parse_json(json, {.max_depth = kMaxFactsDepth, .max_bytes = kMaxFactsBytes});
  if (!parsed.ok()) {
    return parsed.error().within(what);
  }
  if (parsed->object() == nullptr) {
    return Error{ErrorCode::invalid_input, std::string(what) + ": must be a JSON object"};
  }
  return parsed;
}

}  // namespace

std::string encode_birth(const Birth& birth) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("rec_id").value(birth.rec_id.text());
  json.key("started_ms").value(birth.started_ms);
  json.key("started_known").value(birth.started_known);
  if (birth.offset_minutes) {
    json.key("offset_minutes").value(*birth.offset_minutes);
  }
  put_text(json, "zone", birth.zone);
  json.key("origin").value(name_in(kOrigins, birth.origin));
  put_text(json, "dialect", birth.dialect);
  put_text(json, "source_name", birth.source_name);
  if (birth.source_sha256) {
    json.key("source_sha256").value(base::to_hex(*birth.source_sha256));
  }
  put_text(json, "title", birth.title, kMaxTitle);
  put_text(json, "monitor_serial", birth.monitor_serial);
  put_text(json, "monitor_firmware", birth.monitor_firmware);
  json.end_object();
  return out;
}

Result<Birth> decode_birth(std::string_view text) {
  const auto parsed = parse_object(text, "birth");
  if (!parsed.ok()) {
    return parsed.error();
  }
  static const std::int64_t kYear1 = base::days_from_civil({1, 1, 1}) * 86'400'000;
  static const std::int64_t kYear10000 = base::days_from_civil({10000, 1, 1}) * 86'400'000;

  Reader reader(*parsed, "birth");
  Birth birth;
  birth.rec_id = reader.uuid("rec_id");
  birth.started_ms = reader.integer("started_ms", kYear1, kYear10000 - 1, true).value_or(0);
  if (const JsonValue* known = reader.find("started_known", true); known != nullptr) {
    if (!known->boolean()) {
      reader.fail(ErrorCode::invalid_input, "started_known", "must be true or false");
    }
    birth.started_known = known->boolean().value_or(true);
  }
  if (const auto offset = reader.integer("offset_minutes", -kMaxOffsetMinutes, kMaxOffsetMinutes, false)) {
    birth.offset_minutes = static_cast<int>(*offset);
  }
  birth.zone = reader.text("zone");
  birth.origin = reader.one_of("origin", kOrigins);
  birth.dialect = reader.text("dialect");
  birth.source_name = reader.text("source_name");
  birth.source_sha256 = reader.digest("source_sha256", false);
  birth.title = reader.text("title", kMaxTitle);
  birth.monitor_serial = reader.text("monitor_serial");
  birth.monitor_firmware = reader.text("monitor_firmware");
  BOATHOUSE_TRY(reader.status());
  return birth;
}

std::string encode_seal(const Seal& seal) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("rec_id").value(seal.rec_id.text());
  json.key("revision").value(seal.revision);
  json.key("reason").value(name_in(kEndReasons, seal.reason));
  json.key("streams").begin_object();
  for (const auto& [stream, facts] : seal.streams) {
    json.key(rowing::name(stream)).begin_object();
    json.key("count").value(facts.count);
    json.key("root").value(base::to_hex(facts.root));
    json.end_object();
  }
  json.end_object().end_object();
  return out;
}

Result<Seal> decode_seal(std::string_view text) {
  const auto parsed = parse_object(text, "seal");
  if (!parsed.ok()) {
    return parsed.error();
  }
  Reader reader(*parsed, "seal");
  Seal seal;
  seal.rec_id = reader.uuid("rec_id");
  seal.revision = static_cast<std::uint32_t>(reader.integer("revision", 1, UINT32_MAX, true).value_or(1));
  seal.reason = reader.one_of("reason", kEndReasons);
  const JsonValue* streams = reader.find("streams", true);
  if (streams != nullptr && streams->object() == nullptr) {
    reader.fail(ErrorCode::invalid_input, "streams", "must be an object");
  }
  BOATHOUSE_TRY(reader.status());
  for (const auto& [name, value] : *streams->object()) {
    const auto stream = rowing::stream_from_name(name);
    if (!stream) {
      return Error{ErrorCode::unsupported, "seal: stream \"" + name + "\" is not known here"};
    }
    Reader facts(value, "seal, stream " + name);
    rowing::StreamSeal sealed;
    sealed.count = static_cast<std::uint64_t>(
        facts.integer("count", 0, static_cast<std::int64_t>(kMaxSequence), true).value_or(0));
    sealed.root = facts.digest("root", true).value_or(base::Digest{});
    BOATHOUSE_TRY(facts.status());
    seal.streams.emplace(*stream, sealed);
  }
  return seal;
}

}  // namespace boathouse::wire
