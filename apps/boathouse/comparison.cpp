#include "apps/boathouse/comparison.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <thread>
#include <utility>

#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"

namespace boathouse::app {
namespace {

using base::JsonValue;

constexpr std::chrono::milliseconds kPollPause{200};

struct Page {
  Comparison found;
  std::string next;  // "": it is the last
};

std::int64_t integer_of(const JsonValue& value, std::string_view key) {
  const JsonValue* found = value.find(key);
  return found == nullptr ? 0 : found->integer().value_or(0);
}

std::string string_of(const JsonValue& value, std::string_view key) {
  const JsonValue* found = value.find(key);
  return found == nullptr || found->text() == nullptr ? "" : *found->text();
}

std::optional<Page> read_page(const JsonValue& body) {
  const JsonValue* differences = body.find("differences");
  const JsonValue* streams = body.find("streams");
  if (differences == nullptr || differences->array() == nullptr || streams == nullptr || streams->array() == nullptr ||
      body.find("unloaded_chunks") == nullptr) {
    return std::nullopt;
  }
  Page page;
  Comparison& found = page.found;
  found.recordings = integer_of(body, "recordings");
  found.sessions = integer_of(body, "sessions");
  found.deleted = integer_of(body, "deleted_recordings");
  found.misplaced = integer_of(body, "misplaced_recordings");
  found.unloaded_chunks = integer_of(body, "unloaded_chunks");
  found.removals_to_erase = integer_of(body, "removals_to_erase");
  for (const JsonValue& one : *streams->array()) {
    const JsonValue* clickhouse = one.find("clickhouse");
    found.streams.push_back({string_of(one, "stream"), integer_of(one, "sealed"), integer_of(one, "removed"),
                             integer_of(one, "ledger"), clickhouse == nullptr ? std::nullopt : clickhouse->integer()});
  }
  for (const JsonValue& one : *differences->array()) {
    found.differences.push_back({string_of(one, "recording"), string_of(one, "stream"), integer_of(one, "ledger"),
                                 integer_of(one, "clickhouse")});
  }
  if (const JsonValue* paging = body.find("page")) page.next = string_of(*paging, "next_cursor");
  return page;
}

base::Result<Page> ask_page(const ServerOptions& server, const std::string& cursor) {
  const auto text = call(server, "GET", "/v1/reconcile" + (cursor.empty() ? "" : "?cursor=" + cursor));
  if (!text) return text.error();
  const auto body = base::parse_json(*text, {64, std::size_t{64} << 20});
  if (!body) return body.error();
  auto page = read_page(*body);
  if (!page) return base::Error{base::ErrorCode::invalid_input, "the server's answer is not a reconciliation"};
  return *std::move(page);
}

void add(Comparison& all, const Comparison& page) {
  all.recordings += page.recordings;
  all.sessions += page.sessions;
  all.deleted += page.deleted;
  all.misplaced += page.misplaced;
  all.unloaded_chunks = std::max(all.unloaded_chunks, page.unloaded_chunks);
  all.removals_to_erase = std::max(all.removals_to_erase, page.removals_to_erase);
  for (const Comparison::Stream& one : page.streams) {
    const auto into = std::ranges::find(all.streams, one.name, &Comparison::Stream::name);
    if (into == all.streams.end()) {
      all.streams.push_back(one);
      continue;
    }
    into->sealed += one.sealed;
    into->removed += one.removed;
    into->ledger += one.ledger;
    if (into->clickhouse && one.clickhouse) *into->clickhouse += *one.clickhouse;
  }
  std::ranges::copy(page.differences, std::back_inserter(all.differences));
}

}  // namespace

bool Comparison::equal() const {
  return differences.empty() && unloaded_chunks == 0 && misplaced == 0 && removals_to_erase == 0;
}

std::string Comparison::json() const {
  std::string body;
  base::JsonWriter json(body);
  json.begin_object().key("recordings").value(recordings).key("sessions").value(sessions);
  json.key("deleted_recordings").value(deleted).key("misplaced_recordings").value(misplaced);
  json.key("unloaded_chunks").value(unloaded_chunks).key("removals_to_erase").value(removals_to_erase);
  json.key("streams").begin_array();
  for (const Stream& one : streams) {
    json.begin_object().key("stream").value(one.name).key("sealed").value(one.sealed);
    json.key("removed").value(one.removed).key("ledger").value(one.ledger).key("clickhouse");
    one.clickhouse ? json.value(*one.clickhouse) : json.null();
    json.end_object();
  }
  json.end_array().key("differences").begin_array();
  for (const Difference& one : differences) {
    json.begin_object().key("recording").value(one.recording).key("stream").value(one.stream);
    json.key("ledger").value(one.ledger).key("clickhouse").value(one.clickhouse).end_object();
  }
  json.end_array().end_object();
  return body;
}

std::string Comparison::text() const {
  std::string lines = "recordings " + std::to_string(recordings) + ", sessions " + std::to_string(sessions) +
                      ", in no session or in two " + std::to_string(misplaced) + ", chunks to load " +
                      std::to_string(unloaded_chunks) + ", removals to carry out there " +
                      std::to_string(removals_to_erase) +
                      "\nstream            sealed     removed      ledger  clickhouse\n";
  for (const Stream& one : streams) {
    char line[128];
    std::snprintf(line, sizeof line, "%-12s %11s %11s %11s %11s\n", one.name.c_str(),
                  std::to_string(one.sealed).c_str(), std::to_string(one.removed).c_str(),
                  std::to_string(one.ledger).c_str(), one.clickhouse ? std::to_string(*one.clickhouse).c_str() : "-");
    lines += line;
  }
  for (const Difference& one : differences) {
    lines += "DIFFERENCE " + one.recording + " " + one.stream + ": ledger " + std::to_string(one.ledger) +
             ", clickhouse " + std::to_string(one.clickhouse) + "\n";
  }
  return lines + (equal() ? "equal\n" : "NOT equal\n");
}

base::Result<Comparison> compare_all(const ServerOptions& server, std::chrono::milliseconds wait) {
  Comparison all;
  std::chrono::steady_clock::duration left = wait;
  std::string cursor;
  do {
    const auto begun = std::chrono::steady_clock::now();
    auto page = ask_page(server, cursor);
    const auto may_settle = [&page] {
      return page ? !page->found.equal() : page.error().code == base::ErrorCode::unavailable;
    };
    // What a page takes without waiting is not waited for.
    if (may_settle()) {
      while (may_settle() && std::chrono::steady_clock::now() - begun < left) {
        std::this_thread::sleep_for(kPollPause);
        page = ask_page(server, cursor);
      }
      left -= std::chrono::steady_clock::now() - begun;
    }
    if (!page) return page.error();
    add(all, page->found);
    cursor = page->next;
    if (!cursor.empty()) {
      say("compared " + std::to_string(all.recordings) + " recordings, " + std::to_string(all.differences.size()) +
          " differences so far");
    }
  } while (!cursor.empty());
  return all;
}

}  // namespace boathouse::app
