#include "apps/boathouse/service.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/boathouse/backup_run.hpp"
#include "apps/boathouse/backup_service.hpp"
#include "apps/boathouse/engine_access.hpp"
#include "apps/boathouse/ledger_audit_log.hpp"
#include "apps/boathouse/output.hpp"
#include "apps/boathouse/service_log.hpp"
#include "apps/boathouse/service_metrics.hpp"
#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "server/api/audit_routes.hpp"
#include "server/api/operator_routes.hpp"
#include "server/api/session_routes.hpp"
#include "server/api/trail_routes.hpp"
#include "server/control/accounts.hpp"
#include "server/control/ids.hpp"
#include "server/control/key_watch.hpp"
#include "server/control/routes.hpp"
#include "server/control/scopes.hpp"
#include "server/http/listen_address.hpp"
#include "server/http/server.hpp"
#include "server/http/throttle.hpp"
#include "server/intake/intake.hpp"
#include "server/jobs/queue.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/bodies.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/witness.hpp"
#include "server/segments/folder_store.hpp"
#include "server/timeseries/clickhouse_client.hpp"
#include "server/timeseries/engine_process.hpp"
#include "server/timeseries/loader.hpp"
#include "server/timeseries/schema.hpp"
#include "server/webhooks/delivery.hpp"
#include "server/webhooks/dispatcher.hpp"
#include "server/webhooks/lookup.hpp"
#include "server/webhooks/routes.hpp"
#include "server/webhooks/sender.hpp"
#include "server/webhooks/store.hpp"
#include "server/webhooks/target.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;

constexpr int kJobThreads = 8;
// Endpoints that never answer leave the others to backups and what else there is to do.
static_assert(webhooks::kCallPlaces < kJobThreads);
constexpr std::size_t kTlsThreads = 2;  // handshakes take processor time: not all of it while others wait for a receipt
constexpr std::int64_t kClickHouseStartsWithinMs = 60'000;
constexpr std::int64_t kSettleEveryMs = 300'000;
constexpr auto kDrain = std::chrono::seconds(20);

// The servers of --clickhouse URL[,URL...]. Of several each must have every row, which only a cluster's replicas do.
base::Result<std::vector<timeseries::Endpoint>> nodes_of(const ServeOptions& options, const std::string& user,
                                                         const std::string& password) {
  auto nodes = clickhouse_servers(options.clickhouse, user, password);
  if (!nodes) return nodes;
  if (!options.clickhouse_cluster.empty()) {
    for (timeseries::Endpoint& node : *nodes) {
      node.settings = std::string(timeseries::kClusterSettings) + "&insert_quorum=" + options.clickhouse_quorum;
    }
  }
  if (nodes->size() > 1 && options.clickhouse_cluster.empty()) {
    return Error{ErrorCode::invalid_input,
                 "--clickhouse names several servers: they must be replicas of one cluster, named by "
                 "--clickhouse-cluster"};
  }
  return nodes;
}

http::Hooks hooks_of(ServiceMetrics& metrics) {
  http::Hooks hooks;
  hooks.access = [&metrics](const http::AccessRecord& record) {
    metrics.on_access(record);
    log_request(record);
  };
  hooks.failure = log_failure;
  return hooks;
}

// As many as wanted, or as many files as the system lets this process open, but for those that it needs itself.
std::size_t allowed_connections(int wanted) {
  constexpr rlim_t kOwnFiles = 256;
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return static_cast<std::size_t>(wanted);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  const auto most = static_cast<std::size_t>(std::max(files.rlim_max, 2 * kOwnFiles) - kOwnFiles);
  if (most < static_cast<std::size_t>(wanted)) {
    log_line("the system's limit of open files allows " + std::to_string(most) + " connections (ulimit -n)");
  }
  return std::min(most, static_cast<std::size_t>(wanted));
}

// Behind a proxy on this machine every client comes from loopback: then nobody can be told apart by address.
bool is_loopback(const std::string& listen) {
  const auto address = http::parse_listen_address(listen);
  return address && (address->host.starts_with("127.") || address->host == "::1");
}

