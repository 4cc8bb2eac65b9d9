#include "server/backup/clickhouse.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/utc_time.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/s3_copies.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;
using timeseries::ClickHouseClient;

namespace {

constexpr std::int64_t kWeekMs = std::int64_t{7} * 86'400'000;
constexpr std::chrono::milliseconds kPoll{50};
constexpr int kMaxUnseen = 100;  // polls in which ClickHouse knows nothing of what it was just told to do

std::string sql_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + "'";
}

std::string place_of(const ClickHouseCopy& copy, const fs::path& destination, std::size_t index) {
  const std::string& name = copy.files[index].name;
  return copy.s3_folder.empty() ? file_place(destination / "clickhouse" / name) : s3_place(copy.s3_folder, name);
}

// It runs in ClickHouse by itself, however long it takes. The bytes that it wrote or read.
Result<std::uint64_t> run_to_end(ClickHouseClient& client, const std::string& statement, const std::string& id,
                                 const Watch& watch) {
  BOATHOUSE_TRY(client.execute(statement));
  for (int unseen = 0; unseen < kMaxUnseen;) {
    BOATHOUSE_TRY(watch(0));
    const auto found =
        client.select("SELECT toString(status) AS status, error, total_size FROM system.backups WHERE id = {id:String}",
                      {{"id", id}});
    if (!found) {
      return found.error();
    }
    const std::string status = found->rows == 0 ? "" : found->find("status")->texts[0];
    if (status == "BACKUP_CREATED" || status == "RESTORED") {
      return static_cast<std::uint64_t>(found->integer("total_size", 0));
    }
    if (status == "CREATING_BACKUP" || status == "RESTORING") {
      unseen = 0;
    } else if (!status.empty()) {
      const std::string& why = found->find("error")->texts[0];
      return Error{ErrorCode::io, "ClickHouse says " + status + ": " +
                                      why.substr(0, std::min(why.find("Stack trace"), std::size_t{500}))};
    } else {
      ++unseen;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return Error{ErrorCode::unavailable, "ClickHouse knows nothing of its backup " + id + "; is it one server?"};
}

std::string stamp(std::int64_t utc_ms) {
  std::string text = base::format_utc_ms(utc_ms);
  std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == '.'; });
  return text;
}

// Whether a full one is as it was written, as far as that can be seen quickly.
bool is_there(const CopiedFile& full, const ClickHouse& source, const fs::path& folder) {
  if (source.s3_folder.empty()) {
    std::error_code error;
    return fs::file_size(folder / full.name, error) == full.bytes && !error;
  }
  const auto found = look_in_s3(*source.client, source.s3_folder, full.name);
  return found && *found == full;
}

// The full one that an increment may stand on.
std::optional<CopiedFile> base_of(const std::vector<Listed>& before, const ClickHouse& source, const fs::path& folder,
                                  std::int64_t now_ms) {
  const auto last = std::ranges::find_if(before, [&](const Listed& listed) {
    return listed.manifest && listed.manifest->clickhouse && listed.manifest->clickhouse->s3_folder == source.s3_folder;
  });
  if (last == before.end()) {
    return std::nullopt;
  }
  const std::vector<CopiedFile>& files = last->manifest->clickhouse->files;
  const CopiedFile& full = files.front();
  const bool recent = std::ranges::any_of(before, [&](const Listed& listed) {
    return listed.manifest && listed.manifest->clickhouse && listed.manifest->clickhouse->files.size() == 1 &&
           listed.manifest->clickhouse->files[0] == full && now_ms - listed.manifest->made_ms < kWeekMs;
  });
  if (!recent || (files.size() > 1 && files[1].bytes > full.bytes / 2) || !is_there(full, source, folder)) {
    return std::nullopt;
  }
  return full;
}

Status check_empty(ClickHouseClient& client) {
  const auto found = client.select(
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND total_rows > 0 ORDER BY name LIMIT 1");
  if (!found) {
    return found.error();
  }
  return found->rows == 0 ? Status()
                          : Status(Error{ErrorCode::conflict,
                                         "ClickHouse's table " + found->find("name")->texts[0] +
                                             " has data, and a restore onto data is refused: TRUNCATE its tables "
                                             "before the server starts"});
}

}  // namespace

std::string file_place(const fs::path& file) { return "File(" + sql_text(file.string()) + ")"; }

std::string s3_place(const std::string& folder, const std::string& name) {
  return "S3(" + sql_text(s3_url(folder, name)) + ")";
}

std::string s3_url(const std::string& folder, const std::string& name) {
  return folder + (folder.ends_with('/') ? "" : "/") + name;
}

