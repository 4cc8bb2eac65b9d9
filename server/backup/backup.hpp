// Backups of a ledger and of the small databases beside it. Made while the server runs, from one snapshot.
//
//   DESTINATION/backup-<UTC time>-<epoch>/   manifest.json, ledger.db, control.db, ..., pepper.key, operator.key
//   DESTINATION/bodies/                      segments, shared by the backups that name them
//   DESTINATION/clickhouse/                  ClickHouse's own backups, shared likewise (clickhouse.hpp)
//
// ledger.db and the others are whole SQLite files without the chunks' bodies; the bodies lie in segments, which a later
// backup names again and only adds to. A folder appears under its name when everything in it is on the disk: one that
// was cut short is never a backup. What others change meanwhile is not in it; the ledger's state is taken first, so
// every athlete whom it names is in the copy of the accounts.
//
// A body that the ledger has lost ends no backup: it is left out and named (Manifest::left_out), a restore calls it
// lost, and the next backup that finds it again has it. A verified backup that lacks bodies is good for all others.
// That no device frees the only copy of one of them is the ledger's matter: it keeps which they are (backup_mark.hpp).
//
// Thread rule: any thread; one create() or prune() at a time for one destination, whatever process (unavailable).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/backup/clickhouse.hpp"
#include "server/backup/manifest.hpp"
#include "server/ledger/bodies.hpp"
#include "server/segments/chunk_store.hpp"
#include "server/sql/migrations.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::backup {

struct Database {
  std::string name;  // becomes name + ".db"
  sql::Place place;
  const sql::Schema* schema = nullptr;
  bool may_be_missing = false;  // a server of before has none: then it is left out
};

struct Source {
  std::vector<Database> databases;             // the ledger first, then those that refer to nothing behind them
  std::vector<std::filesystem::path> secrets;  // small files; those that are not there are left out
  segments::ChunkStore* segments = nullptr;    // where bodies lie that have left the ledger; must outlive the backup
  std::filesystem::path data = {};             // the server's folder, which no destination lies in
};

struct CreateOptions {
  bool full = false;                                      // write everything again, though an earlier backup has it
  std::optional<std::int64_t> nothing_until_ms = {};      // an athlete was erased then: name no file of before
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;  // a segment that is larger is ended
  ClickHouse clickhouse = {};
};

struct Created {
  std::filesystem::path folder;
  Manifest manifest;
  std::uint64_t written_bytes = 0;      // without what earlier backups had
  std::string clickhouse_trouble = {};  // why there is no part of ClickHouse, though it was to be there
  // Of manifest.left_out those that the ledger does not call lost yet; it must be told (ledger::note_lost). server_seq
  // and reason.
  std::vector<ledger::LostBody> lost = {};
};

// Ok when backups may be written to `destination` and pruned there: it holds no server's ledger and no ClickHouse's
// files, and is not `data` (empty: of no server in particular) or a folder in it. Else invalid_input, which says what
// is there. A folder that does not exist yet is good.
base::Status check_destination(const std::filesystem::path& destination, const std::filesystem::path& data);

// invalid_input: as check_destination() says; not_found: there is no ledger at that place.
base::Result<Created> create(const Source& source, const std::filesystem::path& destination,
                             const CreateOptions& options, base::Clock& clock, const Watch& watch);

// Something in a backup that is not what was backed up.
struct Difference {
  std::string file;
  std::string text;  // which record, and what is wrong with it
};
inline constexpr std::size_t kMaxDifferences = 100;  // that are kept; there may be more

struct Verification {
  std::filesystem::path folder;
  Manifest manifest;  // empty when it is itself what differs
  std::uint64_t bodies = 0;
  std::vector<std::string> left_out;  // the chunks of manifest.left_out for a person, kMaxDifferences of them
  std::vector<Difference> differences;
  std::vector<Difference> clickhouse;  // in its part, without which a restore only takes longer
  std::string clickhouse_unseen = {};  // why nobody looked at its part, which lies in S3; empty: somebody did, or
                                       // there is none
};

// Reads every byte of the backup: hashes of all files, every row of the databases, every chunk's body, whose canonical
// bytes must have the hash that the ledger has (those that the manifest says were left out may be missing); of
// ClickHouse's part the hash. What of that lies in S3 is asked for through `clickhouse`: that every object is there,
// with the size and ETag of when it was written. `folder`: a backup, or a destination, then its newest. An error when
// there is no such backup. When nothing differs, ClickHouse's part apart, the backup is marked as verified at that time
// (verified.json), which says of that part whether it was as written.
base::Result<Verification> verify(const std::filesystem::path& folder, base::Clock& clock, const Watch& watch,
                                  timeseries::ClickHouseClient* clickhouse = nullptr);

// One that list() found.
struct Listed {
  std::filesystem::path folder;
  std::optional<Manifest> manifest;  // nullopt: its manifest cannot be read, see `trouble`
  std::string trouble;
  std::optional<std::int64_t> verified_ms;  // nullopt, too, when the manifest is not the one that was looked at
  bool clickhouse_verified = false;         // its part was looked at then, too, and was as written
};

// The newest first.
base::Result<std::vector<Listed>> list(const std::filesystem::path& destination);

// The folders of those that hold something of `utc_ms` or before: made by then, or naming a file of one that was (a
// segment, a backup of ClickHouse) without having been made to be clean of it. Of one whose manifest cannot be read
// nobody knows: it is among them.
std::set<std::filesystem::path> holding_from_before(const std::vector<Listed>& backups, std::int64_t utc_ms);

// Up to which server_seq of that ledger the verified backups in `destination` reach; 0: there is none, or no such
// folder. `marked_seq`: how far the ledger was told that backups reach. It knows what the backup lacks that reaches so
// far; one that does not counts only up to the first body that it lacks.
std::int64_t verified_up_to(const std::filesystem::path& destination, const std::string& epoch,
                            std::int64_t marked_seq);

struct Keep {
  int days = 7;  // of so many days that have backups one each stays, the newest verified or the newest; so with weeks
                 // and months
  int weeks = 5;
  int months = 12;
};

struct Pruned {
  std::vector<std::filesystem::path> paths;
  std::uint64_t bytes = 0;  // of all files in them
};

// Removes what `keep` does not keep, then the segments and ClickHouse's files that no backup names; whatever has
// another name than a backup gives is somebody else's and stays. The newest one and the newest verified one stay. With
// a manifest that cannot be read nothing is removed: nobody knows what it needs (corrupt). Copies in S3 are the
// bucket's to remove, and stay noted (s3_copies.hpp). invalid_input: as check_destination() says. What was removed;
// what would be when `dry_run`.
base::Result<Pruned> prune(const std::filesystem::path& destination, const Keep& keep, bool dry_run = false);

// Where segments lie, for a backup's folder.
std::filesystem::path bodies_folder(const std::filesystem::path& backup);
// The same for ClickHouse's part.
std::filesystem::path clickhouse_folder(const std::filesystem::path& backup);
// A backup's folder, for one or for a destination (its newest). not_found.
base::Result<std::filesystem::path> find_backup(const std::filesystem::path& folder);
// The same for what is to be restored: of a destination the one that reaches farthest, by the manifests' last_seq and
// not by any clock. conflict, naming what there is: backups of more than one epoch, or one whose manifest cannot be
// read; then the caller must name one.
base::Result<std::filesystem::path> find_backup_to_restore(const std::filesystem::path& folder);

}  // namespace boathouse::backup
