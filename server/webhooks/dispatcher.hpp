// Takes the ledger's events to the endpoints that want them: a row in the log for each, then a job for each endpoint
// that has none, then the ledger forgets the events. Whatever dies in between is done again and makes nothing twice:
// the log has one row for an endpoint and an event, an endpoint one living job.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/ledger.hpp"
#include "server/webhooks/store.hpp"

namespace boathouse::webhooks {

inline constexpr std::int64_t kRecoverEveryMs = 300'000;

// What an endpoint gets of an event: {"type", "timestamp", "data"}, under the id "msg_EPOCH_NUMBER".
Message message_of(const ledger::Event& event, const std::string& epoch);

class Dispatcher {
 public:
  // All must outlive the dispatcher. `log` gets what went wrong, from its thread.
  Dispatcher(ledger::Ledger& ledger, Store& store, jobs::Runner& runner, base::Clock& clock,
             std::function<void(std::string_view)> log)
      : ledger_(ledger), store_(store), runner_(runner), clock_(clock), log_(std::move(log)) {}
  // stop().
  ~Dispatcher() { stop(); }
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  void start();
  void stop();
  // There may be events. Any thread, never blocks.
  void wake();

  // A job for every endpoint for which something waits and that has none: a call of the API may have died before it
  // made it, or its workers died too often.
  base::Status recover();

  // Takes some events on, on this thread; true: there may be more. With several nodes only the one that leads does.
  // Recovers at its first call and every kRecoverEveryMs. From one thread.
  base::Result<bool> step();

 private:
  base::Status recover_now_and_then();
  void loop();

  ledger::Ledger& ledger_;
  Store& store_;
  jobs::Runner& runner_;
  base::Clock& clock_;
  const std::function<void(std::string_view)> log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
  bool stopping_ = false;
  std::optional<std::int64_t> recovered_ms_;  // monotonic
  std::thread thread_;
};

}  // namespace boathouse::webhooks
