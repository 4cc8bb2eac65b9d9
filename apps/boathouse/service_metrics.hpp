// The numbers of a running service and `GET /metrics`, which shows them to the operator's key: the rooms' hooks on one
// side, the registry on the other. docs/operations.md lists them. Thread rule: any thread, once it is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "apps/boathouse/backup_watch.hpp"
#include "apps/boathouse/engine_metrics.hpp"
#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/http/server.hpp"
#include "server/intake/intake.hpp"
#include "server/jobs/queue.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ops/metrics.hpp"
#include "server/timeseries/loader.hpp"
#include "server/timeseries/rolling_reconciler.hpp"
#include "server/webhooks/delivery.hpp"
#include "server/webhooks/store.hpp"

namespace boathouse::app {

class ServiceMetrics {
 public:
  ServiceMetrics();

  // A stranger can make requests of every route end in every status: more than so many pairs there are not, and each
  // has its own number. One that went under in "other" would be an error that no alert sees.
  static constexpr std::size_t kMaxRoutes = 160;
  static constexpr std::size_t kMaxStatuses = 50;

  // For http::Hooks::access, intake::Options::on_result and on_ahead, and ClickHouseClient::Options::on_damage.
  void on_access(const http::AccessRecord& record);
  void on_result(const intake::Taken& item);
  void on_ahead();
  void on_damage();
  // For ledger::Ledger::Options::on_forgotten_events.
  void on_forgotten_events(std::uint64_t events);
  // For webhooks::Deliverer.
  void on_webhook_call(webhooks::CallResult result);

  // Before the ledger is opened; it must outlive the ledger.
  void watch(ledger::Ledger::Options& options);

  // Before the server starts; it must outlive the routes.
  void watch(const http::Server& server);

  // Adds the route, and the numbers that are read when somebody asks. All must outlive the routes.
  base::Status add_route(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger,
                         const timeseries::Loader& loader);

  // The numbers of ledger_metrics.hpp.
  void watch(ledger::Ledger& ledger, const timeseries::RollingReconciler& reconciler, base::Clock& clock);

  // Before add_route(); it must outlive the routes.
  void watch(const BackupWatch& backups);

  // The numbers of engine_metrics.hpp; it must outlive the routes.
  void watch(EngineMetrics& engine) { engine.add_to(registry_); }

  // The numbers of the jobs and the webhooks. Before add_route(); all must outlive the routes.
  void watch(jobs::Queue& jobs, webhooks::Store& webhooks, base::Clock& clock);

  // All of it, as `GET /metrics` shows it.
  [[nodiscard]] std::string text() const { return registry_.text(); }

 private:
  ops::Registry registry_;
  ops::Family<ops::Counter>& requests_;
  ops::Family<ops::Histogram>& request_seconds_;
  ops::Counter& sent_bytes_;
  ops::Counter& received_bytes_;
  ops::Counter& cut_;
  ops::Family<ops::Counter>& limited_;
  ops::Family<ops::Counter>& items_;
  ops::Counter& stored_bytes_;
  ops::Counter& unpacked_bytes_;
  ops::Counter& ahead_;
  ops::Counter& damaged_reads_;
  ops::Counter& forgotten_events_;
  ops::Family<ops::Counter>& webhook_calls_;
  ops::Histogram& commit_seconds_;
  ops::Histogram& answer_seconds_;
};

}  // namespace boathouse::app
