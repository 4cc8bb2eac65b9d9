// The table of jobs: what is to be done, by whom it is being done, what became of it. Kept in DIR/jobs.db or in
// PostgreSQL, where several nodes take from one table.
//
// A job that is taken is leased: until the lease ends nobody else gets it, then the next who asks does. Whoever holds a
// lease is told from those of before by (id, owner, attempt); the calls of a lost lease fail with conflict and change
// nothing. So two never finish one job, but both may have run it: its effect goes by an idempotent key.
//
// Times are UTC ms and come from the caller. Thread rule: every call from any thread. Errors as of server/sql.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::jobs {

inline constexpr std::size_t kMaxPayload = std::size_t{64} << 10;  // bytes
inline constexpr std::size_t kMaxError = 500;                      // bytes of a kept reason; the rest is cut
inline constexpr int kMaxLost = 5;                                 // workers that may die of one job
inline constexpr std::int64_t kKeptMs = std::int64_t{7} * 86'400'000;
inline constexpr std::int64_t kKeptJobs = 10'000;

// The numbers are in the database: never change one.
enum class State : std::uint8_t { waiting = 1, running = 2, done = 3, failed = 4, cancelled = 5 };

// What somebody wants done.
struct Order {
  std::string kind;     // which handler, e.g. "webhook.delivery"
  std::string payload;  // JSON, for the handler; at most kMaxPayload
  std::string dedupe;   // while a job of this kind with the same one lives, no other is made; "" = always another
  std::int64_t due_ms = 0;
  // The living one of this `dedupe` is to see what is there now: one that waits for later is due at due_ms, one that
  // runs may have looked already, and is due then once more when it is done. Without it the order changes nothing.
  bool again = false;
};

struct Job {
  std::int64_t id = 0;
  std::string kind;
  std::string payload;
  State state = State::waiting;
  std::int64_t due_ms = 0;   // waiting: when it runs; running: when the lease ends
  std::int64_t attempt = 0;  // times taken
  int failures = 0;          // attempts that asked for another
  int lost = 0;              // attempts in a row whose lease ended without a word
  std::string last_error;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> finished_ms;
};

struct Counts {
  std::uint64_t waiting = 0;
  std::uint64_t running = 0;
  std::uint64_t failed = 0;  // of those that are still kept
};

class Queue {
 public:
  // `random` names this process among those that share the table.
  static base::Result<std::unique_ptr<Queue>> open(const sql::Place& place, base::RandomSource& random);

  // The job's id; that of the living one with the same `dedupe` if there is one. invalid_input: no kind; too_large.
  base::Result<std::int64_t> add(const Order& order, std::int64_t now_ms);
  // All or none, in one transaction.
  base::Status add_all(std::span<const Order> orders, std::int64_t now_ms);

  // For a process that knows itself alone, before it takes any: whoever held a lease is dead, and his jobs are due now.
  base::Status end_leases(std::int64_t now_ms);

  // A clock that was ahead and is set back has left times that nobody will live to see. Due now are the leases of
  // others that end in more than two of `lease_ms`, and the jobs of `kind` that wait for more than `longest_ms`.
  base::Status bring_back_leases(std::int64_t now_ms, std::int64_t lease_ms);
  base::Status bring_back(std::string_view kind, std::int64_t now_ms, std::int64_t longest_ms);

  // The job that has been due the longest, now running and this process's until now + lease_ms; nullopt: none is due. A
  // job that has lost kMaxLost workers in a row has failed and is passed over. `but_not`: kinds that are left alone.
  base::Result<std::optional<Job>> take(std::int64_t now_ms, std::int64_t lease_ms,
                                        std::span<const std::string> but_not = {});

  // These are for who took `job`. conflict: the lease is lost, or the job was cancelled.
  base::Status prolong(const Job& job, std::int64_t until_ms);
  // It waits anew if it was asked for again (Order::again).
  base::Status done(const Job& job, std::int64_t now_ms);
  base::Status failed(const Job& job, std::string_view why, std::int64_t now_ms);
  // Sooner if it was asked for again.
  base::Status retry(const Job& job, std::string_view why, std::int64_t due_ms);

  // A running one is not stopped, but loses its lease. conflict: it has ended before. not_found.
  base::Status cancel(std::int64_t id, std::int64_t now_ms);

  base::Result<std::optional<Job>> find(std::int64_t id);
  base::Result<Counts> counts();
  // Of the jobs that have ended, kKeptJobs of the last kKeptMs stay.
  base::Status prune(std::int64_t now_ms);

 private:
  Queue(sql::Connection connection, std::string owner) : owner_(std::move(owner)), connection_(std::move(connection)) {}

  // With mutex_ held, in a transaction.
  base::Result<std::int64_t> insert(const Order& order, std::int64_t now_ms);
  base::Result<std::optional<std::int64_t>> living(const Order& order);
  base::Status ask_again(std::int64_t id, std::int64_t due_ms);
  base::Result<std::optional<Job>> first_due(std::int64_t now_ms, std::span<const std::string> but_not);
  base::Status lend(Job& job, std::int64_t until_ms);
  base::Status bury(const Job& job, std::int64_t now_ms);
  // Without it.
  base::Status bring_back(std::string_view which, std::string_view text, std::int64_t now_ms, std::int64_t after_ms);
  base::Result<bool> anything_due(std::int64_t now_ms, std::span<const std::string> but_not);
  base::Status change(const Job& job, std::string_view set, std::string_view text, std::int64_t number);

  const std::string owner_;
  std::mutex mutex_;
  sql::Connection connection_;
};

}  // namespace boathouse::jobs
