#include <algorithm>
#include <utility>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/compression.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/chunk_list.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Result;
using base::Status;

namespace {

// The bodies of all segments, one after the other. A segment that cannot be read is noted and passed over.
class Bodies {
 public:
  Bodies(fs::path folder, const Manifest& manifest, std::vector<Difference>& differences)
      : folder_(std::move(folder)), manifest_(manifest), differences_(differences) {}

  // The body of that chunk; nullopt: it is in no segment. In rising order of server_seq.
  std::optional<base::ByteView> find(std::int64_t server_seq) {
    while (!reader_ || reader_->server_seq() < server_seq) {
      if (!advance()) {
        return std::nullopt;
      }
    }
    return reader_->server_seq() == server_seq ? std::optional(reader_->body()) : std::nullopt;
  }
  [[nodiscard]] std::string file() const { return next_ == 0 ? "bodies" : manifest_.segments[next_ - 1].file; }

 private:
  bool advance() {
    while (true) {
      if (reader_) {
        const auto more = reader_->next();
        if (more && *more) {
          return true;
        }
        if (!more) {
          note(more.error());
        }
        reader_.reset();
      }
      if (next_ == manifest_.segments.size()) {
        return false;
      }
      auto opened = SegmentReader::open(folder_ / manifest_.segments[next_++].file);
      if (opened) {
        reader_.emplace(std::move(*opened));
      } else {
        note(opened.error());
      }
    }
  }
  void note(const base::Error& error) {
    if (differences_.size() < kMaxDifferences) {
      differences_.push_back({file(), error.text});
    }
  }

  const fs::path folder_;
  const Manifest& manifest_;
  std::vector<Difference>& differences_;
  std::optional<SegmentReader> reader_;
  std::size_t next_ = 0;
};

class Check {
 public:
  Check(Verification& found, timeseries::ClickHouseClient* clickhouse, const Watch& watch)
      : found_(found), clickhouse_(clickhouse), watch_(watch) {}

  Status run() {
    BOATHOUSE_TRY(check_files());
    for (const DatabaseCopy& database : found_.manifest.databases) {
      BOATHOUSE_TRY(check_database(database));
    }
    BOATHOUSE_TRY(check_bodies());
    return check_clickhouse();
  }

 private:
  void note(const std::string& file, const std::string& text) {
    if (found_.differences.size() < kMaxDifferences) {
      found_.differences.push_back({file, text});
    }
  }

  Status check_clickhouse() {
    if (!found_.manifest.clickhouse) {
      return {};
    }
    if (!found_.manifest.clickhouse->s3_folder.empty()) {
      check_s3(*found_.manifest.clickhouse);
      return {};
    }
    const std::vector<Difference> others = std::exchange(found_.differences, {});
    for (const CopiedFile& file : found_.manifest.clickhouse->files) {
      BOATHOUSE_TRY(check_file(clickhouse_folder(found_.folder) / file.name, file.bytes, file.sha256));
    }
    found_.clickhouse = std::exchange(found_.differences, others);
    return {};
  }

  void check_s3(const ClickHouseCopy& copy) {
    if (clickhouse_ == nullptr) {
      found_.clickhouse_unseen = "no ClickHouse server was named that could ask S3 for it";
      return;
    }
    for (const CopiedFile& file : copy.files) {
      const auto there = look_in_s3(*clickhouse_, copy.s3_folder, file.name);
      if (!there) {
        found_.clickhouse_unseen = there.error().text;
      } else if (there->bytes == 0) {
        found_.clickhouse.push_back({file.name, "is missing in " + copy.s3_folder});
      } else if (file.sha256 == base::Digest{}) {
        found_.clickhouse_unseen = "nothing was noted of the objects of " + file.name + " when it was written";
      } else if (there->bytes != file.bytes) {
        found_.clickhouse.push_back(
            {file.name, "has " + std::to_string(there->bytes) + " bytes in S3, not " + std::to_string(file.bytes)});
      } else if (there->sha256 != file.sha256) {
        found_.clickhouse.push_back({file.name, "has other objects in S3 than when it was written"});
      }
    }
  }

  Status check_file(const fs::path& path, std::uint64_t bytes, const base::Digest& sha256) {
    const std::string name = path.filename().string();
    std::error_code error;
    if (!fs::exists(path, error)) {
      note(name, "is missing");
      return {};
    }
    // A place that cannot be read is a difference; only `watch_` ends the check.
    Status stopped;
    const auto digest = digest_of(path, [this, &stopped](std::uint64_t read) { return stopped = watch_(read); });
    BOATHOUSE_TRY(stopped);
    if (!digest) {
      note(name, digest.error().text);
    } else if (digest->bytes != bytes) {
      note(name, "has " + std::to_string(digest->bytes) + " bytes, not " + std::to_string(bytes));
    } else if (digest->sha256 != sha256) {
      note(name, "has another SHA-256 than when it was written");
    }
    return {};
  }

  Status check_files() {
    for (const CopiedFile& file : found_.manifest.files) {
      BOATHOUSE_TRY(check_file(found_.folder / file.name, file.bytes, file.sha256));
    }
    for (const Segment& segment : found_.manifest.segments) {
      BOATHOUSE_TRY(check_file(bodies_folder(found_.folder) / segment.file, segment.bytes, segment.sha256));
    }
    return {};
  }