std::string backup_statement(const std::string& place, const std::string& on_top_of, const std::string& id) {
  return "BACKUP DATABASE default TO " + place + " SETTINGS id = " + sql_text(id) +
         (on_top_of.empty() ? "" : ", base_backup = " + on_top_of) + " ASYNC";
}

std::string restore_statement(const std::string& place, const std::string& on_top_of, const std::string& id) {
  // The database is there, and need not be of the same kind.
  return "RESTORE DATABASE default FROM " + place + " SETTINGS id = " + sql_text(id) +
         ", allow_different_database_def = true" + (on_top_of.empty() ? "" : ", base_backup = " + on_top_of) + " ASYNC";
}

Result<CopiedFile> look_in_s3(ClickHouseClient& client, const std::string& s3_folder, const std::string& name) {
  const auto block = client.select(
      "SELECT toUInt64(ifNull(sum(_size), 0)) AS bytes, hex(SHA256(arrayStringConcat(arraySort(groupArray(concat("
      "substring(_path, position(_path, {folder:String}) + length({folder:String})), ' ', toString(ifNull(_size, 0)), "
      "' ', toString(_etag)))), '\\n'))) AS sum FROM s3(" +
          sql_text(s3_url(s3_folder, name) + "/**") + ", 'One')",
      {{"folder", "/" + name + "/"}});
  if (!block) {
    return block.error();
  }
  const auto sum = base::from_hex(block->find("sum")->texts[0]);
  CopiedFile found{name, static_cast<std::uint64_t>(block->integer("bytes", 0)), {}};
  if (!sum || sum->size() != found.sha256.size()) {
    return Error{ErrorCode::internal, "ClickHouse's SHA-256 is none"};
  }
  std::copy(sum->begin(), sum->end(), found.sha256.begin());
  return found;
}

Result<ClickHouseCopy> copy_clickhouse(const ClickHouse& source, const fs::path& destination,
                                       const std::vector<Listed>& before, bool full, std::int64_t now_ms,
                                       const Watch& watch) {
  const fs::path folder = destination / "clickhouse";
  const auto base = full ? std::nullopt : base_of(before, source, folder, now_ms);
  CopiedFile made{"clickhouse-" + stamp(now_ms) + (base ? "-increment" : "-full"), 0, {}};
  ClickHouseCopy copy{source.s3_folder, {}};
  if (base) {
    copy.files.push_back(*base);
  }
  const std::string on_top_of = base ? place_of(copy, destination, 0) : "";
  if (!source.s3_folder.empty()) {
    BOATHOUSE_TRY(note_s3_copies(destination, {{s3_url(source.s3_folder, made.name), now_ms}}));
    const auto bytes =
        run_to_end(*source.client, backup_statement(s3_place(source.s3_folder, made.name), on_top_of, made.name),
                   made.name, watch);
    if (!bytes) {
      return bytes.error();
    }
    made.bytes = *bytes;
    // It is made; one that nobody can look at later says so then, and nothing stands on it.
    if (auto found = look_in_s3(*source.client, source.s3_folder, made.name)) {
      made = std::move(*found);
    }
    copy.files.push_back(std::move(made));
    return copy;
  }
  made.name += ".tar";
  const fs::path partial = folder / kUnfinishedClickHouse;
  BOATHOUSE_TRY(make_folder(folder));
  BOATHOUSE_TRY(remove_path(partial));
  const auto done =
      run_to_end(*source.client, backup_statement(file_place(partial), on_top_of, made.name), made.name, watch);
  if (!done) {
    (void)remove_path(partial);
    return done.error();
  }
  BOATHOUSE_TRY(sync_path(partial));
  const auto digest = digest_of(partial, watch);
  if (!digest) {
    return digest.error();
  }
  made.bytes = digest->bytes;
  made.sha256 = digest->sha256;
  BOATHOUSE_TRY(move_path(partial, folder / made.name));
  copy.files.push_back(std::move(made));
  return copy;
}

Result<LoadedParts> restore_clickhouse(const ClickHouseCopy& copy, const fs::path& destination,
                                       ClickHouseClient& client, sql::Connection& ledger, std::int64_t last_seq,
                                       const Watch& watch) {
  BOATHOUSE_TRY(check_empty(client));
  const std::size_t last = copy.files.size() - 1;
  const std::string id = "restore-" + copy.files[last].name;
  // An increment knows where its full one was; it may have been moved since.
  const auto done = run_to_end(
      client, restore_statement(place_of(copy, destination, last), last == 0 ? "" : place_of(copy, destination, 0), id),
      id, watch);
  if (!done) {
    return done.error();
  }
  return find_loaded(client, ledger, last_seq, watch);
}

}  // namespace boathouse::backup
