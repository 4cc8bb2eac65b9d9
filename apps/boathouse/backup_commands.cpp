#include "apps/boathouse/backup_commands.hpp"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "apps/boathouse/answers.hpp"
#include "apps/boathouse/backup_run.hpp"
#include "apps/boathouse/engine_access.hpp"
#include "apps/boathouse/folder_owner.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "core/base/utc_time.hpp"
#include "server/backup/restore.hpp"
#include "server/ledger/ledger.hpp"
#include "server/segments/folder_store.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using backup::Difference;
using base::ErrorCode;

constexpr std::string_view kSayAgain =
    "nothing is purged and no erasure begins for a day. What was said after that moment is to be said again: holds and "
    "rules (`boathouse retention show`), erasures asked for or taken back, keys that were revoked";

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

std::string differences_text(const std::vector<Difference>& differences) {
  std::string text;
  for (const Difference& difference : differences) {
    text += "DIFFERENCE " + difference.file + ": " + difference.text + "\n";
  }
  return text;
}

void put_differences(base::JsonWriter& json, const std::vector<Difference>& differences,
                     std::string_view key = "differences") {
  json.key(key).begin_array();
  for (const Difference& difference : differences) {
    json.begin_object().key("file").value(difference.file).key("text").value(difference.text).end_object();
  }
  json.end_array();
}

// How many bodies the backup was made without, and the chunks of the first ones.
void put_left_out(base::JsonWriter& json, const backup::Verification& found) {
  json.key("left_out").begin_object().key("bodies").value(found.manifest.left_out.size()).key("chunks").begin_array();
  for (const std::string& chunk : found.left_out) json.value(chunk);
  json.end_array().end_object();
}

std::string said_of_left_out(const backup::Verification& found) {
  std::string text;
  for (const std::string& chunk : found.left_out) text += "WITHOUT the body of " + chunk + ": it was lost\n";
  const std::size_t more = found.manifest.left_out.size() - found.left_out.size();
  if (found.differences.empty() && more > 0) text += "WITHOUT " + std::to_string(more) + " more\n";
  return text;
}

// The ClickHouse that a command speaks to, held as long as it does.
struct ClickHouseDoor {
  std::unique_ptr<EngineAccess> engine;
  std::unique_ptr<timeseries::ClickHouseClient> external;
  std::string trouble = {};  // why there is none

  [[nodiscard]] timeseries::ClickHouseClient* client() const {
    return external ? external.get() : engine ? &engine->client() : nullptr;
  }
};

ClickHouseDoor open_clickhouse(const BackupOptions& options, const fs::path& folder, bool make) {
  if (options.without_clickhouse) return {};
  ClickHouseDoor door;
  if (!options.clickhouse.empty()) {
    auto password = read_password(options.clickhouse_password_file);
    if (!password) {
      door.trouble = password.error().text;
      return door;
    }
    auto servers = clickhouse_servers(options.clickhouse, options.clickhouse_user, *password);
    if (!servers) {
      door.trouble = servers.error().text;
      return door;
    }
    static const base::SystemClock clock;
    door.external = std::make_unique<timeseries::ClickHouseClient>(std::move(*servers),
                                                                   timeseries::ClickHouseClient::Options{}, clock);
    return door;
  }
  auto engine = EngineAccess::open(folder, options.engine_binary, make);
  if (engine) {
    door.engine = std::move(*engine);
  } else {
    door.trouble = engine.error().text;
  }
  return door;
}

// One of several would begin a backup and another be asked how far it is.
std::optional<int> refuse_several(const BackupOptions& options) {
  if (options.clickhouse.find(',') == std::string::npos) return {};
  return wrong_use("--clickhouse names several servers, and a backup is the work of one: name one of them");
}

// --data, when files are left there: an engine of our own's, or a ledger's. Empty: both lie elsewhere.
fs::path data_written(const BackupOptions& options, const sql::Place& ledger) {
  const bool elsewhere = !ledger.postgres_url.empty() && (options.without_clickhouse || !options.clickhouse.empty());
  return elsewhere ? fs::path() : fs::path(options.data);
}