base::Result<http::Throttle::Options> quotas_of(const ServeOptions& options) {
  if (std::max(options.limit_requests, options.limit_bytes) > http::kMaxQuota) {
    return Error{ErrorCode::invalid_input, "--limit-requests and --limit-bytes may be at most " +
                                               std::to_string(http::kMaxQuota) + " (0 = no limit)"};
  }
  http::Throttle::Options quotas;
  quotas.requests = options.limit_requests;
  quotas.bytes = options.limit_bytes;
  if (is_loopback(options.listen)) quotas.requests_of_an_address = 0;
  return quotas;
}

}  // namespace

// Queries reach the engine only once its tables are there. An empty endpoint: it has died and is being started again.
void Service::use_engine(const timeseries::Endpoint& endpoint) {
  if (!endpoint.url.empty()) {
    timeseries::ClickHouseClient fresh(endpoint);
    if (const base::Status made = timeseries::migrate(fresh); !made)
      log_line("making the tables failed: " + made.error().text);
  }
  client_->set_endpoint(endpoint);
  engine_metrics_->set_endpoint(endpoint);
  if (!endpoint.url.empty()) loader_->retry_now();
}

// The first start makes one: an act like any other, of the server's own word.
base::Status Service::ensure_operator_key() {
  const auto lacks = accounts_->lacks_operator_key();
  if (!lacks) return lacks.error();
  if (!*lacks) return accounts_->ensure_operator_key();
  auto act = control::AuditedAct::begin(*audit_, accounts_->outcomes(), {"key.create", {}, {}, "role=operator"});
  if (!act) return act.error();
  base::Status made = accounts_->ensure_operator_key(&*act);
  act->ended(made);
  return made;
}

// What a server of before has left behind goes into the audit before this one does anything; what cannot be written now
// need not keep it from starting.
void Service::open_settling() {
  settler_ = std::make_unique<control::ActSettler>(
      *audit_, std::vector<control::Outcomes*>{&accounts_->outcomes(), &webhook_store_->outcomes()});
  if (const base::Status settled = settler_->settle(); !settled) {
    log_line("the audit lacks what acts have come to, it is tried again: " + settled.error().text);
  }
  settling_ = std::make_unique<PeriodicJob>(
      "acts.settle", kSettleEveryMs, [this](const PeriodicJob::Watch&) { return settler_->settle(); }, *job_runner_,
      clock_, log_line, [this] { return ledger_->leads(); });
}

// Beside the ledger: in its PostgreSQL, or in files of their own.
sql::Place beside_ledger(const sql::Place& place, const fs::path& data, const char* file) {
  sql::Place own = place;
  if (own.postgres_url.empty()) own.sqlite_file = (data / file).string();
  return own;
}

base::Status Service::open_jobs(const sql::Place& place, const fs::path& data) {
  auto queue = jobs::Queue::open(beside_ledger(place, data, "jobs.db"), random_);
  if (!queue) return queue.error();
  job_queue_ = std::move(*queue);
  // A file has one process: what a killed one was doing need not wait.
  if (place.postgres_url.empty()) BOATHOUSE_TRY(job_queue_->end_leases(clock_.utc_ms()));
  job_runner_ = std::make_unique<jobs::Runner>(*job_queue_, clock_, random_, jobs::Runner::Options{}, log_line);
  return base::Done{};
}

