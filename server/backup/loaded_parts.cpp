// What of a ledger a ClickHouse has, and what it has beside that. A table of years is more than one question may read:
// it is asked for a page of athletes after the other, and a deletion is ordered and waited for.
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "server/backup/clickhouse.hpp"
#include "server/backup/tables.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/uuid_order.hpp"

namespace boathouse::backup {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;
using timeseries::ClickHouseClient;
using timeseries::NativeBlock;
using timeseries::Parameters;

// ClickHouse tells nobody when a mutation is done: it must be asked
constexpr std::chrono::milliseconds kMutationPoll{50};
constexpr std::size_t kIdsAtOnce = 200;  // they travel in the URL

// Of one recording and stream: how many records, and the sum of the server_seq of each one's chunk.
struct Count {
  std::uint64_t records = 0;
  std::uint64_t sum = 0;
  bool operator==(const Count&) const = default;
};
using Key = std::pair<base::Uuid, rowing::Stream>;

struct Size {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

// What the ledger has.
struct Kept {
  std::map<Key, Count> streams;
  std::map<base::Uuid, base::Uuid> athletes;    // of each recording
  std::map<base::Uuid, Size> sizes;             // of each athlete
  std::map<base::Uuid, std::int64_t> sessions;  // the last change of each recording's session
};

// Athletes that follow one another in ClickHouse's order. All pages together have every row that there is.
struct Page {
  std::optional<base::Uuid> after = {};
  std::optional<base::Uuid> up_to = {};
  std::uint64_t bytes = 0;  // that the ledger has of it
};

// An id, recording or session, and the athlete under whom its rows are found.
using Place = std::pair<base::Uuid, base::Uuid>;

// What ClickHouse has.
struct Found {
  struct Stream {
    Count count;
    std::vector<base::Uuid> athletes;  // one, if nothing is wrong
  };
  std::map<Key, Stream> streams;
  std::map<base::Uuid, std::int64_t> sessions;        // up to which change each recording is shown; -1: not rightly
  std::set<Place> unknown_sessions;                   // rows with a recording that the ledger does not know
  std::map<std::string, std::set<base::Uuid>> later;  // of each table, athletes with rows of after `last_seq`
};

Result<base::Uuid> uuid_of(base::ByteView bytes) {
  base::Uuid uuid;
  if (bytes.size() != uuid.bytes.size()) {
    return Error{ErrorCode::corrupt, "an id in the ledger is none"};
  }
  std::copy(bytes.begin(), bytes.end(), uuid.bytes.begin());
  return uuid;
}

// `take` gets each row of a table of the ledger's whose first column is a recording.
template <typename Take>
Status each_recording(sql::Connection& ledger, const Table& table, Take take) {
  auto snapshot = sql::Snapshot::begin(ledger);
  if (!snapshot) {
    return snapshot.error();
  }
  auto rows = RowReader::open(ledger, table);
  if (!rows) {
    return rows.error();
  }
  while (true) {
    const auto row = rows->next();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return {};
    }
    const auto rec_id = uuid_of(rows->row().blob(0));
    if (!rec_id) {
      return rec_id.error();
    }
    BOATHOUSE_TRY(take(*rec_id, rows->row()));
  }
}

Result<Kept> read_ledger(sql::Connection& ledger) {
  static const Table kRecordings{"recording", {{"rec_id", ColumnKind::blob}, {"athlete", ColumnKind::blob}}};
  static const Table kChunks{"chunk",
                             {{"rec_id", ColumnKind::blob},
                              {"stream", ColumnKind::integer},
                              {"from_seq", ColumnKind::integer},
                              {"to_seq", ColumnKind::integer},
                              {"server_seq", ColumnKind::integer},
                              {"size", ColumnKind::integer}}};
  static const Table kMarks{"session_mark", {{"rec_id", ColumnKind::blob}, {"seq", ColumnKind::integer}}};
  Kept kept;
  BOATHOUSE_TRY(each_recording(ledger, kRecordings, [&](const base::Uuid& rec_id, const sql::Statement& row) -> Status {
    const auto athlete = uuid_of(row.blob(1));
    if (!athlete) {
      return athlete.error();
    }
    kept.athletes[rec_id] = *athlete;
    return {};
  }));
  BOATHOUSE_TRY(each_recording(ledger, kChunks, [&](const base::Uuid& rec_id, const sql::Statement& row) -> Status {
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(row.integer(1)));
    if (!stream || !timeseries::has_table(*stream)) {
      return {};
    }
    const auto records = static_cast<std::uint64_t>(row.integer(3) - row.integer(2));
    Count& count = kept.streams[{rec_id, *stream}];
    count.records += records;
    count.sum += records * static_cast<std::uint64_t>(row.integer(4));
    Size& size = kept.sizes[kept.athletes[rec_id]];
    size.records += records;
    size.bytes += static_cast<std::uint64_t>(row.integer(5));
    return {};
  }));
  BOATHOUSE_TRY(each_recording(ledger, kMarks, [&](const base::Uuid& rec_id, const sql::Statement& row) -> Status {
    kept.sessions[rec_id] = row.integer(1);
    return {};
  }));
  return kept;
}

