#include "apps/boathouse/doctor.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "apps/boathouse/backup_run.hpp"
#include "apps/boathouse/comparison.hpp"
#include "apps/boathouse/engine_access.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "device/transport/http_client.hpp"
#include "server/backup/backup.hpp"
#include "server/backup/tables.hpp"
#include "server/jobs/queue.hpp"
#include "server/jobs/schema.hpp"
#include "server/timeseries/part_check.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using base::Result;

constexpr std::chrono::seconds kReadPartsFor{10};

// A check that could not be made is a failure: nobody knows.
Finding unknown(std::string check, const base::Error& error, std::string next) {
  return {std::move(check), Health::fail, error.text, std::move(next)};
}

Finding check_disk(const std::string& check, const fs::path& folder) {
  struct statvfs found {};
  if (::statvfs(folder.c_str(), &found) != 0) {
    return {check, Health::fail, folder.string() + " cannot be looked at", "is the disk mounted? mount it"};
  }
  const std::uint64_t block = found.f_frsize;
  return judge_disk(check, folder.string(), block * found.f_bavail, block * found.f_blocks);
}

Finding check_permissions(const fs::path& data) {
  std::vector<FileMode> files;
  const auto look = [&files](const fs::path& path) {
    struct stat found {};
    // One that went away meanwhile is no trouble.
    if (::lstat(path.c_str(), &found) == 0) {
      files.push_back({path.string(), found.st_mode & 0777U, found.st_uid == ::geteuid()});
    }
  };
  look(data);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(data, error)) look(entry.path());
  if (error) {
    return {"permissions", Health::fail, data.string() + ": " + error.message(), "run doctor as the user that serves"};
  }
  return judge_permissions(files);
}

std::optional<std::string> queried_text(sql::Connection& connection, std::string_view query) {
  auto select = connection.prepare(query);
  if (!select) return std::nullopt;
  const auto row = select->step();
  if (!row || !*row || select->is_null(0)) return std::nullopt;
  return std::string(select->text(0));
}

std::optional<std::int64_t> queried_number(sql::Connection& connection, std::string_view query) {
  auto select = connection.prepare(query);
  if (!select) return std::nullopt;
  const auto row = select->step();
  if (!row || !*row || select->is_null(0)) return std::nullopt;
  return select->integer(0);
}

// When the chunk that waits the longest was taken in, by the audit's record of the submissions: seq=FROM-TO.
std::optional<std::int64_t> oldest_waiting_ms(sql::Connection& ledger) {
  const auto seq = queried_number(ledger, "SELECT min(server_seq) FROM unloaded");
  if (!seq) return std::nullopt;
  // Recent ones alone: in a backlog that is longer the oldest of them is old enough to be told.
  auto select = ledger.prepare("SELECT at_ms, what FROM audit WHERE kind = 'submission' ORDER BY n DESC LIMIT 100000");
  if (!select) return std::nullopt;
  std::optional<std::int64_t> at_ms;
  while (true) {
    const auto row = select->step();
    if (!row || !*row) return at_ms;
    const std::string what(select->text(1));
    const std::size_t place = what.rfind(" seq=");
    if (place == std::string::npos) continue;
    at_ms = select->integer(0);
    if (std::strtoll(what.c_str() + place + 5, nullptr, 10) <= *seq) return at_ms;
  }
}

Finding check_integrity(sql::Connection& ledger) {
  if (ledger.dialect() == sql::Dialect::postgres) return {"ledger", Health::ok, "PostgreSQL answers"};
  const auto found = queried_text(ledger, "PRAGMA quick_check(1)");
  if (found == "ok") return {"ledger", Health::ok, "the file is whole"};
  return {"ledger", Health::fail, "ledger.db is damaged: " + found.value_or("it cannot be read"),
          "stop the server, keep the folder as it is, `boathouse restore` the newest backup into a new folder"};
}

void check_ledger(const sql::Place& place, std::int64_t now_ms, ClockFacts& clock, std::vector<Finding>& findings) {
  auto connection = sql::Connection::open(place);
  if (!connection) {
    findings.push_back(unknown("ledger", connection.error(),
                               "is --data (or --ledger) the server's? If the file is lost: `boathouse restore`"));
    return;
  }
  findings.push_back(check_integrity(*connection));
  if (findings.back().health == Health::fail) return;
  clock.last_record_ms = queried_number(*connection, "SELECT at_ms FROM audit ORDER BY n DESC LIMIT 1");
  findings.push_back(judge_loader(queried_number(*connection, "SELECT unloaded FROM state").value_or(0),
                                  oldest_waiting_ms(*connection), now_ms));
  const auto mark = ledger::backup_mark(*connection);
  findings.push_back(mark ? judge_backup(*mark, now_ms)
                          : unknown("backup", mark.error(), "start `boathouse serve` of this program once"));
}

