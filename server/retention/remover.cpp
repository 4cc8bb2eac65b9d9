#include "server/retention/remover.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/retention/plan.hpp"
#include "server/timeseries/session_columns.hpp"
#include "server/timeseries/session_summary.hpp"

namespace boathouse::retention {
namespace {

using base::Result;
using jobs::Outcome;
using ledger::FiguresToKeep;
using ledger::RecordingState;
using ledger::Retirement;
using ledger::StreamState;
using rowing::Stream;

constexpr std::string_view kRemoveKind = "retention.remove";
// In one transaction: streams of recordings, and chunks of them.
constexpr std::size_t kAtOnce = 50;
constexpr std::size_t kChunksAtOnce = 1'000;
constexpr std::int64_t kRemoveLaterMs = 5'000;  // until what changes, or a ClickHouse that is away, is asked again
// Until figures that would not be whole are reckoned again, and for each stream that waits for its own so much more: it
// may be that they never will be.
constexpr std::int64_t kLackingMs = 60'000;
constexpr std::int64_t kLackingEachMs = 1'000;
constexpr std::int64_t kSayAgainMs = 3'600'000;

const RecordingState& recording_of(const ledger::SessionState& session, const base::Uuid& rec_id) {
  return *std::ranges::find(session.recordings, rec_id, &RecordingState::rec_id);
}

// "": as many as the ledger has, and all of them are loaded.
std::string lacking(const RecordingState& recording, const timeseries::Reckoned::Read& read) {
  const auto found = std::ranges::find(recording.streams, read.stream, &StreamState::stream);
  const StreamState none;
  const StreamState& state = found == recording.streams.end() ? none : *found;
  if (read.records == state.records && state.loaded_records == state.records) return "";
  return "of recording " + recording.rec_id.text() + ", " + std::string(rowing::name(read.stream)) +
         ", ClickHouse has " + std::to_string(read.records) + " records and the ledger " +
         std::to_string(state.records);
}

}  // namespace

// What one attempt of the job has come to.
struct Remover::Attempt {
  std::vector<FiguresToKeep> before;  // of the transaction before
  std::uint64_t held = 0;
  std::uint64_t not_backed_up = 0;
  std::set<std::pair<base::Uuid, Stream>> waiting;  // for figures that are whole
  std::string waits_for;                            // the last of them
};

struct Remover::Figures {
  FiguresToKeep keep;
  std::string lacking = {};                 // what ClickHouse has otherwise than the ledger: they are not the session's
  std::vector<base::Uuid> miscounted = {};  // where
};

Remover::Remover(Options options, ledger::Ledger& ledger, timeseries::ClickHouseClient& client, jobs::Runner& runner,
                 base::Clock& clock, std::function<void(std::string_view)> log)
    : options_(std::move(options)),
      ledger_(ledger),
      client_(client),
      runner_(runner),
      clock_(clock),
      log_(std::move(log)) {
  runner_.handle(
      std::string(kRemoveKind), [this](jobs::Runner::Context& context) { return work(context); }, 1);
}

base::Status Remover::order() {
  // Not one for all: a job that runs may have looked already. Doing it twice does nothing.
  const jobs::Order order{std::string(kRemoveKind), "", "", clock_.utc_ms()};
  return runner_.add({&order, 1});
}

// `reckoned_from`: the figures of its session are made of what is to go. They are those of `before` while nothing has
// changed since.
Result<Remover::Figures> Remover::figures_of(const base::Uuid& rec_id, bool reckoned_from,
                                             std::span<const FiguresToKeep> before) {
  const auto state = ledger_.recording(rec_id);
  if (!state) return state.error();
  // Purged meanwhile: there is nothing to keep, and the ledger forgets the retirement.
  if (!*state) return Figures{{rec_id, std::numeric_limits<std::int64_t>::max()}};
  Figures figures{{rec_id, (*state)->server_seq}};
  if (!reckoned_from) return figures;
  const auto known = std::ranges::find(before, rec_id, &FiguresToKeep::rec_id);
  if (known != before.end() && known->mark == figures.keep.mark && !known->figures.empty()) return Figures{*known};
  const auto around = ledger_.sessions_around(rec_id);
  if (!around) return around.error();
  for (const ledger::SessionState& session : around->sessions) {
    const bool is_its = std::ranges::any_of(session.recordings, [&](const auto& one) { return one.rec_id == rec_id; });
    if (!is_its) continue;
    if (!session.kept_figures.empty()) {
      figures.keep.figures = session.kept_figures;
      return figures;
    }
    const auto reckoned = timeseries::reckon_session(client_, session);
    if (!reckoned) return reckoned.error();
    figures.keep.figures = timeseries::pack_figures(reckoned->figures);
    for (const timeseries::Reckoned::Read& read : reckoned->read) {
      const RecordingState& recording = recording_of(session, read.rec_id);
      if (read.rec_id != rec_id) figures.keep.made_of.push_back({read.rec_id, recording.server_seq});
      const std::string lack = lacking(recording, read);
      if (lack.empty()) continue;
      figures.lacking = lack;
      figures.miscounted.push_back(read.rec_id);
    }
  }
  return figures;
}

Outcome Remover::work(jobs::Runner::Context& context) {
  Attempt attempt;
  Outcome outcome = remove_all(context, attempt);
  tell(attempt);
  return outcome;
}

void Remover::tell(const Attempt& attempt) {
  const auto say = [this](std::size_t streams, const std::string& what) {
    log_("retention: " + std::to_string(streams) + " streams of recordings of an applied plan " + what);
  };
  const std::string stay = "stay (the audit's records retention.kept name them): ";
  if (attempt.held > 0) say(attempt.held, stay + "a legal hold has come; when it is released, plan again");
  if (attempt.not_backed_up > 0) {
    say(attempt.not_backed_up,
        stay + "no verified backup has them now; run `boathouse backup create`, then plan again");
  }
  const std::int64_t now_ms = clock_.monotonic_ms();
  if (attempt.waits_for == said_ && now_ms < said_ms_ + kSayAgainMs) return;
  said_ = attempt.waits_for;
  said_ms_ = now_ms;
  if (attempt.waiting.empty()) return;
  say(attempt.waiting.size(), "wait, for the figures that are kept would not be whole: " + attempt.waits_for +
                                  ". What is missing is loaded again; when that does not help, the log says so "
                                  "(docs/operations/runbooks.md, \"Retention and erasure\")");
}

Outcome Remover::remove_all(jobs::Runner::Context& context, Attempt& attempt) {
  while (true) {
    if (context.stopping()) return Outcome::retry("the server stops", 0);
    auto retirements = ledger_.retirements(kAtOnce + attempt.waiting.size());
    if (!retirements) return Outcome::retry(retirements.error().text, kRemoveLaterMs);
    std::erase_if(*retirements, [&](const Retirement& one) {
      return attempt.waiting.contains({one.rec_id, one.stream});
    });
    if (retirements->empty() && attempt.waiting.empty()) return Outcome::done();
    if (retirements->empty()) {
      const auto streams = static_cast<std::int64_t>(attempt.waiting.size());
      return Outcome::retry(attempt.waits_for, kLackingMs + streams * kLackingEachMs);
    }
    std::map<base::Uuid, bool> recordings;  // whether the figures are made of what goes
    for (const Retirement& one : *retirements) {
      recordings[one.rec_id] |= one.stream != Stream::force_curve && one.stream != Stream::source;
    }
    std::vector<FiguresToKeep> figures;
    std::set<base::Uuid> miscounted;
    for (const auto& [rec_id, reckoned_from] : recordings) {
      auto found = figures_of(rec_id, reckoned_from, attempt.before);
      // One that cannot be read stays among those to be removed; the others go.
      if (!found && found.error().code == base::ErrorCode::corrupt) {
        attempt.waits_for = found.error().text;
        continue;
      }
      if (!found) return Outcome::retry(found.error().text, kRemoveLaterMs);
      if (found->lacking.empty()) {
        figures.push_back(std::move(found->keep));
      } else {
        attempt.waits_for = found->lacking;
        miscounted.insert(found->miscounted.begin(), found->miscounted.end());
      }
      if (const base::Status prolonged = context.prolong(); !prolonged) return Outcome::retry(prolonged.error().text);
    }
    std::erase_if(*retirements, [&](const Retirement& one) {
      if (std::ranges::find(figures, one.rec_id, &FiguresToKeep::rec_id) != figures.end()) return false;
      attempt.waiting.insert({one.rec_id, one.stream});
      return true;
    });
    if (!miscounted.empty()) options_.look_at({miscounted.begin(), miscounted.end()});
    if (retirements->empty()) continue;
    // Days may have gone by since the plan was applied.
    const auto backed_up = backed_up_seq(ledger_, options_.backups);
    if (!backed_up) return Outcome::retry(backed_up.error().text, kRemoveLaterMs);
    const auto counts = ledger_.retire(*retirements, figures, kChunksAtOnce, *backed_up);
    if (!counts) return Outcome::retry(counts.error().text, kRemoveLaterMs);
    attempt.held += counts->held;
    attempt.not_backed_up += counts->not_backed_up;
    if (counts->later == retirements->size()) {
      return Outcome::retry("what is to be removed changes, or waits for ClickHouse", kRemoveLaterMs);
    }
    attempt.before = std::move(figures);
  }
}

}  // namespace boathouse::retention