base::Status Service::open_webhooks(const ServeOptions& options, const sql::Place& place, const fs::path& data) {
  auto store = webhooks::Store::open(beside_ledger(place, data, "webhooks.db"), clock_, random_);
  if (!store) return store.error();
  webhook_store_ = std::move(*store);
  webhook_policy_ = {options.webhook_allow_private, options.webhook_allow_http_loopback};
  webhook_deliverer_ = std::make_unique<webhooks::Deliverer>(
      *webhook_store_, clock_, random_, webhook_policy_,
      webhooks::resolve_within(webhooks::kLookupTimeout, webhooks::resolve_with_system), webhooks::send_with_curl,
      [this](webhooks::CallResult result) { metrics_.on_webhook_call(result); });
  job_runner_->handle(
      std::string(webhooks::kDeliveryJob),
      [this](jobs::Runner::Context& context) { return webhook_deliverer_->run(context); }, webhooks::kCallPlaces,
      webhooks::kLongestWaitMs);
  webhook_dispatcher_ =
      std::make_unique<webhooks::Dispatcher>(*ledger_, *webhook_store_, *job_runner_, clock_, log_line);
  return base::Done{};
}

// A ledger without segments may begin a folder of them; one that has some must find it, and so must one that went back:
// what it was before had begun it.
base::Status Service::open_segments(const ServeOptions& options, const fs::path& data) {
  const auto counts = ledger_->bodies().body_counts();
  if (!counts && !ledger_->went_back()) return counts.error();
  auto store = segments::FolderStore::open(segments_folder(data, options.segments), counts && counts->segments == 0);
  if (!store) return store.error();
  segment_store_ = std::move(*store);
  ledger_->use_segments(*segment_store_);
  SegmentService::Options segment_options;
  const bool nobody_shares_it = ledger_->shared() && options.segments.empty();
  if (nobody_shares_it && !options.keep_bodies_in_ledger) {
    log_line("no --segments: bodies stay in the ledger, for of several nodes all need one folder");
  }
  segment_options.mover.move = !options.keep_bodies_in_ledger && !nobody_shares_it;
  segment_options.mover.segment_bytes = options.segment_bytes;
  segment_options.every_ms = options.segments_every_s * 1000;
  if (!options.backup_to.empty()) segment_options.backups = fs::absolute(options.backup_to);
  segments_ = std::make_unique<SegmentService>(std::move(segment_options), *job_runner_, *ledger_, *segment_store_,
                                               clock_, random_, log_line);
  return base::Done{};
}

base::Status Service::open_backups(const ServeOptions& options, const sql::Place& place, const fs::path& data) {
  if (options.backup_to.empty()) {
    if (!options.purge_without_backup && options.backups_elsewhere_days == 0) {
      log_line("no --backup-to: nothing is backed up, so devices may remove nothing of what they have sent");
    }
    return base::Done{};
  }
  backup::ClickHouse clickhouse{client_.get(), options.clickhouse_backup_to};
  if (!options.clickhouse.empty() && options.clickhouse_backup_to.empty()) {
    log_line("no --clickhouse-backup-to: backups have no part of ClickHouse, a restore loads it from the ledger again");
    clickhouse = {};
  }
  backup::Source source = backup_source(data, place);
  source.segments = segment_store_.get();
  backups_ = std::make_unique<BackupService>(
      BackupService::Options{std::move(source), fs::absolute(options.backup_to), options.backup_every_s * 1000,
                             options.backup_keep, std::move(clickhouse)},
      *job_runner_, *ledger_, clock_, log_line);
  backup_watch_ = std::make_unique<BackupWatch>(fs::absolute(options.backup_to), *ledger_, clock_, log_line);
  return base::Done{};
}

