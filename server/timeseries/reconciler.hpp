// Compares what the ledger counts with what ClickHouse counts, per recording and stream.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

struct StreamCount {
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t sealed = 0;      // records that the recordings' seals promise
  std::uint64_t removed = 0;     // that retention removed: no loss
  std::uint64_t ledger = 0;      // records of stored chunks
  std::uint64_t clickhouse = 0;  // rows as queries count them (FINAL)
};

struct Difference {
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t ledger = 0;
  std::uint64_t clickhouse = 0;
};

struct Reconciliation {
  std::uint64_t recordings = 0;
  std::uint64_t unloaded_chunks = 0;    // not a difference by itself: they are on their way
  std::uint64_t removals_to_erase = 0;  // nor are rows of these, which are on their way out
  std::vector<StreamCount> streams;     // all of kStreams, `source` counted in the ledger alone
  std::vector<Difference> differences;  // loaded according to the ledger, but counted otherwise
  std::uint64_t sessions = 0;           // session rows of these recordings
  std::uint64_t deleted = 0;            // recordings whose session is deleted: they are in no row
  std::uint64_t misplaced = 0;          // of the others, those that are not in exactly one row
  std::optional<base::Uuid> next;       // there is more: behind this athlete
};

// So many recordings of one athlete are in memory at a time, some KB each; who has more is compared a part at a time.
inline constexpr std::size_t kRecordingsAtOnce = 10'000;

// Differences are in order of recording and stream. A recording that changes meanwhile may be named although it is only
// on its way. `enough` is asked between the parts, >= 1 recording `at_once`, of an athlete who has more than that:
// too_large if it is and there is more.
base::Result<Reconciliation> reconcile_athlete(ledger::Ledger& ledger, ClickHouseClient& client,
                                               const base::Uuid& athlete, const std::function<bool()>& enough,
                                               std::size_t at_once = kRecordingsAtOnce);

// Of all athletes behind `after`, in ClickHouse's order of UUIDs, some hundred recordings of whole athletes at a time
// until `enough`, which is asked between them: what is compared in one go takes no longer than its caller may. All goes
// together have every row that ClickHouse has, also of athletes that the ledger does not know.
base::Result<Reconciliation> reconcile_some(ledger::Ledger& ledger, ClickHouseClient& client,
                                            const std::optional<base::Uuid>& after, const std::function<bool()>& enough,
                                            std::size_t at_once = kRecordingsAtOnce);

}  // namespace boathouse::timeseries
