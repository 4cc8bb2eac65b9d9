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
using rowing::Origin;
using rowing::Seal;

constexpr int kMaxOffsetMinutes = 18 * 60;  // the widest that ISO 8601 libraries take

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

// Absent, null and "" mean the same, so nothing is written for "".
void put_text(JsonWriter& json, std::string_view key, std::string_view text, std::size_t max = kMaxFactText) {
  if (!text.empty()) {
    json.key(key).value(cut_text(text, max));
  }
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
  json.end_object().end_object();
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
  BOATHOUSE_TRY(reader.status());
  return seal;
}

}  // namespace boathouse::wire
