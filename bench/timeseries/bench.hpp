// What the measurements of the time-series store share.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <future>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/fleet.hpp"
#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/rowing/stream.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::bench {

using Steady = std::chrono::steady_clock;

// A benchmark without its data is none: ends the program.
[[noreturn]] void give_up(const std::string& why);
template <typename T>
T need(base::Result<T> result) {
  if (!result) give_up(result.error().text);
  return std::move(*result);
}
void need(const base::Status& status);

double seconds_since(Steady::time_point begin);
double quantile(std::vector<double> values, double q);

// One line of the table; `bar` 0 = none.
void line(const std::string& what, double number, const char* unit, double bar = 0, bool at_least = false);

// --NAME VALUE ... behind the command.
class Options {
 public:
  Options(int count, char** arguments);
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise = {}) const;
  [[nodiscard]] std::uint64_t number(const std::string& name, std::uint64_t otherwise) const;
  [[nodiscard]] timeseries::Endpoint endpoint() const;

 private:
  std::map<std::string, std::string> values_;
};

// Tables of the size that these have take their time to be put in order.
timeseries::ClickHouseClient patient_client(const Options& options);
std::int64_t ask(timeseries::ClickHouseClient& client, const std::string& sql);
double rows_of(timeseries::ClickHouseClient& client, const std::string& table);

// Of Sample's members, and of Stroke's but the curve.
extern const std::vector<std::string_view> kCoreColumns;
extern const std::vector<std::string_view> kStrokeColumns;

// Rows of one stream with the columns named, those of the key before them.
class RowBlock {
 public:
  RowBlock(rowing::Stream stream, const std::vector<std::string_view>& columns);
  void add(const FleetSession& session, std::size_t seq, std::initializer_list<std::int64_t> values,
           const std::array<std::int64_t, kCurvePoints>* points = nullptr);
  [[nodiscard]] std::size_t rows() const { return block_.rows; }
  // Gives INSERT and body, and begins anew.
  std::pair<std::string, base::Bytes> take();

 private:
  rowing::Stream stream_;
  timeseries::NativeBlock block_;
};
void add_sample(RowBlock& block, const FleetSession& session, std::size_t seq);

// Sends bodies over so many connections; waits when all are busy.
class Inserter {
 public:
  Inserter(timeseries::ClickHouseClient& client, std::size_t connections)
      : client_(client), connections_(connections) {}
  void send(std::pair<std::string, base::Bytes> insert);
  void finish();

 private:
  void wait_for_one();
  timeseries::ClickHouseClient& client_;
  std::size_t connections_;
  std::deque<std::future<void>> running_;
};

// A session's birth, and items into a ledger; committed when it returns.
ledger::Entry birth_of(const FleetSession& session);
void submit(ledger::Ledger& ledger, ledger::Submission submission);

// The commands.
void fill(const Options& options);
void bytes(const Options& options);
void layouts(const Options& options);
void sessions(const Options& options);
void queries(const Options& options);
void loader(const Options& options);
void ledger_of_fleet(const Options& options);
void streams(const Options& options);
void csv(const Options& options);
void native_blocks(const Options& options);
void send_blocks(const Options& options);

// One of the athletes of sessions().
inline constexpr std::uint64_t kAthletesOfSessions = 10'000;
std::string session_athlete(std::uint64_t number);

}  // namespace boathouse::bench