  static Result<sql::Connection> open(const fs::path& file) {
    sql::Place place{.sqlite_file = file.string()};
    place.sqlite.create = false;
    return sql::Connection::open(place);
  }

  Status check_database(const DatabaseCopy& database) {
    const std::string file = database.name + ".db";
    auto connection = open(found_.folder / file);
    if (!connection) {
      note(file, connection.error().text);
      return {};
    }
    for (const auto& [name, expected] : database.tables) {
      BOATHOUSE_TRY(check_table(*connection, file, name, expected));
    }
    return {};
  }

  Status check_table(sql::Connection& connection, const std::string& file, const std::string& name,
                     const TableSum& expected) {
    const auto tables = tables_of(connection);
    if (!tables) {
      note(file, "table " + name + ": " + tables.error().text);
      return {};
    }
    for (const Table& table : *tables) {
      if (table.name != name) {
        continue;
      }
      Status stopped;
      const auto sum =
          sum_of(connection, table, [this, &stopped](std::uint64_t read) { return stopped = watch_(read); });
      BOATHOUSE_TRY(stopped);
      if (!sum) {
        note(file, "table " + name + ": " + sum.error().text);
      } else if (sum->rows != expected.rows) {
        note(file,
             "table " + name + " has " + std::to_string(sum->rows) + " rows, not " + std::to_string(expected.rows));
      } else if (sum->sum != expected.sum) {
        note(file, "table " + name + " has other rows than when it was written");
      }
      return {};
    }
    note(file, "table " + name + " is missing");
    return {};
  }

  Status check_bodies() {
    auto connection = open(found_.folder / "ledger.db");
    if (!connection) {
      return {};  // noted before
    }
    auto chunks = ChunkList::open(*connection);
    if (!chunks) {
      note("ledger.db", chunks.error().text);
      return {};
    }
    Bodies bodies(bodies_folder(found_.folder), found_.manifest, found_.differences);
    ChunkRoot root;
    while (true) {
      const auto chunk = chunks->next();
      if (!chunk) {
        note("ledger.db", chunk.error().text);
        return {};
      }
      if (!*chunk) {
        break;
      }
      root.add(**chunk);
      const auto body = bodies.find((*chunk)->server_seq);
      if (!body) {
        miss(bodies.file(), **chunk);
        continue;
      }
      check_body(bodies.file(), **chunk, *body);
      BOATHOUSE_TRY(watch_(body->size()));
    }
    if (root.chunks() != found_.manifest.chunks) {
      note("ledger.db",
           "has " + std::to_string(root.chunks()) + " chunks, not " + std::to_string(found_.manifest.chunks));
    } else if (root.finish() != found_.manifest.chunk_root) {
      note("ledger.db", "its chunks have another root than when it was written");
    }
    return {};
  }

  void miss(const std::string& file, const ChunkKey& chunk) {
    if (!std::ranges::binary_search(found_.manifest.left_out, chunk.server_seq)) {
      note(file, "the body of " + chunk.text() + " is missing");
    } else if (found_.left_out.size() < kMaxDifferences) {
      found_.left_out.push_back(chunk.text());
    }
  }

  void check_body(const std::string& file, const ChunkKey& chunk, base::ByteView body) {
    const auto canonical = wire::decompress(body, wire::kMaxCanonicalBytes);
    if (!canonical) {
      note(file, "the body of " + chunk.text() + " cannot be opened: " + canonical.error().text);
    } else if (base::sha256(*canonical) != chunk.sha256) {
      note(file, "the body of " + chunk.text() + " has another hash than the ledger");
    } else {
      ++found_.bodies;
    }
  }

  Verification& found_;
  timeseries::ClickHouseClient* const clickhouse_;
  const Watch& watch_;
};

// A mark that cannot be written (a disk that is read-only) takes nothing from what was found.
void mark(const Verification& found, std::int64_t now_ms) {
  const fs::path file = found.folder / "verified.json";
  if (!found.differences.empty()) {
    (void)remove_path(file);
    return;
  }
  std::string text;
  base::JsonWriter json(text);
  json.begin_object().key("verified").value(base::format_utc_ms(now_ms)).key("verified_ms").value(now_ms);
  json.key("clickhouse")
      .value(found.manifest.clickhouse && found.clickhouse.empty() && found.clickhouse_unseen.empty());
  json.end_object();
  const fs::path unfinished = found.folder / "verified.json.partial";
  if (write_file(unfinished, text + "\n")) {
    (void)move_path(unfinished, file);
  }
}

}  // namespace

Result<Verification> verify(const fs::path& folder, base::Clock& clock, const Watch& watch,
                            timeseries::ClickHouseClient* clickhouse) {
  const auto backup = find_backup(folder);
  if (!backup) {
    return backup.error();
  }
  Verification found;
  found.folder = *backup;
  const auto text = read_file(*backup / "manifest.json", kMaxManifest);
  auto manifest = text ? parse_manifest(*text) : Result<Manifest>(text.error());
  if (!manifest) {
    found.differences.push_back({"manifest.json", manifest.error().text});
  } else {
    found.manifest = std::move(*manifest);
    BOATHOUSE_TRY(Check(found, clickhouse, watch).run());
  }
  mark(found, clock.utc_ms());
  return found;
}

}  // namespace boathouse::backup