std::vector<Page> pages_of(const Kept& kept, std::uint64_t records_at_once) {
  std::vector<std::pair<base::Uuid, Size>> athletes(kept.sizes.begin(), kept.sizes.end());
  std::ranges::sort(athletes, timeseries::is_before, &std::pair<base::Uuid, Size>::first);
  std::vector<Page> pages;
  Page page;
  std::uint64_t records = 0;
  std::optional<base::Uuid> before;
  for (const auto& [athlete, size] : athletes) {
    if (records > 0 && records + size.records > records_at_once) {
      page.up_to = before;
      pages.push_back(page);
      page = {.after = before};
      records = 0;
    }
    records += size.records;
    page.bytes += size.bytes;
    before = athlete;
  }
  pages.push_back(page);  // to the end: behind the last are athletes that the ledger does not know
  return pages;
}

class Counting {
 public:
  Counting(ClickHouseClient& client, const Kept& kept, std::int64_t last_seq)
      : client_(client), kept_(kept), last_seq_(last_seq) {}

  Status look_at(const Page& page) {
    for (const rowing::Stream stream : rowing::kStreams) {
      if (timeseries::has_table(stream)) {
        BOATHOUSE_TRY(count(page, stream));
        BOATHOUSE_TRY(find_later(page, std::string(rowing::name(stream))));
      }
    }
    BOATHOUSE_TRY(read_sessions(page));
    return find_later(page, "session");
  }
  [[nodiscard]] Found& found() { return found_; }

 private:
  Result<NativeBlock> ask(std::string sql, const Page& page, std::string_view rest) {
    Parameters parameters{{"last", std::to_string(last_seq_)}};
    sql += " WHERE 1";
    if (page.after) {
      sql += " AND athlete > {after:UUID}";
      parameters.emplace_back("after", page.after->text());
    }
    if (page.up_to) {
      sql += " AND athlete <= {up_to:UUID}";
      parameters.emplace_back("up_to", page.up_to->text());
    }
    return client_.select(sql + std::string(rest), parameters);
  }

  Status count(const Page& page, rowing::Stream stream) {
    const auto block =
        ask("SELECT athlete, rec_id, countIf(ver <= {last:UInt64}) AS n, sumIf(ver, ver <= {last:UInt64}) AS v FROM " +
                std::string(rowing::name(stream)) + " FINAL",
            page, " GROUP BY athlete, rec_id");
    if (!block) {
      return block.error();
    }
    for (std::size_t row = 0; row < block->rows; ++row) {
      Found::Stream& into = found_.streams[{block->find("rec_id")->uuids[row], stream}];
      into.count.records += static_cast<std::uint64_t>(block->integer("n", row));
      into.count.sum += static_cast<std::uint64_t>(block->integer("v", row));
      into.athletes.push_back(block->find("athlete")->uuids[row]);
    }
    return {};
  }

  // Of chunks and changes that came after the ledger's part was taken; tombstones of sessions, too.
  Status find_later(const Page& page, const std::string& table) {
    const auto block = ask("SELECT DISTINCT athlete FROM " + table, page, " AND ver > {last:UInt64}");
    if (!block) {
      return block.error();
    }
    for (std::size_t row = 0; row < block->rows; ++row) {
      found_.later[table].insert(block->find("athlete")->uuids[row]);
    }
    return {};
  }

  Status read_sessions(const Page& page) {
    const auto block = ask("SELECT athlete, session, recordings, ver FROM session FINAL", page, "");
    if (!block) {
      return block.error();
    }
    for (std::size_t row = 0; row < block->rows; ++row) {
      const std::vector<base::Uuid>& recordings = block->find("recordings")->uuid_arrays[row];
      const bool known =
          std::ranges::all_of(recordings, [&](const base::Uuid& id) { return kept_.athletes.contains(id); });
      if (!known) {
        found_.unknown_sessions.insert({block->find("athlete")->uuids[row], block->find("session")->uuids[row]});
      }
      const std::int64_t ver = block->integer("ver", row);
      for (const base::Uuid& id : recordings) {
        // In two rows it is in none rightly; one that goes shows it to nobody.
        const bool first = !found_.sessions.contains(id);
        found_.sessions[id] = first && known && ver <= last_seq_ ? ver : -1;
      }
    }
    return {};
  }

  ClickHouseClient& client_;
  const Kept& kept_;
  const std::int64_t last_seq_;
  Found found_;
};

