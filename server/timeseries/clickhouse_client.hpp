// ClickHouse's HTTP interface, spoken to the engine process beside us or to a server. SQL text never carries data:
// values travel as parameters, rows as a Native body.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/timeseries/native.hpp"
#include "server/timeseries/nodes.hpp"
#include "server/timeseries/reply.hpp"

namespace boathouse::timeseries {

// name -> text of {name:Type}; ClickHouse's own escapes are added here.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// What one question may take at most, where that is less than ClickHouseClient::Options say.
struct SelectBounds {
  // So long, from 1, of all nodes together; ClickHouse gets three quarters of it, so that it is the one to say that a
  // question takes too long (is_too_much()), and who says nothing is away.
  std::optional<std::int64_t> within_ms{};
  // A result of more bytes, from 1, is too_large. ClickHouse counts what it has in memory, before it sends anything,
  // and no more of a reply is taken here; what becomes of it, read_native()'s block, is a few times as much.
  std::optional<std::size_t> result_bytes{};
};

// Thread rule: any thread; calls run in parallel, each on a connection of its own that is kept for reuse.
class ClickHouseClient {
 public:
  struct Options {
    std::int64_t call_timeout_ms = 120'000;
    // A CHECK reads a part of any size to its end and says nothing meanwhile. That the machine is still there TCP's
    // own probes tell.
    std::int64_t check_timeout_ms = 6 * 3'600'000;
    // ClickHouse ends a SELECT by itself before we stop waiting, also when it waited for one of the engine's handles
    // for 30 s first: else it would go on for nobody, and some of them would take all handles. And we stop before the
    // proxy in front of us does, after 120 s, so that who asked is told why. Both are of all nodes together: what one
    // takes, the next does not have, so that a question which is too long runs once.
    std::int64_t select_limit_ms = 85'000;
    std::int64_t select_timeout_ms = 117'000;
    std::int64_t ping_timeout_ms = 5'000;
    std::int64_t cool_off_ms = 10'000;  // so long a node that failed is asked last
    // A node said to a question that what it has on disk is damaged. Another one may have answered it.
    std::function<void(const std::string& url, const base::Error& error)> on_damage{};
  };
  explicit ClickHouseClient(Endpoint endpoint);
  // Several: replicas of one cluster, so that each has every row. A call that one cannot do is done by another, an
  // insert under the same token. `clock` must outlive the client.
  ClickHouseClient(std::vector<Endpoint> nodes, Options options, const base::Clock& clock);
  ~ClickHouseClient();
  ClickHouseClient(const ClickHouseClient&) = delete;
  ClickHouseClient& operator=(const ClickHouseClient&) = delete;

  // The engine may be restarted on another port.
  void set_endpoint(Endpoint endpoint);

  // A statement without a result: DDL, ALTER, OPTIMIZE. `settings`: of this call alone, as URL parameters
  // ("&name=value").
  base::Status execute(std::string_view sql, const Parameters& parameters = {}, std::string_view settings = {});
  // A SELECT without FORMAT clause. The whole result in memory: callers bound it by LIMIT. Never half of one: a reply
  // that is cut, that an error ended, or that has fewer rows than its head says is asked for again elsewhere, and so is
  // what a node has damaged; a CHECK is about the node that was asked.
  base::Result<NativeBlock> select(std::string_view sql, const Parameters& parameters = {},
                                   const SelectBounds& bounds = {});
  // `sql` = "INSERT INTO t (columns)". The same token is counted once by ClickHouse. Durable when it returns ok.
  // The body is that of all the pieces, one after the other.
  base::Status insert(std::string_view sql, std::span<const base::ByteView> native_body, std::string_view token);
  base::Status insert(std::string_view sql, base::ByteView native_body, std::string_view token) {
    return insert(sql, std::span(&native_body, 1), token);
  }
  // Some node runs statements.
  base::Status ping();
  // Some node answers at all, whatever it says.
  base::Status knock();

 private:
  struct Pool;
  struct Call;
  using Judge = std::function<std::optional<Failure>(const Reply&)>;
  base::Status on_some_node(const Call& call, const Judge& judge);
  Reply perform(const Endpoint& endpoint, const Call& call, std::optional<Failure>& problem);
  std::unique_ptr<Pool> pool_;
};

// True for errors that a later try of the same call can mend: failures of the transport, half a reply, and ClickHouse's
// codes 159, 202, 209, 210, 241, 242, 243, 252, 279, 285, 319, 516, 519 and 999, and a 500 without a code, are
// unavailable.
inline bool is_transient(const base::Error& error) { return error.code == base::ErrorCode::unavailable; }

}  // namespace boathouse::timeseries
