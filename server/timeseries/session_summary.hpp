// The session rows: one idempotent summary of each session, computed from what ClickHouse holds of the recordings that
// count and from the ledger's facts. Running it again for the same state writes the same figures.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/session_figures.hpp"
#include "server/ledger/sessions.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::timeseries {

// So many are read together; of a longer session they are read in pages.
inline constexpr std::uint64_t kRecordsAtOnce = 200'000;

// How many there are to read for its figures.
std::uint64_t records_to_read(const ledger::SessionState& session);

// What a session comes to by the records that ClickHouse has of it now, and how many these were: what ClickHouse lacks
// makes other figures, not an error.
struct Reckoned {
  struct Read {
    rowing::Stream stream = rowing::Stream::sample;
    base::Uuid rec_id;  // of the recording that counts for it
    std::uint64_t records = 0;
  };
  rowing::SessionFigures figures;
  std::vector<Read> read;
};
base::Result<Reckoned> reckon_session(ClickHouseClient& client, const ledger::SessionState& session);

// corrupt: the figures that the ledger keeps of one of them cannot be read, and write_sessions() would write none of
// any.
base::Status check_kept_figures(const ledger::SessionsAround& around);

// The figures are of core/rowing/session_figures.hpp. A session whose records retention has removed keeps those that
// its row has. Rows whose session is deleted, merged into another or purged, and those under a key that is no longer
// the session's, get a tombstone. Memory is bounded by kRecordsAtOnce.
base::Status write_sessions(ClickHouseClient& client, std::span<const ledger::SessionsAround> all);

}  // namespace boathouse::timeseries