Finding check_schema(const backup::Database& database) {
  sql::Place place = database.place;
  place.sqlite.create = false;
  std::error_code error;
  if (!place.sqlite_file.empty() && !fs::exists(place.sqlite_file, error)) {
    return database.may_be_missing ? judge_schema(database.name, 0, 0)
                                   : Finding{"schema of " + database.name, Health::fail,
                                             place.sqlite_file + " is missing", "`boathouse restore` from a backup"};
  }
  auto connection = sql::Connection::open(place);
  if (!connection)
    return unknown("schema of " + database.name, connection.error(), "`boathouse restore` from a backup");
  const auto version = backup::version_of(*connection, *database.schema);
  if (!version) return unknown("schema of " + database.name, version.error(), "run the program that made it");
  return judge_schema(database.name, *version, std::int64_t{database.schema->migrations.back().version});
}

Finding check_jobs(const sql::Place& place, std::int64_t now_ms) {
  auto connection = sql::Connection::open(place);
  if (!connection) return {"jobs", Health::skipped, "there are none: " + connection.error().text};
  auto overdue = connection->prepare("SELECT count(*) FROM job WHERE state <= 2 AND due_ms < ?1");
  if (!overdue) return unknown("jobs", overdue.error(), "start `boathouse serve` of this program once");
  const auto row = overdue->bind(1, now_ms - kJobPatienceMs).step();
  if (!row || !*row) return {"jobs", Health::fail, "they cannot be counted", "see the server's log"};
  JobFacts facts;
  facts.overdue = overdue->integer(0);
  facts.failed = queried_number(*connection, "SELECT count(*) FROM job WHERE state = 4").value_or(0);
  facts.last_error =
      queried_text(*connection, "SELECT last_error FROM job WHERE state = 4 ORDER BY finished_ms DESC LIMIT 1")
          .value_or("");
  return judge_jobs(facts);
}

Finding check_webhooks(const sql::Place& place) {
  auto connection = sql::Connection::open(place);
  if (!connection) return {"webhooks", Health::skipped, "there are none: " + connection.error().text};
  auto select = connection->prepare("SELECT url FROM endpoint WHERE enabled = 0 AND disabled_why <> '' LIMIT 1000");
  if (!select) return unknown("webhooks", select.error(), "start `boathouse serve` of this program once");
  std::vector<std::string> disabled;
  while (true) {
    const auto row = select->step();
    if (!row) return unknown("webhooks", row.error(), "see the server's log");
    if (!*row) return judge_webhooks(disabled);
    disabled.emplace_back(select->text(0));
  }
}

// Some of them; each run takes others.
Finding check_parts(timeseries::ClickHouseClient& client) {
  const auto end = std::chrono::steady_clock::now() + kReadPartsFor;
  const auto parts = timeseries::read_parts(client, [end] { return std::chrono::steady_clock::now() < end; });
  if (!parts) return unknown("parts", parts.error(), "is ClickHouse busy? Ask again");
  return judge_parts(*parts);
}

