#include "server/query/sessions.hpp"

#include <algorithm>
#include <functional>

#include "core/rowing/catalogue.hpp"
#include "server/timeseries/reply.hpp"
#include "server/timeseries/session_columns.hpp"

namespace boathouse::query {

using timeseries::NativeBlock;
using timeseries::Parameters;

namespace {

base::Result<NativeBlock> ask(timeseries::ClickHouseClient& client, const std::string& sql,
                              const Parameters& parameters, std::size_t most_bytes = kMostBytes) {
  return client.select(sql, parameters, {.result_bytes = most_bytes});
}

// Whole rows of table `session`, of which a question has to read one column: `question` is what comes after its name.
// Between the start of a newer program and its first round of loading the tables can be those of the older one.
base::Result<NativeBlock> ask_sessions(timeseries::ClickHouseClient& client, const std::string& question,
                                       const Parameters& parameters) {
  const auto found = ask(client, "SELECT packed FROM session FINAL" + question, parameters);
  if (!found && timeseries::is_unknown_column(found.error())) {
    return base::Error{base::ErrorCode::unavailable, "ClickHouse's tables are being brought to this version"};
  }
  if (!found) return found.error();
  if (found->rows == 0) return NativeBlock{};
  return timeseries::unpack_sessions(found->find("packed")->texts);
}

bool each_once(const NativeBlock& records) {
  const timeseries::NativeColumn* const seq = records.find("seq");
  if (seq == nullptr) return true;  // a reply without rows
  return std::ranges::adjacent_find(seq->integers, std::ranges::greater_equal()) == seq->integers.end();
}

// The scope as a condition, its values added to the parameters; "" for everybody's.
std::string condition_of(const Scope& scope, Parameters& parameters) {
  if (!scope.athletes) return "";
  if (scope.athletes->empty()) return "1 = 0";
  if (scope.athletes->size() == 1) {
    parameters.emplace_back("athlete", scope.athletes->front().text());
    return "athlete = {athlete:UUID}";
  }
  std::string list;
  for (const base::Uuid& athlete : *scope.athletes) list += (list.empty() ? "'" : ",'") + athlete.text() + "'";
  parameters.emplace_back("athletes", "[" + list + "]");
  return "athlete IN {athletes:Array(UUID)}";
}

std::string and_of(const std::string& condition) { return condition.empty() ? "" : " AND " + condition; }

}  // namespace

base::Result<NativeBlock> session_page(timeseries::ClickHouseClient& client, const Scope& scope,
                                       const SessionFilter& filter, const std::optional<PageKey>& after,
                                       std::size_t limit) {
  std::string where;
  Parameters parameters;
  const auto add = [&](std::string_view condition) {
    where += (where.empty() ? " WHERE " : " AND ") + std::string(condition);
  };
  if (const std::string condition = condition_of(scope, parameters); !condition.empty()) add(condition);
  if (filter.from_ms) {
    add("started >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')");
    parameters.emplace_back("from", std::to_string(*filter.from_ms));
  }
  if (filter.to_ms) {
    add("started < fromUnixTimestamp64Milli({to:Int64}, 'UTC')");
    parameters.emplace_back("to", std::to_string(*filter.to_ms));
  }
  if (after) {
    add("(started, session) < (fromUnixTimestamp64Milli({after_started:Int64}, 'UTC'), {after_session:UUID})");
    parameters.emplace_back("after_started", std::to_string(after->started_ms));
    parameters.emplace_back("after_session", after->session.text());
  }
  parameters.emplace_back("limit", std::to_string(limit + 1));
  return ask_sessions(client, where + " ORDER BY started DESC, session DESC LIMIT {limit:UInt64}", parameters);
}

base::Result<NativeBlock> one_session(timeseries::ClickHouseClient& client, const Scope& scope,
                                      const base::Uuid& session) {
  Parameters parameters{{"session", session.text()}};
  const std::string scoped = and_of(condition_of(scope, parameters));
  return ask_sessions(client, " WHERE session = {session:UUID}" + scoped + " LIMIT 1", parameters);
}

base::Result<std::optional<base::Uuid>> merged_into(timeseries::ClickHouseClient& client, const Scope& scope,
                                                    const base::Uuid& session) {
  std::string sql = "SELECT session FROM session FINAL WHERE has(recordings, {recording:UUID})";
  Parameters parameters{{"recording", session.text()}};
  sql += and_of(condition_of(scope, parameters));
  const auto block = ask(client, sql + " LIMIT 1", parameters);
  if (!block) return block.error();
  return block->rows == 0 ? std::nullopt : std::optional(block->find("session")->uuids[0]);
}

std::optional<RecordKey> record_key(const NativeBlock& sessions, std::size_t row, rowing::Stream stream) {
  const auto& primaries = sessions.find("primaries")->arrays.at(row);
  const auto& recordings = sessions.find("recordings")->uuid_arrays.at(row);
  const auto& starts = sessions.find("recordings_started")->arrays.at(row);
  const auto stream_index = static_cast<std::size_t>(stream) - 1;
  if (stream_index >= primaries.size()) return std::nullopt;
  const auto place = static_cast<std::size_t>(primaries[stream_index]);
  if (place >= recordings.size() || place >= starts.size()) return std::nullopt;
  return RecordKey{sessions.find("athlete")->uuids.at(row), starts[place], recordings[place]};
}

RecordKeys record_keys(const NativeBlock& sessions, std::size_t row) {
  RecordKeys keys;
  for (const rowing::Stream stream : rowing::kStreams) {
    if (const auto key = record_key(sessions, row, stream)) keys.emplace(stream, *key);
  }
  return keys;
}

base::Result<NativeBlock> records(timeseries::ClickHouseClient& client, const RecordKey& key, rowing::Stream stream,
                                  const RecordsAsked& asked) {
  std::string columns = "seq";
  for (const rowing::Metric& metric : rowing::metrics(stream)) columns += ", " + std::string(metric.column);
  if (rowing::has_points(stream)) columns += ", points";
  if (asked.with_bytes) columns += ", " + std::string(rowing::bytes_column(stream));

  const std::string of_recording =
      " WHERE athlete = {athlete:UUID} AND started = fromUnixTimestamp64Milli({started:Int64}, 'UTC') AND rec_id = "
      "{rec:UUID}";
  std::string sql = "SELECT " + columns + " FROM " + std::string(rowing::name(stream)) + of_recording;
  if (asked.counted_only && stream == rowing::Stream::split) {
    sql += " AND seq IN (SELECT max(seq) FROM split" + of_recording + " GROUP BY split_number)";
  }
  if (asked.counted_only && stream == rowing::Stream::stroke) {
    sql += " AND seq IN (SELECT max(seq) FROM stroke" + of_recording +
           " GROUP BY interval, ifNull(toInt64(stroke_count), -1 - toInt64(seq)))";
  }
  if (asked.counted_only && stream == rowing::Stream::summary) {
    sql += " AND seq IN (SELECT max(seq) FROM summary" + of_recording + " HAVING count() > 0)";
  }
  sql += " AND seq >= {from_seq:UInt64}";
  const Parameters parameters{{"athlete", key.athlete.text()},
                              {"started", std::to_string(key.started_ms)},
                              {"rec", key.rec_id.text()},
                              {"from_seq", std::to_string(asked.from_seq)},
                              {"limit", std::to_string(asked.limit)}};
  // Of a record that was loaded again there are several versions until ClickHouse has merged them, and the newest
  // counts. FINAL would merge all columns of whole granules before it looks for the recording, twice the time where
  // that lies in more than one part; so the newest are picked only when there are.
  {
    // Nearly all rows of the granules that the key leaves are wanted: a column after the other under a PREWHERE takes a
    // third more.
    auto as_they_lie =
        ask(client, sql + " ORDER BY seq LIMIT {limit:UInt64} WITH TIES SETTINGS optimize_move_to_prewhere = 0",
            parameters, asked.most_bytes);
    if (!as_they_lie || each_once(*as_they_lie)) return as_they_lie;
  }
  return ask(client, sql + " ORDER BY seq, ver DESC LIMIT 1 BY seq LIMIT {limit:UInt64}", parameters, asked.most_bytes);
}

}  // namespace boathouse::query
