// ClickHouse's part of a backup: its tables as ClickHouse's own BACKUP writes them, beside the ledger's part or into
// S3. It only makes a restore faster: what it lacks, or all of it, is loaded from the ledger again. It is made after
// the ledger's part, so it has every row that the ledger's part calls loaded; rows of later chunks are cut at a
// restore. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "server/backup/manifest.hpp"
#include "server/sql/sql.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::backup {

struct Listed;

inline constexpr std::string_view kUnfinishedClickHouse = ".partial.tar";  // in DESTINATION/clickhouse

// The ClickHouse that is backed up.
struct ClickHouse {
  timeseries::ClickHouseClient* client = nullptr;  // nullptr: the backup has no part of it
  // URL of a folder in S3, which ClickHouse writes to with its own credentials. Empty: DESTINATION/clickhouse, which it
  // must be able to write to (it runs on this machine).
  std::string s3_folder = {};
};

// The statements, for whoever looks at them; `on_top_of` empty: a full one.
std::string backup_statement(const std::string& place, const std::string& on_top_of, const std::string& id);
std::string restore_statement(const std::string& place, const std::string& on_top_of, const std::string& id);
// File('...') and S3('...').
std::string file_place(const std::filesystem::path& file);
std::string s3_place(const std::string& folder, const std::string& name);
// URL of one of its backups in S3.
std::string s3_url(const std::string& folder, const std::string& name);

// What lies in S3 of one of its backups: all its bytes, and SHA-256 over each object's name, size and ETag, which S3
// reckons from the content. Bytes 0: nothing is there. Errors: ClickHouse's own, one that may not list among them.
base::Result<CopiedFile> look_in_s3(timeseries::ClickHouseClient& client, const std::string& s3_folder,
                                    const std::string& name);

// A full one when `full`, when the last full one is older than a week or not there as it was written, or when the
// increment before was larger than half of it; else an increment on the last full one. `before`: as list() gives them.
// Durable when it returns; one in S3 is noted at the destination before it is begun (s3_copies.hpp). Errors:
// ClickHouse's own, unavailable when it is away.
base::Result<ClickHouseCopy> copy_clickhouse(const ClickHouse& source, const std::filesystem::path& destination,
                                             const std::vector<Listed>& before, bool full, std::int64_t now_ms,
                                             const Watch& watch);

// What of a ledger is in a ClickHouse: of these nothing has to be loaded.
struct LoadedParts {
  struct Stream {
    base::Uuid rec_id;
    rowing::Stream stream = rowing::Stream::sample;
  };
  std::vector<Stream> streams;       // with every record that the ledger has of them, and no other
  std::vector<base::Uuid> sessions;  // recordings whose session row is up to date
};

// Into a ClickHouse whose tables are not there or empty (else conflict). Then rows that `ledger` does not know are
// removed, and what it has whole is counted. corrupt and others: it is of no use, everything has to be loaded.
base::Result<LoadedParts> restore_clickhouse(const ClickHouseCopy& copy, const std::filesystem::path& destination,
                                             timeseries::ClickHouseClient& client, sql::Connection& ledger,
                                             std::int64_t last_seq, const Watch& watch);

// What of the ledger a ClickHouse has. Removes from it what the ledger does not know, or knows otherwise, and what came
// after `last_seq`; on replicas all but the one that was asked may do so a little later. No question reads much more
// than `records_at_once`, or one athlete's: ClickHouse allows a user only so many. `watch` gets what the ledger has of
// each page that is counted, in bytes of chunks.
inline constexpr std::uint64_t kRecordsAtOnce = 20'000'000;
base::Result<LoadedParts> find_loaded(timeseries::ClickHouseClient& client, sql::Connection& ledger,
                                      std::int64_t last_seq, const Watch& watch,
                                      std::uint64_t records_at_once = kRecordsAtOnce);

// The ledger's word, in a transaction of the caller's: everything waits to be loaded.
base::Status mark_unloaded(sql::Connection& ledger);
// Where everything waits: this does not.
base::Status mark_loaded(sql::Connection& ledger, const LoadedParts& loaded);

struct Reloading {
  std::vector<std::string> made_anew;  // tables with damaged parts, which were dropped
  std::uint64_t chunks = 0;
  std::uint64_t to_load = 0;  // of them, those that ClickHouse has not, or not as the ledger has them
};
// For a stopped server whose ClickHouse is damaged or counts otherwise than the ledger, or was restored from a backup
// of its own: what the ledger does not know is removed from it, what it lacks waits to be loaded when the server
// starts. Tables with damaged parts are made anew where ClickHouse is one server; replicas mend themselves. conflict:
// the ledger is in use, or ClickHouse has several shards. `begin` is called once every part has been read, which takes
// hours and may fail, and before anything else is done, the ledger closed; its error ends it. After an error it must be
// done again before the server starts: tables may be gone that nothing is to be loaded into.
base::Result<Reloading> reload(
    timeseries::ClickHouseClient& client, const sql::Place& ledger, const Watch& watch,
    const std::function<base::Status()>& begin = [] { return base::Status(); });

}  // namespace boathouse::backup
