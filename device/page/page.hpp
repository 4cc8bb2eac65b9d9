// The page's calls: a table from method and path to a function from a question to JSON. Whoever has sockets looks the
// call up by its pattern, asks admission.hpp, and answers errors as problems.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "device/page/tools.hpp"
#include "device/sync/engine.hpp"
#include "device/sync/word.hpp"

namespace boathouse::page {

// The running device around the store; each may be called from any thread, and none waits.
struct Controls {
  std::function<sync::Status()> status;
  std::function<void()> sync_now;
  std::function<void(bool paused)> pause;
  std::function<void()> data_added;  // an edit waits to be sent
  std::function<base::Status(const std::string& key)> sign_in;
  std::function<std::optional<base::Uuid>()> rowing;  // the recording that runs now
  std::function<std::uint64_t()> disk_free_bytes;
};

struct Question {
  std::string id;                                          // what {id} of the pattern matched
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  std::string body;                                        // of a POST

  // The first of that name; "" = not there.
  [[nodiscard]] std::string parameter(std::string_view name) const;
};

class Page;

struct Endpoint {
  bool changes = false;      // POST, else GET
  std::string_view pattern;  // "/api/sessions/{id}/records"
  std::string_view name;     // "getRecords"
  std::size_t max_body = 0;  // bytes
  base::Result<std::string> (Page::*answer)(const Question& question);
  std::string_view content_type = "application/json";  // of what it answers
};

// Any thread. Every answer is a JSON document but for the copy and the log. Errors: invalid_input, not_found, and those
// of the store.
class Page {
 public:
  // What `tools` refers to must outlive the page.
  Page(const Tools& tools, Controls controls) : tools_(tools), controls_(std::move(controls)) {}

  static std::span<const Endpoint> endpoints();
  base::Result<std::string> answer(const Endpoint& endpoint, const Question& question) {
    return (this->*endpoint.answer)(question);
  }

  // {"word": of device/sync/word.hpp, "state", "reason", "now", "pending_recordings", "pending_items", "pending_bytes",
  //  "oldest_pending_s", "refused_sessions", "conflicts", "sessions", "rowing": session or null, "tries",
  //  "next_try_at", "last_success_at", "paused_at": times or null, "last_error",
  //  "progress": {"done", "total": sessions, "done_bytes", "total_bytes"},
  //  "space": as /api/storage has it, and "disk_free", "list": changes when the list of sessions may have}
  base::Result<std::string> status(const Question& question);

 private:
  base::Result<std::string> sessions(const Question& question);
  base::Result<std::string> pending(const Question& question);
  base::Result<std::string> records(const Question& question);
  base::Result<std::string> copy(const Question& question);
  base::Result<std::string> edit(const Question& question);
  base::Result<std::string> fetch(const Question& question);
  base::Result<std::string> conflicts(const Question& question);
  base::Result<std::string> answer_conflict(const Question& question);
  base::Result<std::string> storage(const Question& question);
  base::Result<std::string> sync_now(const Question& question);
  base::Result<std::string> pause(const Question& question);
  base::Result<std::string> resume(const Question& question);
  base::Result<std::string> sign_in(const Question& question);
  base::Result<std::string> offer_refused(const Question& question);
  base::Result<std::string> log(const Question& question);

  base::Result<std::string> then_send(base::Result<std::string> done);
  std::uint64_t backlog_since_empty(const store::StoreStatus& outbox);
  std::optional<std::int64_t> last_success_ms(const sync::Status& sync);

  const Tools tools_;
  const Controls controls_;
  std::mutex mutex_;
  std::uint64_t backlog_ = 0;  // the most recordings that waited since none did: what progress is counted against
  bool log_read_ = false;
  std::optional<std::int64_t> logged_success_ms_;  // UTC, of an earlier process
  std::optional<std::int64_t> paused_ms_;          // UTC
};

}  // namespace boathouse::page
