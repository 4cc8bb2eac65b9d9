#include "server/jobs/queue.hpp"

#include <array>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/utf8.hpp"
#include "server/jobs/schema.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::jobs {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::string_view kColumns =
    "SELECT id, kind, payload, state, due_ms, attempt, failures, lost, last_error, created_ms, finished_ms FROM job ";

Job job_of(const sql::Statement& row) {
  Job job;
  job.id = row.integer(0);
  job.kind = row.text(1);
  job.payload = row.text(2);
  job.state = static_cast<State>(row.integer(3));
  job.due_ms = row.integer(4);
  job.attempt = row.integer(5);
  job.failures = static_cast<int>(row.integer(6));
  job.lost = static_cast<int>(row.integer(7));
  job.last_error = row.text(8);
  job.created_ms = row.integer(9);
  job.finished_ms = row.optional_integer(10);
  return job;
}

// The first one, if there is one.
Result<std::optional<Job>> one_of(sql::Statement& select) {
  const auto row = select.step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<Job>();
  }
  auto job = job_of(select);
  select.reset();
  return std::optional(std::move(job));
}

// Whole characters, as PostgreSQL wants them.
std::string_view shortened(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size()) {
    const auto step = base::utf8_step(text.substr(end));
    if (!step.valid || text[end] == '\0' || end + step.length > kMaxError) {
      break;
    }
    end += step.length;
  }
  return text.substr(0, end);
}

Status check(const Order& order) {
  if (order.kind.empty()) {
    return Error{ErrorCode::invalid_input, "a job has a kind"};
  }
  if (order.payload.size() > kMaxPayload) {
    return Error{ErrorCode::too_large, "a job's payload has at most " + std::to_string(kMaxPayload) + " bytes"};
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Queue>> Queue::open(const sql::Place& place, base::RandomSource& random) {
  auto connection = sql::Connection::open(place);
  if (!connection) {
    return connection.error();
  }
  BOATHOUSE_TRY(sql::migrate(*connection, kSchema));
  std::array<std::uint8_t, 16> name{};
  random.fill(name);
  return std::unique_ptr<Queue>(new Queue(std::move(*connection), base::to_hex(name)));
}

Result<std::int64_t> Queue::add(const Order& order, std::int64_t now_ms) {
  BOATHOUSE_TRY(check(order));
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto id = insert(order, now_ms);
  if (id) {
    BOATHOUSE_TRY(transaction->commit());
  }
  return id;
}

Status Queue::add_all(std::span<const Order> orders, std::int64_t now_ms) {
  for (const Order& order : orders) {
    BOATHOUSE_TRY(check(order));
  }
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  for (const Order& order : orders) {
    if (const auto id = insert(order, now_ms); !id) {
      return id.error();
    }
  }
  return transaction->commit();
}

Result<std::int64_t> Queue::insert(const Order& order, std::int64_t now_ms) {
  const std::optional<std::string_view> dedupe =
      order.dedupe.empty() ? std::nullopt : std::optional<std::string_view>(order.dedupe);
  if (dedupe) {
    const auto id = living(order);
    if (!id) {
      return id.error();
    }
    if (*id) {
      if (order.again) {
        BOATHOUSE_TRY(ask_again(**id, order.due_ms));
      }
      return **id;
    }
  }
  auto insert = connection_.prepare(
      "INSERT INTO job (kind, payload, dedupe, state, due_ms, owner, attempt, failures, lost, last_error, created_ms) "
      "VALUES (?1, ?2, ?3, 1, ?4, '', 0, 0, 0, '', ?5) RETURNING id");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, order.kind).bind(2, order.payload).bind(3, dedupe).bind(4, order.due_ms).bind(5, now_ms);
  if (const auto row = insert->step(); !row) {
    return row.error();
  }
  const std::int64_t id = insert->integer(0);
  BOATHOUSE_TRY(insert->run());
  return id;
}

// The job with the order's `dedupe`.
Result<std::optional<std::int64_t>> Queue::living(const Order& order) {
  auto select = connection_.prepare("SELECT id FROM job WHERE kind = ?1 AND dedupe = ?2 AND state <= 2");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, order.kind).bind(2, order.dedupe).step();
  if (!row) {
    return row.error();
  }
  return *row ? std::optional(select->integer(0)) : std::nullopt;
}

