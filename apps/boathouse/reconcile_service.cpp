#include "apps/boathouse/reconcile_service.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "apps/boathouse/periodic_job.hpp"

namespace boathouse::app {
namespace {

constexpr const char* kLookAtJob = "reconcile.some";
constexpr std::int64_t kLookAfterMs = 3'000;
constexpr std::size_t kUuidText = 36;

}  // namespace

ReconcileService::ReconcileService(ledger::Ledger& ledger, timeseries::ClickHouseClient& client, base::Clock& clock,
                                   jobs::Runner& runner, std::int64_t every_ms,
                                   std::function<void(std::string_view)> log)
    : ledger_(ledger),
      clock_(clock),
      runner_(runner),
      log_(std::move(log)),
      reconciler_(ledger, client, clock, {}, log_),
      job_(
          "reconcile", every_ms, [this](const PeriodicJob::Watch& watch) { return reconciler_.run(watch); }, runner,
          clock, log_, [&ledger] { return ledger.leads(); }) {
  runner_.handle(
      kLookAtJob, [this](jobs::Runner::Context& context) { return look_at_ordered(context.job()); }, 1,
      longest_wait_ms(kLookAfterMs, jobs::Runner::Options{}.max_backoff_ms));
}

void ReconcileService::look_at(const std::vector<base::Uuid>& recordings) {
  std::string ids;
  for (const base::Uuid& rec_id : recordings) ids += rec_id.text();
  const jobs::Order order{kLookAtJob, ids, ids, clock_.utc_ms() + kLookAfterMs};
  if (const base::Status ordered = runner_.add({&order, 1}); !ordered) {
    log_("reconcile: what was counted otherwise is looked at later: " + ordered.error().text);
  }
}

jobs::Outcome ReconcileService::look_at_ordered(const jobs::Job& job) {
  using jobs::Outcome;
  const auto leads = ledger_.leads();
  if (!leads) return Outcome::retry(leads.error().text, kPassOnMs);
  if (!*leads) return Outcome::retry("it is another node's to do", kPassOnMs);
  std::vector<base::Uuid> recordings;
  for (std::string_view ids = job.payload; ids.size() >= kUuidText; ids.remove_prefix(kUuidText)) {
    if (const auto rec_id = base::Uuid::parse(ids.substr(0, kUuidText))) recordings.push_back(*rec_id);
  }
  const base::Status done = reconciler_.look_at(recordings);
  return done ? Outcome::done() : Outcome::retry(done.error().text);
}

}  // namespace boathouse::app
