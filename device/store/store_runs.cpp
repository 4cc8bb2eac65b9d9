// The log of sync runs: what a person can send to support.
#include "device/store/store_internal.hpp"

namespace boathouse::store {

base::Result<std::int64_t> Store::put_run(const Run& run) {
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  std::int64_t id = run.id;
  const base::Status done = in_transaction(connection, [&]() -> base::Status {
    auto put = connection.prepare(
        "INSERT INTO run(id, started_ms, ended_ms, report) VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT(id) DO UPDATE SET ended_ms = ?3, report = ?4");
    if (!put) return put.error();
    put->bind(2, run.started_ms).bind(3, run.ended_ms).bind(4, run.report);
    if (run.id != 0) put->bind(1, run.id);
    BOATHOUSE_TRY(put->run());
    if (id == 0) id = connection.last_insert_rowid();
    auto remove = connection.prepare("DELETE FROM run WHERE id NOT IN (SELECT id FROM run ORDER BY id DESC LIMIT ?1)");
    if (!remove) return remove.error();
    return remove->bind(1, kMaxRuns).run();
  });
  if (!done) return done.error();
  return id;
}

base::Result<std::vector<Run>> Store::runs() {
  const std::lock_guard guard(impl_->mutex);
  auto select = impl_->connection.prepare("SELECT id, started_ms, ended_ms, report FROM run ORDER BY id DESC");
  if (!select) return select.error();
  std::vector<Run> runs;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return runs;
    runs.push_back({select->integer(0), select->integer(1), select->integer(2), std::string(select->text(3))});
  }
}

}  // namespace boathouse::store