// What is due by then as it is, is left alone.
Status Queue::ask_again(std::int64_t id, std::int64_t due_ms) {
  auto update = connection_.prepare(
      "UPDATE job SET due_ms = CASE WHEN state = 1 THEN ?2 ELSE due_ms END, "
      "again_ms = CASE WHEN state = 2 THEN ?2 ELSE again_ms END WHERE id = ?1 AND "
      "((state = 1 AND due_ms > ?2) OR (state = 2 AND (again_ms IS NULL OR again_ms > ?2)))");
  if (!update) {
    return update.error();
  }
  return update->bind(1, id).bind(2, due_ms).run();
}

Status Queue::end_leases(std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  {
    auto update = connection_.prepare("UPDATE job SET due_ms = ?1 WHERE state = 2 AND due_ms > ?1");
    if (!update) {
      return update.error();
    }
    BOATHOUSE_TRY(update->bind(1, now_ms).run());
  }
  return transaction->commit();
}

Status Queue::bring_back_leases(std::int64_t now_ms, std::int64_t lease_ms) {
  return bring_back("state = 2 AND owner <> ?3", owner_, now_ms, now_ms + 2 * lease_ms);
}

Status Queue::bring_back(std::string_view kind, std::int64_t now_ms, std::int64_t longest_ms) {
  return bring_back("state = 1 AND kind = ?3", kind, now_ms, now_ms + longest_ms);
}

// `which`: with ?3 = text.
Status Queue::bring_back(std::string_view which, std::string_view text, std::int64_t now_ms, std::int64_t after_ms) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  {
    auto update =
        connection_.prepare("UPDATE job SET due_ms = ?1 WHERE state <= 2 AND due_ms > ?2 AND " + std::string(which));
    if (!update) {
      return update.error();
    }
    BOATHOUSE_TRY(update->bind(1, now_ms).bind(2, after_ms).bind(3, text).run());
  }
  return transaction->commit();
}

// Most of the time there is nothing to do: seen without the lock of the writers.
Result<bool> Queue::anything_due(std::int64_t now_ms, std::span<const std::string> but_not) {
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto job = first_due(now_ms, but_not);
  if (!job) {
    return job.error();
  }
  return job->has_value();
}

Result<std::optional<Job>> Queue::first_due(std::int64_t now_ms, std::span<const std::string> but_not) {
  std::string sql = std::string(kColumns) + "WHERE state <= 2 AND due_ms <= ?1";
  for (std::size_t i = 0; i < but_not.size(); ++i) {
    sql += " AND kind <> ?" + std::to_string(2 + i);
  }
  auto select = connection_.prepare(sql + " ORDER BY due_ms, id LIMIT 1");
  if (!select) {
    return select.error();
  }
  select->bind(1, now_ms);
  int place = 2;
  for (const std::string& kind : but_not) {
    select->bind(place++, kind);
  }
  return one_of(*select);
}

Result<std::optional<Job>> Queue::take(std::int64_t now_ms, std::int64_t lease_ms,
                                       std::span<const std::string> but_not) {
  const std::lock_guard lock(mutex_);
  const auto due = anything_due(now_ms, but_not);
  if (!due) {
    return due.error();
  }
  if (!*due) {
    return std::optional<Job>();
  }
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  while (true) {
    auto job = first_due(now_ms, but_not);
    if (!job) {
      return job.error();
    }
    if (*job && (*job)->state == State::running && (*job)->lost == kMaxLost) {
      BOATHOUSE_TRY(bury(**job, now_ms));
      continue;
    }
    if (*job) {
      BOATHOUSE_TRY(lend(**job, now_ms + lease_ms));
    }
    BOATHOUSE_TRY(transaction->commit());
    return job;
  }
}

Status Queue::lend(Job& job, std::int64_t until_ms) {
  job.lost += job.state == State::running ? 1 : 0;
  job.state = State::running;
  job.due_ms = until_ms;
  ++job.attempt;
  auto update =
      connection_.prepare("UPDATE job SET state = 2, due_ms = ?2, owner = ?3, attempt = ?4, lost = ?5 WHERE id = ?1");
  if (!update) {
    return update.error();
  }
  update->bind(1, job.id).bind(2, job.due_ms).bind(3, owner_).bind(4, job.attempt);
  return update->bind(5, job.lost).run();
}

