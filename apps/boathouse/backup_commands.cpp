#include "apps/boathouse/backup_commands.hpp"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "apps/boathouse/backup_run.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "core/base/utc_time.hpp"
#include "server/backup/restore.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using backup::Difference;
using base::ErrorCode;

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// Megabytes that went by, on a terminal; nothing in a pipe.
class Progress {
 public:
  ~Progress() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  backup::Watch watch() {
    return [this](std::uint64_t bytes) {
      bytes_ += bytes;
      const std::int64_t now = clock_.monotonic_ms();
      if (terminal_ && now - last_ms_ >= 200) {
        std::fprintf(stderr, "\r%llu MB", static_cast<unsigned long long>(bytes_ >> 20));
        std::fflush(stderr);
        last_ms_ = now;
        shown_ = true;
      }
      return base::Status();
    };
  }

 private:
  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  base::SystemClock clock_;
  std::uint64_t bytes_ = 0;
  std::int64_t last_ms_ = 0;
  bool shown_ = false;
};

int fail_with(const base::Error& error) {
  return error.code == ErrorCode::invalid_input || error.code == ErrorCode::conflict ? wrong_use(error.text)
                                                                                     : fail(error);
}

base::Result<sql::Place> place_of(const std::string& ledger, const std::string& data) {
  return sql::Place::parse(ledger, (fs::absolute(data) / "ledger.db").string());
}

std::string text_of(const std::vector<Difference>& differences) {
  std::string text;
  for (const Difference& difference : differences) {
    text += "DIFFERENCE " + difference.file + ": " + difference.text + "\n";
  }
  return text;
}

void put(base::JsonWriter& json, const std::vector<Difference>& differences) {
  json.key("differences").begin_array();
  for (const Difference& difference : differences) {
    json.begin_object().key("file").value(difference.file).key("text").value(difference.text).end_object();
  }
  json.end_array();
}

}  // namespace

int backup_create(const BackupOptions& options) {
  const auto place = place_of(options.ledger, options.data);
  if (!place) return wrong_use(place.error().text);
  const bool same_disk = place->postgres_url.empty() && backup::on_one_disk(place->sqlite_file, fs::path(options.to));
  if (same_disk) say("the backup lies on the same disk as the data: if it dies, both are lost; copy it elsewhere");
  base::SystemClock clock;
  Progress progress;
  const auto run =
      run_backup(backup_source(fs::absolute(options.data), *place), options.to, options.full, clock, progress.watch());
  if (!run) return fail_with(run.error());
  const backup::Manifest& manifest = run->created.manifest;
  if (options.json) {
    std::string text;
    base::JsonWriter json(text);
    json.begin_object().key("backup").value(run->created.folder.string());
    json.key("epoch").value(manifest.epoch).key("last_seq").value(manifest.last_seq);
    json.key("chunks").value(manifest.chunks).key("written_bytes").value(run->created.written_bytes);
    json.key("same_disk").value(same_disk).key("purge_safe").value(run->noted);
    put(json, run->verification.differences);
    json.end_object();
    print(text + "\n");
  } else {
    print(text_of(run->verification.differences) + run->created.folder.string() + "\n");
    if (!run->noted) say("devices may not remove anything by this backup's word; start the server once, or see above");
  }
  return run->verification.differences.empty() ? kDone : kFailed;
}

int backup_list(const BackupOptions& options) {
  const auto backups = backup::list(options.to);
  if (!backups) return fail_with(backups.error());
  for (const backup::Listed& listed : *backups) {
    std::string text;
    const std::string name = listed.folder.filename().string();
    if (options.json) {
      base::JsonWriter json(text);
      json.begin_object().key("name").value(name).key("verified");
      listed.verified_ms ? json.value(base::format_utc_ms(*listed.verified_ms)) : json.null();
      if (listed.manifest) {
        json.key("made").value(base::format_utc_ms(listed.manifest->made_ms));
        json.key("epoch").value(listed.manifest->epoch).key("last_seq").value(listed.manifest->last_seq);
        json.key("chunks").value(listed.manifest->chunks);
      } else {
        json.key("trouble").value(listed.trouble);
      }
      json.end_object();
    } else {
      text = name + "  ";
      text += listed.manifest ? std::to_string(listed.manifest->chunks) + " chunks, up to server_seq " +
                                    std::to_string(listed.manifest->last_seq)
                              : listed.trouble;
      text += listed.verified_ms ? ", verified " + base::format_utc_ms(*listed.verified_ms) : ", not verified";
    }
    print(text + "\n");
  }
  return kDone;
}

