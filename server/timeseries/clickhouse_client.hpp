// ClickHouse's HTTP interface, spoken to the engine process beside us or to a server. SQL text never carries data:
// values travel as parameters, rows as a Native body.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "server/timeseries/native.hpp"

namespace boathouse::timeseries {

struct Endpoint {
  std::string url;  // http://host:port, no trailing slash
  std::string user = "default";
  std::string password{};
  std::string database = "default";
};

// name -> text of {name:Type}; ClickHouse's own escapes are added here.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// Thread rule: any thread; calls run in parallel, each on a connection of its own that is kept for reuse.
class ClickHouseClient {
 public:
  explicit ClickHouseClient(Endpoint endpoint);
  ~ClickHouseClient();
  ClickHouseClient(const ClickHouseClient&) = delete;
  ClickHouseClient& operator=(const ClickHouseClient&) = delete;

  // The engine may be restarted on another port.
  void set_endpoint(Endpoint endpoint);

  // A statement without a result: DDL, ALTER, OPTIMIZE.
  base::Status execute(std::string_view sql, const Parameters& parameters = {});
  // A SELECT without FORMAT clause. The whole result in memory: callers bound it by LIMIT.
  base::Result<NativeBlock> select(std::string_view sql, const Parameters& parameters = {});
  // `sql` = "INSERT INTO t (columns)". The same token is counted once by ClickHouse. Durable when it returns ok.
  base::Status insert(std::string_view sql, base::ByteView native_body, std::string_view token);
  base::Status ping();

 private:
  struct Pool;
  base::Result<std::string> call(std::string_view query_string, std::string_view body, bool body_is_sql);
  std::unique_ptr<Pool> pool_;
};

// True for errors that a later try of the same call can mend (clickhouse error codes 159, 202, 209, 210, 241, 242, 252,
// 279, 285, 319, 999 and transport failures are reported as unavailable).
inline bool is_transient(const base::Error& error) { return error.code == base::ErrorCode::unavailable; }

}  // namespace boathouse::timeseries
