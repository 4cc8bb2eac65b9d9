#include "server/backup/point_in_time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hex.hpp"
#include "core/base/utc_time.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

Result<sql::Connection> open_ledger(const fs::path& backup) {
  sql::Place place{.sqlite_file = (backup / "ledger.db").string()};
  place.sqlite.create = false;
  return sql::Connection::open(place);
}

// The last server_seq that was given up to that time: of submissions the audit says it (seq=FROM-TO), of removals their
// tombstones.
Result<std::int64_t> seq_at(sql::Connection& ledger, std::int64_t utc_ms) {
  std::int64_t last = 0;
  {
    auto select = ledger.prepare(
        "SELECT what FROM audit WHERE kind = 'submission' AND at_ms <= ?1 AND what LIKE '% seq=%' ORDER BY n DESC "
        "LIMIT 1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, utc_ms).step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      const std::string_view what = select->text(0);
      const std::string_view end = what.substr(what.rfind('-') + 1);
      std::from_chars(end.data(), end.data() + end.size(), last);
    }
  }
  auto select = ledger.prepare("SELECT max(server_seq) FROM gone WHERE removed_ms <= ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, utc_ms).step();
  if (!row) {
    return row.error();
  }
  return std::max(last, select->integer(0));
}

Error too_far(const std::vector<Listed>& backups) {
  const auto newest = std::ranges::find_if(backups, [](const Listed& listed) { return listed.manifest.has_value(); });
  if (newest == backups.end()) {
    return {ErrorCode::not_found, "there is no backup that can be read"};
  }
  return {ErrorCode::not_found, "no backup reaches so far: the newest was made at " +
                                    base::format_utc_ms(newest->manifest->made_ms) + " and has everything up to " +
                                    "server_seq " + std::to_string(newest->manifest->last_seq) +
                                    ". Restore it without --at and --seq; devices bring what came later"};
}

Status run(sql::Connection& ledger, std::string_view sql, std::int64_t number) {
  auto statement = ledger.prepare(sql);
  return statement ? statement->bind(1, number).run() : Status(statement.error());
}

Status run(sql::Connection& ledger, std::string_view sql, base::ByteView rec_id, std::int64_t number) {
  auto statement = ledger.prepare(sql);
  return statement ? statement->bind(1, rec_id).bind(2, number).run() : Status(statement.error());
}

Result<std::vector<base::Bytes>> removed_after(sql::Connection& ledger, std::int64_t server_seq) {
  auto select = ledger.prepare("SELECT DISTINCT rec_id FROM gone WHERE server_seq > ?1");
  if (!select) {
    return select.error();
  }
  select->bind(1, server_seq);
  std::vector<base::Bytes> recordings;
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return recordings;
    }
    const base::ByteView rec_id = select->blob(0);
    recordings.emplace_back(rec_id.begin(), rec_id.end());
  }
}

// Recordings, with all that hangs on them, from one backup's ledger into another.
class Return {
 public:
  Return(const Verification& from, sql::Connection& source, sql::Connection& ledger, std::span<const Table> tables,
         std::int64_t server_seq)
      : from_(from), source_(source), ledger_(ledger), tables_(tables), server_seq_(server_seq) {}

  // False: the earlier backup has nothing of it.
  Result<bool> bring(base::ByteView rec_id) {
    const std::string of_it = "x'" + base::to_hex(rec_id) + "'";
    const auto has = number_of(source_, "SELECT count(*) FROM recording WHERE rec_id = " + of_it);
    if (!has) {
      return has.error();
    }
    if (*has == 0) {
      return false;
    }
    BOATHOUSE_TRY(clear(rec_id));
    const auto tables = tables_of(source_);
    if (!tables) {
      return tables.error();
    }
    for (const char* name : {"recording", "chunk", "seal", "gone", "feed"}) {
      const auto table = std::ranges::find(*tables, name, &Table::name);
      if (table == tables->end()) {
        return Error{ErrorCode::corrupt, "the earlier backup has no table " + std::string(name)};
      }
      BOATHOUSE_TRY(copy_rows(*table, of_it));
    }
    BOATHOUSE_TRY(note_bodies(of_it));
    // What it came to before retention thinned it. Both backups can be of a program before version 8.
    const auto figures = std::ranges::find(*tables, "kept_figures", &Table::name);
    if (figures != tables->end() && std::ranges::find(tables_, "kept_figures", &Table::name) != tables_.end()) {
      BOATHOUSE_TRY(copy_rows(*figures, of_it));
    }
    BOATHOUSE_TRY(
        run(ledger_, "INSERT INTO session_mark (rec_id, seq, dirty_since) VALUES (?1, ?2, ?2)", rec_id, server_seq_));
    return true;
  }

