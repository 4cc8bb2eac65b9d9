// What `boathouse doctor` thinks of what it found on a box. Pure: facts in, a finding out, so that every check can be
// seen failing. Times in ms of UTC, sizes in bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/timeseries/part_check.hpp"

namespace boathouse::app {

enum class Health : std::uint8_t { ok, skipped, warn, fail };
std::string_view name(Health health);

struct Finding {
  std::string check;
  Health health = Health::ok;
  std::string text;       // what is so
  std::string next = {};  // what to do about it; empty when there is nothing
};

// A folder's disk.
Finding judge_disk(const std::string& check, const std::string& folder, std::uint64_t free, std::uint64_t total);

// Files that nobody else may read, with their modes; those that anybody else can.
struct FileMode {
  std::string path;
  std::uint32_t mode = 0;  // permission bits
  bool ours = true;        // owned by who asks, who is the one that serves
};
Finding judge_permissions(const std::vector<FileMode>& files);

// `found` 0: it is not there.
Finding judge_schema(const std::string& database, std::int64_t found, std::int64_t known);

// Chunks that wait for ClickHouse, and when the oldest of them was taken in.
Finding judge_loader(std::int64_t waiting, std::optional<std::int64_t> oldest_ms, std::int64_t now_ms);

// ClickHouse's files.
Finding judge_parts(const timeseries::PartsRead& parts);

// Why the server did not compare them with the ledger.
Finding judge_no_counts(const base::Error& error);

// By the ledger's word.
Finding judge_backup(const std::optional<ledger::BackupMark>& mark, std::int64_t now_ms);

// `last_record_ms`: the newest time in the ledger. `server_ms`: what the server says, when it is another machine's.
struct ClockFacts {
  std::int64_t now_ms = 0;
  std::optional<bool> synchronised = {};  // by the kernel's word; nullopt: it does not say
  std::optional<std::int64_t> last_record_ms = {};
  std::optional<std::int64_t> server_ms = {};
};
Finding judge_clock(const ClockFacts& facts);

Finding judge_open_files(std::uint64_t limit);
Finding judge_memory(std::uint64_t available, std::uint64_t total);
// nullopt: the server speaks no TLS itself.
Finding judge_certificate(std::optional<std::int64_t> expires_ms, std::int64_t now_ms);

struct JobFacts {
  std::int64_t overdue = 0;  // due, or with a lease that ended, for more than kJobPatienceMs
  std::int64_t failed = 0;
  std::string last_error = {};  // of the newest of these
};
inline constexpr std::int64_t kJobPatienceMs = 900'000;
Finding judge_jobs(const JobFacts& facts);

// URLs of the endpoints that were switched off because they failed for too long.
Finding judge_webhooks(const std::vector<std::string>& disabled);

// "Sat, 28 Nov 2026 12:00:00 GMT" and "Nov 28 12:00:00 2026 GMT": what HTTP and certificates write.
std::optional<std::int64_t> parse_gmt(std::string_view text);

}  // namespace boathouse::app
