// Runs the sync engine over libcurl on the thread that calls it.
// Thread rule: drain() and run() one at a time; the others from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "device/store/store.hpp"
#include "device/sync/engine.hpp"
#include "device/transport/http_client.hpp"

namespace boathouse::transport {

struct SyncRunnerOptions {
  std::string server;   // http://HOST:PORT or https://..., with or without a path prefix
  std::string key;      // API key
  std::string athlete;  // the key's label in the store
  HttpClientOptions http;
  std::function<void(const sync::Status&)> on_status;  // called on the running thread at each change; may be empty
};

struct DrainLimits {
  std::int64_t deadline_ms = 60 * 1000;  // from the call on
  std::uint64_t max_failures = 5;        // in a row
  std::int64_t count_ms = 5 * 1000;      // from the end of the uploads: for queries to count them, too
};

class SyncRunner {
 public:
  // All must outlive the runner. invalid_input when the server's URL or the key cannot be used.
  static base::Result<SyncRunner> create(store::Store& store, base::Clock& clock, base::RandomSource& random,
                                         SyncRunnerOptions options);
  SyncRunner(SyncRunner&&) noexcept;
  SyncRunner& operator=(SyncRunner&&) noexcept;
  ~SyncRunner();

  // Until nothing is pending and all of it is verified, or it makes no sense to go on (needs_auth, blocked, stopped),
  // or a limit is reached. The answer is how things stand then; look at its state: up_to_date is the only complete
  // success (`uncounted` of it may still wait to be verified).
  sync::Status drain(const DrainLimits& limits = {});
  // Until stop(): sends what comes, waits and tries again.
  void run();

  void stop();
  // The outbox has grown, or a person wants a try now.
  void wake(bool by_person = false);
  // A person stops the syncing, after the request that runs, or lets it go on.
  void pause(bool paused);
  // Goes on with another key of the same athlete. invalid_input when it can be none.
  base::Status sign_in(std::string key);
  [[nodiscard]] sync::Status status() const;

 private:
  struct Impl;
  explicit SyncRunner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace boathouse::transport
