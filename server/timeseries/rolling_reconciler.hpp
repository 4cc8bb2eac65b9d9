// Compares ledger and ClickHouse all the time, a part at a time: what changed since the last run, and a page of all
// recordings, so that each is looked at once in a day's runs. What ClickHouse lacks, records or a session's row, is
// loaded again, and so are the session's rows of a recording that stands in two; what cannot be made good that way is
// named until it is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

class RollingReconciler {
 public:
  struct Options {
    std::size_t page = 500;               // recordings of one question to ClickHouse
    std::uint64_t runs_of_a_pass = 24;    // in so many runs every recording is looked at
    int max_reloads = 3;                  // of one stream, before it is said that this does not help
    std::size_t max_lines = 20;           // of the log, for one run
    std::size_t max_remembered = 10'000;  // streams with a difference; of more no number of tries is kept
  };

  // Since the start of this process, but for the last two.
  struct State {
    std::uint64_t looked_at = 0;              // recordings
    std::uint64_t differences = 0;            // streams, and session rows, of recordings: each when it is found
    std::uint64_t repaired = 0;               // of them, those that are equal again
    std::uint64_t passes = 0;                 // over all recordings
    std::uint64_t not_repairable = 0;         // now
    std::optional<std::int64_t> last_run_ms;  // UTC, of one that came to its end
  };

  // All must outlive it. `log` gets a line for each difference, of each run the first.
  RollingReconciler(ledger::Ledger& ledger, ClickHouseClient& client, base::Clock& clock, Options options,
                    std::function<void(std::string_view)> log);

  // `watch` is called after each page; its error ends the run with it. One thread at a time.
  base::Status run(const std::function<base::Status()>& watch);
  // These now, because somebody has counted otherwise than the ledger; those that are not there are passed over. Any
  // thread; unavailable while run() is at it.
  base::Status look_at(std::span<const base::Uuid> recordings);
  // Any thread.
  [[nodiscard]] State state() const;

 private:
  using Key = std::pair<base::Uuid, std::optional<rowing::Stream>>;  // nullopt: that it is in one session row
  struct Trouble {
    int reloads = 0;
    bool hopeless = false;
  };

  base::Status look_at_changes(const std::function<base::Status()>& watch);
  base::Status look_at_some(const std::function<base::Status()>& watch);
  base::Status compare(const std::vector<ledger::RecordingState>& recordings);
  base::Status settle(const ledger::RecordingState& recording, rowing::Stream stream, std::uint64_t rows);
  base::Status look_at_sessions(const std::vector<ledger::RecordingState>& recordings);
  base::Status settle_session(const base::Uuid& rec_id, std::uint64_t places);  // in session rows
  void remember(const Key& key, const Trouble& trouble);
  base::Status look_again(const std::function<base::Status()>& watch);
  void count(std::uint64_t State::*member, std::uint64_t by = 1);

  ledger::Ledger& ledger_;
  ClickHouseClient& client_;
  base::Clock& clock_;
  const Options options_;
  const std::function<void(std::string_view)> log_;

  void say(const std::string& text);

  std::mutex running_;
  std::optional<ledger::Ledger::DirtySession> changes_up_to_;  // nullopt: before the first run
  std::size_t said_ = 0;                                       // lines of this run
  std::optional<base::Uuid> after_;                            // where the pass over all goes on
  std::map<Key, Trouble> troubles_;

  mutable std::mutex mutex_;
  State state_;
};

}  // namespace boathouse::timeseries