  // Of all that were brought.
  Status write_bodies(const Watch& watch) {
    auto insert = ledger_.prepare("INSERT INTO chunk_body (server_seq, body) VALUES (?1, ?2)");
    if (!insert) {
      return insert.error();
    }
    for (const std::int64_t server_seq : from_.manifest.left_out) {
      bodies_.erase(server_seq);
    }
    for (const Segment& segment : from_.manifest.segments) {
      const auto first = bodies_.lower_bound(segment.from);
      if (first == bodies_.end() || *first > segment.to) {
        continue;
      }
      auto reader = SegmentReader::open(bodies_folder(from_.folder) / segment.file);
      if (!reader) {
        return reader.error();
      }
      while (true) {
        const auto more = reader->next();
        if (!more) {
          return more.error();
        }
        if (!*more) {
          break;
        }
        if (bodies_.erase(reader->server_seq()) == 0) {
          continue;
        }
        BOATHOUSE_TRY(insert->bind(1, reader->server_seq()).bind(2, reader->body()).run());
        BOATHOUSE_TRY(watch(reader->body().size()));
      }
    }
    return bodies_.empty() ? Status()
                           : Status(Error{ErrorCode::corrupt, "the earlier backup lacks the body of server_seq " +
                                                                  std::to_string(*bodies_.begin())});
  }

  // Ranges that were removed before the moment, yet after the earlier backup.
  Status remove_again() {
    const std::string since = std::to_string(from_.manifest.last_seq);
    const std::string covered =
        "FROM chunk WHERE EXISTS (SELECT 1 FROM gone WHERE gone.rec_id = chunk.rec_id AND gone.stream = chunk.stream "
        "AND gone.from_seq <= chunk.from_seq AND gone.to_seq >= chunk.to_seq AND gone.server_seq > " +
        since + " AND gone.server_seq > chunk.server_seq)";
    BOATHOUSE_TRY(ledger_.execute("DELETE FROM chunk_body WHERE server_seq IN (SELECT server_seq " + covered +
                                  "); DELETE FROM feed WHERE kind = 2 AND server_seq IN (SELECT server_seq " + covered +
                                  ")"));
    return ledger_.execute("DELETE " + covered);
  }

 private:
  // What the later backup still has of what the earlier one has.
  Status clear(base::ByteView rec_id) {
    constexpr std::array<std::string_view, 7> kRemovals{
        "DELETE FROM chunk_body WHERE server_seq IN (SELECT server_seq FROM chunk WHERE rec_id = ?1 AND server_seq <= "
        "?2)",
        "DELETE FROM chunk WHERE rec_id = ?1 AND server_seq <= ?2",
        "DELETE FROM seal WHERE rec_id = ?1 AND server_seq <= ?2",
        "DELETE FROM gone WHERE rec_id = ?1 AND server_seq <= ?2",
        "DELETE FROM feed WHERE rec_id = ?1 AND kind <> 4 AND server_seq <= ?2",
        "DELETE FROM session_mark WHERE rec_id = ?1 AND ?2 IS NOT NULL",
        "DELETE FROM recording WHERE rec_id = ?1 AND server_seq <= ?2 AND NOT EXISTS (SELECT 1 FROM chunk WHERE "
        "chunk.rec_id = recording.rec_id) AND NOT EXISTS (SELECT 1 FROM seal WHERE seal.rec_id = recording.rec_id)"};
    for (const std::string_view removal : kRemovals) {
      BOATHOUSE_TRY(run(ledger_, removal, rec_id, from_.manifest.last_seq));
    }
    return {};
  }

  Status copy_rows(const Table& table, const std::string& of_it) {
    // Edits are never removed, so their rows of the feed (kind 4) are there.
    std::string which = "WHERE rec_id = " + of_it + (table.name == "feed" ? " AND kind <> 4" : "");
    if (table.name == "recording" || table.name == "kept_figures") {
      const auto there = has_row(table.name, of_it);
      if (!there) {
        return there.error();
      }
      if (*there) {
        return {};
      }
    }
    auto reader = RowReader::open(source_, table, which);
    if (!reader) {
      return reader.error();
    }
    auto writer = RowWriter::open(ledger_, table);
    if (!writer) {
      return writer.error();
    }
    while (true) {
      const auto row = reader->next();
      if (!row) {
        return row.error();
      }
      if (!*row) {
        return {};
      }
      BOATHOUSE_TRY(writer->put(reader->row()));
    }
  }

