#include "device/page/page.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/json.hpp"
#include "device/page/actions.hpp"
#include "device/page/conflicts.hpp"
#include "device/page/records.hpp"
#include "device/page/session_list.hpp"
#include "device/sync/run_log.hpp"

namespace boathouse::page {
namespace {

constexpr std::uint64_t kMaxSessions = 10'000;  // an answer
constexpr std::uint64_t kUsualSessions = 100;
constexpr std::size_t kSmallBody = 4096;
constexpr std::size_t kEditBody = 128 * 1024;  // notes of 10,000 code points, escaped

// A POST that says nothing more: its body must still be an object, so that a mistaken one is not taken for done.
base::Status nothing_asked(const Question& question) {
  const auto object = parse_object(question.body, {});
  return object ? base::Status() : base::Status(object.error());
}

}  // namespace

std::string Question::parameter(std::string_view name) const {
  const auto found = std::ranges::find(query, name, [](const auto& entry) -> std::string_view { return entry.first; });
  return found == query.end() ? "" : found->second;
}

std::span<const Endpoint> Page::endpoints() {
  static constexpr std::array<Endpoint, 17> kEndpoints{{
      {false, "/api/status", "getStatus", 0, &Page::status},
      {false, "/api/sessions", "listSessions", 0, &Page::sessions},
      {false, "/api/pending", "listPending", 0, &Page::pending},
      {false, "/api/sessions/{id}/records", "getRecords", 0, &Page::records},
      {true, "/api/sessions/{id}/edit", "editSession", kEditBody, &Page::edit},
      {true, "/api/sessions/{id}/fetch", "fetchSession", kSmallBody, &Page::fetch},
      {false, "/api/conflicts", "listConflicts", 0, &Page::conflicts},
      {true, "/api/conflicts/{id}", "answerConflict", kSmallBody, &Page::answer_conflict},
      {false, "/api/storage", "getStorage", 0, &Page::storage},
      {true, "/api/storage", "changeStorage", kSmallBody, &Page::storage},
      {true, "/api/sync", "syncNow", kSmallBody, &Page::sync_now},
      {true, "/api/pause", "pauseSync", kSmallBody, &Page::pause},
      {true, "/api/resume", "resumeSync", kSmallBody, &Page::resume},
      {true, "/api/sign-in", "signIn", kSmallBody, &Page::sign_in},
      {true, "/api/refused", "offerRefused", kSmallBody, &Page::offer_refused},
      {false, "/api/log.txt", "getLog", 0, &Page::log, "text/plain; charset=utf-8"},
      {false, "/api/sessions/{id}/records.csv", "copyRecords", 0, &Page::copy, "text/csv; charset=utf-8"},
  }};
  return kEndpoints;
}

base::Result<std::string> Page::sessions(const Question& question) {
  store::RecordingQuery query;
  query.limit = kUsualSessions;
  if (const std::string limit = question.parameter("limit"); !limit.empty()) {
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), query.limit);
    if (error != std::errc() || end != limit.data() + limit.size() || query.limit > kMaxSessions) {
      return base::Error{base::ErrorCode::invalid_input, "\"limit\" must be 0 to " + std::to_string(kMaxSessions)};
    }
  }
  return sessions_json(tools_, query);
}

base::Result<std::string> Page::pending(const Question&) { return sessions_json(tools_, {kUsualSessions, true}); }

base::Result<std::string> Page::records(const Question& question) {
  return records_json(
      tools_, {question.id, question.parameter("stream"), question.parameter("fields"), question.parameter("from")});
}

base::Result<std::string> Page::copy(const Question& question) {
  return records_csv(tools_, question.id, question.parameter("stream"));
}

base::Result<std::string> Page::then_send(base::Result<std::string> done) {
  if (done) controls_.data_added();
  return done;
}

base::Result<std::string> Page::edit(const Question& question) {
  return then_send(edit_session(tools_, question.id, question.body));
}

base::Result<std::string> Page::fetch(const Question& question) {
  BOATHOUSE_TRY(nothing_asked(question));
  return then_send(fetch_session(tools_, question.id));
}

base::Result<std::string> Page::conflicts(const Question&) { return conflicts_json(tools_); }

base::Result<std::string> Page::answer_conflict(const Question& question) {
  const auto object = parse_object(question.body, {"keep"});
  if (!object) return object.error();
  const base::JsonValue* keep = object->find("keep");
  const std::string* word = keep != nullptr ? keep->text() : nullptr;
  return then_send(page::answer_conflict(tools_, question.id, word != nullptr ? *word : ""));
}

base::Result<std::string> Page::storage(const Question& question) {
  return page::storage(tools_, question.body.empty() ? "{}" : question.body);
}

base::Result<std::string> Page::sync_now(const Question& question) {
  BOATHOUSE_TRY(nothing_asked(question));
  controls_.sync_now();
  return std::string("{}");
}

base::Result<std::string> Page::pause(const Question& question) {
  BOATHOUSE_TRY(nothing_asked(question));
  {
    const std::lock_guard lock(mutex_);
    paused_ms_ = tools_.clock.utc_ms();
  }
  controls_.pause(true);
  return std::string("{}");
}

base::Result<std::string> Page::resume(const Question& question) {
  BOATHOUSE_TRY(nothing_asked(question));
  controls_.pause(false);
  return std::string("{}");
}

base::Result<std::string> Page::sign_in(const Question& question) {
  const auto object = parse_object(question.body, {"key"});
  if (!object) return object.error();
  const base::JsonValue* key = object->find("key");
  BOATHOUSE_TRY(controls_.sign_in(key != nullptr && key->text() != nullptr ? *key->text() : ""));
  return std::string("{}");
}

base::Result<std::string> Page::offer_refused(const Question& question) {
  BOATHOUSE_TRY(nothing_asked(question));
  const auto offered = tools_.store.offer_refused_again();
  if (!offered) return offered.error();
  std::string out;
  base::JsonWriter(out).begin_object().key("offered_items").value(*offered).end_object();
  return then_send(out);
}

base::Result<std::string> Page::log(const Question&) {
  const auto runs = tools_.store.runs();
  if (!runs) return runs.error();
  return sync::runs_text(*runs);
}

}  // namespace boathouse::page
