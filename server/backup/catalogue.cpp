// What lies in a destination: list, find, prune.
#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/s3_copies.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::string_view kPrefix = "backup-";

void read_mark(const fs::path& backup, Listed& listed) {
  const auto text = read_file(backup / "verified.json", 4096);
  const auto json = text ? base::parse_json(*text) : Result<base::JsonValue>(text.error());
  if (!json) {
    return;
  }
  if (const base::JsonValue* time = json->find("verified_ms"); time != nullptr) {
    listed.verified_ms = time->integer();
  }
  if (const base::JsonValue* clickhouse = json->find("clickhouse"); clickhouse != nullptr) {
    listed.clickhouse_verified = clickhouse->boolean().value_or(false);
  }
}

Listed read_backup(const fs::path& folder) {
  Listed listed{folder, std::nullopt, "", std::nullopt};
  const auto text = read_file(folder / "manifest.json", kMaxManifest);
  auto manifest = text ? parse_manifest(*text) : Result<Manifest>(text.error());
  if (manifest) {
    listed.manifest = std::move(*manifest);
    read_mark(folder, listed);
  } else {
    listed.trouble = manifest.error().text;
  }
  return listed;
}

// The days, weeks (from Monday) or months of UTC, numbered.
std::int64_t day_of(std::int64_t utc_ms) { return utc_ms / kDayMs; }
std::int64_t week_of(std::int64_t utc_ms) { return (day_of(utc_ms) + 3) / 7; }
std::int64_t month_of(std::int64_t utc_ms) {
  const base::CivilDate date = base::civil_from_days(day_of(utc_ms));
  return date.year * 12 + date.month;
}

std::set<fs::path> to_be_kept(const std::vector<Listed>& newest_first, const Keep& keep) {
  std::set<fs::path> kept{newest_first.front().folder};
  // A period's newest verified one; its newest, when none of it was verified.
  const auto keep_of = [&](int count, std::int64_t (*period_of)(std::int64_t)) {
    std::map<std::int64_t, const Listed*, std::greater<>> best;
    for (const Listed& listed : newest_first) {
      const Listed*& chosen = best[period_of(listed.manifest->made_ms)];
      if (chosen == nullptr || (!chosen->verified_ms && listed.verified_ms)) {
        chosen = &listed;
      }
    }
    for (const auto& [period, listed] : best) {
      if (count-- <= 0) {
        break;
      }
      kept.insert(listed->folder);
    }
  };
  keep_of(keep.days, day_of);
  keep_of(keep.weeks, week_of);
  keep_of(keep.months, month_of);
  // By the clock the newest verified one, and of each ledger the one that reaches farthest: by that devices were told
  // what they may remove, whatever the clock was.
  std::map<std::string, const Listed*> farthest;  // by epoch
  for (const Listed& listed : newest_first) {
    if (!listed.verified_ms) {
      continue;
    }
    if (farthest.empty()) {
      kept.insert(listed.folder);
    }
    const Listed*& best = farthest[listed.manifest->epoch];
    if (best == nullptr || best->manifest->last_seq < listed.manifest->last_seq) {
      best = &listed;
    }
  }
  for (const auto& [epoch, listed] : farthest) {
    kept.insert(listed->folder);
  }
  return kept;
}

// What the backups name in S3, each as old as the oldest of them: the full one that the others stand on is its own.
std::vector<S3Copy> named_in_s3(const std::vector<Listed>& backups) {
  std::vector<S3Copy> named;
  for (const Listed& listed : backups) {
    if (listed.manifest && listed.manifest->clickhouse && !listed.manifest->clickhouse->s3_folder.empty()) {
      for (const CopiedFile& file : listed.manifest->clickhouse->files) {
        named.push_back({s3_url(listed.manifest->clickhouse->s3_folder, file.name), listed.manifest->made_ms});
      }
    }
  }
  return named;
}

// Without a slash at its end.
fs::path tidy(const fs::path& folder) {
  const fs::path place = fs::absolute(folder).lexically_normal();
  return place.has_filename() ? place : place.parent_path();
}

bool is_backup(const fs::path& place) {
  std::error_code error;
  return fs::exists(place / "manifest.json", error);
}

// At least one.
Result<std::vector<Listed>> some_backups(const fs::path& destination) {
  auto backups = list(destination);
  if (backups && backups->empty()) {
    return Error{ErrorCode::not_found,
                 destination.string() + " has no backup; name a folder that `backup create` wrote to"};
  }
  return backups;
}

