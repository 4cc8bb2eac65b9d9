#include "server/retention/eraser.hpp"

#include <algorithm>
#include <utility>

#include "server/backup/backup.hpp"
#include "server/backup/s3_copies.hpp"
#include "server/timeseries/eraser.hpp"

namespace boathouse::retention {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using jobs::Outcome;
using ledger::TableCount;

constexpr std::string_view kEraseKind = "athlete.erase";
constexpr std::size_t kRecordingsAtOnce = 20;
constexpr std::int64_t kEraseLaterMs = 2'000;     // until ClickHouse has deleted
constexpr std::int64_t kHeldMs = 24 * 3'600'000;  // until a hold is asked for again
constexpr std::string_view kStillInClickHouse = "erasing";

void add(std::vector<TableCount>& all, const std::string& room, const std::vector<TableCount>& counts) {
  for (const TableCount& count : counts) all.push_back({room + "." + count.table, count.rows});
}

}  // namespace

bool Proof::nothing_left() const {
  return std::ranges::all_of(tables, [](const TableCount& count) { return count.rows == 0; });
}

Eraser::Eraser(Options options, ledger::Ledger& ledger, timeseries::ClickHouseClient& client, jobs::Runner& runner,
               base::Clock& clock, std::function<void(std::string_view)> log)
    : options_(std::move(options)),
      ledger_(ledger),
      client_(client),
      runner_(runner),
      clock_(clock),
      log_(std::move(log)) {
  runner_.handle(std::string(kEraseKind), [this](jobs::Runner::Context& context) { return work(context); });
}

base::Status Eraser::start() {
  const auto erasures = ledger_.erasures();
  if (!erasures) return erasures.error();
  for (const ledger::Erasure& erasure : *erasures) {
    if (!erasure.erased_ms) BOATHOUSE_TRY(order(erasure.athlete, erasure.due_ms));
  }
  return base::Done{};
}

base::Status Eraser::order(const base::Uuid& athlete, std::int64_t due_ms) {
  const jobs::Order order{std::string(kEraseKind), athlete.text(), athlete.text(), due_ms};
  return runner_.add({&order, 1});
}

Outcome Eraser::work(jobs::Runner::Context& context) {
  const auto athlete = base::Uuid::parse(context.job().payload);
  if (!athlete) return Outcome::failed("the job names no athlete");
  const auto erasure = find(*athlete);
  if (!erasure) return Outcome::retry(erasure.error().text, kEraseLaterMs);
  if (!*erasure || (*erasure)->erased_ms) return Outcome::done();
  // One that was taken back and asked for again has a later day than the job of the first.
  if (const std::int64_t wait_ms = (*erasure)->due_ms - clock_.utc_ms(); !(*erasure)->erasing_ms && wait_ms > 0) {
    return Outcome::retry("it is not due", wait_ms);
  }
  if (const base::Status begun = ledger_.begin_erasing(*athlete); !begun) {
    switch (begun.error().code) {
      case ErrorCode::not_found:
        return Outcome::done();
      case ErrorCode::conflict:
        log_("an athlete is not erased: " + begun.error().text);
        return Outcome::retry(begun.error().text, kHeldMs);
      default:
        return Outcome::retry(begun.error().text, kEraseLaterMs);
    }
  }
  for (const Room& room : options_.rooms) {
    if (const base::Status forgot = room.forget(*athlete); !forgot)
      return Outcome::retry(forgot.error().text, kEraseLaterMs);
  }
  const auto left = ledger_.rows_of_athlete(*athlete);
  if (!left) return Outcome::retry(left.error().text, kEraseLaterMs);
  bool more = std::ranges::any_of(
      *left, [](const TableCount& count) { return count.rows > 0 && count.table != kStillInClickHouse; });
  while (more) {
    if (context.stopping()) return Outcome::retry("the server stops", 0);
    const auto erased = ledger_.erase_some(*athlete, kRecordingsAtOnce);
    if (!erased) return Outcome::retry(erased.error().text, kEraseLaterMs);
    more = *erased;
    if (const base::Status prolonged = context.prolong(); !prolonged) return Outcome::retry(prolonged.error().text);
  }
  if (const base::Status finished = ledger_.finish_erasure(*athlete); !finished) {
    return Outcome::retry(finished.error().text, kEraseLaterMs);
  }
  return Outcome::done();
}

Result<std::optional<ledger::Erasure>> Eraser::find(const base::Uuid& athlete) {
  const auto erasures = ledger_.erasures();
  if (!erasures) return erasures.error();
  const auto found = std::ranges::find(*erasures, athlete, &ledger::Erasure::athlete);
  return found == erasures->end() ? std::optional<ledger::Erasure>() : std::optional(*found);
}

Result<Proof> Eraser::proof(const base::Uuid& athlete) {
  const auto erasure = find(athlete);
  if (!erasure) return erasure.error();
  if (!*erasure) return Error{ErrorCode::not_found, "nobody has asked for the erasure of this athlete"};
  Proof proof;
  proof.erasure = **erasure;
  const auto in_ledger = ledger_.rows_of_athlete(athlete);
  if (!in_ledger) return in_ledger.error();
  add(proof.tables, "ledger", *in_ledger);
  const auto layout = timeseries::layout_of(client_, options_.cluster);
  if (!layout) return layout.error();
  const auto in_clickhouse = timeseries::rows_of_athlete(client_, athlete, *layout);
  if (!in_clickhouse) return in_clickhouse.error();
  add(proof.tables, "clickhouse", *in_clickhouse);
  for (const Room& room : options_.rooms) {
    const auto counts = room.count(athlete);
    if (!counts) return counts.error();
    add(proof.tables, room.name, *counts);
  }
  proof.elsewhere_days = options_.backups.elsewhere_days;
  if (!options_.backups.folder.empty()) {
    const std::int64_t erased_ms = proof.erasure.erased_ms.value_or(clock_.utc_ms() + kReversibleMs);
    auto backups = backups_from_before(options_.backups.folder, erased_ms);
    if (!backups) return backups.error();
    proof.backups = std::move(*backups);
    proof.backups_known = true;
    auto copies = copies_from_before(options_.backups, erased_ms, clock_.utc_ms());
    if (!copies) return copies.error();
    proof.clickhouse_copies = std::move(*copies);
  }
  return proof;
}

Result<std::vector<std::string>> backups_from_before(const std::filesystem::path& folder, std::int64_t erased_ms) {
  const auto backups = backup::list(folder);
  if (!backups && backups.error().code == ErrorCode::not_found) return std::vector<std::string>();
  if (!backups) return backups.error();
  std::vector<std::string> names;
  const auto holding = backup::holding_from_before(*backups, erased_ms);
  for (const backup::Listed& one : *backups) {
    if (holding.contains(one.folder)) names.push_back(one.folder.filename().string());
  }
  return names;
}

Result<std::vector<HoldingCopy>> copies_from_before(const BackupsKept& kept, std::int64_t erased_ms,
                                                    std::int64_t now_ms) {
  const auto copies = backup::s3_copies(kept.folder);
  if (!copies) return copies.error();
  std::vector<HoldingCopy> holding;
  for (const backup::S3Copy& copy : *copies) {
    if (copy.made_ms > erased_ms) continue;
    std::optional<std::int64_t> until_ms;
    if (kept.s3_days > 0) until_ms = copy.made_ms + kept.s3_days * kDayMs;
    if (!until_ms || *until_ms > now_ms) holding.push_back({copy.place, until_ms});
  }
  return holding;
}

}  // namespace boathouse::retention
