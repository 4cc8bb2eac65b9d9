// Starts boathouse-engine beside us, learns its port from its first line, starts it again when it dies, stops it at the
// end.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "core/base/result.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

class EngineProcess {
 public:
  struct Options {
    std::string binary;         // path of boathouse-engine
    std::string data_path;      // ClickHouse's own folder
    std::string password_file;  // written by us, mode 0600
    std::string password;
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

 private:
  base::Result<int> spawn();  // the read end of the child's stdout
  void watch(int out);
  void wait_for_exit();

  const Options options_;
  const std::function<void(const Endpoint&)> ready_;
  const std::function<void(std::string_view)> log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  pid_t child_ = -1;  // guarded by mutex_; -1 = none
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace boathouse::timeseries
