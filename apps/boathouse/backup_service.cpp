#include "apps/boathouse/backup_service.hpp"

#include <string>
#include <utility>

#include "apps/boathouse/backup_run.hpp"
#include "apps/boathouse/periodic_job.hpp"
#include "server/ledger/backup_mark.hpp"

namespace boathouse::app {
namespace {

constexpr std::string_view kKind = "backup";
constexpr std::int64_t kClickHouseRetryMs = 1'000;  // it starts beside us, within seconds
constexpr int kClickHouseRetries = 30;
constexpr std::int64_t kDiskRetryMs = 600'000;  // a disk that is away comes back within hours, not within seconds

}  // namespace

BackupService::BackupService(Options options, jobs::Runner& runner, ledger::Ledger& ledger, base::Clock& clock,
                             std::function<void(std::string_view)> log)
    : options_(std::move(options)), runner_(runner), ledger_(ledger), clock_(clock), log_(std::move(log)) {
  runner_.handle(
      std::string(kKind), [this](jobs::Runner::Context& context) { return work(context); }, 0,
      longest_wait_ms(options_.every_ms, kDiskRetryMs));
}

base::Status BackupService::start() {
  const std::int64_t now = clock_.utc_ms();
  const std::string& file = options_.source.databases.front().place.sqlite_file;
  if (!file.empty() && backup::on_one_disk(file, options_.destination)) {
    log_("the backups lie on the same disk as the data: if it dies, both are lost; give --backup-to another one");
  }
  return order(now / options_.every_ms, now);
}

base::Status BackupService::order(std::int64_t period, std::int64_t due_ms) {
  const std::string number = std::to_string(period);
  const jobs::Order order{std::string(kKind), number, number, due_ms};
  return runner_.add({&order, 1});
}

base::Result<bool> BackupService::has_one(std::int64_t period) {
  auto connection = sql::Connection::open(options_.source.databases.front().place);
  if (!connection) return connection.error();
  const auto mark = ledger::backup_mark(*connection);
  if (!mark) return mark.error();
  if (!*mark) return false;
  // Made by hand to another place, or lost since: it is not this folder's.
  std::error_code error;
  const bool is_here = std::filesystem::exists(options_.destination / (*mark)->name / "manifest.json", error);
  // One of the future is of a clock that was ahead, and says nothing of this period.
  return is_here && (*mark)->made_ms / options_.every_ms >= period &&
         (*mark)->made_ms <= clock_.utc_ms() + options_.every_ms;
}

jobs::Outcome BackupService::work(jobs::Runner::Context& context) {
  using jobs::Outcome;
  const std::int64_t period = period_of(context.job(), options_.every_ms, clock_.utc_ms());
  // Before anything can go wrong with this one.
  if (const base::Status ordered = order(period + 1, (period + 1) * options_.every_ms); !ordered) {
    return Outcome::retry(ordered.error().text);
  }
  const auto there = has_one(period);
  if (!there) return Outcome::retry(there.error().text);
  if (*there) return Outcome::done();
  const auto failed = [this](const std::string& why) {
    log_("the backup failed: " + why);
    return Outcome::retry(why, kDiskRetryMs);
  };
  // With each one an older backup would go, which has more.
  if (const auto went_back = ledger_.went_back()) return failed(went_back->text());
  timeseries::ClickHouseClient* const clickhouse = options_.clickhouse.client;
  if (clickhouse != nullptr && context.job().failures < kClickHouseRetries) {
    if (const base::Status up = clickhouse->ping(); !up) return Outcome::retry(up.error().text, kClickHouseRetryMs);
  }

  std::int64_t prolonged = clock_.monotonic_ms();
  const backup::Watch watch = [&](std::uint64_t) -> base::Status {
    if (context.stopping()) return base::Error{base::ErrorCode::unavailable, "the server stops"};
    if (clock_.monotonic_ms() - prolonged < kProlongMs) return {};
    prolonged = clock_.monotonic_ms();
    return context.prolong();
  };
  const auto run =
      run_backup(options_.source, options_.destination, {.clickhouse = options_.clickhouse}, clock_, watch);
  if (!run) return failed(run.error().text);
  if (const std::string trouble = clickhouse_trouble(*run); !trouble.empty()) {
    log_("the backup has no good part of ClickHouse, a restore of it loads everything again: " + trouble);
  }
  if (const std::string& why = run->verification.clickhouse_unseen; !why.empty()) {
    log_("ClickHouse's part of the backup was not looked at: " + why);
  }
  if (const auto removed = backup::prune(options_.destination, options_.keep); !removed) {
    log_("old backups were not removed: " + removed.error().text);
  }
  const std::string name = run->created.folder.filename().string();
  if (!run->verification.differences.empty()) {
    const backup::Difference& first = run->verification.differences.front();
    return failed(name + " is not what was written: " + first.file + ": " + first.text);
  }
  std::string what = "name=" + name + " up_to_seq=" + std::to_string(run->created.manifest.last_seq) +
                     " chunks=" + std::to_string(run->created.manifest.chunks);
  if (const std::string trouble = left_out_trouble(run->verification); !trouble.empty()) {
    what += " left_out=" + std::to_string(run->created.manifest.left_out.size());
    log_("the backup is good, but " + trouble);
  }
  log_("backup verified: " + what);
  if (const auto written = ledger_.append_audit({"backup", {}, {}, {}, what}); !written) {
    log_("the audit has no record of " + name + ": " + written.error().text);
  }
  return Outcome::done();
}

}  // namespace boathouse::app