// An engine of our own on the new folder, or the one that --clickhouse names.
backup::WithClickHouse restore_into_clickhouse(const BackupOptions& options) {
  if (options.without_clickhouse) return {};
  return [&options](const fs::path& folder,
                    const std::function<base::Status(timeseries::ClickHouseClient&)>& work) -> base::Status {
    const ClickHouseDoor door = open_clickhouse(options, folder.parent_path(), true);
    if (door.client() == nullptr) return base::Error{ErrorCode::unavailable, door.trouble};
    return work(*door.client());
  };
}

std::string said_of_clickhouse(const backup::Verification& found) {
  if (!found.manifest.clickhouse) return "no part of ClickHouse, a restore loads it from the ledger";
  if (!found.clickhouse.empty()) return "ClickHouse's part is of no use: a restore loads it from the ledger";
  if (!found.clickhouse_unseen.empty()) return "ClickHouse's part in S3 WAS NOT LOOKED AT";
  return "ClickHouse's part as it was written";
}

std::string said_of(const backup::Listed& listed, const backup::Manifest& manifest) {
  std::string text = std::to_string(manifest.chunks) + " chunks, up to server_seq " +
                     std::to_string(manifest.last_seq) + (manifest.clickhouse ? ", with ClickHouse" : "");
  if (!manifest.left_out.empty()) {
    text += ", without the bodies of " + std::to_string(manifest.left_out.size()) + " that were lost";
  }
  if (!listed.verified_ms) return text + ", not verified";
  return text + ", verified " + base::format_utc_ms(*listed.verified_ms) +
         (manifest.clickhouse && !listed.clickhouse_verified ? " (ClickHouse's part not)" : "");
}

void put_clickhouse(base::JsonWriter& json, const backup::Manifest& manifest) {
  json.key("clickhouse");
  if (!manifest.clickhouse) {
    json.null();
    return;
  }
  std::uint64_t bytes = 0;
  for (const backup::CopiedFile& file : manifest.clickhouse->files) bytes += file.bytes;
  json.begin_object().key("files").begin_array();
  for (const backup::CopiedFile& file : manifest.clickhouse->files) json.value(file.name);
  json.end_array().key("bytes").value(bytes).end_object();
}

// As it is typed into a shell.
std::string quoted_for_shell(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

bool has_password(const std::string& url) {
  const std::size_t user = url.find("://");
  const std::size_t at = url.find('@');
  return url.find("password=") != std::string::npos ||
         (user != std::string::npos && at != std::string::npos && url.find(':', user + 3) < at);
}

// The same command again. A ledger's URL with a password in it is shown without.
std::string reload_again(const BackupOptions& options, const sql::Place& place, bool new_epoch) {
  std::string text = "boathouse reload";
  const auto add = [&text](const char* option, const std::string& value) {
    if (!value.empty()) text += std::string(" ") + option + " " + quoted_for_shell(value);
  };
  if (new_epoch) text += " --new-epoch";
  add("--data", options.data);
  add("--ledger", has_password(options.ledger) ? place.text() : options.ledger);
  add("--segments", options.segments);
  add("--engine", options.engine_binary);
  add("--clickhouse", options.clickhouse);
  if (!options.clickhouse.empty()) add("--clickhouse-user", options.clickhouse_user);
  add("--clickhouse-password-file", options.clickhouse_password_file);
  return text;
}

}  // namespace

