#include "device/sync/run_log.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/utc_time.hpp"

namespace boathouse::sync {
namespace {

using base::JsonValue;
using base::JsonWriter;

// What can start a run; "" for an event that goes on with one, or ends it.
struct CauseOf {
  std::string_view operator()(const Start&) const { return "start"; }
  std::string_view operator()(const Tick&) const { return "timer"; }
  std::string_view operator()(const NetworkUp&) const { return "network"; }
  std::string_view operator()(const DataAdded&) const { return "data"; }
  std::string_view operator()(const SyncNow&) const { return "person"; }
  std::string_view operator()(const KeyChanged&) const { return "key"; }
  std::string_view operator()(const Resume&) const { return "resume"; }
  std::string_view operator()(const Foreground&) const { return "foreground"; }
  template <typename Other>
  std::string_view operator()(const Other&) const {
    return "";
  }
};

struct Counter {
  std::string_view name;
  std::uint64_t Status::*value;
};
constexpr std::array<Counter, 12> kCounters{{{"requests", &Status::requests},
                                             {"failed_requests", &Status::failed_requests},
                                             {"nonsense_replies", &Status::nonsense_replies},
                                             {"sent_items", &Status::sent_items},
                                             {"sent_bytes", &Status::sent_bytes},
                                             {"stored_items", &Status::stored_items},
                                             {"duplicate_items", &Status::duplicate_items},
                                             {"mismatched_items", &Status::mismatched_items},
                                             {"rejected_items", &Status::rejected_items},
                                             {"received_changes", &Status::received_changes},
                                             {"fetched_chunks", &Status::fetched_chunks},
                                             {"verified_recordings", &Status::verified_recordings}}};

std::string describe(const Failure& failure) {
  if (failure.domain == ErrorDomain::none) return "";
  std::string text(name(failure.domain));
  if (failure.domain == ErrorDomain::http) text += " " + std::to_string(failure.code);
  if (failure.domain == ErrorDomain::store)
    text.append(" ").append(base::name(static_cast<base::ErrorCode>(failure.code)));
  return text;
}

std::string report_of(std::string_view cause, const Status& before, const Status& now) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("cause").value(cause).key("state").value(name(now.state));
  for (const Counter& counter : kCounters) json.key(counter.name).value(now.*counter.value - before.*counter.value);
  json.key("done_bytes").value(now.done_bytes).key("total_bytes").value(now.total_bytes);
  json.key("pending_items").value(now.pending_items).key("refused_items").value(now.refused_items);
  json.key("error").value(describe(now.failure)).key("transient").value(now.failure.transient);
  if (now.last_success_utc_ms) json.key("last_success_ms").value(*now.last_success_utc_ms);
  json.end_object();
  return out;
}

// Our own JSON: flat, of texts, integers and truth values.
JsonValue::Object read_report(const store::Run& run) {
  auto parsed = base::parse_json(run.report);
  if (!parsed || parsed->object() == nullptr) return {{"error", JsonValue(JsonValue::Data("unreadable entry"))}};
  return *parsed->object();
}

std::string text_of(const JsonValue& value) {
  if (value.text() != nullptr) return *value.text();
  if (const auto number = value.integer()) return *number == 0 ? "" : std::to_string(*number);
  return value.boolean().value_or(false) ? "yes" : "";
}

}  // namespace

std::optional<store::Run> RunLog::observe(const Event& event, const Status& before, const EngineState& after,
                                          std::int64_t utc_ms) {
  if (const std::string_view cause = std::visit(CauseOf(), event); !cause.empty()) last_cause_ = cause;
  if (after.status.runs != before.runs) {
    run_ = {0, utc_ms, utc_ms, ""};
    cause_ = last_cause_;
    at_start_ = before;
    open_ = true;
  }
  if (!open_ || after.phase != Phase::idle) return std::nullopt;
  open_ = !after.resting;
  run_.ended_ms = utc_ms;
  run_.report = report_of(cause_, at_start_, after.status);
  return run_;
}

std::optional<std::int64_t> last_success_ms(std::span<const store::Run> runs) {
  std::optional<std::int64_t> newest;
  for (const store::Run& run : runs) {
    const auto report = base::parse_json(run.report);
    const JsonValue* const at = report ? report->find("last_success_ms") : nullptr;
    if (at != nullptr && at->integer()) newest = std::max(newest.value_or(*at->integer()), *at->integer());
  }
  return newest;
}

void write_run(JsonWriter& json, const store::Run& run) {
  json.begin_object().key("started_at").value(base::format_utc_ms(run.started_ms));
  json.key("ended_at").value(base::format_utc_ms(run.ended_ms));
  for (const auto& [key, value] : read_report(run)) {
    json.key(key);
    if (value.text() != nullptr) {
      json.value(*value.text());
    } else if (const auto number = value.integer()) {
      json.value(*number);
    } else {
      json.value(value.boolean().value_or(false));
    }
  }
  json.end_object();
}

std::string runs_json(std::span<const store::Run> runs) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const store::Run& run : runs) write_run(json, run);
  json.end_array();
  return out;
}

std::string runs_text(std::span<const store::Run> runs) {
  std::string out;
  for (const store::Run& run : runs) {
    out += base::format_utc_ms(run.started_ms) + " to " + base::format_utc_ms(run.ended_ms);
    for (const auto& [key, value] : read_report(run)) {
      if (const std::string text = text_of(value); !text.empty()) out.append(" ").append(key).append("=").append(text);
    }
    out += '\n';
  }
  return out;
}

}  // namespace boathouse::sync
