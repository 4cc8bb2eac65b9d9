// What waits to be loaded into ClickHouse, in a ledger that nobody serves from.
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "core/rowing/stream.hpp"
#include "server/backup/clickhouse.hpp"
#include "server/backup/restore.hpp"
#include "server/timeseries/part_check.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::backup {

using base::Result;
using base::Status;
using timeseries::ClickHouseClient;

namespace {

std::vector<std::string> table_names() {
  std::vector<std::string> names;
  for (const rowing::Stream stream : rowing::kStreams) {
    if (timeseries::has_table(stream)) {
      names.emplace_back(rowing::name(stream));
    }
  }
  names.emplace_back("session");
  return names;
}

Status apply(sql::Connection& ledger, const LoadedParts& loaded) {
  auto streams = ledger.prepare(
      "DELETE FROM unloaded WHERE server_seq IN (SELECT server_seq FROM chunk WHERE rec_id = ?1 AND stream = ?2)");
  auto sessions = ledger.prepare("UPDATE session_mark SET dirty_since = NULL WHERE rec_id = ?1");
  if (!streams || !sessions) {
    return streams ? sessions.error() : streams.error();
  }
  for (const auto& [rec_id, stream] : loaded.streams) {
    BOATHOUSE_TRY(streams->bind(1, base::ByteView(rec_id.bytes)).bind(2, static_cast<std::int64_t>(stream)).run());
  }
  for (const base::Uuid& rec_id : loaded.sessions) {
    BOATHOUSE_TRY(sessions->bind(1, base::ByteView(rec_id.bytes)).run());
  }
  return ledger.execute("UPDATE state SET unloaded = (SELECT count(*) FROM unloaded)");
}

// Whether replicas have the tables: they bring back a damaged part by themselves, and a table of one server must not
// take their place.
Result<bool> is_replicated(ClickHouseClient& client) {
  const auto engines = client.select(
      "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name IN "
      "('session', 'sample') ORDER BY name");
  if (!engines) {
    return engines.error();
  }
  bool replicated = false;
  for (std::size_t row = 0; row < engines->rows; ++row) {
    const std::string& engine = engines->find("engine")->texts[row];
    if (engine == "Distributed") {
      return base::Error{base::ErrorCode::conflict,
                         "this ClickHouse has several shards, where a reload removes nothing: TRUNCATE the tables "
                         "sample_shard and so on ON CLUSTER (SETTINGS max_table_size_to_drop = 0), then the server's "
                         "reconciler loads everything"};
    }
    replicated = replicated || engine.starts_with("Replicated");
  }
  return replicated;
}

// Reads every part of every table, one at a time, for a table of years takes longer than a call may; a table with a
// damaged one goes.
Status drop_damaged(ClickHouseClient& client, Reloading& reloading, const Watch& watch) {
  Status going_on;
  const auto parts = timeseries::read_parts(client, [&] {
    going_on = watch(0);
    return going_on.ok();
  });
  BOATHOUSE_TRY(going_on);
  if (!parts) {
    return parts.error();
  }
  std::set<std::string> tables;
  for (const timeseries::DamagedPart& damaged : parts->damaged) {
    tables.insert(damaged.table);
  }
  for (const std::string& table : tables) {
    reloading.made_anew.push_back(table);
    // ClickHouse's guard against a slip of the hand: from 50 GB on it drops nothing. All of it comes back from the
    // ledger.
    BOATHOUSE_TRY(client.execute("DROP TABLE " + table + " SYNC SETTINGS max_table_size_to_drop = 0"));
  }
  return timeseries::migrate(client);
}

// ClickHouse drops a block that comes again under its token; what it no longer has must be taken again.
Status forget_tokens(ClickHouseClient& client) {
  for (const std::string& table : table_names()) {
    const auto engine = client.select(
        "SELECT extract(engine_full, 'non_replicated_deduplication_window = ([0-9]+)') AS n FROM system.tables WHERE "
        "database = currentDatabase() AND name = {name:String}",
        {{"name", table}});
    if (!engine) {
      return engine.error();
    }
    const std::string window = engine->rows == 1 ? engine->find("n")->texts[0] : "";
    if (window.empty()) {
      continue;
    }
    const std::string change = "ALTER TABLE " + table + " MODIFY SETTING non_replicated_deduplication_window = ";
    BOATHOUSE_TRY(client.execute(change + "0"));
    BOATHOUSE_TRY(client.execute(change + window));
  }
  return {};
}

// Replicas cannot be told to forget: what waits gets a round that no block had, and so tokens that they never saw.
Status name_anew(sql::Connection& ledger) {
  return ledger.execute(
      "UPDATE state SET last_seq = last_seq + 1 WHERE unloaded > 0;"
      "UPDATE unloaded SET round = (SELECT last_seq FROM state)");
}

}  // namespace

Status mark_unloaded(sql::Connection& ledger) {
  const std::string source = std::to_string(static_cast<int>(rowing::Stream::source));
  return ledger.execute(
      "DELETE FROM unloaded; DELETE FROM load_block;"
      "INSERT INTO unloaded (server_seq, rec_id, stream, from_seq, records, size) "
      "SELECT server_seq, rec_id, stream, from_seq, to_seq - from_seq, size FROM chunk WHERE stream <> " +
      source +
      "; UPDATE state SET unloaded = (SELECT count(*) FROM unloaded);"
      "UPDATE session_mark SET dirty_since = seq");
}

Status mark_loaded(sql::Connection& ledger, const LoadedParts& loaded) {
  auto writing = Writing::begin(ledger);
  if (!writing) {
    return writing.error();
  }
  BOATHOUSE_TRY(apply(ledger, loaded));
  return writing->commit();
}

Result<Reloading> reload(ClickHouseClient& client, const sql::Place& ledger, const Watch& watch,
                         const std::function<Status()>& begin) {
  Reloading reloading;
  {
    const auto alone = open_alone(ledger);
    if (!alone) {
      return alone.error();
    }
    const auto replicated = is_replicated(client);
    if (!replicated) {
      return replicated.error();
    }
    if (!*replicated) {
      BOATHOUSE_TRY(drop_damaged(client, reloading, watch));
    }
  }
  BOATHOUSE_TRY(begin());
  auto connection = open_alone(ledger);
  if (!connection) {
    return connection.error();
  }
  const auto last_seq = number_of(*connection, "SELECT last_seq FROM state");
  if (!last_seq) {
    return last_seq.error();
  }
  const auto loaded = find_loaded(client, *connection, *last_seq, watch);
  if (!loaded) {
    return loaded.error();
  }
  BOATHOUSE_TRY(forget_tokens(client));
  auto writing = Writing::begin(*connection);
  if (!writing) {
    return writing.error();
  }
  BOATHOUSE_TRY(mark_unloaded(*connection));
  BOATHOUSE_TRY(apply(*connection, *loaded));
  BOATHOUSE_TRY(name_anew(*connection));
  BOATHOUSE_TRY(writing->commit());
  const auto chunks = number_of(*connection, "SELECT chunks FROM state");
  const auto to_load = number_of(*connection, "SELECT unloaded FROM state");
  if (!chunks || !to_load) {
    return chunks ? to_load.error() : chunks.error();
  }
  reloading.chunks = static_cast<std::uint64_t>(*chunks);
  reloading.to_load = static_cast<std::uint64_t>(*to_load);
  return reloading;
}

}  // namespace boathouse::backup
