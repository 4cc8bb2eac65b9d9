// Where one workout is: the ledger's trail, what ClickHouse counts of it, and the one sentence that follows.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/session_columns.hpp"

namespace boathouse::timeseries {

// The session that a recording is in: of linked ones the surviving one's, whose row stands for all of them.
struct SessionOf {
  SessionKey key;
  bool deleted = false;  // then it has no row
};
base::Result<SessionOf> session_of(ledger::Ledger& ledger, const ledger::RecordingState& recording);

// Of one recording, as queries count it.
struct CountedRows {
  std::map<rowing::Stream, std::uint64_t> streams;  // those that have a table
  bool session = false;                             // the row of its session is there
};
base::Result<CountedRows> count_rows(ClickHouseClient& client, const ledger::RecordingState& recording,
                                     const SessionKey& session);

// The first place on the way where it is not yet through. In order of the way: a later one means that all before it
// is done.
enum class Place : std::uint8_t {
  purged,       // removed for ever by its athlete
  refused,      // the server took nothing of it
  open,         // not sealed: being rowed, or its end is still on the device
  on_device,    // sealed, but records are missing here
  differs,      // all records are here, but they are not those that were sealed
  loading,      // in the ledger, not yet in ClickHouse
  not_counted,  // loaded, but ClickHouse cannot be asked
  miscounted,   // loaded, but ClickHouse counts otherwise
  deleted,      // counted, but its session is deleted and in no list
  summarizing,  // its session row is being written
  complete,     // stored, loaded and counted
};
std::string_view name(Place place);

struct WhereItIs {
  Place place = Place::complete;
  std::string sentence;  // for a person
};

// Ranges that the seal promises and that are neither held nor removed by retention; ascending, merged. nullopt: the
// seal says nothing of the stream, or there is none.
std::optional<std::vector<wire::Range>> missing(const ledger::Trail& trail, rowing::Stream stream);

// `session`: nullopt without a state. `counted`: nullopt when ClickHouse could not be asked. Pure.
WhereItIs where_it_is(const ledger::Trail& trail, const std::optional<SessionOf>& session,
                      const std::optional<CountedRows>& counted);

}  // namespace boathouse::timeseries
