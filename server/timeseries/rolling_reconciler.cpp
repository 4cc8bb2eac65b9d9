#include "server/timeseries/rolling_reconciler.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {

using base::Result;
using base::Status;
using ledger::RecordingState;
using ledger::StreamState;

namespace {

std::string array_of(const std::set<base::Uuid>& ids) {
  std::string text = "[";
  for (const base::Uuid& id : ids) text += (text.size() > 1 ? ",'" : "'") + id.text() + "'";
  return text + "]";
}

// Distinct positions, so that a row written twice can never hide a missing one.
Result<std::map<base::Uuid, std::uint64_t>> rows_of(ClickHouseClient& client, rowing::Stream stream,
                                                    const std::set<base::Uuid>& athletes,
                                                    const std::set<base::Uuid>& recordings) {
  const auto block =
      client.select("SELECT rec_id, count() AS n FROM " + std::string(rowing::name(stream)) +
                        " FINAL WHERE athlete IN {athletes:Array(UUID)} AND rec_id IN {recordings:Array(UUID)}"
                        " GROUP BY rec_id",
                    {{"athletes", array_of(athletes)}, {"recordings", array_of(recordings)}});
  if (!block) return block.error();
  std::map<base::Uuid, std::uint64_t> counts;
  for (std::size_t row = 0; row < block->rows; ++row) {
    counts[block->find("rec_id")->uuids[row]] = static_cast<std::uint64_t>(block->integer("n", row));
  }
  return counts;
}

// In how many sessions' rows each of `recordings` is; of those in none nothing.
Result<std::map<base::Uuid, std::uint64_t>> places_in_sessions(ClickHouseClient& client,
                                                               const std::set<base::Uuid>& athletes,
                                                               const std::set<base::Uuid>& recordings) {
  const auto block = client.select(
      "SELECT recording, count() AS n FROM (SELECT arrayJoin(recordings) AS recording FROM session FINAL WHERE athlete "
      "IN {athletes:Array(UUID)}) WHERE recording IN {recordings:Array(UUID)} GROUP BY recording",
      {{"athletes", array_of(athletes)}, {"recordings", array_of(recordings)}});
  if (!block) return block.error();
  std::map<base::Uuid, std::uint64_t> places;
  for (std::size_t row = 0; row < block->rows; ++row) {
    places[block->find("recording")->uuids[row]] = static_cast<std::uint64_t>(block->integer("n", row));
  }
  return places;
}

// Not one that is deleted, or hidden because its athlete's erasure was asked for. What cannot be read may have one:
// asked to write its row, the loader says so.
Result<bool> has_session(ledger::Ledger& ledger, const base::Uuid& rec_id) {
  const auto around = ledger.sessions_around(rec_id);
  if (!around && around.error().code == base::ErrorCode::corrupt) return true;
  if (!around) return around.error();
  return std::ranges::any_of(around->sessions, [&](const ledger::SessionState& session) {
    return !session.deleted &&
           std::ranges::find(session.recordings, rec_id, &RecordingState::rec_id) != session.recordings.end();
  });
}

const StreamState* find(const RecordingState& recording, rowing::Stream stream) {
  const auto found = std::ranges::find(recording.streams, stream, &StreamState::stream);
  return found == recording.streams.end() ? nullptr : &*found;
}

// Rows that are on their way count neither for nor against it, nor do those that retention is removing.
bool is_equal(const RecordingState& recording, rowing::Stream stream, std::uint64_t rows) {
  const StreamState* state = find(recording, stream);
  if (rows < (state != nullptr ? state->loaded_records : 0)) return false;
  return rows <= (state != nullptr ? state->records : 0) || recording.removed.contains(stream);
}

}  // namespace

RollingReconciler::RollingReconciler(ledger::Ledger& ledger, ClickHouseClient& client, base::Clock& clock,
                                     Options options, std::function<void(std::string_view)> log)
    : ledger_(ledger), client_(client), clock_(clock), options_(options), log_(std::move(log)) {}

RollingReconciler::State RollingReconciler::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void RollingReconciler::count(std::uint64_t State::*member, std::uint64_t by) {
  const std::lock_guard lock(mutex_);
  state_.*member += by;
}

void RollingReconciler::say(const std::string& text) {
  if (++said_ <= options_.max_lines) log_("reconciler: " + text);
}

Status RollingReconciler::look_at(std::span<const base::Uuid> recordings) {
  const std::unique_lock alone(running_, std::try_to_lock);
  if (!alone) return base::Error{base::ErrorCode::unavailable, "a comparison is under way"};
  said_ = 0;
  std::vector<RecordingState> states;
  for (const base::Uuid& rec_id : recordings) {
    auto state = ledger_.recording(rec_id);
    if (!state) return state.error();
    if (*state) states.push_back(std::move(**state));
  }
  return compare(states);
}