  Result<bool> has_row(const std::string& table, const std::string& of_it) {
    auto select = ledger_.prepare("SELECT 1 FROM " + table + " WHERE rec_id = ?1");
    if (!select) {
      return select.error();
    }
    const auto bytes = base::from_hex(std::string_view(of_it).substr(2, of_it.size() - 3));
    return select->bind(1, base::ByteView(*bytes)).step();
  }

  Status note_bodies(const std::string& of_it) {
    auto select = source_.prepare("SELECT server_seq FROM chunk WHERE rec_id = " + of_it);
    if (!select) {
      return select.error();
    }
    while (true) {
      const auto row = select->step();
      if (!row) {
        return row.error();
      }
      if (!*row) {
        return {};
      }
      bodies_.insert(select->integer(0));
    }
  }

  const Verification& from_;
  sql::Connection& source_;
  sql::Connection& ledger_;
  const std::span<const Table> tables_;  // of the ledger
  const std::int64_t server_seq_;
  std::set<std::int64_t> bodies_;
};

// Everything that was committed after it. The audit stays whole: it says what was done, this too. What ClickHouse has
// yet to delete of later removals is there again; of a plan of retention that is under way nobody knows when it was
// applied: it must be applied again.
Status cut(sql::Connection& ledger, std::span<const Table> tables, std::int64_t server_seq) {
  constexpr std::array<std::string_view, 9> kCuts{
      "DELETE FROM unloaded WHERE server_seq > ?1",     "DELETE FROM chunk_body WHERE server_seq > ?1",
      "DELETE FROM chunk WHERE server_seq > ?1",        "DELETE FROM seal WHERE server_seq > ?1",
      "DELETE FROM edit WHERE server_seq > ?1",         "DELETE FROM gone WHERE server_seq > ?1",
      "DELETE FROM feed WHERE server_seq > ?1",         "DELETE FROM recording WHERE server_seq > ?1",
      "UPDATE session_mark SET seq = ?1 WHERE seq > ?1"};
  for (const std::string_view sql : kCuts) {
    BOATHOUSE_TRY(run(ledger, sql, server_seq));
  }
  if (std::ranges::find(tables, "erasing", &Table::name) == tables.end()) {
    return {};  // of a program before version 8
  }
  BOATHOUSE_TRY(run(ledger, "DELETE FROM erasing WHERE server_seq > ?1", server_seq));
  return ledger.execute("DELETE FROM retiring");
}

// What was purged after it and is not dropped yet: as if it were, so that it comes back from the earlier backup alone.
Status drop_purged(sql::Connection& ledger, std::span<const Table> tables, std::int64_t server_seq) {
  if (std::ranges::find(tables, "dropping", &Table::name) == tables.end()) {
    return {};  // of a program before version 15
  }
  constexpr std::array<std::string_view, 8> kDrops{
      "DELETE FROM feed WHERE kind <> 4 AND EXISTS (SELECT 1 FROM dropping WHERE dropping.rec_id = feed.rec_id AND "
      "feed.server_seq < dropping.server_seq AND dropping.server_seq > ?1)",
      "DELETE FROM seal WHERE rec_id IN (SELECT rec_id FROM dropping WHERE server_seq > ?1)",
      "DELETE FROM gone WHERE stream IS NOT NULL AND rec_id IN (SELECT rec_id FROM dropping WHERE server_seq > ?1)",
      "DELETE FROM quarantine WHERE EXISTS (SELECT 1 FROM dropping WHERE dropping.rec_id = quarantine.rec_id AND "
      "dropping.athlete = quarantine.athlete AND dropping.server_seq > ?1)",
      "DELETE FROM unloaded WHERE rec_id IN (SELECT rec_id FROM dropping WHERE server_seq > ?1)",
      "DELETE FROM chunk_body WHERE server_seq IN (SELECT server_seq FROM chunk WHERE rec_id IN "
      "(SELECT rec_id FROM dropping WHERE server_seq > ?1))",
      "DELETE FROM chunk WHERE rec_id IN (SELECT rec_id FROM dropping WHERE server_seq > ?1)",
      "DELETE FROM dropping WHERE server_seq > ?1"};
  for (const std::string_view sql : kDrops) {
    BOATHOUSE_TRY(run(ledger, sql, server_seq));
  }
  return {};
}