Status Queue::bury(const Job& job, std::int64_t now_ms) {
  auto update = connection_.prepare("UPDATE job SET state = 4, last_error = ?2, finished_ms = ?3 WHERE id = ?1");
  if (!update) {
    return update.error();
  }
  const std::string why = "given up: " + std::to_string(kMaxLost + 1) + " workers were not heard of again";
  return update->bind(1, job.id).bind(2, why).bind(3, now_ms).run();
}

// `set` is an UPDATE's, with ?4 = text, ?5 = number.
Status Queue::change(const Job& job, std::string_view set, std::string_view text, std::int64_t number) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto update = connection_.prepare("UPDATE job SET " + std::string(set) +
                                    " WHERE id = ?1 AND owner = ?2 AND attempt = ?3 AND state = 2 AND ?4 IS NOT NULL");
  if (!update) {
    return update.error();
  }
  update->bind(1, job.id).bind(2, owner_).bind(3, job.attempt).bind(4, text).bind(5, number);
  BOATHOUSE_TRY(update->run());
  if (connection_.changes() == 0) {
    return Error{ErrorCode::conflict, "job " + std::to_string(job.id) + " is no longer this worker's"};
  }
  return transaction->commit();
}

Status Queue::prolong(const Job& job, std::int64_t until_ms) { return change(job, "due_ms = ?5", "", until_ms); }

Status Queue::done(const Job& job, std::int64_t now_ms) {
  return change(job,
                "state = CASE WHEN again_ms IS NULL THEN 3 ELSE 1 END, due_ms = coalesce(again_ms, due_ms), "
                "finished_ms = CASE WHEN again_ms IS NULL THEN ?5 ELSE finished_ms END, again_ms = NULL, "
                "lost = CASE WHEN again_ms IS NULL THEN lost ELSE 0 END, last_error = ?4",
                "", now_ms);
}

Status Queue::failed(const Job& job, std::string_view why, std::int64_t now_ms) {
  return change(job, "state = 4, last_error = ?4, finished_ms = ?5", shortened(why), now_ms);
}

Status Queue::retry(const Job& job, std::string_view why, std::int64_t due_ms) {
  return change(job,
                "state = 1, failures = failures + 1, lost = 0, last_error = ?4, "
                "due_ms = CASE WHEN again_ms < ?5 THEN again_ms ELSE ?5 END, again_ms = NULL",
                shortened(why), due_ms);
}

Status Queue::cancel(std::int64_t id, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  {
    auto select = connection_.prepare("SELECT state FROM job WHERE id = ?1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, id).step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return Error{ErrorCode::not_found, "there is no job " + std::to_string(id)};
    }
    if (select->integer(0) > static_cast<int>(State::running)) {
      return Error{ErrorCode::conflict, "job " + std::to_string(id) + " has ended"};
    }
  }
  {
    auto update = connection_.prepare("UPDATE job SET state = 5, finished_ms = ?2 WHERE id = ?1");
    if (!update) {
      return update.error();
    }
    BOATHOUSE_TRY(update->bind(1, id).bind(2, now_ms).run());
  }
  return transaction->commit();
}

Result<std::optional<Job>> Queue::find(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto select = connection_.prepare(std::string(kColumns) + "WHERE id = ?1");
  if (!select) {
    return select.error();
  }
  return one_of(select->bind(1, id));
}

Result<Counts> Queue::counts() {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto select = connection_.prepare("SELECT state, count(*) FROM job WHERE state <= 2 OR state = 4 GROUP BY state");
  if (!select) {
    return select.error();
  }
  Counts counts;
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return counts;
    }
    const auto number = static_cast<std::uint64_t>(select->integer(1));
    switch (static_cast<State>(select->integer(0))) {
      case State::waiting:
        counts.waiting = number;
        break;
      case State::running:
        counts.running = number;
        break;
      default:
        counts.failed = number;
    }
  }
}

Status Queue::prune(std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  {
    auto remove = connection_.prepare(
        "DELETE FROM job WHERE state > 2 AND (finished_ms < ?1 OR id IN (SELECT id FROM job WHERE state > 2 "
        "ORDER BY finished_ms DESC, id DESC LIMIT 9223372036854775807 OFFSET ?2))");
    if (!remove) {
      return remove.error();
    }
    BOATHOUSE_TRY(remove->bind(1, now_ms - kKeptMs).bind(2, kKeptJobs).run());
  }
  return transaction->commit();
}

}  // namespace boathouse::jobs
