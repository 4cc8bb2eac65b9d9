// Everything that a running `boathouse serve` is made of, how it is put together and in which order it ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "apps/boathouse/backup_service.hpp"
#include "apps/boathouse/backup_watch.hpp"
#include "apps/boathouse/engine_metrics.hpp"
#include "apps/boathouse/ledger_audit_log.hpp"
#include "apps/boathouse/reconcile_service.hpp"
#include "apps/boathouse/retention_service.hpp"
#include "apps/boathouse/segment_service.hpp"
#include "apps/boathouse/serve.hpp"
#include "apps/boathouse/service_metrics.hpp"
#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/control/act_settler.hpp"
#include "server/control/key_watch.hpp"
#include "server/http/server.hpp"
#include "server/http/throttle.hpp"
#include "server/jobs/queue.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/witness.hpp"
#include "server/query/cursor.hpp"
#include "server/segments/folder_store.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/engine_process.hpp"
#include "server/timeseries/loader.hpp"
#include "server/timeseries/quick_count.hpp"
#include "server/webhooks/delivery.hpp"
#include "server/webhooks/dispatcher.hpp"
#include "server/webhooks/store.hpp"
#include "server/webhooks/target.hpp"

namespace boathouse::app {

// One thread opens, starts and stops it. Members end in the reverse of their order.
class Service {
 public:
  base::Status open(const ServeOptions& options);
  base::Result<std::uint16_t> start(const ServeOptions& options);
  void stop();
  // Then it has sent this process SIGTERM: nothing of what it holds is of the ledger's history any more.
  [[nodiscard]] bool ledger_was_restored() const { return ledger_was_restored_; }
  // Says in the log what came of it.
  void reload_tls();

  // Everything that it answers. After open(); it must outlive the table.
  base::Status add_routes(http::RouteTable& routes, const ServeOptions& options);
  std::uint64_t differences();

 private:
  base::Status ensure_operator_key();
  void open_settling();
  base::Status open_jobs(const sql::Place& place, const std::filesystem::path& data);
  base::Status open_webhooks(const ServeOptions& options, const sql::Place& place, const std::filesystem::path& data);
  base::Status open_segments(const ServeOptions& options, const std::filesystem::path& data);
  base::Status open_backups(const ServeOptions& options, const sql::Place& place, const std::filesystem::path& data);
  base::Status open_timeseries(const ServeOptions& options, const std::filesystem::path& data);
  base::Status make_server(const ServeOptions& options);
  timeseries::ClickHouseClient& questions() { return read_client_ ? *read_client_ : *client_; }
  void use_engine(const timeseries::Endpoint& endpoint);

  std::atomic<bool> ledger_was_restored_ = false;
  base::SystemClock clock_;
  base::SystemRandom random_;
  ServiceMetrics metrics_;
  std::unique_ptr<control::Accounts> accounts_;
  std::unique_ptr<control::KeyWatch> key_watch_;
  std::unique_ptr<segments::FolderStore> segment_store_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<ledger::WitnessKeeper> witness_;
  std::unique_ptr<LedgerAuditLog> audit_;
  std::unique_ptr<jobs::Queue> job_queue_;
  std::unique_ptr<jobs::Runner> job_runner_;
  webhooks::Policy webhook_policy_;
  std::unique_ptr<webhooks::Store> webhook_store_;
  std::unique_ptr<control::ActSettler> settler_;
  std::unique_ptr<PeriodicJob> settling_;
  std::unique_ptr<webhooks::Deliverer> webhook_deliverer_;
  std::unique_ptr<webhooks::Dispatcher> webhook_dispatcher_;
  std::unique_ptr<timeseries::ClickHouseClient> client_;
  std::unique_ptr<timeseries::ClickHouseClient> read_client_;  // of a user who may only read; none: client_ reads, too
  std::unique_ptr<EngineMetrics> engine_metrics_;
  std::unique_ptr<timeseries::EngineProcess> engine_;
  std::filesystem::path engine_noted_in_;
  std::unique_ptr<timeseries::Loader> loader_;
  std::unique_ptr<query::CursorCodec> cursors_;
  std::unique_ptr<BackupService> backups_;
  std::unique_ptr<BackupWatch> backup_watch_;
  std::unique_ptr<RetentionService> retention_;
  std::unique_ptr<SegmentService> segments_;
  std::unique_ptr<timeseries::QuickCount> quick_count_;
  std::unique_ptr<ReconcileService> reconcile_;
  std::unique_ptr<http::Throttle> throttle_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace boathouse::app
