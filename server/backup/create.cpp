#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/utc_time.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/body_copy.hpp"
#include "server/backup/chunk_list.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

// A database that is there.
struct OpenSource {
  sql::Connection connection;
  std::int64_t version = 0;
};

Result<OpenSource> open_source(const Database& database) {
  sql::Place place = database.place;
  place.sqlite.create = false;
  place.patience_ms = sql::kForHoursMs;
  auto connection = sql::Connection::open(place);
  if (!connection) {
    return connection.error();
  }
  const auto version = version_of(*connection, *database.schema);
  if (!version) {
    return version.error().within(place.text());
  }
  if (*version == 0) {
    return Error{ErrorCode::not_found, "there is no " + std::string(database.schema->name) + " at " + place.text()};
  }
  return OpenSource{std::move(*connection), *version};
}

// In the snapshot of the source.
Result<DatabaseCopy> copy_database(OpenSource& source, const Database& database, const fs::path& file,
                                   const Watch& watch) {
  DatabaseCopy copy{database.name, source.version, {}};
  {
    auto target = sql::Connection::open(sql::Place{.sqlite_file = file.string()});
    if (!target) {
      return target.error();
    }
    BOATHOUSE_TRY(sql::migrate(*target, schema_at(*database.schema, source.version)));
    const auto tables = tables_of(*target);
    if (!tables) {
      return tables.error();
    }
    auto writing = Writing::begin(*target);
    if (!writing) {
      return writing.error();
    }
    for (const Table& table : *tables) {
      if (table.name == kBodies) {
        continue;
      }
      const auto sum = copy_table(source.connection, *target, table, *writing, watch);
      if (!sum) {
        return sum.error();
      }
      copy.tables[table.name] = *sum;
    }
    BOATHOUSE_TRY(writing->commit());
    // One file, which nobody has to write to for reading it.
    BOATHOUSE_TRY(target->execute("PRAGMA journal_mode = DELETE"));
  }
  BOATHOUSE_TRY(sync_path(file));
  return copy;
}

class Creation {
 public:
  Creation(const Source& source, fs::path destination, const CreateOptions& options, const Watch& watch)
      : source_(source), destination_(std::move(destination)), options_(options), watch_(watch) {}

  Result<Created> run(std::int64_t now_ms) {
    BOATHOUSE_TRY(check_destination(destination_, source_.data));
    BOATHOUSE_TRY(make_folder(destination_));
    auto lock = FolderLock::take(destination_);
    if (!lock) {
      return lock.error();
    }
    BOATHOUSE_TRY(remove_path(partial()));
    auto ledger = open_source(source_.databases.front());
    if (!ledger) {
      return ledger.error();
    }
    BOATHOUSE_TRY(make_folder(partial()));
    BOATHOUSE_TRY(make_folder(destination_ / "bodies"));
    manifest_.made_ms = now_ms;
    manifest_.clean_of_ms = options_.nothing_until_ms.value_or(0);
    BOATHOUSE_TRY(copy_ledger(*ledger));
    for (std::size_t i = 1; i < source_.databases.size(); ++i) {
      BOATHOUSE_TRY(copy_other(source_.databases[i]));
    }
    for (const fs::path& secret : source_.secrets) {
      BOATHOUSE_TRY(copy_secret(secret));
    }
    BOATHOUSE_TRY(describe_files());
    BOATHOUSE_TRY(copy_clickhouse_part());
    return publish();
  }

 private:
  [[nodiscard]] fs::path partial() const { return destination_ / ".partial"; }

  Status copy_ledger(OpenSource& ledger) {
    auto snapshot = sql::Snapshot::begin(ledger.connection);
    if (!snapshot) {
      return snapshot.error();
    }
    {
      auto select = ledger.connection.prepare("SELECT epoch, last_seq FROM state");
      if (!select) {
        return select.error();
      }
      const auto row = select->step();
      if (!row) {
        return row.error();
      }
      if (!*row) {
        return Error{ErrorCode::not_found, "the ledger has not been begun; start the server once"};
      }
      manifest_.epoch = select->text(0);
      manifest_.last_seq = select->integer(1);
    }
    auto copy = copy_database(ledger, source_.databases.front(), partial() / "ledger.db", watch_);
    if (!copy) {
      return copy.error();
    }
    manifest_.databases.push_back(std::move(*copy));
    return copy_bodies(ledger);
  }

  Status copy_bodies(OpenSource& ledger) {
    auto copy = open_copy();
    if (!copy) {
      return copy.error();
    }
    const std::optional<Manifest> before = options_.full ? std::nullopt : backup_before();
    const std::vector<Segment> segments = before ? segments_of(*before) : std::vector<Segment>();
    const std::vector<std::int64_t> left_out = before ? before->left_out : std::vector<std::int64_t>();
    auto copied = backup::copy_bodies({ledger.connection, ledger.version, *copy, source_.segments},
                                      {destination_ / "bodies", options_.segment_bytes, manifest_.last_seq}, segments,
                                      left_out, watch_);
    if (!copied) {
      return copied.error();
    }
    manifest_.segments = std::move(copied->segments);
    manifest_.left_out = std::move(copied->left_out);
    lost_ = std::move(copied->lost);
    written_bytes_ += copied->written_bytes;
    return {};
  }

  [[nodiscard]] Result<sql::Connection> open_copy() const {
    return sql::Connection::open(sql::Place{.sqlite_file = (partial() / "ledger.db").string()});
  }

