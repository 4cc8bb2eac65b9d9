// The reader's half for those who watch over the ledger.
#include <algorithm>
#include <string>

#include "server/ledger/gauges.hpp"
#include "server/ledger/reader.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {

using base::Result;

Result<Gauges> Reader::gauges() {
  auto select = connection_.prepare(
      "SELECT last_seq, (SELECT min(since_ms) FROM (SELECT since_ms FROM unloaded ORDER BY server_seq LIMIT 1000) AS "
      "oldest WHERE since_ms > 0), (SELECT max(id) - min(id) + 1 FROM outbox), "
      "(SELECT at_ms FROM outbox ORDER BY id LIMIT 1) FROM state");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->step(); !row) {
    return row.error();
  }
  Gauges gauges{select->integer(0),
                select->optional_integer(1),
                static_cast<std::uint64_t>(select->integer(2)),
                select->optional_integer(3),
                {}};
  auto mark = backup_mark(connection_);
  if (!mark) {
    return mark.error();
  }
  gauges.backup = std::move(*mark);
  return gauges;
}

Result<Cohorts> Reader::cohorts(std::int64_t now_ms) {
  constexpr std::int64_t kDayMs = 86'400'000;
  auto select = connection_.prepare(
      "SELECT CASE WHEN hello_ms > ?1 THEN 0 WHEN hello_ms > ?2 THEN 1 WHEN hello_ms > ?3 THEN 2 ELSE 3 END AS cohort, "
      "count(*), count(CASE WHEN items > 0 THEN 1 END), max(CASE WHEN items > 0 THEN oldest_age_s ELSE 0 END) "
      "FROM replica GROUP BY cohort");
  if (!select) {
    return select.error();
  }
  select->bind(1, now_ms - kDayMs).bind(2, now_ms - 7 * kDayMs).bind(3, now_ms - 30 * kDayMs);
  Cohorts cohorts{};
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return cohorts;
    }
    cohorts.at(static_cast<std::size_t>(select->integer(0))) = {static_cast<std::uint64_t>(select->integer(1)),
                                                                static_cast<std::uint64_t>(select->integer(2)),
                                                                select->integer(3)};
  }
}

// session_mark has the last change of each recording.
Result<Ledger::Changed> Reader::changed_recordings(const Ledger::DirtySession& after, std::size_t limit) {
  Ledger::Changed changed;
  const auto newest = newest_seq();
  if (!newest) {
    return newest.error();
  }
  changed.newest_seq = *newest;
  auto select = connection_.prepare(
      "SELECT rec_id, seq FROM session_mark WHERE seq > ?1 OR (seq = ?1 AND rec_id > ?2) ORDER BY seq, rec_id LIMIT "
      "?3");
  if (!select) {
    return select.error();
  }
  select->bind(1, after.up_to_seq).bind(2, after.rec_id.bytes).bind(3, std::min(limit, std::size_t{10'000}));
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return changed;
    }
    changed.recordings.push_back({uuid_of(select->blob(0)), select->integer(1)});
  }
}

}  // namespace boathouse::ledger
