#include "server/timeseries/trail.hpp"

#include <algorithm>
#include <array>

#include "core/base/utc_time.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {
namespace {

using ledger::RecordingState;
using ledger::StreamState;
using ledger::Trail;
using rowing::Stream;
using wire::Range;

constexpr std::array<std::string_view, 11> kNames{"purged",  "refused",     "open",        "on_device",
                                                  "differs", "loading",     "not_counted", "miscounted",
                                                  "deleted", "summarizing", "complete"};
constexpr std::size_t kRangesNamed = 5;

const StreamState* find_state(const RecordingState& recording, Stream stream) {
  const auto found = std::find_if(recording.streams.begin(), recording.streams.end(),
                                  [stream](const StreamState& state) { return state.stream == stream; });
  return found == recording.streams.end() ? nullptr : &*found;
}

std::string number_of(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

void add(std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; }

// "stroke 240 to 299, sample 0": as people count, to the last one; "" if nothing is missing.
std::string missing_text(const Trail& trail) {
  std::string text;
  std::size_t ranges = 0;
  for (const Stream stream : rowing::kStreams) {
    for (const Range& range : missing(trail, stream).value_or(std::vector<Range>())) {
      if (++ranges > kRangesNamed) continue;
      add(text, std::string(rowing::name(stream)) + " " + std::to_string(range.from) +
                    (range.to - range.from == 1 ? "" : " to " + std::to_string(range.to - 1)));
    }
  }
  if (ranges > kRangesNamed) add(text, number_of(ranges - kRangesNamed, "more range"));
  return text;
}

// Streams that hold exactly what was sealed in number, but not in content.
std::string differing_text(const Trail& trail) {
  std::string text;
  for (const StreamState& stream : trail.state->streams) {
    const auto sealed = trail.state->seal->streams.find(stream.stream);
    if (sealed != trail.state->seal->streams.end() && sealed->second.count == stream.records &&
        !trail.gone.contains(stream.stream) && sealed->second.root != stream.root) {
      add(text, std::string(rowing::name(stream.stream)));
    }
  }
  return text;
}

// What retention removed may be in ClickHouse for a while still.
std::string miscounted_text(const Trail& trail, const CountedRows& counted) {
  std::string text;
  for (const auto& [stream, rows] : counted.streams) {
    const StreamState* state = find_state(*trail.state, stream);
    const std::uint64_t stored = state == nullptr ? 0 : state->records;
    if (rows < stored || (rows > stored && !trail.gone.contains(stream))) {
      add(text, std::to_string(rows) + " of " + std::to_string(stored) + " in " + std::string(rowing::name(stream)));
    }
  }
  return text;
}

std::string held_text(const RecordingState& recording) {
  std::string text;
  for (const StreamState& stream : recording.streams) {
    add(text, std::to_string(stream.records) + " in " + std::string(rowing::name(stream.stream)));
  }
  return text.empty() ? "no records yet" : text;
}

// A linked recording is looked for under the session that has its row.
std::string survivor_text(const Trail& trail, const SessionOf& session) {
  return session.key.session == trail.rec_id ? "" : ", as a part of session ses_" + session.key.session.text();
}

WhereItIs of_stored(const Trail& trail, const SessionOf& session, const std::optional<CountedRows>& counted) {
  const RecordingState& recording = *trail.state;
  if (!recording.seal) {
    return {Place::open,
            "not ended: its device is still recording it, or has not sent its end; here are " + held_text(recording)};
  }
  if (const std::string text = missing_text(trail); !text.empty()) {
    return {Place::on_device, "not complete: the device still has " + text};
  }
  if (const std::string text = differing_text(trail); !text.empty()) {
    return {Place::differs, "not what the device sealed: all records of " + text +
                                " are here, but the seal has another root; see quarantined and refused"};
  }
  std::uint64_t chunks = 0;
  std::uint64_t records = 0;
  for (const auto& [stream, waiting] : trail.waiting) {
    chunks += waiting.chunks;
    records += waiting.records;
  }
  if (chunks > 0) {
    return {Place::loading, "safe in the ledger, not yet in queries: " + number_of(chunks, "chunk") + " with " +
                                number_of(records, "record") + (chunks == 1 ? " waits" : " wait") + " for ClickHouse"};
  }
  if (!counted) {
    return {Place::not_counted, "safe in the ledger and loaded; ClickHouse cannot be asked at the moment"};
  }
  if (const std::string text = miscounted_text(trail, *counted); !text.empty()) {
    return {Place::miscounted,
            "safe in the ledger, but ClickHouse counts " + text + ": run `boathouse reconcile` and tell the operator"};
  }
  if (session.deleted) {
    return {Place::deleted,
            "stored, loaded and counted, but its session is deleted: no list shows it until it is restored"};
  }
  if (trail.session_waits || !counted->session) {
    return {Place::summarizing, "stored, loaded and counted; its line in the list of sessions is being written"};
  }
  const std::size_t streams = recording.streams.size();
  return {Place::complete,
          "complete: " +
              (streams == 1 ? std::string("its one stream is") : "all " + std::to_string(streams) + " streams are") +
              " stored, loaded and counted" + survivor_text(trail, session)};
}

}  // namespace

std::string_view name(Place place) { return kNames.at(static_cast<std::size_t>(place)); }

base::Result<SessionOf> session_of(ledger::Ledger& ledger, const RecordingState& recording) {
  const auto around = ledger.sessions_around(recording.rec_id);
  if (!around) return around.error();
  for (const ledger::SessionState& session : around->sessions) {
    if (std::ranges::find(session.recordings, recording.rec_id, &RecordingState::rec_id) != session.recordings.end()) {
      return SessionOf{session_key(session), session.deleted};
    }
  }
  return SessionOf{{recording.athlete, recording.birth.started_ms, recording.rec_id}, false};  // purged meanwhile
}

base::Result<CountedRows> count_rows(ClickHouseClient& client, const RecordingState& recording,
                                     const SessionKey& session) {
  const auto count = [&](std::string_view table, std::int64_t started_ms,
                         std::string_view which) -> base::Result<std::uint64_t> {
    const auto block = client.select("SELECT count() AS n FROM " + std::string(table) +
                                         " FINAL WHERE athlete = {athlete:UUID} AND started = "
                                         "fromUnixTimestamp64Milli({started:Int64}, 'UTC') AND " +
                                         std::string(which),
                                     {{"athlete", recording.athlete.text()},
                                      {"started", std::to_string(started_ms)},
                                      {"rec", recording.rec_id.text()},
                                      {"session", session.session.text()}});
    if (!block) return block.error();
    if (block->rows != 1) return base::Error{base::ErrorCode::corrupt, "ClickHouse answered a count with no number"};
    return static_cast<std::uint64_t>(block->integer("n", 0));
  };
  CountedRows counted;
  for (const Stream stream : rowing::kStreams) {
    if (!has_table(stream)) continue;
    const auto rows = count(rowing::name(stream), recording.birth.started_ms, "rec_id = {rec:UUID}");
    if (!rows) return rows.error();
    counted.streams[stream] = *rows;
  }
  // A row of before the link has the survivor's key already.
  const auto rows = count("session", session.started_ms, "session = {session:UUID} AND has(recordings, {rec:UUID})");
  if (!rows) return rows.error();
  counted.session = *rows > 0;
  return counted;
}

std::optional<std::vector<Range>> missing(const Trail& trail, Stream stream) {
  if (!trail.state || !trail.state->seal || !trail.state->seal->streams.contains(stream)) return std::nullopt;
  std::vector<Range> there;
  if (const StreamState* state = find_state(*trail.state, stream)) there = state->have;
  if (const auto gone = trail.gone.find(stream); gone != trail.gone.end()) {
    there.insert(there.end(), gone->second.begin(), gone->second.end());
    std::sort(there.begin(), there.end());
  }
  const std::uint64_t count = trail.state->seal->streams.at(stream).count;
  std::vector<Range> holes;
  std::uint64_t next = 0;
  for (const Range& range : there) {
    if (range.from > next && next < count) holes.push_back({next, std::min(range.from, count)});
    next = std::max(next, range.to);
  }
  if (next < count) holes.push_back({next, count});
  return holes;
}

WhereItIs where_it_is(const Trail& trail, const std::optional<SessionOf>& session,
                      const std::optional<CountedRows>& counted) {
  if (trail.purged_ms) {
    return {Place::purged, "gone: it was purged at " + base::format_utc_ms(*trail.purged_ms) + ", and nothing is kept"};
  }
  if (!trail.state) {
    return {Place::refused, "not here: the server refused " + number_of(trail.refused.size(), "item") +
                                " of it, see refused for the reasons; the device still has it"};
  }
  WhereItIs where = of_stored(trail, session.value_or(SessionOf{{{}, 0, trail.rec_id}, false}), counted);
  if (!trail.gone.empty()) where.sentence += "; retention has removed some of its records";
  if (const std::uint64_t aside = trail.state->quarantined; aside > 0) {
    where.sentence += "; " + std::string(aside == ledger::kMaxCountedQuarantined ? "at least " : "") +
                      number_of(aside, "item") + " with other content " + (aside == 1 ? "is" : "are") +
                      " kept aside, see quarantined";
  }
  return where;
}

}  // namespace boathouse::timeseries
