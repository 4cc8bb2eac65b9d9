#include "apps/boathouse/service_log.hpp"

#include <cstdint>
#include <cstdio>
#include <string>

#include "core/base/clock.hpp"

namespace boathouse::app {
namespace {

ops::LogFormat format = ops::LogFormat::text;

void write(const ops::LogEntry& entry) {
  const std::string line = ops::log_line(format, base::SystemClock().utc_ms(), entry);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void set_log_format(ops::LogFormat wanted) { format = wanted; }

void log_line(std::string_view text) { write({"info", "service", text, {}}); }

void log_request(const http::AccessRecord& record) {
  if (record.route == "getHealth" || record.route == "getReadiness") return;
  char ms[32];
  std::snprintf(ms, sizeof ms, "%.1f", record.ms);
  ops::LogEntry entry{record.status >= 500 ? "warning" : "info", "request", {}, {}};
  entry.fields = {{"request_id", record.request_id},
                  {"trace_id", record.trace_id},
                  {"method", http::name(record.method)},
                  {"route", record.route},
                  {"status", std::int64_t{record.status}},
                  {"ms", ops::LogNumber{ms}},
                  {"bytes", static_cast<std::int64_t>(record.bytes)},
                  {"body_bytes", static_cast<std::int64_t>(record.body_bytes)},
                  {"key", record.caller},
                  {"replica", record.replica},
                  {"limited_by", record.limited_by}};
  if (!record.complete) entry.fields.push_back({"complete", false});
  write(entry);
}

void log_failure(const http::FailureRecord& record) {
  write({"error",
         "failure",
         record.text,
         {{"request_id", record.request_id}, {"trace_id", record.trace_id}, {"route", record.route}}});
}

}  // namespace boathouse::app
