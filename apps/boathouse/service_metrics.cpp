#include "apps/boathouse/service_metrics.hpp"

#include <array>
#include <string>
#include <utility>

#include "apps/boathouse/ledger_metrics.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/scopes.hpp"
#include "server/ops/process.hpp"

namespace boathouse::app {
namespace {

// Seconds. What is promised lies at 0.05 (an acknowledgement) and 0.2 (an answer of the API).
constexpr std::array kSecondBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0};

constexpr std::array kItemKinds{wire::ItemKind::birth, wire::ItemKind::chunk, wire::ItemKind::seal,
                                wire::ItemKind::edit};
constexpr std::array kOutcomes{wire::Outcome::stored, wire::Outcome::duplicate, wire::Outcome::mismatch,
                               wire::Outcome::rejected, wire::Outcome::later};

std::vector<ops::Sample> one(double value) { return {{{}, value}}; }

}  // namespace

ServiceMetrics::ServiceMetrics()
    : requests_(registry_.counters("boathouse_http_requests_total",
                                   "Answers by route and status; status 0: none went out.", {"route", "status"},
                                   kMaxRoutes * kMaxStatuses)),
      request_seconds_(
          registry_.histograms("boathouse_http_request_duration_seconds",
                               "From the end of a request's headers to the last byte of its answer; of route "
                               "syncBatch this is an acknowledgement.",
                               {"route"}, kSecondBounds)),
      sent_bytes_(registry_.counter("boathouse_http_sent_bytes_total", "Bytes of answers, headers included.")),
      received_bytes_(
          registry_.counter("boathouse_http_received_body_bytes_total", "Bytes of request bodies, framing included.")),
      cut_(registry_.counter("boathouse_http_cut_total", "Answers that did not go out to their end.")),
      limited_(registry_.counters("boathouse_rate_limited_total", "Requests refused with 429, by the quota's policy.",
                                  {"policy"})),
      items_(registry_.counters("boathouse_sync_items_total", "Items of sync batches by kind and result.",
                                {"kind", "result"})),
      stored_bytes_(registry_.counter("boathouse_sync_stored_bytes_total", "Bytes of stored chunks, as they came.")),
      unpacked_bytes_(registry_.counter("boathouse_sync_unpacked_bytes_total",
                                        "Bytes of the same chunks unpacked: over the former, the compression ratio.")),
      ahead_(
          registry_.counter("boathouse_sync_devices_ahead_total",
                            "Hellos of devices that have seen more of this epoch than the ledger has; should be 0.")),
      damaged_reads_(registry_.counter("boathouse_clickhouse_damaged_reads_total",
                                       "Questions to which a ClickHouse server said that its part is damaged, whether "
                                       "another answered them or not; should be 0.")),
      forgotten_events_(
          registry_.counter("boathouse_forgotten_events_total",
                            "Events that this node's ledger has forgotten before anybody was told, because a "
                            "million others waited; should be 0.")),
      webhook_calls_(registry_.counters("boathouse_webhook_calls_total",
                                        "Calls to webhooks: taken (2xx), refused (another status), unanswered.",
                                        {"result"})),
      commit_seconds_(registry_
                          .histograms("boathouse_ledger_commit_duration_seconds",
                                      "A transaction of this node's ledger, from its begin until it is durable.", {},
                                      kSecondBounds)
                          .with({})),
      answer_seconds_(registry_
                          .histograms("boathouse_ledger_ack_duration_seconds",
                                      "From a batch's arrival at the ledger to its answer: queue and commit.", {},
                                      kSecondBounds)
                          .with({})) {
  registry_.collect("boathouse_build_info", "1, with the version of the program.", {"version"}, [] {
    return std::vector<ops::Sample>{{{BOATHOUSE_VERSION}, 1}};
  });
  // There from the start. A series that is born when something is counted has grown by nothing: an alert on its
  // increase() does not see the first ones.
  for (const wire::ItemKind kind : kItemKinds) {
    for (const wire::Outcome outcome : kOutcomes) {
      items_.with({std::string(wire::name(kind)), std::string(wire::name(outcome))});
    }
  }
  // And a success rate needs both sides.
  for (const webhooks::CallResult result : webhooks::kCallResults) {
    webhook_calls_.with({std::string(webhooks::name(result))});
  }
  ops::add_process_metrics(registry_);
}

void ServiceMetrics::on_access(const http::AccessRecord& record) {
  const std::string route(record.route.empty() ? "none" : record.route);
  requests_.with({route, std::to_string(record.status)}).add();
  request_seconds_.with({route}).observe(record.ms / 1000.0);
  sent_bytes_.add(record.bytes);
  received_bytes_.add(record.body_bytes);
  if (!record.complete) cut_.add();
  if (!record.limited_by.empty()) limited_.with({std::string(record.limited_by)}).add();
}

void ServiceMetrics::watch(const http::Server& server) {
  registry_.collect("boathouse_http_open_connections", "Connections that are open now.", {},
                    [&server] { return one(static_cast<double>(server.connections())); });
}

void ServiceMetrics::on_result(const intake::Taken& item) {
  items_.with({std::string(wire::name(item.kind)), std::string(wire::name(item.outcome))}).add();
  if (item.kind == wire::ItemKind::chunk && item.outcome == wire::Outcome::stored) {
    stored_bytes_.add(item.bytes);
    unpacked_bytes_.add(item.unpacked_bytes);
  }
}

void ServiceMetrics::on_ahead() { ahead_.add(); }

void ServiceMetrics::on_damage() { damaged_reads_.add(); }

void ServiceMetrics::on_forgotten_events(std::uint64_t events) { forgotten_events_.add(events); }

