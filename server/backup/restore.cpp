#include "server/backup/restore.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/base/hex.hpp"
#include "server/backup/chunk_list.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

// Of what the schema says, and that nobody has written to.
Status prepare_target(sql::Connection& target, const sql::Place& place, const sql::Schema& schema,
                      std::int64_t version) {
  const auto there = version_of(target, schema);
  if (!there) {
    return there.error().within(place.text());
  }
  if (*there != 0) {
    return Error{ErrorCode::conflict, place.text() + " holds a " + std::string(schema.name) +
                                          " already and was not touched; name an empty database (or drop that one "
                                          "yourself if nothing in it is needed)"};
  }
  return sql::migrate(target, schema_at(schema, version));
}

// Reads back what was written.
Status compare(sql::Connection& target, const Table& table, const TableSum& expected, const Watch& watch) {
  const auto found = sum_of(target, table, watch);
  if (!found) {
    return found.error();
  }
  if (*found != expected) {
    return Error{ErrorCode::corrupt, "table " + table.name + " has " + std::to_string(found->rows) + " rows of " +
                                         std::to_string(expected.rows) +
                                         ", or other ones, after they were written; look at the disk and try again"};
  }
  return {};
}

Status check_folder(const fs::path& data) {
  std::error_code error;
  if (fs::exists(data, error) && (!fs::is_directory(data, error) || !fs::is_empty(data, error))) {
    return Error{ErrorCode::conflict, data.string() +
                                          " has data and was not touched: a restore onto data would lose what is "
                                          "there. Name a new folder, or move this one away first"};
  }
  return {};
}

class Restoration {
 public:
  Restoration(const Verification& source, const std::optional<PointInTime>& point,
              const std::optional<Verification>& earlier, const RestoreTarget& target, base::RandomSource& random,
              const Watch& watch)
      : source_(source),
        point_(point),
        earlier_(earlier),
        target_(target),
        data_(fs::absolute(target.data).lexically_normal()),
        random_(random),
        watch_(watch) {}

  Result<Restored> run() {
    BOATHOUSE_TRY(remove_path(unfinished()));
    BOATHOUSE_TRY(make_folder(unfinished()));
    // The ledger last: one that is there has everything that belongs to it.
    for (std::size_t i = source_.manifest.databases.size(); i-- > 0;) {
      BOATHOUSE_TRY(restore_database(source_.manifest.databases[i]));
    }
    for (const CopiedFile& file : source_.manifest.files) {
      if (!file.name.ends_with(".db")) {
        const auto content = read_file(source_.folder / file.name, kMaxSecret);
        if (!content) {
          return content.error();
        }
        BOATHOUSE_TRY(write_file(unfinished() / file.name, *content));
      }
    }
    Restored restored;
    restored.verification = source_;
    restored.epoch = epoch_;
    restored.point = point_;
    restored.rewound = rewound_;
    restored.altered = altered_;
    if (source_.manifest.clickhouse && target_.with_clickhouse) {
      BOATHOUSE_TRY(restore_clickhouse_part(restored));
    }
    BOATHOUSE_TRY(count_chunks(restored));
    BOATHOUSE_TRY(sync_path(unfinished()));
    BOATHOUSE_TRY(move_path(unfinished(), data_));
    return restored;
  }

 private:
  [[nodiscard]] fs::path unfinished() const { return data_.parent_path() / (data_.filename().string() + ".restoring"); }

  [[nodiscard]] sql::Place place_of(const std::string& name) const {
    sql::Place place = target_.shared;
    place.patience_ms = sql::kForHoursMs;
    if (place.postgres_url.empty()) {
      place.sqlite_file = (unfinished() / (name + ".db")).string();
    }
    return place;
  }

  Status count_chunks(Restored& restored) {
    auto ledger = sql::Connection::open(place_of("ledger"));
    if (!ledger) {
      return ledger.error();
    }
    const auto chunks = number_of(*ledger, "SELECT chunks FROM state");
    const auto to_load = number_of(*ledger, "SELECT unloaded FROM state");
    if (!chunks || !to_load) {
      return chunks ? to_load.error() : chunks.error();
    }
    restored.chunks = static_cast<std::uint64_t>(*chunks);
    restored.to_load = static_cast<std::uint64_t>(*to_load);
    return {};
  }