// The tables that questions are answered from: a ClickHouse of the operator's, or an engine process of our own.
base::Status Service::open_timeseries(const ServeOptions& options, const fs::path& data) {
  cursors_ = std::make_unique<query::CursorCodec>(accounts_->secret_for(query::kCursorPurpose));
  timeseries::ClickHouseClient::Options client_options;
  client_options.on_damage = [this](const std::string& url, const base::Error& damage) {
    metrics_.on_damage();
    log_line("ClickHouse at " + url + " cannot read what it has: " + damage.text);
  };

  if (!options.clickhouse.empty()) {
    auto password = read_password(options.clickhouse_password_file);
    if (!password) return password.error();
    const auto client_of = [&](const std::string& user, std::unique_ptr<timeseries::ClickHouseClient>& client) {
      auto nodes = nodes_of(options, user, *password);
      if (!nodes) return base::Status(nodes.error());
      client = std::make_unique<timeseries::ClickHouseClient>(std::move(*nodes), client_options, clock_);
      return base::Status();
    };
    BOATHOUSE_TRY(client_of(options.clickhouse_user, client_));
    if (!options.clickhouse_read_user.empty()) BOATHOUSE_TRY(client_of(options.clickhouse_read_user, read_client_));
  } else {
    client_ = std::make_unique<timeseries::ClickHouseClient>(std::vector<timeseries::Endpoint>(1),
                                                             std::move(client_options), clock_);
    const fs::path password_file = data / "engine.password";
    engine_noted_in_ = data;
    note_engine(data, {});
    auto password = make_engine_password(password_file, random_);
    if (!password) return password.error();
    timeseries::EngineProcess::Options engine_options;
    engine_options.binary = options.engine_binary.empty() ? engine_beside_us() : options.engine_binary;
    engine_options.data_path = (data / "clickhouse").string();
    engine_options.password_file = password_file.string();
    engine_options.password = *password;
    engine_metrics_ = std::make_unique<EngineMetrics>(data / "clickhouse", EngineMetrics::Options{}, clock_);
    engine_ = std::make_unique<timeseries::EngineProcess>(
        std::move(engine_options),
        [this, data](const timeseries::Endpoint& endpoint) {
          use_engine(endpoint);
          note_engine(data, endpoint);
        },
        log_line);
  }
  timeseries::Loader::Options loader_options;
  loader_options.cluster = options.clickhouse_cluster;
  loader_ = std::make_unique<timeseries::Loader>(*ledger_, *client_, loader_options, log_line);
  quick_count_ = std::make_unique<timeseries::QuickCount>(*client_, clock_, timeseries::QuickCount::Options{});
  reconcile_ = std::make_unique<ReconcileService>(*ledger_, *client_, clock_, *job_runner_,
                                                  options.reconcile_every_s * 1000, log_line);
  return base::Done{};
}