int backup_create(const BackupOptions& options) {
  if (const auto refused = refuse_several(options)) return *refused;
  const auto place = place_of(options.ledger, options.data);
  if (!place) return wrong_use(place.error().text);
  if (const auto refused = refuse_other_user({data_written(options, *place), options.to})) return *refused;
  const bool same_disk = place->postgres_url.empty() && backup::on_one_disk(place->sqlite_file, fs::path(options.to));
  if (same_disk) say("the backup lies on the same disk as the data: if it dies, both are lost; copy it elsewhere");
  if (!options.clickhouse.empty() && options.clickhouse_backup_to.empty() && !options.without_clickhouse) {
    return wrong_use(
        "a ClickHouse server writes its part into S3: give --clickhouse-backup-to URL, or "
        "--without-clickhouse");
  }
  const ClickHouseDoor door = open_clickhouse(options, fs::absolute(options.data), false);
  base::SystemClock clock;
  Progress progress;
  const fs::path data = fs::absolute(options.data);
  // Not there: then no body has left the ledger, or the backup says which one it cannot read.
  const auto segments = segments::FolderStore::open(segments_folder(data, options.segments), false);
  backup::Source source = backup_source(data, *place);
  source.segments = segments ? segments->get() : nullptr;
  const backup::CreateOptions how{.full = options.full, .clickhouse = {door.client(), options.clickhouse_backup_to}};
  const auto run = run_backup(source, options.to, how, clock, progress.watch());
  if (!run) return fail_with(run.error());
  const backup::Manifest& manifest = run->created.manifest;
  const std::string trouble = door.trouble.empty() ? clickhouse_trouble(*run) : door.trouble;
  const std::string& unseen = run->verification.clickhouse_unseen;
  if (!unseen.empty()) say("ClickHouse's part was not looked at: " + unseen);
  if (!trouble.empty()) say("no good part of ClickHouse, a restore loads everything again: " + trouble);
  if (const std::string lacking = left_out_trouble(run->verification); !lacking.empty()) say(lacking);
  if (options.json) {
    std::string text;
    base::JsonWriter json(text);
    json.begin_object().key("backup").value(run->created.folder.string());
    json.key("epoch").value(manifest.epoch).key("last_seq").value(manifest.last_seq);
    json.key("chunks").value(manifest.chunks).key("written_bytes").value(run->created.written_bytes);
    json.key("same_disk").value(same_disk).key("purge_safe").value(run->noted);
    put_clickhouse(json, manifest);
    json.key("clickhouse_trouble").value(trouble).key("clickhouse_not_looked_at").value(unseen);
    put_left_out(json, run->verification);
    put_differences(json, run->verification.differences);
    json.end_object();
    print(text + "\n");
  } else {
    print(differences_text(run->verification.differences) + run->created.folder.string() + "\n");
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
        json.key("left_out").value(listed.manifest->left_out.size());
        put_clickhouse(json, *listed.manifest);
        json.key("clickhouse_verified").value(listed.clickhouse_verified);
      } else {
        json.key("trouble").value(listed.trouble);
      }
      json.end_object();
    } else {
      text = name + "  ";
      text += listed.manifest ? said_of(listed, *listed.manifest) : listed.trouble;
    }
    print(text + "\n");
  }
  return kDone;
}

int backup_verify(const BackupOptions& options) {
  if (const auto refused = refuse_several(options)) return *refused;
  if (const auto refused = refuse_other_user({options.from})) return *refused;
  std::optional<sql::Place> ledger;
  if (!options.data.empty() || !options.ledger.empty()) {
    const auto place = place_of(options.ledger, options.data);
    if (!place) return wrong_use(place.error().text);
    ledger = *place;
  }
  base::SystemClock clock;
  Progress progress;
  // Only a part in S3 needs one to ask.
  const ClickHouseDoor door = options.clickhouse.empty() ? ClickHouseDoor() : open_clickhouse(options, {}, false);
  if (!door.trouble.empty()) return wrong_use(door.trouble);
  const auto found = backup::verify(options.from, clock, progress.watch(), door.client());
  if (!found) return fail_with(found.error());
  std::optional<std::int64_t> marked;
  if (ledger) {
    const auto taken = take_mark_back(*ledger, *found, clock, progress.watch());
    if (!taken) return fail_with(taken.error());
    marked = *taken;
  }
  if (options.json) {
    std::string text;
    base::JsonWriter json(text);
    json.begin_object().key("backup").value(found->folder.string()).key("chunks").value(found->manifest.chunks);
    json.key("bodies").value(found->bodies);
    put_left_out(json, *found);
    put_differences(json, found->differences);
    put_differences(json, found->clickhouse, "clickhouse_differences");
    json.key("clickhouse_not_looked_at").value(found->clickhouse_unseen);
    json.key("mark_taken_back_to");
    marked ? json.value(*marked) : json.null();
    json.end_object();
    print(text + "\n");
  } else {
    print(differences_text(found->differences) + differences_text(found->clickhouse) + said_of_left_out(*found));
    if (marked) {
      say("the ledger now says that backups reach up to server_seq " + std::to_string(*marked) +
          "; make a new one: `boathouse backup create --full`");
    }
    if (found->differences.empty()) {
      print(found->folder.filename().string() + ": " + std::to_string(found->bodies) +
            " chunks, each with the ledger's hash; " + said_of_clickhouse(*found) + "\n");
    }
  }
  const bool unseen = !found->clickhouse_unseen.empty() && !options.without_clickhouse;
  if (unseen) {
    say("ClickHouse's part was not looked at: " + found->clickhouse_unseen +
        "; name the server that wrote it (--clickhouse URL), or leave that part (--without-clickhouse)");
  }
  return found->differences.empty() && found->clickhouse.empty() && !unseen ? kDone : kFailed;
}

