#include "apps/boathouse/operator_commands.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

#include "apps/boathouse/answers.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"

namespace boathouse::app {
namespace {

using base::ErrorCode;
using base::JsonValue;

constexpr std::chrono::milliseconds kPollPause{200};
}  // namespace

int session_list(const ServerOptions& server, const std::string& athlete, const std::string& team) {
  return print_list(server, "/v1/sessions",
                    {"id", "started_at", "work_distance_m", "work_time_s", "avg_pace_s_per_500m", "source_name"},
                    !athlete.empty() ? "athlete=" + athlete
                    : !team.empty()  ? "team=" + team
                                     : "");
}

int export_session(const ServerOptions& server, const std::string& session_id, const std::string& stream,
                   const std::string& out_file) {
  const auto csv =
      call(server, "GET", "/v1/sessions/" + session_id + "/export.csv" + (stream.empty() ? "" : "?stream=" + stream));
  if (!csv) return fail(csv.error());
  if (out_file.empty() || out_file == "-") {
    print(*csv);
    return kDone;
  }
  std::ofstream out(out_file, std::ios::binary | std::ios::trunc);
  out << *csv;
  out.close();
  return out ? kDone : fail("cannot write " + out_file);
}

int reconcile(const ServerOptions& server, int wait_s) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(wait_s);
  while (true) {
    const auto text = call(server, "GET", "/v1/reconcile");
    const bool may_wait = std::chrono::steady_clock::now() < deadline;
    if (!text && text.error().code == ErrorCode::unavailable && may_wait) {
      std::this_thread::sleep_for(kPollPause);
      continue;
    }
    if (!text) return fail(text.error());
    const auto found = base::parse_json(*text, {64, std::size_t{64} << 20});
    if (!found) return fail(found.error());
    const auto* differences = found->find("differences");
    const auto* unloaded = found->find("unloaded_chunks");
    const auto* streams = found->find("streams");
    if (differences == nullptr || differences->array() == nullptr || unloaded == nullptr || streams == nullptr ||
        streams->array() == nullptr) {
      return fail("the server's answer is not a reconciliation");
    }
    const bool equal = differences->array()->empty() && unloaded->integer() == 0 &&
                       text_of(*found, "misplaced_recordings") == "0" && text_of(*found, "removals_to_erase") == "0";
    if (!equal && may_wait) {
      std::this_thread::sleep_for(kPollPause);
      continue;
    }
    if (server.json) {
      print(*text + "\n");
    } else {
      print("recordings " + text_of(*found, "recordings") + ", sessions " + text_of(*found, "sessions") +
            ", in no session or in two " + text_of(*found, "misplaced_recordings") + ", chunks to load " +
            text_of(*found, "unloaded_chunks") + ", removals to carry out there " +
            text_of(*found, "removals_to_erase") + "\n");
      print("stream            sealed     removed      ledger  clickhouse\n");
      for (const JsonValue& stream : *streams->array()) {
        char line[96];
        std::snprintf(line, sizeof line, "%-12s %11s %11s %11s %11s\n", text_of(stream, "stream").c_str(),
                      text_of(stream, "sealed").c_str(), text_of(stream, "removed").c_str(),
                      text_of(stream, "ledger").c_str(), text_of(stream, "clickhouse").c_str());
        print(line);
      }
      for (const JsonValue& difference : *differences->array()) {
        print("DIFFERENCE " + text_of(difference, "recording") + " " + text_of(difference, "stream") + ": ledger " +
              text_of(difference, "ledger") + ", clickhouse " + text_of(difference, "clickhouse") + "\n");
      }
      print(equal ? "equal\n" : "NOT equal\n");
    }
    return equal ? kDone : kFailed;
  }
}

}  // namespace boathouse::app
