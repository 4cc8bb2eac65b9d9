#include "apps/boathouse/backup_run.hpp"

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "server/control/schema.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/ledger/schema.hpp"
#include "server/webhooks/schema.hpp"

namespace boathouse::app {
namespace {

// False for an older program's ledger, which lacks tables.
base::Result<bool> is_of_this_program(sql::Connection& ledger) {
  const auto version = backup::version_of(ledger, ledger::kSchema);
  if (!version) return version.error();
  return *version >= std::int64_t{ledger::kSchema.migrations.back().version};
}

base::Result<std::string> epoch_of(sql::Connection& ledger) {
  auto select = ledger.prepare("SELECT epoch FROM state");
  if (!select) return select.error();
  const auto row = select->step();
  if (!row) return row.error();
  return *row ? std::string(select->text(0)) : std::string();
}

// When the last athlete was erased, 0: none was.
base::Result<std::int64_t> last_erasure(const backup::Source& source) {
  auto connection = sql::Connection::open(source.databases.front().place);
  if (!connection) return connection.error();
  const auto is_ours = is_of_this_program(*connection);
  if (!is_ours) return is_ours.error();
  if (!*is_ours) return std::int64_t{0};
  auto select = connection->prepare("SELECT max(erased_ms) FROM erasure");
  if (!select) return select.error();
  if (const auto row = select->step(); !row) return row.error();
  return select->optional_integer(0).value_or(0);
}

// An older program's ledger has no place for the mark: false.
base::Result<bool> note(const backup::Source& source, const backup::Created& created) {
  auto connection = sql::Connection::open(source.databases.front().place);
  if (!connection) return connection.error();
  const auto is_ours = is_of_this_program(*connection);
  if (!is_ours) return is_ours.error();
  if (!*is_ours) return false;
  BOATHOUSE_TRY(
      ledger::note_backup(*connection, created.manifest.epoch,
                          {created.folder.filename().string(), created.manifest.last_seq, created.manifest.made_ms},
                          created.manifest.left_out));
  return true;
}

// What it found to be lost. An older program's ledger finds it by itself when a newer one serves it.
base::Status note_lost(const backup::Source& source, const backup::Created& created, base::Clock& clock) {
  if (created.lost.empty()) return {};
  auto connection = sql::Connection::open(source.databases.front().place);
  if (!connection) return connection.error();
  const auto is_ours = is_of_this_program(*connection);
  if (!is_ours) return is_ours.error();
  return *is_ours ? ledger::note_lost(*connection, created.manifest.epoch, created.lost, clock.utc_ms())
                  : base::Status();
}

struct GoodBackup {
  ledger::BackupMark mark;
  std::vector<std::int64_t> lacking;
};

// The farthest one beside `damaged` that nothing is wrong with.
base::Result<std::optional<GoodBackup>> farthest_good(const std::filesystem::path& damaged, const std::string& epoch,
                                                      base::Clock& clock, const backup::Watch& watch) {
  const auto others = backup::list(damaged.parent_path());
  if (!others) return others.error();
  std::multimap<std::int64_t, const backup::Listed*, std::greater<>> farthest_first;
  for (const backup::Listed& one : *others) {
    if (one.folder == damaged || !one.verified_ms || !one.manifest || one.manifest->epoch != epoch) continue;
    farthest_first.emplace(one.manifest->last_seq, &one);
  }
  for (const auto& [last_seq, one] : farthest_first) {
    const auto found = backup::verify(one->folder, clock, watch);  // it may name the same damaged segment
    if (!found) return found.error();
    if (!found->differences.empty()) continue;
    return std::optional(
        GoodBackup{{one->folder.filename().string(), last_seq, one->manifest->made_ms}, one->manifest->left_out});
  }
  return std::optional<GoodBackup>();
}

}  // namespace

backup::Source backup_source(const std::filesystem::path& data, const sql::Place& ledger) {
  const auto beside = [&](const char* file) {
    return ledger.postgres_url.empty() ? sql::Place{.sqlite_file = (data / file).string()} : ledger;
  };
  return {{{"ledger", ledger, &ledger::kSchema},
           {"control", beside("control.db"), &control::kSchema},
           {"webhooks", beside("webhooks.db"), &webhooks::kSchema, true}},
          {data / "pepper.key", data / "operator.key"},
          nullptr,
          data};
}

std::filesystem::path segments_folder(const std::filesystem::path& data, const std::string& given) {
  return given.empty() ? data / "segments" : std::filesystem::absolute(given);
}

base::Result<BackupRun> run_backup(const backup::Source& source, const std::filesystem::path& destination,
                                   backup::CreateOptions options, base::Clock& clock, const backup::Watch& watch) {
  // A ledger that cannot be read is create()'s to name.
  if (const auto erased_ms = last_erasure(source); erased_ms && *erased_ms > 0) options.nothing_until_ms = *erased_ms;
  while (true) {
    auto created = backup::create(source, destination, options, clock, watch);
    if (!created) return created.error();
    BOATHOUSE_TRY(note_lost(source, *created, clock));
    auto verification = backup::verify(created->folder, clock, watch, options.clickhouse.client);
    if (!verification) return verification.error();
    BackupRun run{std::move(*created), std::move(*verification), false};
    const bool good = run.verification.differences.empty();
    if (!options.full && (!good || !run.verification.clickhouse.empty())) {
      options.full = true;
      continue;
    }
    if (good) {
      const auto noted = note(source, run.created);
      if (!noted) return noted.error();
      run.noted = *noted;
    }
    return run;
  }
}

base::Result<std::optional<std::int64_t>> take_mark_back(const sql::Place& ledger, const backup::Verification& found,
                                                         base::Clock& clock, const backup::Watch& watch) {
  std::optional<std::int64_t> up_to;
  if (found.differences.empty()) return up_to;
  sql::Place place = ledger;
  place.sqlite.create = false;
  auto connection = sql::Connection::open(place);
  if (!connection) return connection.error();
  const auto is_ours = is_of_this_program(*connection);
  if (!is_ours) return is_ours.error();
  if (!*is_ours) return up_to;
  const std::string name = found.folder.filename().string();
  const auto mark = ledger::backup_mark(*connection);
  if (!mark) return mark.error();
  if (!*mark || (*mark)->name != name) return up_to;
  const auto epoch = epoch_of(*connection);
  if (!epoch) return epoch.error();
  const auto instead = farthest_good(found.folder, *epoch, clock, watch);
  if (!instead) return instead.error();
  const auto taken = *instead ? ledger::take_back_backup(*connection, name, (*instead)->mark, (*instead)->lacking)
                              : ledger::take_back_backup(*connection, name, {});
  if (!taken) return taken.error();
  if (*taken) up_to = *instead ? (*instead)->mark.up_to_seq : 0;
  return up_to;
}

std::string left_out_trouble(const backup::Verification& found) {
  const std::size_t count = found.manifest.left_out.size();
  if (count == 0) return "";
  return "it lacks " + std::to_string(count) + (count == 1 ? " body that is" : " bodies that are") +
         " lost here: " + (found.left_out.empty() ? "" : found.left_out.front() + (count == 1 ? "" : ", ...")) +
         " (docs/operations/segments.md says what brings them back; the next backup then has them)";
}

std::string clickhouse_trouble(const BackupRun& run) {
  if (!run.created.clickhouse_trouble.empty() || run.verification.clickhouse.empty()) {
    return run.created.clickhouse_trouble;
  }
  const backup::Difference& first = run.verification.clickhouse.front();
  return first.file + ": " + first.text;
}

}  // namespace boathouse::app