int backup_prune(const BackupOptions& options) {
  if (const auto refused = refuse_other_user({options.to})) return *refused;
  const auto pruned = backup::prune(options.to, options.keep, !options.apply);
  if (!pruned) return fail_with(pruned.error());
  const std::string_view done = options.apply ? "removed" : "would remove";
  std::string text;
  if (options.json) {
    base::JsonWriter json(text);
    json.begin_object().key("applied").value(options.apply).key("bytes").value(pruned->bytes);
    json.key("paths").begin_array();
    for (const fs::path& path : pruned->paths) json.value(path.filename().string());
    json.end_array().end_object();
    print(text + "\n");
    return kDone;
  }
  for (const fs::path& path : pruned->paths) text += std::string(done) + " " + path.filename().string() + "\n";
  print(text + std::string(done) + " " + std::to_string(pruned->bytes) + " bytes\n");
  if (!options.apply && !pruned->paths.empty()) say("nothing was removed; do it with --apply");
  return kDone;
}

// nullopt: all that the backup has.
base::Result<std::optional<backup::Moment>> moment_of(const BackupOptions& options) {
  if (options.server_seq) return std::optional(backup::Moment{.server_seq = options.server_seq});
  if (options.at.empty()) return std::optional<backup::Moment>();
  const auto time = base::parse_iso8601(options.at);
  if (!time) return time.error().within("--at");
  if (!time->has_zone) {
    return base::Error{ErrorCode::invalid_input, "--at needs a zone: 2026-11-28T07:30:00Z or ...+01:00"};
  }
  return std::optional(backup::Moment{.utc_ms = time->utc_ms});
}

int restore(const BackupOptions& options) {
  if (const auto refused = refuse_several(options)) return *refused;
  if (const auto refused = refuse_other_user({options.from, options.data})) return *refused;
  const auto place = place_of(options.ledger, options.data);
  if (!place) return wrong_use(place.error().text);
  const fs::path data = fs::absolute(options.data);
  if (place->postgres_url.empty() && place->sqlite_file != (data / "ledger.db").string()) {
    return wrong_use("a restored ledger is ledger.db in --data, or in PostgreSQL; move it afterwards if you must");
  }
  const auto moment = moment_of(options);
  if (!moment) return wrong_use(moment.error().text);
  base::SystemClock clock;
  base::SystemRandom random;
  Progress progress;
  const backup::RestoreTarget target{data, place->postgres_url.empty() ? sql::Place() : *place,
                                     backup_source(data, *place).databases, restore_into_clickhouse(options), *moment};
  const auto restored = backup::restore(options.from, target, clock, random, progress.watch());
  if (!restored) return fail_with(restored.error());
  const backup::Verification& source = restored->verification;
  if (source.differences.empty()) {
    auto ledger = ledger::Ledger::open({.place = *place}, clock, random);
    if (!ledger) return fail(ledger.error());
    const std::string point = restored->point ? " seq=" + std::to_string(restored->point->server_seq) : "";
    const auto noted =
        (*ledger)->note_restore("name=" + source.folder.filename().string() + " epoch=" + restored->epoch + point);
    if (!noted) return fail(noted.error());
    say(std::string(kSayAgain));
  }
  for (const std::string& row : restored->altered) say(row);
  if (restored->rewound.not_found > 0) {
    say(std::to_string(restored->rewound.not_found) +
        " recordings that were removed after that moment are in no earlier backup; if they were there then, what "
        "devices "
        "still have of them they send again");
  }
  if (const std::size_t lacking = source.manifest.left_out.size(); lacking > 0 && source.differences.empty()) {
    say("the backup was made without the bodies of " + std::to_string(lacking) +
        " chunks, which were lost: devices that still have them send them again");
  }
  if (!restored->clickhouse_trouble.empty()) {
    say("ClickHouse's part was not restored, the server loads everything from the ledger: " +
        restored->clickhouse_trouble);
  }
  if (options.json) {
    std::string text;
    base::JsonWriter json(text);
    json.begin_object().key("backup").value(source.folder.string()).key("data").value(data.string());
    json.key("epoch").value(restored->epoch).key("last_seq");
    json.value(restored->point ? restored->point->server_seq : source.manifest.last_seq);
    json.key("brought_back").value(restored->rewound.brought_back);
    json.key("removed_for_good").value(restored->rewound.not_found);
    json.key("chunks").value(restored->chunks).key("chunks_to_load").value(restored->to_load);
    json.key("clickhouse").value(restored->clickhouse).key("clickhouse_trouble").value(restored->clickhouse_trouble);
    put_differences(json, source.differences);
    json.end_object();
    print(text + "\n");
  } else if (source.differences.empty()) {
    const std::string as_of =
        restored->point ? "as of server_seq " + std::to_string(restored->point->server_seq) + ": " : "";
    print(data.string() + ": " + as_of + std::to_string(restored->chunks) + " chunks restored from " +
          source.folder.filename().string() + " (made " + base::format_utc_ms(source.manifest.made_ms) +
          ", up to server_seq " + std::to_string(source.manifest.last_seq) + "), " + std::to_string(restored->to_load) +
          " of them to be loaded into ClickHouse. Start the server on it: it loads them, and devices send again what "
          "the backup lacked\n");
  } else {
    print(differences_text(source.differences) + "nothing was restored\n");
  }
  return source.differences.empty() ? kDone : kFailed;
}