Status RollingReconciler::run(const std::function<Status()>& watch) {
  const std::lock_guard alone(running_);
  said_ = 0;
  BOATHOUSE_TRY(look_again(watch));
  BOATHOUSE_TRY(look_at_changes(watch));
  BOATHOUSE_TRY(look_at_some(watch));
  if (said_ > options_.max_lines) log_("reconciler: and " + std::to_string(said_ - options_.max_lines) + " lines more");
  const std::lock_guard lock(mutex_);
  state_.not_repairable = static_cast<std::uint64_t>(
      std::ranges::count_if(troubles_, [](const auto& trouble) { return trouble.second.hopeless; }));
  state_.last_run_ms = clock_.utc_ms();
  return base::Done{};
}

// What a process before this one has left open is found by the pass over all.
Status RollingReconciler::look_at_changes(const std::function<Status()>& watch) {
  while (true) {
    const bool first = !changes_up_to_;
    const auto changed =
        ledger_.changed_recordings(changes_up_to_.value_or(ledger::Ledger::DirtySession{}), first ? 0 : options_.page);
    if (!changed) return changed.error();
    if (first) {
      changes_up_to_ = {base::Uuid{}, changed->newest_seq};
      changes_up_to_->rec_id.bytes.fill(0xff);  // behind all that changed under this number
      return base::Done{};
    }
    std::vector<RecordingState> recordings;
    for (const ledger::Ledger::DirtySession& one : changed->recordings) {
      auto state = ledger_.recording(one.rec_id);
      if (!state) return state.error();
      if (*state) recordings.push_back(std::move(**state));
      changes_up_to_ = one;
    }
    BOATHOUSE_TRY(compare(recordings));
    if (changed->recordings.size() < options_.page) return base::Done{};
    BOATHOUSE_TRY(watch());
  }
}

Status RollingReconciler::look_at_some(const std::function<Status()>& watch) {
  const auto counts = ledger_.counts();
  if (!counts) return counts.error();
  std::uint64_t left = std::max<std::uint64_t>(options_.page, counts->recordings / options_.runs_of_a_pass + 1);
  while (left > 0) {
    const std::size_t page = std::min<std::uint64_t>(left, options_.page);
    const auto recordings = ledger_.recordings(std::nullopt, after_, page);
    if (!recordings) return recordings.error();
    BOATHOUSE_TRY(compare(*recordings));
    if (recordings->size() < page) {
      after_.reset();
      count(&State::passes);
      return base::Done{};
    }
    after_ = recordings->back().rec_id;
    left -= page;
    BOATHOUSE_TRY(watch());
  }
  return base::Done{};
}

// Those that differed before.
Status RollingReconciler::look_again(const std::function<Status()>& watch) {
  std::set<base::Uuid> ids;
  for (const auto& [key, trouble] : troubles_) ids.insert(key.first);
  std::vector<RecordingState> recordings;
  for (const base::Uuid& id : ids) {
    auto state = ledger_.recording(id);
    if (!state) return state.error();
    if (*state) {
      recordings.push_back(std::move(**state));
    } else {
      std::erase_if(troubles_, [&id](const auto& trouble) { return trouble.first.first == id; });  // purged
    }
    if (recordings.size() >= options_.page) {
      BOATHOUSE_TRY(compare(recordings));
      recordings.clear();
      BOATHOUSE_TRY(watch());
    }
  }
  return compare(recordings);
}

Status RollingReconciler::compare(const std::vector<RecordingState>& recordings) {
  if (recordings.empty()) return base::Done{};
  std::set<base::Uuid> athletes;
  std::set<base::Uuid> ids;
  for (const RecordingState& recording : recordings) {
    athletes.insert(recording.athlete);
    ids.insert(recording.rec_id);
  }
  for (const rowing::Stream stream : rowing::kStreams) {
    if (!has_table(stream)) continue;
    const auto rows = rows_of(client_, stream, athletes, ids);
    if (!rows) return rows.error();
    for (const RecordingState& recording : recordings) {
      const auto found = rows->find(recording.rec_id);
      BOATHOUSE_TRY(settle(recording, stream, found == rows->end() ? 0 : found->second));
    }
  }
  BOATHOUSE_TRY(look_at_sessions(recordings));
  count(&State::looked_at, recordings.size());
  return base::Done{};
}