void check_engine(const fs::path& data, std::vector<Finding>& findings) {
  const auto url = read_password((data / "engine.url").string());
  if (!url) {
    const std::string why = "no server runs on this folder with an engine of its own";
    findings.push_back({"engine", Health::skipped, why});
    findings.push_back({"parts", Health::skipped, why});
    return;
  }
  const auto password = read_password((data / "engine.password").string());
  // Who asks waits for the answer: a part that takes longer is said to be unknown.
  const base::SystemClock clock;
  timeseries::ClickHouseClient client({{*url, "default", password ? *password : "", "default"}},
                                      {.check_timeout_ms = 120'000}, clock);
  if (const auto answer = client.select("SELECT count() AS n FROM system.tables"); !answer) {
    findings.push_back(unknown("engine", answer.error(),
                               "the server starts it again by itself; if it does not, journalctl -u boathouse names "
                               "why"));
    return;
  }
  findings.push_back({"engine", Health::ok, "ClickHouse answers on " + *url});
  findings.push_back(check_parts(client));
}

Finding check_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return judge_open_files(limit.rlim_max);
}

Finding check_memory() {
  std::ifstream in("/proc/meminfo");
  std::string word;
  std::uint64_t total = 0;
  std::uint64_t available = 0;
  while (in >> word) {
    if (word == "MemTotal:") in >> total;
    if (word == "MemAvailable:") in >> available;
  }
  if (total == 0) return {"memory", Health::skipped, "/proc/meminfo cannot be read"};
  return judge_memory(available << 10, total << 10);
}

std::optional<bool> clock_synchronised() {
  timex state{};
  const int found = ::adjtimex(&state);
  if (found < 0) return std::nullopt;
  return found != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

void check_server(const ServerOptions& server, std::int64_t now_ms, ClockFacts& clock, std::vector<Finding>& findings) {
  transport::HttpClientOptions options;
  options.read_certificate = true;
  transport::HttpClient client(options);
  const auto reply = client.request("GET", server.server + "/readyz", {}, {});
  if (!reply) {
    findings.push_back(
        unknown("server", reply.error(), "is it started, and --server its address? systemctl status boathouse"));
    return;
  }
  for (const auto& [key, value] : reply->headers) {
    if (key == "date") clock.server_ms = parse_gmt(value);
  }
  if (reply->status == 200) {
    findings.push_back({"server", Health::ok, server.server + " is ready"});
  } else {
    findings.push_back({"server", Health::fail,
                        server.server + " answers " + std::to_string(reply->status) + ": " + reply->body.substr(0, 200),
                        "the field that is false says which part: ledger or clickhouse; see the server's log"});
  }
  findings.push_back(judge_certificate(parse_gmt(reply->certificate_expires), now_ms));
}

Finding check_counts(const ServerOptions& server) {
  const std::string next =
      "`boathouse reconcile --wait 600` says which recordings; if they stay: stop the server, `boathouse reload "
      "--data DIR`, start it";
  const auto found = compare_all(server, std::chrono::milliseconds(0));
  if (!found) return judge_no_counts(found.error());
  if (!found->differences.empty() || found->misplaced != 0) {
    return {"counts", Health::fail,
            std::to_string(found->differences.size()) + " streams count otherwise in ClickHouse than in the ledger, " +
                std::to_string(found->misplaced) + " recordings are in no session or in two",
            next};
  }
  return {"counts", Health::ok, "ledger and ClickHouse count the same"};
}

Finding check_backups(const std::string& destination) {
  const std::string next =
      "boathouse backup verify --from " + destination + ", and if it differs: backup create --full";
  const auto backups = backup::list(destination);
  if (!backups) return unknown("backup folder", backups.error(), "is its disk mounted?");
  if (backups->empty()) return {"backup folder", Health::fail, destination + " has no backup", "backup create"};
  const backup::Listed& newest = backups->front();
  const std::string name = newest.folder.filename().string();
  if (!newest.manifest) return {"backup folder", Health::fail, name + ": " + newest.trouble, next};
  if (!newest.verified_ms) return {"backup folder", Health::warn, name + " was not verified", next};
  return {"backup folder", Health::ok, name + " was verified; " + std::to_string(backups->size()) + " in all"};
}

}  // namespace

std::vector<Finding> examine(const DoctorOptions& options) {
  const fs::path data = fs::absolute(options.data);
  std::vector<Finding> findings;
  auto place = sql::Place::parse(options.ledger, (data / "ledger.db").string());
  if (!place) return {unknown("ledger", place.error(), "give --ledger as `serve` has it")};
  place->sqlite.create = false;
  const std::int64_t now_ms = base::SystemClock().utc_ms();
  ClockFacts clock{now_ms, clock_synchronised(), std::nullopt, std::nullopt};

  findings.push_back(check_disk("disk", data));
  if (!options.backup_to.empty()) findings.push_back(check_disk("disk of the backups", options.backup_to));
  findings.push_back(check_permissions(data));
  check_ledger(*place, now_ms, clock, findings);
  const auto beside = [&](const char* file) {
    sql::Place own = *place;
    if (own.postgres_url.empty()) own.sqlite_file = (data / file).string();
    return own;
  };
  auto databases = backup_source(data, *place).databases;
  databases.push_back({"jobs", beside("jobs.db"), &jobs::kSchema, true});
  for (const backup::Database& database : databases) findings.push_back(check_schema(database));
  check_engine(data, findings);
  if (!options.server.server.empty()) {
    check_server(options.server, now_ms, clock, findings);
    findings.push_back(check_counts(options.server));
  }
  if (!options.backup_to.empty()) findings.push_back(check_backups(options.backup_to));
  findings.push_back(judge_clock(clock));
  findings.push_back(check_jobs(beside("jobs.db"), now_ms));
  findings.push_back(check_webhooks(beside("webhooks.db")));
  findings.push_back(check_open_files());
  findings.push_back(check_memory());
  return findings;
}

int doctor(DoctorOptions options) {
  std::error_code error;
  if (!fs::is_directory(options.data, error)) return wrong_use("there is no folder " + options.data);
  const fs::path key_file = fs::path(options.data) / "operator.key";
  if (options.server.key.empty() && options.server.key_file.empty() && fs::exists(key_file, error)) {
    options.server.key_file = key_file.string();
  }
  const std::vector<Finding> findings = examine(options);
  bool failed = false;
  std::string text;
  base::JsonWriter json(text);
  json.begin_object().key("checks").begin_array();
  for (const Finding& finding : findings) {
    failed = failed || finding.health == Health::fail;
    if (options.json) {
      json.begin_object().key("check").value(finding.check).key("result");
      json.value(finding.health == Health::fail ? std::string_view("fail") : name(finding.health));
      json.key("text").value(finding.text).key("next").value(finding.next).end_object();
    } else {
      std::printf("%-8s%s: %s\n", std::string(name(finding.health)).c_str(), finding.check.c_str(),
                  finding.text.c_str());
      if (!finding.next.empty()) std::printf("        -> %s\n", finding.next.c_str());
    }
  }
  json.end_array().key("failed").value(failed).end_object();
  if (options.json) std::printf("%s\n", text.c_str());
  return failed ? kFailed : kDone;
}

}  // namespace boathouse::app