void ServiceMetrics::on_webhook_call(webhooks::CallResult result) {
  webhook_calls_.with({std::string(webhooks::name(result))}).add();
}

void ServiceMetrics::watch(ledger::Ledger::Options& options) {
  options.on_commit_time = [this](double seconds) { commit_seconds_.observe(seconds); };
  options.on_answer_time = [this](double seconds) { answer_seconds_.observe(seconds); };
}

void ServiceMetrics::watch(ledger::Ledger& ledger, const timeseries::RollingReconciler& reconciler,
                           base::Clock& clock) {
  add_ledger_metrics(registry_, ledger, clock);
  add_reconciler_metrics(registry_, reconciler, [&ledger] {
    const auto leads = ledger.leads();
    return leads && *leads;
  });
}

void ServiceMetrics::watch(const BackupWatch& backups) {
  registry_.collect("boathouse_backup_found_server_seq",
                    "Up to here the verified backups reach that are found in --backup-to; 0: there is none.", {},
                    [&backups] { return one(static_cast<double>(backups.reach())); });
}

void ServiceMetrics::watch(jobs::Queue& jobs, webhooks::Store& webhooks, base::Clock& clock) {
  registry_.collect("boathouse_jobs", "Jobs by state; of the failed ones those of the last days.", {"state"}, [&jobs] {
    const auto now = jobs.counts();
    if (!now) return std::vector<ops::Sample>();  // absent: it cannot be read
    return std::vector<ops::Sample>{{{"waiting"}, static_cast<double>(now->waiting)},
                                    {{"running"}, static_cast<double>(now->running)},
                                    {{"failed"}, static_cast<double>(now->failed)}};
  });
  registry_.collect("boathouse_webhook_waiting_deliveries", "Deliveries that their endpoint has not taken yet.", {},
                    [&webhooks] {
                      const auto lag = webhooks.lag();
                      return lag ? one(static_cast<double>(lag->waiting)) : std::vector<ops::Sample>();
                    });
  registry_.collect("boathouse_webhook_lag_seconds", "Since when the oldest of them waits; 0: none does.", {},
                    [&webhooks, &clock] {
                      const auto lag = webhooks.lag();
                      if (!lag) return std::vector<ops::Sample>();
                      const std::int64_t now_ms = clock.utc_ms();
                      return one(static_cast<double>(now_ms - lag->oldest_ms.value_or(now_ms)) / 1000.0);
                    });
  registry_.collect(
      "boathouse_webhook_forgotten_deliveries_total",
      "Failed deliveries that this node removed from a log that has too many of them; they cannot be replayed.", {},
      [&webhooks] { return one(static_cast<double>(webhooks.forgotten())); }, true);
}

base::Status ServiceMetrics::add_route(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger,
                                       const timeseries::Loader& loader) {
  struct Counted {
    ops::Registry::Description family;
    std::uint64_t ledger::Counts::*member;
  };
  using ledger::Counts;
  const std::vector<Counted> counted{
      {{"boathouse_ledger_recordings", "Recordings in the ledger.", {}}, &Counts::recordings},
      {{"boathouse_ledger_chunks", "Chunks in the ledger.", {}}, &Counts::chunks},
      {{"boathouse_ledger_quarantined_items", "Items with another content than the stored one, kept aside.", {}},
       &Counts::quarantined},
      {{"boathouse_outbox_chunks", "Chunks that ClickHouse has not acknowledged yet.", {}}, &Counts::unloaded_chunks},
      {{"boathouse_removals_to_erase", "Removals from the ledger whose rows ClickHouse may still have.", {}},
       &Counts::rows_to_erase},
      {{"boathouse_ledger_submissions_total", "Batches that this node answered from its ledger.", {}, true},
       &Counts::submissions},
      {{"boathouse_ledger_commits_total", "Transactions of this node's ledger; many batches can share one.", {}, true},
       &Counts::commits},
      {{"boathouse_ledger_queued_bytes", "Bytes of batches that wait for this node's ledger.", {}},
       &Counts::queued_bytes}};
  std::vector<ops::Registry::Description> families;
  for (const Counted& each : counted) families.push_back(each.family);
  registry_.collect_together(std::move(families), [&ledger, counted] {
    std::vector<std::vector<ops::Sample>> samples;
    const auto now = ledger.counts();  // absent: it cannot be read
    for (std::size_t i = 0; now && i < counted.size(); ++i) {
      samples.push_back(one(static_cast<double>(*now.*counted[i].member)));
    }
    return samples;
  });
  registry_.collect(
      "boathouse_ledger_went_back",
      "1: this node has seen more of this epoch than the ledger has, and answers nothing from it; should be 0.", {},
      [&ledger] { return one(ledger.went_back() ? 1 : 0); });
  registry_.collect("boathouse_loader_up", "1: the last attempt to load into ClickHouse succeeded.", {},
                    [&loader] { return one(loader.healthy() ? 1 : 0); });
  registry_.collect("boathouse_unreadable_sessions",
                    "Sessions whose rows this node cannot write because it cannot read what the ledger has of them; "
                    "should be 0.",
                    {}, [&loader] { return one(static_cast<double>(loader.unreadable_sessions())); });

  http::Route route;
  route.method = http::Method::get;
  route.pattern = "/metrics";
  route.name = "getMetrics";
  route.summary = "Numbers for Prometheus (the operator's key as its bearer token)";
  route.scope = control::name(control::Scope::audit_read);
  route.admit = control::admit_operator(accounts);
  route.handler = http::Handler([this](const http::Request&) {
    http::Response response = http::make_response(200, ops::kMetricsMediaType, registry_.text());
    response.headers.set("Cache-Control", "no-store");
    return response;
  });
  return routes.add(std::move(route));
}

}  // namespace boathouse::app
