// Starts boathouse-engine beside us, learns its port from its first line, starts it again when it dies, stops it at the
// end. One that hangs is killed, and so starts again: what it had not acknowledged is sent again under its token.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "core/base/result.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

// The nice value of the engine, and of our threads that lay rows out for it: on a machine that has too much to do
// acknowledgements go first, for devices wait for them; rows may come a little later.
inline constexpr int kBehindAcknowledgements = 5;

class EngineProcess {
 public:
  struct Options {
    std::string binary;         // path of boathouse-engine
    std::string data_path;      // ClickHouse's own folder
    std::string password_file;  // written by us, mode 0600
    std::string password;
    std::int64_t check_every_ms = 2'000;
    std::int64_t silence_limit_ms = 10'000;  // no answer to /ping for so long, twice in a row: it hangs
    // So many statements in a row failed or took longer than it takes to be told that all handles are busy: it hangs.
    std::int64_t statement_limit_ms = 40'000;
    int failed_statements_limit = 8;
    int start_checks_limit = 300;          // checks until it listens
    std::function<void()> before_spawn{};  // for tests: what happens while one is being started
  };
  // `ready` is called from the watching thread each time the engine accepts requests; `log` gets one line per start and
  // death.
  EngineProcess(Options options, std::function<void(const Endpoint&)> ready, std::function<void(std::string_view)> log);
  ~EngineProcess();
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  // Error when the program cannot be started at all.
  base::Status start();
  // SIGTERM and wait (it finishes running requests), SIGKILL after 15 s.
  void stop();
  // Somebody has called stop().
  [[nodiscard]] bool stopping();

 private:
  base::Result<int> spawn();  // the read end of the child's stdout
  void watch(int out);
  void wait_for_exit();
  void check_health();

  const Options options_;
  const std::function<void(const Endpoint&)> ready_;
  const std::function<void(std::string_view)> log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  pid_t child_ = -1;     // guarded by mutex_; -1 = none
  Endpoint endpoint_{};  // guarded by mutex_; without a URL while the child does not listen
  bool stopping_ = false;
  std::thread thread_;
  std::thread health_thread_;
};

}  // namespace boathouse::timeseries