  // The ledger is whole and says that everything is to be loaded. What ClickHouse's part has after all is taken off
  // that; if it has nothing, all is as it would be without it.
  Status restore_clickhouse_part(Restored& restored) {
    const fs::path folder = unfinished() / "clickhouse";
    if (!source_.clickhouse.empty()) {
      restored.clickhouse_trouble = source_.clickhouse.front().file + ": " + source_.clickhouse.front().text;
      return {};
    }
    auto ledger = sql::Connection::open(place_of("ledger"));
    if (!ledger) {
      return ledger.error();
    }
    Status stopped;
    LoadedParts loaded;
    const Status done = target_.with_clickhouse(folder, [&](timeseries::ClickHouseClient& client) -> Status {
      auto found =
          restore_clickhouse(*source_.manifest.clickhouse, source_.folder.parent_path(), client, *ledger,
                             source_.manifest.last_seq, [&](std::uint64_t bytes) { return stopped = watch_(bytes); });
      if (!found) {
        return found.error();
      }
      loaded = std::move(*found);
      return {};
    });
    BOATHOUSE_TRY(stopped);
    if (!done) {
      restored.clickhouse_trouble = done.error().text;
      return remove_path(folder);
    }
    BOATHOUSE_TRY(sync_disk(unfinished()));  // ClickHouse syncs what it is sent, not what it restores
    restored.clickhouse = true;
    return mark_loaded(*ledger, loaded);
  }

