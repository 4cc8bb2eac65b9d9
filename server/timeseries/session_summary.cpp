#include "server/timeseries/session_summary.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/rowing/session_figures.hpp"
#include "server/timeseries/session_columns.hpp"

namespace boathouse::timeseries {
namespace {

using rowing::Stream;

constexpr std::size_t kKeysAtOnce = 200;  // they travel in the URL

// As a SessionReckoner wants them.
constexpr std::array kReckoned{Stream::summary, Stream::split, Stream::sample, Stream::stroke, Stream::event};

// FINAL reads the recordings by the tables' sort key; the set is made once and the key's index is used for it.
constexpr std::string_view kOfRecordings =
    " FINAL WHERE (athlete, started, rec_id) IN (SELECT key.1, fromUnixTimestamp64Milli(key.2, 'UTC'), key.3 FROM "
    "(SELECT arrayJoin({keys:Array(Tuple(UUID, Int64, UUID))}) AS key)) ORDER BY rec_id, seq LIMIT {limit:UInt64}";
// With all of the key before seq given, a page is read from its place in the key and ends with the limit, not with the
// recording. The last possible seq and one more does not fit into a UInt32.
constexpr std::string_view kPageOfRecording =
    " FINAL WHERE athlete = {athlete:UUID} AND started = fromUnixTimestamp64Milli({started:Int64}, 'UTC')"
    " AND rec_id = {rec_id:UUID} AND seq >= {from:UInt64} ORDER BY seq LIMIT {limit:UInt64}";

struct Job {
  const ledger::SessionState* session = nullptr;
  bool thinned = false;  // retention took something that the figures were made of: they stay as they are
  std::int64_t version = 0;
  std::uint64_t records = 0;  // to read
  std::vector<Reckoned::Read> read;
  rowing::SessionReckoner reckoner;
  rowing::SessionFigures figures;
};

// Retention took something that the figures are made of.
bool is_thinned(const ledger::SessionState& session) {
  return std::ranges::any_of(session.recordings, [](const ledger::RecordingState& recording) {
    return std::ranges::any_of(kReckoned, [&](Stream stream) { return recording.removed.contains(stream); });
  });
}

using JobOf = std::map<base::Uuid, Job*>;  // by the recording that counts for a stream

std::string selected(Stream stream) {
  std::string sql = "SELECT rec_id, seq";
  for (const std::string_view column : rowing::figure_columns(stream)) sql += ", " + std::string(column);
  return sql + " FROM " + std::string(rowing::name(stream));
}

// Each record to its session's reckoner, in the order of the rows.
void observe(const NativeBlock& block, Stream stream, const JobOf& job_of) {
  rowing::Record record;
  record.stream = stream;
  record.values.assign(rowing::metrics(stream).size(), rowing::kNull);
  std::vector<std::pair<std::size_t, const std::vector<std::int64_t>*>> columns;
  for (const std::string_view column : rowing::figure_columns(stream)) {
    columns.emplace_back(rowing::column_index(stream, column), &block.find(column)->integers);
  }
  const auto& ids = block.find("rec_id")->uuids;
  for (std::size_t row = 0; row < block.rows; ++row) {
    for (const auto& [index, values] : columns) record.values[index] = (*values)[row];
    const auto job = job_of.find(ids[row]);
    if (job == job_of.end()) continue;
    job->second->reckoner.observe(record);
    ++job->second->read.back().records;
  }
}

// However many records it has, page by page.
base::Status read_recording(ClickHouseClient& client, const ledger::RecordingState& recording, Stream stream,
                            const JobOf& job_of) {
  const std::string sql = selected(stream) + std::string(kPageOfRecording);
  std::uint64_t from = 0;
  while (true) {
    const auto page = client.select(sql, {{"athlete", recording.athlete.text()},
                                          {"started", std::to_string(recording.birth.started_ms)},
                                          {"rec_id", recording.rec_id.text()},
                                          {"from", std::to_string(from)},
                                          {"limit", std::to_string(kRecordsAtOnce)}});
    if (!page) return page.error();
    if (page->rows == 0) return base::Done{};
    observe(*page, stream, job_of);
    if (page->rows < kRecordsAtOnce) return base::Done{};
    from = static_cast<std::uint64_t>(page->integer("seq", page->rows - 1)) + 1;
  }
}

// One stream of the jobs' sessions. False: there are more records than can be read together, and nothing can be said.
base::Result<bool> read_stream(ClickHouseClient& client, std::span<Job> jobs, Stream stream) {
  JobOf job_of;
  const ledger::RecordingState* last = nullptr;
  std::string keys;
  for (Job& job : jobs) {
    const ledger::RecordingState* const primary = primary_recording(*job.session, stream);
    if (primary == nullptr || job.thinned) continue;
    last = primary;
    job_of[primary->rec_id] = &job;
    job.read.push_back({stream, primary->rec_id, 0});
    keys += (keys.empty() ? "[('" : ",('") + primary->athlete.text() + "'," +
            std::to_string(primary->birth.started_ms) + ",'" + primary->rec_id.text() + "')";
  }
  if (job_of.empty()) return true;
  if (job_of.size() == 1) {
    BOATHOUSE_TRY(read_recording(client, *last, stream, job_of));
    return true;
  }
  const auto block = client.select(selected(stream) + std::string(kOfRecordings),
                                   {{"keys", keys + "]"}, {"limit", std::to_string(kRecordsAtOnce)}});
  if (!block) return block.error();
  if (block->rows >= kRecordsAtOnce) return false;
  if (block->rows > 0) observe(*block, stream, job_of);
  return true;
}

// Together if they are few enough. The ledger says how many records are loaded, but while a recording is loaded again
// ClickHouse has more of it than that.
base::Status reckon(ClickHouseClient& client, std::span<Job> jobs) {
  for (const Stream stream : kReckoned) {
    const auto whole = read_stream(client, jobs, stream);
    if (!whole) return whole.error();
    if (*whole) continue;
    for (Job& job : jobs) {
      job.reckoner = {};
      job.read.clear();
      BOATHOUSE_TRY(reckon(client, {&job, 1}));
    }
    return base::Done{};
  }
  for (Job& job : jobs) {
    job.figures = job.reckoner.finish();
    job.reckoner = {};
  }
  return base::Done{};
}

// Those that the ledger kept, or else those that the row has, if there is one.
base::Status keep_figures(ClickHouseClient& client, Job& job) {
  if (!job.session->kept_figures.empty()) {
    auto figures = unpack_figures(job.session->kept_figures);
    if (!figures) return figures.error();
    job.figures = std::move(*figures);
    return base::Done{};
  }
  const SessionKey key = session_key(*job.session);
  const auto block =
      client.select("SELECT * FROM session FINAL WHERE athlete = {athlete:UUID} AND session = {session:UUID} LIMIT 1",
                    {{"athlete", key.athlete.text()}, {"session", key.session.text()}});
  if (!block) return block.error();
  if (block->rows > 0) job.figures = figures_of(*block, 0);
  return base::Done{};
}

// The keys of rows that could be out of date: of sessions with something beside them. A session that was always alone
// has one key for ever.
base::Result<std::vector<SessionKey>> stored_keys(ClickHouseClient& client,
                                                  std::span<const ledger::SessionsAround> all) {
  std::vector<std::string> asked;
  for (const ledger::SessionsAround& around : all) {
    const bool alone = around.ids.size() == 1 && around.sessions.size() == 1 && !around.sessions[0].deleted;
    if (alone) continue;
    for (const base::Uuid& id : around.ids) asked.push_back("('" + around.athlete.text() + "','" + id.text() + "')");
  }
  std::vector<SessionKey> keys;
  for (std::size_t from = 0; from < asked.size(); from += kKeysAtOnce) {
    std::string list;
    for (std::size_t i = from; i < std::min(from + kKeysAtOnce, asked.size()); ++i) {
      list += (list.empty() ? "[" : ",") + asked[i];
    }
    const auto block = client.select(
        "SELECT athlete, started, session FROM session FINAL WHERE (athlete, session) IN "
        "(SELECT key.1, key.2 FROM (SELECT arrayJoin({keys:Array(Tuple(UUID, UUID))}) AS key))",
        {{"keys", list + "]"}});
    if (!block) return block.error();
    for (std::size_t row = 0; row < block->rows; ++row) {
      keys.push_back(
          {block->find("athlete")->uuids[row], block->integer("started", row), block->find("session")->uuids[row]});
    }
  }
  return keys;
}

base::Status insert_rows(ClickHouseClient& client, const NativeBlock& block) {
  if (block.rows == 0) return base::Done{};
  std::string sql = "INSERT INTO session (";
  for (const NativeColumn& column : block.columns) sql += (sql.ends_with('(') ? "" : ", ") + column.name;
  base::ByteWriter body;
  write_native(body, block);
  const base::Bytes bytes = body.take();
  // The content is in the token: the same state written twice is one row, a changed one is never dropped.
  return client.insert(sql + ")", bytes, base::to_hex(base::sha256(bytes)));
}

}  // namespace

std::uint64_t records_to_read(const ledger::SessionState& session) {
  std::uint64_t records = 0;
  for (const Stream stream : kReckoned) {
    const ledger::RecordingState* const primary = primary_recording(session, stream);
    if (primary == nullptr) continue;
    const auto state = std::ranges::find(primary->streams, stream, &ledger::StreamState::stream);
    if (state != primary->streams.end()) records += state->loaded_records;
  }
  return records;
}

base::Status check_kept_figures(const ledger::SessionsAround& around) {
  for (const ledger::SessionState& session : around.sessions) {
    if (session.kept_figures.empty()) continue;
    const auto figures = unpack_figures(session.kept_figures);
    if (!figures) return figures.error().within("the kept figures of session " + session_key(session).session.text());
  }
  return base::Done{};
}

base::Result<Reckoned> reckon_session(ClickHouseClient& client, const ledger::SessionState& session) {
  Job job;
  job.session = &session;
  BOATHOUSE_TRY(reckon(client, {&job, 1}));
  return Reckoned{std::move(job.figures), std::move(job.read)};
}

base::Status write_sessions(ClickHouseClient& client, std::span<const ledger::SessionsAround> all) {
  std::vector<Job> jobs;
  std::map<base::Uuid, std::int64_t> version_of;  // by session
  for (const ledger::SessionsAround& around : all) {
    for (const base::Uuid& id : around.ids) version_of[id] = around.server_seq;
    for (const ledger::SessionState& session : around.sessions) {
      if (session.deleted) continue;
      const bool thinned = is_thinned(session);
      jobs.push_back({&session, thinned, around.server_seq, thinned ? 0 : records_to_read(session), {}, {}, {}});
    }
  }
  const auto stored = stored_keys(client, all);
  if (!stored) return stored.error();

  for (std::size_t from = 0; from < jobs.size();) {
    std::size_t to = from;
    std::uint64_t records = 0;
    do {
      records += jobs[to++].records;
    } while (to < jobs.size() && to - from < kKeysAtOnce && records + jobs[to].records <= kRecordsAtOnce);
    BOATHOUSE_TRY(reckon(client, std::span(jobs).subspan(from, to - from)));
    from = to;
  }

  NativeBlock block;
  std::set<SessionKey> written;
  for (Job& job : jobs) {
    if (job.thinned) BOATHOUSE_TRY(keep_figures(client, job));
    add_session_row(block, *job.session, job.figures, job.version);
    written.insert(session_key(*job.session));
  }
  for (const SessionKey& key : *stored) {
    if (!written.contains(key)) add_tombstone(block, key, version_of[key.session]);
  }
  return insert_rows(client, block);
}

}  // namespace boathouse::timeseries