std::uint64_t bytes_below(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    const std::uint64_t bytes = fs::file_size(path, error);
    return error ? 0 : bytes;
  }
  std::uint64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path, error)) {
    bytes += entry.is_regular_file(error) ? entry.file_size(error) : 0;
  }
  return bytes;
}

// `name` without what every one of its kind begins and ends with has only signs of `middle`.
bool is_named(std::string_view name, std::string_view begin, std::string_view middle, std::string_view end) {
  return name.size() > begin.size() + end.size() && name.starts_with(begin) && name.ends_with(end) &&
         name.substr(begin.size(), name.size() - begin.size() - end.size()).find_first_not_of(middle) ==
             std::string_view::npos;
}

// A file that create() writes to bodies/ or clickhouse/, or one that it was cut short in.
bool is_a_backups_file(const fs::directory_entry& entry) {
  constexpr std::string_view kTime = "0123456789TZ";
  const std::string name = entry.path().filename().string();
  std::error_code error;
  return entry.symlink_status(error).type() == fs::file_type::regular &&
         (is_named(name, "bodies-", "0123456789abcdef-", ".seg") || name == kUnfinishedSegment ||
          is_named(name, "clickhouse-", kTime, "-full.tar") || is_named(name, "clickhouse-", kTime, "-increment.tar") ||
          name == kUnfinishedClickHouse);
}

}  // namespace

Status check_destination(const fs::path& destination, const fs::path& data) {
  const auto refused = [&destination](const std::string& why) -> Status {
    return Error{ErrorCode::invalid_input,
                 destination.string() + " " + why + ": name a folder of its own for the backups, on another disk"};
  };
  std::error_code error;
  const fs::path place = fs::weakly_canonical(fs::absolute(destination), error);
  if (fs::exists(place / "ledger.db", error)) {
    return refused("has a ledger in it");
  }
  for (const fs::path& folder : {place, place / "clickhouse"}) {
    if (fs::exists(folder / "store", error) && fs::exists(folder / "metadata", error)) {
      return refused("has the files of a ClickHouse in it");
    }
  }
  if (data.empty()) {
    return {};
  }
  const fs::path from_data = place.lexically_relative(fs::weakly_canonical(fs::absolute(data), error));
  return from_data.empty() || *from_data.begin() == ".."
             ? Status()
             : refused("is, or lies in, the server's own folder " + data.string());
}

fs::path bodies_folder(const fs::path& backup) { return backup.parent_path() / "bodies"; }

fs::path clickhouse_folder(const fs::path& backup) { return backup.parent_path() / "clickhouse"; }

Result<std::vector<Listed>> list(const fs::path& destination) {
  std::vector<Listed> backups;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::absolute(destination), error)) {
    if (entry.path().filename().string().starts_with(kPrefix) && entry.is_directory()) {
      backups.push_back(read_backup(entry.path()));
    }
  }
  if (error) {
    return Error{ErrorCode::not_found, destination.string() + " is no folder of backups: " + error.message()};
  }
  // Their names begin with the time.
  std::sort(backups.begin(), backups.end(), [](const Listed& a, const Listed& b) { return a.folder > b.folder; });
  return backups;
}

std::set<fs::path> holding_from_before(const std::vector<Listed>& backups, std::int64_t utc_ms) {
  const auto files_of = [](const Manifest& manifest) {
    std::vector<std::string> files;
    for (const Segment& segment : manifest.segments) {
      files.push_back(segment.file);
    }
    if (manifest.clickhouse) {
      for (const CopiedFile& file : manifest.clickhouse->files) {
        files.push_back(manifest.clickhouse->s3_folder + "/" + file.name);
      }
    }
    return files;
  };
  std::set<std::string> old_files;
  for (const Listed& one : backups) {
    if (one.manifest && one.manifest->made_ms <= utc_ms) {
      for (const std::string& file : files_of(*one.manifest)) {
        old_files.insert(file);
      }
    }
  }
  std::set<fs::path> holding;
  for (const Listed& one : backups) {
    // A file that was written again is the same file, if nothing of the athlete was in it.
    const bool names_one =
        one.manifest && one.manifest->clean_of_ms < utc_ms &&
        std::ranges::any_of(files_of(*one.manifest), [&](const std::string& file) { return old_files.contains(file); });
    if (!one.manifest || one.manifest->made_ms <= utc_ms || names_one) {
      holding.insert(one.folder);
    }
  }
  return holding;
}

