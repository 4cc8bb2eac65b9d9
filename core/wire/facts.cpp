#include "core/wire/facts.hpp"

#include <array>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "core/wire/cut_text.hpp"
#include "core/wire/json_fields.hpp"

namespace boathouse::wire {
namespace {

using base::JsonValue;
using base::JsonWriter;
using base::Result;
using base::Status;
using rowing::Birth;
using rowing::EndReason;
using rowing::Seal;
using rowing::WorkoutFacts;

constexpr std::int64_t kMaxCounter = UINT32_MAX;  // the widest column of the catalogue
constexpr std::size_t kHashDigits = 16;
constexpr int kMaxOffsetMinutes = 18 * 60;  // the widest that ISO 8601 libraries take

constexpr std::array kOrigins{
    std::pair{rowing::Origin::live, std::string_view("live")},
    std::pair{rowing::Origin::replay, std::string_view("replay")},
    std::pair{rowing::Origin::import, std::string_view("import")},
    std::pair{rowing::Origin::simulated, std::string_view("simulated")},
};
constexpr std::array kEndReasons{
    std::pair{EndReason::logged, std::string_view("logged")},
    std::pair{EndReason::rearmed, std::string_view("rearmed")},
    std::pair{EndReason::stopped, std::string_view("stopped")},
    std::pair{EndReason::silence, std::string_view("silence")},
    std::pair{EndReason::end_of_input, std::string_view("end_of_input")},
    std::pair{EndReason::crashed, std::string_view("crashed")},
};

// Absent, null and "" mean the same, so nothing is written for "".
void put_text(JsonWriter& json, std::string_view key, std::string_view text, std::size_t max = kMaxFactText) {
  if (!text.empty()) {
    json.key(key).value(cut_text(text, max));
  }
}

std::string hex_of(std::uint64_t number) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  }
  return base::to_hex(bytes);
}

void put_workout(JsonWriter& json, const WorkoutFacts& facts) {
  json.begin_object();
  const auto put = [&json](std::string_view key, const auto& value) {
    if (value) {
      json.key(key).value(*value);
    }
  };
  put("type", facts.type);
  put("elapsed_cs", facts.elapsed_cs);
  put("distance_dm", facts.distance_dm);
  if (facts.logged_hash) {
    json.key("logged_hash").value(hex_of(*facts.logged_hash));
  }
  json.key("reach").begin_object();
  for (const auto& [stream, reach] : facts.reach) {
    json.key(rowing::name(stream)).begin_object();
    json.key("covered").value(reach.covered).key("step").value(reach.step).end_object();
  }
  json.end_object().end_object();
}

Result<WorkoutFacts> read_workout(const JsonValue& value) {
  JsonFields reader(value, "seal, workout");
  WorkoutFacts facts;
  facts.type = reader.integer("type", 0, kMaxCounter, false);
  facts.elapsed_cs = reader.integer("elapsed_cs", 0, kMaxCounter, false);
  facts.distance_dm = reader.integer("distance_dm", 0, kMaxCounter, false);
  if (const std::string hash = reader.text("logged_hash", kHashDigits); !hash.empty()) {
    const auto bytes = base::from_hex(hash);
    if (!bytes.ok() || hash.size() != kHashDigits) {
      reader.fail(base::ErrorCode::invalid_input, "logged_hash", "must be 16 hex digits");
    } else {
      facts.logged_hash = 0;
      for (const std::uint8_t byte : *bytes) {
        facts.logged_hash = *facts.logged_hash << 8 | byte;
      }
    }
  }
  reader.streams("reach", [&facts](rowing::Stream stream, const JsonValue& reach, std::string place) -> Status {
    JsonFields fields(reach, std::move(place));
    facts.reach[stream] = {fields.count("covered"), fields.count("step")};
    return fields.status();
  });
  BOATHOUSE_TRY(reader.status());
  return facts;
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
  const auto parsed = parse_object(text, kMaxFactsBytes, "birth");
  if (!parsed.ok()) {
    return parsed.error();
  }
  static const std::int64_t kYear1 = base::days_from_civil({1, 1, 1}) * 86'400'000;
  static const std::int64_t kYear10000 = base::days_from_civil({10000, 1, 1}) * 86'400'000;

  JsonFields reader(*parsed, "birth");
  Birth birth;
  birth.rec_id = reader.uuid("rec_id");
  birth.started_ms = reader.integer("started_ms", kYear1, kYear10000 - 1, true).value_or(0);
  birth.started_known = reader.boolean("started_known");
  if (const auto offset = reader.integer("offset_minutes", -kMaxOffsetMinutes, kMaxOffsetMinutes, false)) {
    birth.offset_minutes = static_cast<int>(*offset);
  }
  birth.zone = reader.text("zone", kMaxFactText);
  birth.origin = reader.one_of("origin", kOrigins);
  birth.dialect = reader.text("dialect", kMaxFactText);
  birth.source_name = reader.text("source_name", kMaxFactText);
  birth.source_sha256 = reader.digest("source_sha256", false);
  birth.title = reader.text("title", kMaxTitle);
  birth.monitor_serial = reader.text("monitor_serial", kMaxFactText);
  birth.monitor_firmware = reader.text("monitor_firmware", kMaxFactText);
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
  json.end_object();
  if (seal.workout) put_workout(json.key("workout"), *seal.workout);
  json.end_object();
  return out;
}

Result<Seal> decode_seal(std::string_view text) {
  const auto parsed = parse_object(text, kMaxFactsBytes, "seal");
  if (!parsed.ok()) {
    return parsed.error();
  }
  JsonFields reader(*parsed, "seal");
  Seal seal;
  seal.rec_id = reader.uuid("rec_id");
  seal.revision = reader.u32("revision", 1);
  seal.reason = reader.one_of("reason", kEndReasons);
  reader.streams("streams", [&seal](rowing::Stream stream, const JsonValue& value, std::string place) -> Status {
    JsonFields facts(value, std::move(place));
    rowing::StreamSeal& sealed = seal.streams[stream];
    sealed.count = facts.count("count");
    sealed.root = facts.digest("root", true).value_or(base::Digest{});
    return facts.status();
  });
  if (const JsonValue* workout = reader.find("workout")) {
    auto facts = read_workout(*workout);
    if (!facts.ok()) {
      return facts.error();
    }
    seal.workout = std::move(*facts);
  }
  BOATHOUSE_TRY(reader.status());
  return seal;
}

}  // namespace boathouse::wire
