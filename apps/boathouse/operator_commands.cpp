#include "apps/boathouse/operator_commands.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"

namespace boathouse::app {
namespace {

using base::ErrorCode;
using base::JsonValue;

constexpr std::chrono::milliseconds kPollPause{200};
// "-" when there is nothing. A key "a.b" reaches into an object.
std::string text_of(const JsonValue& value, std::string_view key) {
  const std::size_t dot = key.find('.');
  const JsonValue* found = value.find(key.substr(0, dot));
  if (found != nullptr && dot != std::string_view::npos) return text_of(*found, key.substr(dot + 1));
  if (found == nullptr || found->is_null()) return "-";
  if (found->text() != nullptr) return *found->text();
  if (const auto integer = found->integer()) return std::to_string(*integer);
  if (const auto number = found->number()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", *number);
    return text;
  }
  if (const auto flag = found->boolean()) return *flag ? "yes" : "no";
  return "-";
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// All pages of a list; one line of JSON per entry, or the fields in columns.
int list(const ServerOptions& server, const std::string& path, std::initializer_list<std::string_view> fields) {
  std::string cursor;
  do {
    const auto text = call(server, "GET", path + "?limit=200" + (cursor.empty() ? "" : "&cursor=" + cursor));
    if (!text) return fail(text.error());
    const auto page = base::parse_json(*text, {64, std::size_t{64} << 20});
    if (!page) return fail(page.error());
    const JsonValue* data = page->find("data");
    if (data == nullptr || data->array() == nullptr) return fail("the server's answer has no data");
    if (server.json) {
      print(*text + "\n");
    } else {
      for (const JsonValue& entry : *data->array()) {
        std::string line;
        for (const std::string_view field : fields) line += (line.empty() ? "" : "  ") + text_of(entry, field);
        print(line + "\n");
      }
    }
    const JsonValue* paging = page->find("page");
    const JsonValue* next = paging == nullptr ? nullptr : paging->find("next_cursor");
    cursor = next != nullptr && next->text() != nullptr ? *next->text() : "";
  } while (!cursor.empty());
  return kDone;
}

}  // namespace

int key_create(const ServerOptions& server, const std::string& athlete_name) {
  const auto key = make_athlete_key(server, athlete_name);
  if (!key) return fail(key.error());
  print(*key + "\n");
  return kDone;
}

int key_list(const ServerOptions& server) {
  return list(server, "/v1/keys", {"id", "role", "athlete.name", "created_at", "revoked_at"});
}

int key_revoke(const ServerOptions& server, const std::string& key_id) {
  const auto gone = call(server, "DELETE", "/v1/keys/" + key_id);
  return gone ? kDone : fail(gone.error());
}

int athlete_create(const ServerOptions& server, const std::string& name) {
  const auto made = call_json(server, "POST", "/v1/athletes", one_field_object("name", name));
  if (!made) return fail(made.error());
  print(text_of(*made, "id") + "\n");
  return kDone;
}

int athlete_list(const ServerOptions& server) { return list(server, "/v1/athletes", {"id", "name", "created_at"}); }

int session_list(const ServerOptions& server) {
  return list(server, "/v1/sessions",
              {"id", "started_at", "work_distance_m", "work_time_s", "avg_pace_s_per_500m", "source_name"});
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
    const bool equal =
        differences->array()->empty() && unloaded->integer() == 0 && text_of(*found, "misplaced_recordings") == "0";
    if (!equal && may_wait) {
      std::this_thread::sleep_for(kPollPause);
      continue;
    }
    if (server.json) {
      print(*text + "\n");
    } else {
      print("recordings " + text_of(*found, "recordings") + ", sessions " + text_of(*found, "sessions") +
            ", in no session or in two " + text_of(*found, "misplaced_recordings") + ", chunks to load " +
            text_of(*found, "unloaded_chunks") + "\n");
      print("stream            sealed      ledger  clickhouse\n");
      for (const JsonValue& stream : *streams->array()) {
        char line[96];
        std::snprintf(line, sizeof line, "%-12s %11s %11s %11s\n", text_of(stream, "stream").c_str(),
                      text_of(stream, "sealed").c_str(), text_of(stream, "ledger").c_str(),
                      text_of(stream, "clickhouse").c_str());
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