std::string list_of(const std::set<base::Uuid>& ids) {
  std::string list = "[";
  for (const base::Uuid& id : ids) {
    list += (list.size() == 1 ? "'" : ",'") + id.text() + "'";
  }
  return list + "]";
}

// It goes on in ClickHouse by itself, however long it takes.
Status delete_from(ClickHouseClient& client, const std::string& table, const std::string& condition,
                   const Parameters& parameters, const Watch& watch) {
  BOATHOUSE_TRY(client.execute("DELETE FROM " + table + " WHERE athlete IN {athletes:Array(UUID)} AND " + condition +
                                   " SETTINGS lightweight_deletes_sync = 0",
                               parameters));
  while (true) {
    BOATHOUSE_TRY(watch(0));
    const auto running = client.select(
        "SELECT latest_fail_reason FROM system.mutations WHERE database = currentDatabase() AND table = {table:String} "
        "AND NOT is_done ORDER BY create_time LIMIT 1",
        {{"table", table}});
    if (!running) {
      return running.error();
    }
    if (running->rows == 0) {
      return {};
    }
    const std::string& why = running->find("latest_fail_reason")->texts.at(0);
    if (!why.empty()) {
      return Error{ErrorCode::unavailable, "ClickHouse cannot change table " + table + ": " + why.substr(0, 300)};
    }
    std::this_thread::sleep_for(kMutationPoll);
  }
}

Status remove_places(ClickHouseClient& client, const std::string& table, const std::string& column,
                     const std::set<Place>& places, const Watch& watch) {
  for (auto place = places.begin(); place != places.end();) {
    std::set<base::Uuid> athletes;
    std::set<base::Uuid> ids;
    for (; place != places.end() && ids.size() < kIdsAtOnce; ++place) {
      athletes.insert(place->first);
      ids.insert(place->second);
    }
    BOATHOUSE_TRY(delete_from(client, table, column + " IN {ids:Array(UUID)}",
                              {{"athletes", list_of(athletes)}, {"ids", list_of(ids)}}, watch));
  }
  return {};
}

Status cut_later(ClickHouseClient& client, const std::string& table, const std::set<base::Uuid>& athletes,
                 std::int64_t last_seq, const Watch& watch) {
  for (auto athlete = athletes.begin(); athlete != athletes.end();) {
    std::set<base::Uuid> some;
    for (; athlete != athletes.end() && some.size() < kIdsAtOnce; ++athlete) {
      some.insert(*athlete);
    }
    BOATHOUSE_TRY(delete_from(client, table, "ver > {last:UInt64}",
                              {{"athletes", list_of(some)}, {"last", std::to_string(last_seq)}}, watch));
  }
  return {};
}

// What of a recording's stream is not as the ledger has it goes as a whole.
Status remove_all(ClickHouseClient& client, const Found& found, std::int64_t last_seq, const Watch& watch) {
  for (const auto& [table, athletes] : found.later) {
    BOATHOUSE_TRY(cut_later(client, table, athletes, last_seq, watch));
  }
  std::map<rowing::Stream, std::set<Place>> doubtful;
  for (const auto& [key, stream] : found.streams) {
    for (const base::Uuid& athlete : stream.athletes) {
      doubtful[key.second].insert({athlete, key.first});
    }
  }
  for (const auto& [stream, places] : doubtful) {
    BOATHOUSE_TRY(remove_places(client, std::string(rowing::name(stream)), "rec_id", places, watch));
  }
  return remove_places(client, "session", "session", found.unknown_sessions, watch);
}

}  // namespace

Result<LoadedParts> find_loaded(ClickHouseClient& client, sql::Connection& ledger, std::int64_t last_seq,
                                const Watch& watch, std::uint64_t records_at_once) {
  const auto kept = read_ledger(ledger);
  if (!kept) {
    return kept.error();
  }
  Counting counting(client, *kept, last_seq);
  for (const Page& page : pages_of(*kept, records_at_once)) {
    BOATHOUSE_TRY(counting.look_at(page));
    BOATHOUSE_TRY(watch(page.bytes));
  }
  Found& found = counting.found();
  LoadedParts loaded;
  std::set<base::Uuid> incomplete;
  for (const auto& [key, count] : kept->streams) {
    const auto there = found.streams.find(key);
    if (there != found.streams.end() && there->second.count == count) {
      loaded.streams.push_back({key.first, key.second});
      found.streams.erase(there);
    } else {
      incomplete.insert(key.first);
    }
  }
  for (const auto& [rec_id, seq] : kept->sessions) {
    const auto shown = found.sessions.find(rec_id);
    if (shown != found.sessions.end() && shown->second >= seq && !incomplete.contains(rec_id)) {
      loaded.sessions.push_back(rec_id);
    }
  }
  BOATHOUSE_TRY(remove_all(client, found, last_seq, watch));
  return loaded;
}

}  // namespace boathouse::backup
