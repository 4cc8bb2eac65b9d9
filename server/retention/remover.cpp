#include "server/retention/remover.hpp"

#include <algorithm>
#include <limits>
#include <map>
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
using ledger::Retirement;
using rowing::Stream;

constexpr std::string_view kKind = "retention.remove";
// In one transaction: streams of recordings, and chunks of them.
constexpr std::size_t kAtOnce = 50;
constexpr std::size_t kChunksAtOnce = 1'000;
constexpr std::int64_t kLaterMs = 5'000;  // until what changes, or a ClickHouse that is away, is asked again

}  // namespace

// What one attempt of the job has come to.
struct Remover::Attempt {
  std::vector<FiguresToKeep> before;  // of the transaction before
  std::uint64_t held = 0;
  std::uint64_t not_backed_up = 0;
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
      std::string(kKind), [this](jobs::Runner::Context& context) { return work(context); }, 1);
}

base::Status Remover::order() {
  // Not one for all: a job that runs may have looked already. Doing it twice does nothing.
  const jobs::Order order{std::string(kKind), "", "", clock_.utc_ms()};
  return runner_.add({&order, 1});
}

// `reckoned_from`: the figures of its session are made of what is to go. They are those of `before` while nothing has
// changed since.
Result<FiguresToKeep> Remover::figures_of(const base::Uuid& rec_id, bool reckoned_from,
                                          std::span<const FiguresToKeep> before) {
  const auto state = ledger_.recording(rec_id);
  if (!state) return state.error();
  // Purged meanwhile: there is nothing to keep, and the ledger forgets the retirement.
  if (!*state) return FiguresToKeep{rec_id, std::numeric_limits<std::int64_t>::max(), {}};
  FiguresToKeep keep{rec_id, (*state)->server_seq, {}};
  if (!reckoned_from) return keep;
  const auto known = std::ranges::find(before, rec_id, &FiguresToKeep::rec_id);
  if (known != before.end() && known->mark == keep.mark && !known->figures.empty()) return *known;
  const auto around = ledger_.sessions_around(rec_id);
  if (!around) return around.error();
  for (const ledger::SessionState& session : around->sessions) {
    const bool is_its = std::ranges::any_of(session.recordings, [&](const auto& one) { return one.rec_id == rec_id; });
    if (!is_its) continue;
    if (!session.kept_figures.empty()) {
      keep.figures = session.kept_figures;
      return keep;
    }
    const auto figures = timeseries::reckon_session(client_, session);
    if (!figures) return figures.error();
    keep.figures = timeseries::pack_figures(*figures);
  }
  return keep;
}

Outcome Remover::work(jobs::Runner::Context& context) {
  Attempt attempt;
  Outcome outcome = remove_all(context, attempt);
  tell(attempt);
  return outcome;
}

void Remover::tell(const Attempt& attempt) {
  const auto stay = [this](std::uint64_t streams, const std::string& why) {
    if (streams == 0) return;
    log_("retention: " + std::to_string(streams) +
         " streams of recordings of an applied plan stay (the audit's records "
         "retention.kept name them): " +
         why);
  };
  stay(attempt.held, "a legal hold has come; when it is released, plan again");
  stay(attempt.not_backed_up, "no verified backup has them now; run `boathouse backup create`, then plan again");
}

Outcome Remover::remove_all(jobs::Runner::Context& context, Attempt& attempt) {
  while (true) {
    if (context.stopping()) return Outcome::retry("the server stops", 0);
    const auto retirements = ledger_.retirements(kAtOnce);
    if (!retirements) return Outcome::retry(retirements.error().text, kLaterMs);
    if (retirements->empty()) return Outcome::done();
    std::map<base::Uuid, bool> recordings;  // whether the figures are made of what goes
    for (const Retirement& one : *retirements) {
      recordings[one.rec_id] |= one.stream != Stream::force_curve && one.stream != Stream::source;
    }
    std::vector<FiguresToKeep> figures;
    for (const auto& [rec_id, reckoned_from] : recordings) {
      auto keep = figures_of(rec_id, reckoned_from, attempt.before);
      if (!keep) return Outcome::retry(keep.error().text, kLaterMs);
      figures.push_back(std::move(*keep));
      if (const base::Status prolonged = context.prolong(); !prolonged) return Outcome::retry(prolonged.error().text);
    }
    // Days may have gone by since the plan was applied.
    const auto backed_up = backed_up_seq(ledger_, options_.backups);
    if (!backed_up) return Outcome::retry(backed_up.error().text, kLaterMs);
    const auto counts = ledger_.retire(*retirements, figures, kChunksAtOnce, *backed_up);
    if (!counts) return Outcome::retry(counts.error().text, kLaterMs);
    attempt.held += counts->held;
    attempt.not_backed_up += counts->not_backed_up;
    if (counts->later == retirements->size()) {
      return Outcome::retry("what is to be removed changes, or waits for ClickHouse", kLaterMs);
    }
    attempt.before = std::move(figures);
  }
}

}  // namespace boathouse::retention