// What waits to be written is asked for before ClickHouse is: a row that is missing then was not on its way.
Status RollingReconciler::look_at_sessions(const std::vector<RecordingState>& recordings) {
  const auto waiting = ledger_.dirty_sessions(options_.max_remembered);
  if (!waiting) return waiting.error();
  if (waiting->size() >= options_.max_remembered) return base::Done{};  // a backlog: another time
  std::set<base::Uuid> on_their_way;
  for (const ledger::Ledger::DirtySession& one : *waiting) on_their_way.insert(one.rec_id);
  std::set<base::Uuid> athletes;
  std::set<base::Uuid> ids;
  for (const RecordingState& recording : recordings) {
    if (on_their_way.contains(recording.rec_id)) continue;
    athletes.insert(recording.athlete);
    ids.insert(recording.rec_id);
  }
  if (ids.empty()) return base::Done{};
  const auto places = places_in_sessions(client_, athletes, ids);
  if (!places) return places.error();
  for (const base::Uuid& id : ids) {
    const auto found = places->find(id);
    BOATHOUSE_TRY(settle_session(id, found == places->end() ? 0 : found->second));
  }
  return base::Done{};
}

Status RollingReconciler::settle_session(const base::Uuid& rec_id, std::uint64_t places) {
  const Key key{rec_id, std::nullopt};
  const auto known = troubles_.find(key);
  bool is_well = places == 1;
  if (places == 0) {
    const auto belongs = has_session(ledger_, rec_id);
    if (!belongs) return belongs.error();
    is_well = !*belongs;
  }
  if (is_well) {
    if (known != troubles_.end()) {
      count(&State::repaired);
      troubles_.erase(known);
    }
    return base::Done{};
  }
  if (known == troubles_.end()) count(&State::differences);
  Trouble trouble = known == troubles_.end() ? Trouble{} : known->second;
  const std::string what = "recording " + rec_id.text() + " is in " + (places == 0 ? "no" : std::to_string(places)) +
                           " session row" + (places > 1 ? "s" : "") + " of ClickHouse";
  if (trouble.reloads < options_.max_reloads) {
    BOATHOUSE_TRY(ledger_.write_session_again(rec_id));
    ++trouble.reloads;
    say(what + "; writing it again");
  } else {
    if (!trouble.hopeless) {
      say(what + ", and writing it again does not help; look into it (docs/operations/runbooks.md)");
    }
    trouble.hopeless = true;
  }
  remember(key, trouble);
  return base::Done{};
}

void RollingReconciler::remember(const Key& key, const Trouble& trouble) {
  if (troubles_.contains(key) || troubles_.size() < options_.max_remembered) troubles_[key] = trouble;
}

Status RollingReconciler::settle(const RecordingState& recording, rowing::Stream stream, std::uint64_t rows) {
  const Key key{recording.rec_id, stream};
  const auto known = troubles_.find(key);
  if (is_equal(recording, stream, rows)) {
    const StreamState* state = find(recording, stream);
    // While it is on its way again nobody knows.
    if (known != troubles_.end() && (state == nullptr || state->loaded_records == state->records)) {
      count(&State::repaired);
      troubles_.erase(known);
    }
    return base::Done{};
  }
  // Loaded or removed between the two questions? Then it is looked at another time.
  const auto now = ledger_.recording(recording.rec_id);
  if (!now) return now.error();
  const StreamState* before = find(recording, stream);
  const StreamState* after = *now ? find(**now, stream) : nullptr;
  if (!*now || (before == nullptr) != (after == nullptr) ||
      (before != nullptr && (before->loaded_records != after->loaded_records || before->records != after->records))) {
    return base::Done{};
  }
  if (known == troubles_.end()) count(&State::differences);
  Trouble trouble = known == troubles_.end() ? Trouble{} : known->second;
  const std::uint64_t loaded = before != nullptr ? before->loaded_records : 0;
  const std::string what = "recording " + recording.rec_id.text() + ", " + std::string(rowing::name(stream)) +
                           ": the ledger has loaded " + std::to_string(loaded) + " records, ClickHouse counts " +
                           std::to_string(rows);
  bool helped = false;
  if (rows < loaded && trouble.reloads < options_.max_reloads) {
    const auto chunks = ledger_.load_again(recording.rec_id, stream);
    if (!chunks) return chunks.error();
    helped = *chunks > 0;
    ++trouble.reloads;
    if (helped) say(what + "; loading " + std::to_string(*chunks) + " chunks again");
  }
  if (!helped && !trouble.hopeless) {
    say(what + ", and loading again does not help; look into it (docs/operations/runbooks.md)");
  }
  trouble.hopeless = !helped;
  remember(key, trouble);
  return base::Done{};
}

}  // namespace boathouse::timeseries