base::Status Service::open(const ServeOptions& options) {
  std::error_code error;
  fs::create_directories(options.data, error);
  if (error) return Error{ErrorCode::io, "cannot make " + options.data + ": " + error.message()};
  const fs::path data = fs::absolute(options.data);
  if (!options.backup_to.empty()) BOATHOUSE_TRY(backup::check_destination(options.backup_to, data));

  auto place = sql::Place::parse(options.ledger, (data / "ledger.db").string());
  if (!place) return place.error();
  auto opened_accounts = control::Accounts::open(data.string(), clock_, random_, *place);
  if (!opened_accounts) return opened_accounts.error();
  accounts_ = std::move(*opened_accounts);
  key_watch_ = std::make_unique<control::KeyWatch>(*accounts_, log_line);

  ledger::Ledger::Options ledger_options;
  ledger_options.place = *place;
  ledger_options.purge_without_backup = options.purge_without_backup;
  ledger_options.check_key = [this](const base::Uuid& key) { return accounts_->check_in_force(key); };
  metrics_.watch(ledger_options);
  // From then on each commit may forget some: one line says it, the metric how many.
  ledger_options.on_forgotten_events = [this, first = true](std::uint64_t events) mutable {
    metrics_.on_forgotten_events(events);
    if (!std::exchange(first, false)) return;
    log_line(
        "a million events wait that did not reach the webhooks, and the oldest are forgotten from now on "
        "(boathouse_forgotten_events_total): receivers have to read GET /v1/sessions");
  };
  ledger_options.on_other_epoch = [this] {
    log_line("the ledger was restored under this server, which ends: started again it serves what was restored");
    ledger_was_restored_ = true;
    ::kill(::getpid(), SIGTERM);
  };
  // The service goes on: questions that ClickHouse answers are answered, and devices hear why they have to wait.
  ledger_options.on_went_back = [](const ledger::WentBack& went_back) { log_line(went_back.text()); };
  const std::string witness_file = (data / "ledger.witness").string();
  auto seen = ledger::read_witness(witness_file);
  if (seen) {
    ledger_options.seen = std::move(*seen);
  } else {
    log_line("the ledger's witness tells nothing: " + seen.error().text);
  }
  auto opened_ledger = ledger::Ledger::open(ledger_options, clock_, random_);
  if (!opened_ledger) return opened_ledger.error();
  ledger_ = std::move(*opened_ledger);
  if (!ledger_options.seen && ledger_->seen().server_seq > 0) {
    log_line("no witness of the ledger in " + data.string() +
             ": had it been put back to an earlier state before, this server would not know. A new one is written");
  }
  witness_ = std::make_unique<ledger::WitnessKeeper>(
      witness_file, [this] { return ledger_->seen(); }, log_line);
  audit_ = std::make_unique<LedgerAuditLog>(*ledger_, log_line);
  BOATHOUSE_TRY(open_jobs(*place, data));
  BOATHOUSE_TRY(open_webhooks(options, *place, data));
  open_settling();
  BOATHOUSE_TRY(ensure_operator_key());
  BOATHOUSE_TRY(open_segments(options, data));
  BOATHOUSE_TRY(open_timeseries(options, data));
  BOATHOUSE_TRY(open_backups(options, *place, data));
  retention_ = std::make_unique<RetentionService>(
      RetentionService::Parts{*accounts_, *webhook_store_, *ledger_, *client_, *job_runner_, clock_},
      retention::BackupsKept{options.backup_to.empty() ? fs::path() : fs::absolute(options.backup_to),
                             options.clickhouse_backup_days, options.backups_elsewhere_days},
      options.clickhouse_cluster,
      [this](const std::vector<base::Uuid>& recordings) { reconcile_->look_at(recordings); }, log_line);
  ledger_->on_commit([this] {
    loader_->wake();
    webhook_dispatcher_->wake();
  });
  return base::Done{};
}

// One that another node may have settled since does not count.
std::uint64_t Service::differences() {
  const auto leads = ledger_->leads();
  return leads && *leads ? reconcile_->reconciler().state().not_repairable : 0;
}

base::Status Service::add_routes(http::RouteTable& routes, const ServeOptions& options) {
  BOATHOUSE_TRY(api::add_operator_routes(
      routes, *accounts_, *ledger_, *client_, clock_, [this] { return loader_->healthy(); },
      [this] { return differences(); }));
  control::PairingLimits pairing_limits;
  if (is_loopback(options.listen)) pairing_limits.of_an_address = 0;
  BOATHOUSE_TRY(control::add_routes(routes, *accounts_, *audit_, pairing_limits));
  intake::Options intake_options;
  if (backup_watch_) metrics_.watch(*backup_watch_);
  if (backup_watch_ && !options.purge_without_backup) {
    intake_options.backed_up_of = [this](std::int64_t told_seq) { return backup_watch_->there_of(told_seq); };
  }
  intake_options.on_result = [this](const intake::Taken& item) { metrics_.on_result(item); };
  intake_options.on_ahead = [this](const intake::Ahead& ahead) {
    metrics_.on_ahead();
    log_line("a device of " + control::format_id(control::kAthletePrefix, ahead.athlete) + " has seen server_seq " +
             std::to_string(ahead.known_seq) + " of this epoch, and the ledger has " +
             std::to_string(ahead.server_seq) +
             ": it was put back to an earlier state without `boathouse restore`. Stop the server and run boathouse "
             "reload --new-epoch: devices then send again what the ledger lacks");
  };
  intake_options.count_visible = [this](const base::Uuid& athlete, const intake::Records& up_to,
                                        const intake::Starts& started_ms) {
    return quick_count_->count(athlete, up_to, started_ms);
  };
  intake_options.on_miscounted = [this](const std::vector<base::Uuid>& recordings) { reconcile_->look_at(recordings); };
  BOATHOUSE_TRY(intake::add_routes(routes, *accounts_, *ledger_, intake_options));
  BOATHOUSE_TRY(webhooks::add_routes(
      routes, {*accounts_, *audit_, *webhook_store_, *job_runner_, clock_, random_, webhook_policy_}));
  metrics_.watch(*job_queue_, *webhook_store_, clock_);
  metrics_.watch(*ledger_, reconcile_->reconciler(), clock_);
  if (engine_metrics_) metrics_.watch(*engine_metrics_);
  BOATHOUSE_TRY(metrics_.add_route(routes, *accounts_, *ledger_, *loader_));
  BOATHOUSE_TRY(api::add_audit_routes(routes, *accounts_, *ledger_));
  BOATHOUSE_TRY(api::add_trail_routes(routes, *accounts_, *ledger_, questions()));
  BOATHOUSE_TRY(api::add_session_routes(routes, *accounts_, *audit_, questions(), *cursors_));
  BOATHOUSE_TRY(retention_->add_routes(routes));
  return control::check_scopes(routes);
}

