// The ClickHouse beside a server's data folder, for commands that come without a server: the engine of the server that
// runs on the folder, or one of our own for as long as the command takes.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/engine_process.hpp"

namespace boathouse::app {

// The program beside this one.
std::string engine_beside_us();
// New, in a file of mode 0600.
base::Result<std::string> make_engine_password(const std::filesystem::path& file, base::RandomSource& random);
// The first line of a file; "" for no file.
base::Result<std::string> read_password(const std::string& file);
// The servers of `--clickhouse URL[,URL...]`, without a slash at the end. invalid_input: one is no http:// or https://
// URL.
base::Result<std::vector<timeseries::Endpoint>> clickhouse_servers(const std::string& urls, const std::string& user,
                                                                   const std::string& password);

// What a server says of its engine while it runs: DATA/engine.url. An endpoint without a URL: there is none now.
void note_engine(const std::filesystem::path& data, const timeseries::Endpoint& endpoint);

class EngineAccess {
 public:
  // The running server's, else a new one on `data`/clickhouse, which is made. not_found: no engine program, or (unless
  // `make`) no such folder. unavailable: it does not start, for example because a server holds the folder.
  static base::Result<std::unique_ptr<EngineAccess>> open(const std::filesystem::path& data, const std::string& binary,
                                                          bool make);
  ~EngineAccess();
  EngineAccess(const EngineAccess&) = delete;
  EngineAccess& operator=(const EngineAccess&) = delete;

  [[nodiscard]] timeseries::ClickHouseClient& client() { return client_; }
  // No server runs on the folder.
  [[nodiscard]] bool is_own() const { return engine_ != nullptr; }

 private:
  EngineAccess() : client_(timeseries::Endpoint{}) {}
  base::Status start(const std::filesystem::path& data, const std::string& binary);

  timeseries::ClickHouseClient client_;
  std::filesystem::path password_file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<timeseries::Endpoint> told_;  // by the engine's watcher; without a URL: it ended
  std::unique_ptr<timeseries::EngineProcess> engine_;
};

}  // namespace boathouse::app