  Status restore_database(const DatabaseCopy& copy) {
    const sql::Schema* schema = nullptr;
    for (const Database& known : target_.schema) {
      schema = known.name == copy.name ? known.schema : schema;
    }
    if (schema == nullptr) {
      return Error{ErrorCode::unsupported, "the backup has a database `" + copy.name +
                                               "` that this program does not know; use a newer program"};
    }
    sql::Place from_place{.sqlite_file = (source_.folder / (copy.name + ".db")).string()};
    from_place.sqlite.create = false;
    auto from = sql::Connection::open(from_place);
    if (!from) {
      return from.error();
    }
    const sql::Place to_place = place_of(copy.name);
    auto to = sql::Connection::open(to_place);
    if (!to) {
      return to.error();
    }
    BOATHOUSE_TRY(prepare_target(*to, to_place, *schema, copy.schema_version));
    BOATHOUSE_TRY(copy_rows(copy, *from, *to));
    if (to_place.postgres_url.empty()) {
      BOATHOUSE_TRY(to->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
      BOATHOUSE_TRY(sync_path(to_place.sqlite_file));
    }
    return {};
  }

  Status copy_rows(const DatabaseCopy& copy, sql::Connection& from, sql::Connection& to) {
    const auto tables = tables_of(from);
    if (!tables) {
      return tables.error();
    }
    auto writing = Writing::begin(to);
    if (!writing) {
      return writing.error();
    }
    for (const Table& table : *tables) {
      if (table.name == kBodies && copy.name == "ledger") {
        BOATHOUSE_TRY(copy_bodies(from, to, table, *writing));
        continue;
      }
      const auto sum = copy_table(from, to, table, *writing, watch_);
      if (!sum) {
        return sum.error();
      }
      BOATHOUSE_TRY(compare(to, table, *sum, watch_));
    }
    if (copy.name == "ledger" && point_) {
      const auto rewound = rewind_ledger(to, *tables, point_->server_seq, earlier_, watch_);
      if (!rewound) {
        return rewound.error();
      }
      rewound_ = *rewound;
    }
    if (copy.name == "ledger") {
      BOATHOUSE_TRY(begin_new_epoch(*tables, to));
    }
    altered_.insert(altered_.end(), writing->altered().begin(), writing->altered().end());
    return writing->commit();
  }

  // Those that the ledger names; a segment may hold others, which were removed after it was written.
  Status copy_bodies(sql::Connection& from, sql::Connection& to, const Table& table, Writing& writing) {
    auto insert = to.prepare("INSERT INTO chunk_body (server_seq, body) VALUES (?1, ?2)");
    if (!insert) {
      return insert.error();
    }
    auto chunks = ChunkList::open(from);
    if (!chunks) {
      return chunks.error();
    }
    auto chunk = chunks->next();
    std::uint64_t bodies = 0;
    for (const Segment& segment : source_.manifest.segments) {
      auto reader = SegmentReader::open(bodies_folder(source_.folder) / segment.file);
      if (!reader) {
        return reader.error();
      }
      while (true) {
        const auto more = reader->next();
        if (!more) {
          return more.error();
        }
        // Those before it were left out.
        while (*more && chunk && *chunk && (*chunk)->server_seq < reader->server_seq()) {
          chunk = chunks->next();
        }
        if (!chunk) {
          return chunk.error();
        }
        if (!*more || !*chunk) {
          break;
        }
        if (reader->server_seq() != (*chunk)->server_seq) {
          continue;
        }
        BOATHOUSE_TRY(insert->bind(1, reader->server_seq()).bind(2, reader->body()).run());
        BOATHOUSE_TRY(writing.wrote(reader->body().size()));
        BOATHOUSE_TRY(watch_(reader->body().size()));
        ++bodies;
        chunk = chunks->next();
      }
    }
    const std::size_t left_out = source_.manifest.left_out.size();
    if (bodies + left_out != source_.manifest.chunks) {
      return Error{ErrorCode::corrupt, "the segments have " + std::to_string(bodies) + " bodies of " +
                                           std::to_string(source_.manifest.chunks) + " chunks, and " +
                                           std::to_string(left_out) + " were left out"};
    }
    const auto found = number_of(to, "SELECT count(*) FROM " + table.name);
    if (!found) {
      return found.error();
    }
    return static_cast<std::uint64_t>(*found) == bodies
               ? Status()
               : Status(Error{ErrorCode::corrupt, "not every body was written"});
  }

  // Another history begins here: receipts of the one before say nothing about it. Nothing is in ClickHouse, and nothing
  // that this server takes from now on is in a backup.
  Status begin_new_epoch(const std::vector<Table>& tables, sql::Connection& to) {
    std::array<std::uint8_t, 16> bytes{};
    random_.fill(bytes);
    epoch_ = base::to_hex(bytes);
    auto epoch = to.prepare("UPDATE state SET epoch = ?1");
    if (!epoch) {
      return epoch.error();
    }
    BOATHOUSE_TRY(epoch->bind(1, epoch_).run());
    // All bodies that the backup has are in the ledger again, in none of the segments that it had.
    const auto has = [&tables](std::string_view name) {
      return std::ranges::find(tables, name, &Table::name) != tables.end();
    };
    for (const std::string_view emptied : {"backup_mark", "chunk_place", "lost_body", "not_in_backup", "segment"}) {
      if (has(emptied)) {
        BOATHOUSE_TRY(to.execute("DELETE FROM " + std::string(emptied)));
      }
    }
    BOATHOUSE_TRY(mark_unloaded(to));
    return has("lost_body") ? mark_lost(to) : Status();
  }

  // What the backup was made without: devices are asked for it, and nothing waits for it.
  Status mark_lost(sql::Connection& to) {
    auto insert = to.prepare(
        "INSERT INTO lost_body (server_seq, found_ms, reason) "
        "SELECT server_seq, CAST(?1 AS BIGINT), CAST(?2 AS TEXT) FROM chunk "
        "WHERE NOT EXISTS (SELECT 1 FROM chunk_body WHERE chunk_body.server_seq = chunk.server_seq)");
    if (!insert) {
      return insert.error();
    }
    insert->bind(1, source_.manifest.made_ms).bind(2, "it was lost when the backup was made that this ledger is from");
    BOATHOUSE_TRY(insert->run());
    return to.execute(
        "DELETE FROM unloaded WHERE server_seq IN (SELECT server_seq FROM lost_body);"
        "UPDATE state SET unloaded = (SELECT count(*) FROM unloaded)");
  }

  const Verification& source_;
  const std::optional<PointInTime>& point_;
  const std::optional<Verification>& earlier_;
  Rewound rewound_;
  std::vector<std::string> altered_;
  const RestoreTarget& target_;
  const fs::path data_;
  base::RandomSource& random_;
  const Watch& watch_;
  std::string epoch_;
};

Result<DatabaseCopy> move_database(const Database& from, const Database& to, const Watch& watch,
                                   std::vector<std::string>& altered) {
  auto source = open_alone(from.place);
  if (!source) {
    return source.error();
  }
  const auto version = version_of(*source, *from.schema);
  if (!version) {
    return version.error();
  }
  if (*version == 0) {
    return Error{ErrorCode::not_found, "there is no " + std::string(from.schema->name) + " at " + from.place.text()};
  }
  sql::Place place = to.place;
  place.patience_ms = sql::kForHoursMs;
  auto target = sql::Connection::open(place);
  if (!target) {
    return target.error();
  }
  BOATHOUSE_TRY(prepare_target(*target, to.place, *to.schema, *version));
  const auto tables = tables_of(source->dialect() == sql::Dialect::sqlite ? *source : *target);
  if (!tables) {
    return tables.error();
  }
  DatabaseCopy moved{from.name, *version, {}};
  auto reading = sql::Snapshot::begin(*source);
  if (!reading) {
    return reading.error();
  }
  auto writing = Writing::begin(*target);
  if (!writing) {
    return writing.error();
  }
  for (const Table& table : *tables) {
    const auto sum = copy_table(*source, *target, table, *writing, watch);
    if (!sum) {
      return sum.error();
    }
    BOATHOUSE_TRY(compare(*target, table, *sum, watch));
    moved.tables[table.name] = *sum;
  }
  BOATHOUSE_TRY(writing->commit());
  altered.insert(altered.end(), writing->altered().begin(), writing->altered().end());
  return moved;
}

Status take_alone(sql::Connection& connection, const sql::Place& place) {
  const Error in_use{ErrorCode::conflict, place.text() + " is in use; stop the server first"};
  if (connection.dialect() == sql::Dialect::postgres) {
    const auto alone = connection.lead();
    if (!alone) {
      return alone.error();
    }
    return *alone ? Status() : Status(in_use);
  }
  auto select = connection.prepare("PRAGMA journal_mode = DELETE");
  if (!select) {
    return select.error();
  }
  const auto row = select->step();
  if (!row) {
    return row.error().code == ErrorCode::unavailable ? in_use : row.error();
  }
  return select->text(0) == "delete" ? Status() : Status(in_use);
}

}  // namespace

