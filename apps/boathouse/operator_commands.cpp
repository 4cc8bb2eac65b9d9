#include "apps/boathouse/operator_commands.hpp"

#include <chrono>
#include <fstream>

#include "apps/boathouse/answers.hpp"
#include "apps/boathouse/comparison.hpp"
#include "apps/boathouse/output.hpp"

namespace boathouse::app {

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
  const auto found = compare_all(server, std::chrono::seconds(wait_s));
  if (!found) return fail(found.error());
  print(server.json ? found->json() + "\n" : found->text());
  return found->equal() ? kDone : kFailed;
}

}  // namespace boathouse::app