std::int64_t verified_up_to(const fs::path& destination, const std::string& epoch, std::int64_t marked_seq) {
  std::int64_t farthest = 0;
  const auto backups = list(destination);
  if (!backups) {
    return farthest;
  }
  for (const Listed& listed : *backups) {
    if (listed.verified_ms && listed.manifest && listed.manifest->epoch == epoch) {
      const Manifest& manifest = *listed.manifest;
      const bool whole = manifest.left_out.empty() || manifest.last_seq >= marked_seq;
      farthest = std::max(farthest, whole ? manifest.last_seq : manifest.left_out.front() - 1);
    }
  }
  return farthest;
}

Result<fs::path> find_backup(const fs::path& folder) {
  const fs::path place = tidy(folder);
  if (is_backup(place)) {
    return place;
  }
  const auto backups = some_backups(place);
  return backups ? Result<fs::path>(backups->front().folder) : backups.error();
}

Result<fs::path> find_backup_to_restore(const fs::path& folder) {
  const fs::path place = tidy(folder);
  if (is_backup(place)) {
    return place;
  }
  const auto backups = some_backups(place);
  if (!backups) {
    return backups.error();
  }
  std::map<std::string, const Listed*> farthest;  // by epoch; of two that reach as far the newer
  for (const Listed& listed : *backups) {
    if (!listed.manifest) {
      return Error{ErrorCode::conflict, listed.folder.filename().string() + " in " + place.string() +
                                            " cannot be read and may be the one that reaches farthest: name the "
                                            "folder of the one that you want (`backup list`)"};
    }
    const Listed*& best = farthest[listed.manifest->epoch];
    if (best == nullptr || best->manifest->last_seq < listed.manifest->last_seq) {
      best = &listed;
    }
  }
  if (farthest.size() == 1) {
    return farthest.begin()->second->folder;
  }
  std::string names;
  for (const auto& [epoch, listed] : farthest) {
    names += (names.empty() ? "" : ", ") + listed->folder.filename().string() + " (up to server_seq " +
             std::to_string(listed->manifest->last_seq) + ")";
  }
  return Error{ErrorCode::conflict, place.string() + " has backups of " + std::to_string(farthest.size()) +
                                        " ledgers, one from before a restore and one from after it perhaps, and no "
                                        "clock is asked which is the later: name the folder. Farthest reach " +
                                        names};
}

Result<Pruned> prune(const fs::path& destination, const Keep& keep, bool dry_run) {
  BOATHOUSE_TRY(check_destination(destination, {}));
  auto lock = FolderLock::take(destination);
  if (!lock) {
    return lock.error();
  }
  const auto backups = list(destination);
  if (!backups) {
    return backups.error();
  }
  Pruned pruned;
  if (backups->empty()) {
    return pruned;
  }
  for (const Listed& listed : *backups) {
    if (!listed.manifest) {
      return Error{ErrorCode::corrupt, listed.folder.string() + ": " + listed.trouble +
                                           "; nothing was removed, because nobody knows what it needs: move that "
                                           "folder away"};
    }
  }
  // What an earlier program made there, it did not note.
  if (!dry_run) {
    BOATHOUSE_TRY(note_s3_copies(destination, named_in_s3(*backups)));
  }
  const std::set<fs::path> kept = to_be_kept(*backups, keep);
  std::set<std::string> needed;  // of what several share
  const auto remove = [&](const fs::path& path, const fs::path& doomed) -> Status {
    pruned.paths.push_back(path);
    pruned.bytes += bytes_below(path);
    if (dry_run) {
      return {};
    }
    if (doomed != path) {
      BOATHOUSE_TRY(move_path(path, doomed));
    }
    return remove_path(doomed);
  };
  for (const Listed& listed : *backups) {
    if (kept.contains(listed.folder)) {
      for (const Segment& segment : listed.manifest->segments) {
        needed.insert(segment.file);
      }
      if (listed.manifest->clickhouse) {
        for (const CopiedFile& file : listed.manifest->clickhouse->files) {
          needed.insert(file.name);
        }
      }
      continue;
    }
    // Under another name first: one that is half removed is no backup.
    BOATHOUSE_TRY(remove(listed.folder, destination / (".removed-" + listed.folder.filename().string())));
  }
  std::vector<fs::path> orphans;
  for (const char* shared : {"bodies", "clickhouse"}) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(destination / shared, error)) {
      if (is_a_backups_file(entry) && !needed.contains(entry.path().filename().string())) {
        orphans.push_back(entry.path());
      }
    }
  }
  for (const fs::path& orphan : orphans) {
    BOATHOUSE_TRY(remove(orphan, orphan));
  }
  return pruned;
}

}  // namespace boathouse::backup