  // Those whose files this one may name, the newest first.
  [[nodiscard]] Result<std::vector<Listed>> backups_of_before() const {
    auto backups = list(destination_);
    if (backups && options_.nothing_until_ms) {
      const std::set<fs::path> holding = holding_from_before(*backups, *options_.nothing_until_ms);
      std::erase_if(*backups, [&](const Listed& one) { return holding.contains(one.folder); });
    }
    return backups;
  }

  // The newest of this history.
  [[nodiscard]] std::optional<Manifest> backup_before() const {
    const auto backups = backups_of_before();
    if (!backups) {
      return {};
    }
    const auto before = std::find_if(backups->begin(), backups->end(), [this](const Listed& listed) {
      return listed.manifest && listed.manifest->epoch == manifest_.epoch &&
             listed.manifest->last_seq <= manifest_.last_seq;
    });
    return before == backups->end() ? std::nullopt : before->manifest;
  }

  // As far as they are there.
  [[nodiscard]] std::vector<Segment> segments_of(const Manifest& before) const {
    std::vector<Segment> segments;
    for (const Segment& segment : before.segments) {
      std::error_code error;
      if (fs::file_size(destination_ / "bodies" / segment.file, error) != segment.bytes || error) {
        break;
      }
      segments.push_back(segment);
    }
    return segments;
  }

  Status copy_other(const Database& database) {
    if (database.may_be_missing) {
      const auto absent = is_absent(database.place, *database.schema);
      if (!absent) {
        return absent.error();
      }
      if (*absent) {
        return {};
      }
    }
    auto other = open_source(database);
    if (!other) {
      return other.error();
    }
    auto snapshot = sql::Snapshot::begin(other->connection);
    if (!snapshot) {
      return snapshot.error();
    }
    auto copy = copy_database(*other, database, partial() / (database.name + ".db"), watch_);
    if (!copy) {
      return copy.error();
    }
    manifest_.databases.push_back(std::move(*copy));
    return {};
  }

  Status copy_secret(const fs::path& secret) {
    std::error_code error;
    if (!fs::exists(secret, error)) {
      return {};
    }
    const auto content = read_file(secret, kMaxSecret);
    if (!content) {
      return content.error();
    }
    return write_file(partial() / secret.filename(), *content);
  }

  Status describe_files() {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(partial(), error)) {
      const auto digest = digest_of(entry.path(), watch_);
      if (!digest) {
        return digest.error();
      }
      manifest_.files.push_back({entry.path().filename().string(), digest->bytes, digest->sha256});
      written_bytes_ += digest->bytes;
    }
    if (error) {
      return Error{ErrorCode::io, partial().string() + ": " + error.message()};
    }
    std::sort(manifest_.files.begin(), manifest_.files.end(),
              [](const CopiedFile& a, const CopiedFile& b) { return a.name < b.name; });
    auto copy = open_copy();
    if (!copy) {
      return copy.error();
    }
    auto chunks = ChunkList::open(*copy);
    if (!chunks) {
      return chunks.error();
    }
    ChunkRoot root;
    while (true) {
      const auto chunk = chunks->next();
      if (!chunk) {
        return chunk.error();
      }
      if (!*chunk) {
        break;
      }
      root.add(**chunk);
    }
    manifest_.chunks = root.chunks();
    manifest_.chunk_root = root.finish();
    return {};
  }

  // Whatever ClickHouse says, the backup is good without it: only the watch ends it.
  Status copy_clickhouse_part() {
    if (options_.clickhouse.client == nullptr) {
      return {};
    }
    const auto before = backups_of_before();
    if (!before) {
      return before.error();
    }
    Status stopped;
    auto copy = copy_clickhouse(options_.clickhouse, destination_, *before, options_.full, manifest_.made_ms,
                                [this, &stopped](std::uint64_t bytes) { return stopped = watch_(bytes); });
    BOATHOUSE_TRY(stopped);
    if (!copy) {
      clickhouse_trouble_ = copy.error().text;
      return {};
    }
    written_bytes_ += copy->files.back().bytes;
    manifest_.clickhouse = std::move(*copy);
    return {};
  }

  [[nodiscard]] fs::path folder() const {
    std::string time;
    for (const char c : base::format_utc_ms(manifest_.made_ms)) {
      if (c != '-' && c != ':' && c != '.') {
        time += c;
      }
    }
    return destination_ / ("backup-" + time + "-" + manifest_.epoch.substr(0, 8));
  }

  Result<Created> publish() {
    std::error_code error;
    while (fs::exists(folder(), error)) {
      ++manifest_.made_ms;  // two in one millisecond, or a clock that was set back
    }
    BOATHOUSE_TRY(write_file(partial() / "manifest.json", encode_manifest(manifest_)));
    BOATHOUSE_TRY(sync_path(partial()));
    BOATHOUSE_TRY(move_path(partial(), folder()));
    return Created{folder(), manifest_, written_bytes_, clickhouse_trouble_, lost_};
  }

  const Source& source_;
  const fs::path destination_;
  const CreateOptions& options_;
  const Watch& watch_;
  Manifest manifest_;
  std::uint64_t written_bytes_ = 0;
  std::string clickhouse_trouble_;
  std::vector<ledger::LostBody> lost_;
};

}  // namespace

Result<Created> create(const Source& source, const fs::path& destination, const CreateOptions& options,
                       base::Clock& clock, const Watch& watch) {
  return Creation(source, fs::absolute(destination).lexically_normal(), options, watch).run(clock.utc_ms());
}

}  // namespace boathouse::backup
