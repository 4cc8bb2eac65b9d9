// A backup becomes a server's data again, and a ledger moves from SQLite to PostgreSQL or back.
// Thread rule: any thread; the server must not run.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/point_in_time.hpp"

namespace boathouse::backup {

// Calls `work` with a ClickHouse whose data lies in `folder`, or with one elsewhere; when it returns nobody has the
// folder open.
using WithClickHouse = std::function<base::Status(
    const std::filesystem::path& folder, const std::function<base::Status(timeseries::ClickHouseClient&)>& work)>;

struct RestoreTarget {
  std::filesystem::path data;           // a new folder, or an empty one
  sql::Place shared = {};               // PostgreSQL for all databases; else files in `data`
  std::vector<Database> schema;         // names and schemas of what may be in a backup; the ledger first, places unused
  WithClickHouse with_clickhouse = {};  // nullptr: all of it is loaded from the ledger again
  std::optional<Moment> moment = {};    // the ledger as it was then; nullopt: all that the backup has
};

struct Restored {
  Verification verification;  // with differences nothing was restored
  std::string epoch;          // new: devices offer again whatever they hold
  std::uint64_t chunks = 0;
  std::uint64_t to_load = 0;  // of them, those that ClickHouse lacks: the server loads them when it starts
  std::optional<PointInTime> point = {};
  Rewound rewound = {};                   // on the way to `point`
  bool clickhouse = false;                // its part was restored
  std::string clickhouse_trouble;         // why not, when the backup has one
  std::vector<std::string> altered = {};  // as of Writing
};

// `backup`: as of find_backup_to_restore(). Verifies the backup (with a moment: the two around it), copies it, reads
// back what was written and compares. The data folder appears when it is whole. conflict: there is data already, and
// nothing was changed. Its tables are those of the backup's program; the server brings them up to date when it starts.
base::Result<Restored> restore(const std::filesystem::path& backup, const RestoreTarget& target, base::Clock& clock,
                               base::RandomSource& random, const Watch& watch);

// For a ledger that was put back to an earlier state by other means than restore() (a copied file, a snapshot, the
// database's own recovery): the new epoch, with which devices offer again whatever they hold. No backup counts for it
// until the next is made. The audit has it, in the same transaction. Brings its tables up to date. conflict: the ledger
// is in use.
base::Result<std::string> begin_new_epoch(const Database& ledger, base::Clock& clock, base::RandomSource& random);

struct Moved {
  std::vector<DatabaseCopy> databases;           // what was moved
  std::vector<std::filesystem::path> put_aside;  // SQLite files that must not be used any more, renamed
  std::vector<std::string> altered;              // as of Writing
};

// From each of `from` to the one of the same name in `to`; one side is SQLite, the other PostgreSQL. The epoch stays:
// devices notice nothing. All rows are read back and compared before the old files are put aside (".moved" behind their
// names); a PostgreSQL database is left as it is. conflict: the target has data, or the source is in use.
base::Result<Moved> migrate(const std::vector<Database>& from, const std::vector<Database>& to, const Watch& watch);

// A database that is there and that nobody else has open, else conflict. (SQLite: only then a file leaves its
// write-ahead log.)
base::Result<sql::Connection> open_alone(sql::Place place);

}  // namespace boathouse::backup
