#include "apps/boathouse/backup_run.hpp"

#include <utility>

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

// An athlete was erased since the last one: the segments of before are named no more, so that they go with the
// backups of before.
base::Result<bool> must_be_full(const backup::Source& source) {
  auto connection = sql::Connection::open(source.databases.front().place);
  if (!connection) return connection.error();
  const auto is_ours = is_of_this_program(*connection);
  if (!is_ours) return is_ours.error();
  if (!*is_ours) return false;
  auto select = connection->prepare("SELECT count(*) FROM erasure, backup_mark WHERE erased_ms >= made_ms");
  if (!select) return select.error();
  if (const auto row = select->step(); !row) return row.error();
  return select->integer(0) > 0;
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
                          {created.folder.filename().string(), created.manifest.last_seq, created.manifest.made_ms}));
  return true;
}

}  // namespace

backup::Source backup_source(const std::filesystem::path& data, const sql::Place& ledger) {
  const auto beside = [&](const char* file) {
    return ledger.postgres_url.empty() ? sql::Place{.sqlite_file = (data / file).string()} : ledger;
  };
  return {{{"ledger", ledger, &ledger::kSchema},
           {"control", beside("control.db"), &control::kSchema},
           {"webhooks", beside("webhooks.db"), &webhooks::kSchema, true}},
          {data / "pepper.key", data / "operator.key"}};
}

std::filesystem::path segments_folder(const std::filesystem::path& data, const std::string& given) {
  return given.empty() ? data / "segments" : std::filesystem::absolute(given);
}

base::Result<BackupRun> run_backup(const backup::Source& source, const std::filesystem::path& destination,
                                   backup::CreateOptions options, base::Clock& clock, const backup::Watch& watch) {
  // A ledger that cannot be read is create()'s to name.
  if (const auto needed = must_be_full(source); needed && *needed) options.full = true;
  while (true) {
    auto created = backup::create(source, destination, options, clock, watch);
    if (!created) return created.error();
    auto verification = backup::verify(created->folder, clock, watch);
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

std::string clickhouse_trouble(const BackupRun& run) {
  if (!run.created.clickhouse_trouble.empty() || run.verification.clickhouse.empty()) {
    return run.created.clickhouse_trouble;
  }
  const backup::Difference& first = run.verification.clickhouse.front();
  return first.file + ": " + first.text;
}

}  // namespace boathouse::app