Result<sql::Connection> open_alone(sql::Place place) {
  place.sqlite.create = false;
  place.sqlite.busy_timeout_ms = 0;
  place.patience_ms = sql::kForHoursMs;
  auto connection = sql::Connection::open(place);
  if (connection) {
    BOATHOUSE_TRY(take_alone(*connection, place));
  }
  return connection;
}

Result<Restored> restore(const fs::path& backup, const RestoreTarget& target, base::Clock& clock,
                         base::RandomSource& random, const Watch& watch) {
  BOATHOUSE_TRY(check_folder(target.data));
  std::optional<PointInTime> point;
  std::optional<Verification> earlier;
  fs::path from;
  if (target.moment) {
    std::error_code error;
    const bool is_backup = fs::exists(backup / "manifest.json", error);
    auto found = find_point(is_backup ? fs::absolute(backup).parent_path() : backup, *target.moment);
    if (!found) {
      return found.error();
    }
    point = std::move(*found);
    from = point->later;
  } else {
    auto chosen = find_backup_to_restore(backup);
    if (!chosen) {
      return chosen.error();
    }
    from = std::move(*chosen);
  }
  auto source = verify(from, clock, watch);
  if (!source) {
    return source.error();
  }
  if (point && point->earlier && source->differences.empty()) {
    auto checked = verify(*point->earlier, clock, watch);
    if (!checked) {
      return checked.error();
    }
    // Of tables that were others then nothing can be taken over row by row.
    const bool same_tables =
        checked->manifest.databases.empty() ||
        checked->manifest.databases.front().schema_version == source->manifest.databases.front().schema_version;
    if (!checked->differences.empty()) {
      source = std::move(checked);
    } else if (same_tables) {
      earlier = std::move(*checked);
    }
  }
  if (!source->differences.empty()) {
    Restored nothing;
    nothing.verification = std::move(*source);
    return nothing;
  }
  return Restoration(*source, point, earlier, target, random, watch).run();
}

Result<Moved> migrate(const std::vector<Database>& from, const std::vector<Database>& to, const Watch& watch) {
  Moved moved;
  std::vector<fs::path> files;
  // The ledger last: one that is there has everything that belongs to it.
  for (std::size_t i = from.size(); i-- > 0;) {
    if (from[i].may_be_missing) {
      const auto absent = is_absent(from[i].place, *from[i].schema);
      if (!absent) {
        return absent.error();
      }
      if (*absent) {
        continue;
      }
    }
    if (!from[i].place.sqlite_file.empty()) {
      files.emplace_back(from[i].place.sqlite_file);
    }
    auto copy = move_database(from[i], to[i], watch, moved.altered);
    if (!copy) {
      return copy.error();
    }
    moved.databases.push_back(std::move(*copy));
  }
  for (const fs::path& old : files) {
    const fs::path aside = old.string() + ".moved";
    BOATHOUSE_TRY(move_path(old, aside));
    moved.put_aside.push_back(aside);
  }
  return moved;
}

}  // namespace boathouse::backup