Status count_again(sql::Connection& ledger, std::span<const Table> tables) {
  if (std::ranges::find(tables, "kept_figures", &Table::name) != tables.end()) {
    BOATHOUSE_TRY(
        ledger.execute("DELETE FROM kept_figures WHERE NOT EXISTS (SELECT 1 FROM recording WHERE recording.rec_id = "
                       "kept_figures.rec_id)"));
  }
  const auto chunk = std::ranges::find(tables, "chunk", &Table::name);
  if (std::ranges::find(chunk->columns, "gap_before", &Column::name) != chunk->columns.end()) {
    const std::string gap =
        "CASE WHEN from_seq > 0 AND coalesce((SELECT earlier.to_seq FROM chunk AS earlier WHERE earlier.rec_id = "
        "chunk.rec_id AND earlier.stream = chunk.stream AND earlier.from_seq < chunk.from_seq ORDER BY "
        "earlier.from_seq DESC LIMIT 1), 0) <> from_seq THEN 1 ELSE 0 END";
    BOATHOUSE_TRY(ledger.execute("UPDATE chunk SET gap_before = " + gap + " WHERE gap_before <> " + gap));
  }
  return ledger.execute(
      "DELETE FROM session_mark WHERE NOT EXISTS (SELECT 1 FROM recording WHERE recording.rec_id = "
      "session_mark.rec_id) AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.rec_id = session_mark.rec_id);"
      "DELETE FROM completed WHERE NOT EXISTS (SELECT 1 FROM seal WHERE seal.rec_id = completed.rec_id AND "
      "seal.revision = completed.revision);"
      "UPDATE state SET recordings = (SELECT count(*) FROM recording), chunks = (SELECT count(*) FROM chunk), "
      "quarantined = (SELECT count(*) FROM quarantine)");
}

}  // namespace

Result<PointInTime> find_point(const fs::path& folder, const Moment& moment) {
  const auto backups = list(folder);
  if (!backups) {
    return backups.error();
  }
  // From the newest back to the first that has the moment, of one history.
  const Listed* later = nullptr;
  for (const Listed& listed : *backups) {
    if (!listed.manifest || (later != nullptr && listed.manifest->epoch != later->manifest->epoch)) {
      continue;
    }
    const bool has = moment.server_seq ? listed.manifest->last_seq >= *moment.server_seq
                                       : listed.manifest->made_ms >= moment.utc_ms.value_or(0);
    later = has ? &listed : later;
  }
  if (later == nullptr) {
    return too_far(*backups);
  }
  PointInTime point{moment.server_seq.value_or(0), later->folder};
  if (!moment.server_seq) {
    auto ledger = open_ledger(later->folder);
    if (!ledger) {
      return ledger.error();
    }
    const auto seq = seq_at(*ledger, moment.utc_ms.value_or(0));
    if (!seq) {
      return seq.error();
    }
    point.server_seq = *seq;
  }
  for (const Listed& listed : *backups) {
    if (listed.manifest && listed.manifest->epoch == later->manifest->epoch &&
        listed.manifest->last_seq <= point.server_seq) {
      point.earlier = listed.folder;
      break;
    }
  }
  return point;
}

Result<Rewound> rewind_ledger(sql::Connection& ledger, std::span<const Table> tables, std::int64_t server_seq,
                              const std::optional<Verification>& earlier, const Watch& watch) {
  const auto removed = removed_after(ledger, server_seq);
  if (!removed) {
    return removed.error();
  }
  BOATHOUSE_TRY(cut(ledger, tables, server_seq));
  BOATHOUSE_TRY(drop_purged(ledger, tables, server_seq));
  Rewound rewound;
  if (earlier && !removed->empty()) {
    auto source = open_ledger(earlier->folder);
    if (!source) {
      return source.error();
    }
    Return returning(*earlier, *source, ledger, tables, server_seq);
    for (const base::Bytes& rec_id : *removed) {
      const auto brought = returning.bring(rec_id);
      if (!brought) {
        return brought.error();
      }
      ++(*brought ? rewound.brought_back : rewound.not_found);
    }
    BOATHOUSE_TRY(returning.write_bodies(watch));
    BOATHOUSE_TRY(returning.remove_again());
  } else {
    rewound.not_found = removed->size();
  }
  BOATHOUSE_TRY(count_again(ledger, tables));
  return rewound;
}

}  // namespace boathouse::backup
