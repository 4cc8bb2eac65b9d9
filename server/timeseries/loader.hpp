// Carries the ledger's chunks into ClickHouse: large blocks with durable boundaries and content tokens, some of them in
// flight, so that a crash or a retry anywhere counts nothing twice; then the session rows of what changed. Uploads
// never wait for it. A body that is not what was stored is named as lost, and the rest goes on; so does the rest when
// what is stored of a session cannot be read, which is named and waits. Of several nodes on one ledger only the one
// that leads loads. It also drops what is purged from the ledger, and deletes the rows of what is gone from there, once
// no insert is in flight. Rows whose figures an older program made are made again in the background.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/uuid.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/spare_columns.hpp"

namespace boathouse::timeseries {

class Loader {
 public:
  struct Options {
    std::uint64_t max_block_records = 1'000'000;
    std::size_t max_block_bytes = std::size_t{64} << 20;    // of compressed bodies
    std::size_t max_insert_bytes = std::size_t{256} << 20;  // of rows laid out; a block of more goes in several inserts
    std::int64_t live_pause_ms = 250;                       // gathers what comes within it into one block
    std::int64_t max_back_off_ms = 30'000;
    std::int64_t most_loading_ms = 60'000;  // of a backlog, then some of its session rows are written
    std::size_t inserts_in_flight = 2;      // while they are on their way two more are opened and laid out
    std::size_t sessions_at_once = 200;     // rows in one insert
    std::size_t old_sessions_at_once = 50;  // made again, then a pause for whatever else waits
    std::int64_t old_sessions_pause_ms = 500;
    std::int64_t unreadable_pause_ms = 3'600'000;  // until sessions that could not be read are tried again
    std::int64_t erase_pause_ms = 500;             // until deletes that are under way are looked at again
    std::string cluster{};                         // where the tables are made: see create_statements
    std::function<void()> before_insert{};         // only tests have one; may throw
  };
  // `log` gets one line of plain text per failure and recovery, from two threads.
  Loader(ledger::Ledger& ledger, ClickHouseClient& client, Options options, std::function<void(std::string_view)> log);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  void start();
  // Finishes the blocks that went out, then ends the thread. What is not loaded stays in the ledger.
  void stop();
  // There is something new.
  void wake();
  // ClickHouse has come back: do not wait out the back-off.
  void retry_now();

  // One pass in the calling thread: everything that waits is loaded, or the first error. For tests and tools.
  base::Status drain();

  // Makes rows of an older rowing::kFiguresVersion again, old_sessions_at_once of them. False: there are no more.
  base::Result<bool> renew_old_sessions();

  // Those whose rows wait because what the ledger or ClickHouse has of them cannot be read. Any thread.
  [[nodiscard]] std::size_t unreadable_sessions() const { return unreadable_count_.load(); }

  // Schema is there and the last attempt succeeded.
  [[nodiscard]] bool healthy() const { return healthy_.load(); }

 private:
  void run();
  // What is thrown in a round ends it as an error does. `threw`: most likely memory is short, or threads are.
  base::Status round(bool& threw);
  base::Status round();
  base::Status prepare();
  // Nothing, or what waits can wait for more to come.
  enum class Left { nothing, little };
  base::Result<Left> pass();
  base::Result<Left> load_blocks();
  base::Status load(const ledger::LoadBlock& block);
  // When fewer than inserts_in_flight are on their way.
  base::Status insert_in_turn(const std::string& sql, const std::vector<base::ByteView>& native,
                              const std::string& token);
  base::Result<bool> lose_damaged(const ledger::LoadBlock& block);
  base::Result<bool> write_some_sessions();
  base::Status make_sweep();
  base::Result<std::map<base::Uuid, std::string>> write_readable(std::span<const ledger::SessionsAround> all);
  std::vector<ledger::Ledger::DirtySession> but_unreadable(std::vector<ledger::Ledger::DirtySession> dirty);
  void note_unreadable(const ledger::Ledger::DirtySession& session, const std::string& why);
  base::Result<bool> drop_some_purged();
  base::Result<bool> erase_some_rows();
  std::int64_t erase_rows_of_gone();
  bool stopping();

  ledger::Ledger& ledger_;
  ClickHouseClient& client_;
  const Options options_;
  const std::function<void(std::string_view)> log_;
  std::counting_semaphore<> may_insert_;
  SpareColumns spare_columns_;  // for as long as load_blocks() runs
  std::atomic<bool> healthy_{false};
  std::atomic<std::size_t> unreadable_count_{0};
  std::optional<Layout> layout_;                    // once the tables are there
  std::deque<ledger::Ledger::DirtySession> sweep_;  // dirty ones, in the order of ClickHouse's tables
  bool sweep_is_all_ = true;                        // no more were dirty when it was made
  std::map<base::Uuid, std::int64_t> unreadable_;   // of the dirty ones, as they were when they could not be read
  std::chrono::steady_clock::time_point unreadable_tried_ = std::chrono::steady_clock::now();
  bool may_have_old_sessions_ = true;
  std::int64_t erase_again_ms_ = 0;  // 0: no rows are to be deleted
  bool erase_failed_ = false;
  base::Uuid renewed_up_to_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool woken_ = false;
  bool retry_now_ = false;
  std::thread thread_;
};

}  // namespace boathouse::timeseries