base::Status Service::make_server(const ServeOptions& options) {
  http::RouteTable routes;
  BOATHOUSE_TRY(add_routes(routes, options));
  http::Options http_options;
  http_options.listen = options.listen;
  http_options.limits.connections = allowed_connections(options.max_connections);
  // A connection has one request at a time: when all come back at once, they wait and are not sent away.
  http_options.queue_length = http_options.limits.connections;
  if (!options.tls_certificate.empty()) {
    http_options.tls = http::TlsFiles{options.tls_certificate, options.tls_key};
    http_options.io_threads = kTlsThreads;
  }
  if (!is_loopback(options.listen)) {
    http_options.limits.connections_of_a_network = static_cast<std::size_t>(options.max_connections_per_address);
  }
  const auto quotas = quotas_of(options);
  if (!quotas) return quotas.error();
  throttle_ = std::make_unique<http::Throttle>(*quotas, clock_);
  http_options.throttle = throttle_.get();
  http_options.hooks = hooks_of(metrics_);
  server_ = std::make_unique<http::Server>(std::move(http_options), std::move(routes));
  metrics_.watch(*server_);
  return base::Done{};
}

// The door opens first: uploads are safe in the ledger while ClickHouse is still starting.
base::Result<std::uint16_t> Service::start(const ServeOptions& options) {
  BOATHOUSE_TRY(make_server(options));
  const auto port = server_->start();
  if (!port) return port.error();
  if (!options.tls_certificate.empty()) reload_tls();
  if (engine_) BOATHOUSE_TRY(engine_->start());
  loader_->start();
  if (backups_) BOATHOUSE_TRY(backups_->start());
  // Nothing is removed from a ledger that went back, and it would not say what is left to be removed.
  if (!ledger_->went_back()) BOATHOUSE_TRY(retention_->start());
  BOATHOUSE_TRY(segments_->start());
  BOATHOUSE_TRY(settling_->start(kSettleEveryMs));
  BOATHOUSE_TRY(reconcile_->start(kClickHouseStartsWithinMs));
  job_runner_->start(kJobThreads);
  webhook_dispatcher_->start();
  return *port;
}

void Service::reload_tls() {
  const auto certificate = server_->reload_tls();
  log_line(certificate ? "TLS certificate in use: " + *certificate
                       : "the TLS certificate of before stays in use: " + certificate.error().text);
}

// From the door inwards, so that nothing accepted is left undone.
void Service::stop() {
  if (server_) server_->stop(kDrain);
  if (webhook_dispatcher_) webhook_dispatcher_->stop();
  if (job_runner_) job_runner_->stop();
  if (loader_) loader_->stop();
  if (ledger_) ledger_->stop();
  witness_.reset();
  if (engine_) {
    engine_->stop();
    note_engine(engine_noted_in_, {});
  }
}

}  // namespace boathouse::app