int backup_verify(const BackupOptions& options) {
  base::SystemClock clock;
  Progress progress;
  const auto found = backup::verify(options.from, clock, progress.watch());
  if (!found) return fail_with(found.error());
  if (options.json) {
    std::string text;
    base::JsonWriter json(text);
    json.begin_object().key("backup").value(found->folder.string()).key("chunks").value(found->manifest.chunks);
    json.key("bodies").value(found->bodies);
    put(json, found->differences);
    json.end_object();
    print(text + "\n");
  } else if (found->differences.empty()) {
    print(found->folder.filename().string() + ": " + std::to_string(found->bodies) +
          " chunks, each with the ledger's hash\n");
  } else {
    print(text_of(found->differences));
  }
  return found->differences.empty() ? kDone : kFailed;
}

int backup_prune(const BackupOptions& options) {
  const auto removed = backup::prune(options.to, {});
  if (!removed) return fail_with(removed.error());
  for (const fs::path& path : *removed) print("removed " + path.filename().string() + "\n");
  return kDone;
}

int restore(const BackupOptions& options) {
  const auto place = place_of(options.ledger, options.data);
  if (!place) return wrong_use(place.error().text);
  const fs::path data = fs::absolute(options.data);
  if (place->postgres_url.empty() && place->sqlite_file != (data / "ledger.db").string()) {
    return wrong_use("a restored ledger is ledger.db in --data, or in PostgreSQL; move it afterwards if you must");
  }
  base::SystemClock clock;
  base::SystemRandom random;
  Progress progress;
  const backup::RestoreTarget target{data, place->postgres_url.empty() ? sql::Place() : *place,
                                     backup_source(data, *place).databases};
  const auto restored = backup::restore(options.from, target, clock, random, progress.watch());
  if (!restored) return fail_with(restored.error());
  const backup::Verification& source = restored->verification;
  if (source.differences.empty()) {
    auto ledger = ledger::Ledger::open({.place = *place}, clock, random);
    if (!ledger) return fail(ledger.error());
    const auto written = (*ledger)->append_audit(
        {"restore", {}, {}, {}, "name=" + source.folder.filename().string() + " epoch=" + restored->epoch});
    if (!written) return fail(written.error());
  }
  if (options.json) {
    std::string text;
    base::JsonWriter json(text);
    json.begin_object().key("backup").value(source.folder.string()).key("data").value(data.string());
    json.key("epoch").value(restored->epoch).key("last_seq").value(source.manifest.last_seq);
    json.key("chunks").value(restored->chunks);
    put(json, source.differences);
    json.end_object();
    print(text + "\n");
  } else if (source.differences.empty()) {
    print(data.string() + ": " + std::to_string(restored->chunks) + " chunks restored from " +
          source.folder.filename().string() + " (made " + base::format_utc_ms(source.manifest.made_ms) +
          ", up to server_seq " + std::to_string(source.manifest.last_seq) +
          "). Start the server on it: ClickHouse is filled from the ledger, and devices send again what "
          "the backup lacked\n");
  } else {
    print(text_of(source.differences) + "nothing was restored\n");
  }
  return source.differences.empty() ? kDone : kFailed;
}

int migrate(const BackupOptions& options) {
  const auto from = place_of(options.ledger, options.data);
  if (!from) return wrong_use(from.error().text);
  const auto to = place_of(options.to_ledger, options.data);
  if (!to) return wrong_use(to.error().text);
  if (from->postgres_url.empty() == to->postgres_url.empty()) {
    return wrong_use(
        "migrate moves between SQLite and PostgreSQL: one of --ledger and --to-ledger is postgresql://...");
  }
  const fs::path data = fs::absolute(options.data);
  Progress progress;
  const auto moved =
      backup::migrate(backup_source(data, *from).databases, backup_source(data, *to).databases, progress.watch());
  if (!moved) return fail_with(moved.error());
  std::string text;
  base::JsonWriter json(text);
  json.begin_object();
  for (const backup::DatabaseCopy& database : moved->databases) {
    std::uint64_t rows = 0;
    for (const auto& [name, sum] : database.tables) rows += sum.rows;
    json.key(database.name).value(rows);
    if (!options.json) print(database.name + ": " + std::to_string(rows) + " rows, each read back\n");
  }
  json.end_object();
  if (options.json) print(text + "\n");
  for (const fs::path& path : moved->put_aside) say("put aside: " + path.string());
  if (!from->postgres_url.empty()) say("the database " + from->text() + " is as it was: never serve from it again");
  return kDone;
}

}  // namespace boathouse::app