int reload(const BackupOptions& options) {
  const auto place = place_of(options.ledger, options.data);
  if (!place) return wrong_use(place.error().text);
  if (const auto refused = refuse_other_user({data_written(options, *place)})) return *refused;
  const fs::path data = fs::absolute(options.data);
  const ClickHouseDoor door = open_clickhouse(options, data, true);
  if (door.client() == nullptr) {
    if (options.clickhouse.empty()) {
      say("if ClickHouse's own files are beyond repair, move " + (data / "clickhouse").string() +
          " away and do it again");
    }
    return fail({ErrorCode::unavailable, door.trouble});
  }
  if (door.engine && !door.engine->is_own()) return wrong_use("a server runs on " + data.string() + "; stop it first");
  if (const auto answers = door.client()->ping(); !answers) return fail_with(answers.error().within("--clickhouse"));
  bool begun = false;
  // An epoch is for good, so what may fail before it comes before it.
  const auto begin = [&]() -> base::Status {
    if (!options.new_epoch) return {};
    base::SystemClock clock;
    base::SystemRandom random;
    const auto epoch = backup::begin_new_epoch(backup_source(data, *place).databases.front(), clock, random);
    if (!epoch) return epoch.error();
    begun = true;
    say("the ledger has the new epoch " + *epoch + ": devices offer again whatever they hold");
    say(std::string(kSayAgain));
    return {};
  };
  Progress progress;
  const auto done = backup::reload(*door.client(), *place, progress.watch(), begin);
  if (!done) {
    const int code = fail_with(done.error());
    if (begun || code == kFailed) {
      say("it is not done. Before the server is started run it again" +
          std::string(begun ? ", the new epoch stays" : "") + ": " +
          reload_again(options, *place, options.new_epoch && !begun));
    }
    return code;
  }
  std::string text;
  if (options.json) {
    base::JsonWriter json(text);
    json.begin_object().key("chunks").value(done->chunks).key("chunks_to_load").value(done->to_load);
    json.key("made_anew").begin_array();
    for (const std::string& table : done->made_anew) json.value(table);
    json.end_array().end_object();
    print(text + "\n");
    return kDone;
  }
  for (const std::string& table : done->made_anew) text += "table " + table + " was damaged and is made anew\n";
  print(text + std::to_string(done->to_load) + " of " + std::to_string(done->chunks) +
        " chunks are loaded again when the server starts\n");
  return kDone;
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
  if (const auto refused = refuse_other_user({options.data})) return *refused;
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
  for (const std::string& row : moved->altered) say(row);
  for (const fs::path& path : moved->put_aside) say("put aside: " + path.string());
  if (!from->postgres_url.empty()) say("the database " + from->text() + " is as it was: never serve from it again");
  return kDone;
}

}  // namespace boathouse::app
