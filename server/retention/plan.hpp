// What the rules would remove now. Reads alone; two plans of the same content have the same id.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::retention {

inline constexpr std::int64_t kYearMs = 31'557'600'000;  // 365.25 days
// This year and the last one lie on the replicas' own disks, older ones in S3 (deploy/clickhouse/move-cold).
inline constexpr std::int64_t kHotYears = 2;
inline constexpr std::size_t kMaxStreamsOfAPlan = 20'000;  // what is beyond waits for the next plan

// The teams that an athlete is a member of. Read from the disk for each plan, not from what a node remembers: a rule of
// a team may keep what that of all would remove.
using TeamsOf = std::map<base::Uuid, std::vector<base::Uuid>>;

// Rules and holds, and who is whose.
struct Policy {
  std::vector<ledger::RetentionRule> rules;
  std::vector<ledger::LegalHold> holds;
  TeamsOf teams_of;
};

base::Result<Policy> policy_of(ledger::Ledger& ledger, TeamsOf teams_of);

// How many years a stream of an athlete is kept: the athlete's own rule, else the longest of the teams', else that of
// all; nullopt: for ever, which is what counts where there is no rule.
std::optional<int> years_kept(const Policy& policy, const base::Uuid& athlete, rowing::Stream stream);
const ledger::LegalHold* hold_on(const Policy& policy, const base::Uuid& athlete);

// Something that is counted.
struct Amount {
  std::uint64_t recordings = 0;
  std::uint64_t records = 0;
  std::uint64_t ledger_bytes = 0;  // of the bodies, as they lie there
};

struct Plan {
  std::string id;  // "" when nothing is to be removed
  std::vector<ledger::Retirement> items;
  std::map<rowing::Stream, Amount> streams;              // of items
  std::map<rowing::Stream, std::uint64_t> cold_records;  // of those: of years before the last one
  std::uint64_t recordings = 0;                          // with something to remove
  Amount not_backed_up;                                  // of items: what no verified backup has
  Amount held;                                           // left out: a hold keeps it
  std::vector<ledger::LegalHold> holds;                  // those that do
  Amount on_its_way;                                     // left out: it waits for ClickHouse still
  Amount lost;                                           // left out: lost in part, and no backup can have it whole
  bool more = false;                                     // left out: more than one plan holds
};

// `backed_up_seq`: what is up to it is in a verified backup.
base::Result<Plan> make_plan(ledger::Ledger& ledger, const Policy& policy, std::int64_t now_ms,
                             std::int64_t backed_up_seq);
// By the ledger's word and, where this server makes backups (`backups` is not empty), by what lies there still: a disk
// of backups may be lost, or what is on it found damaged, after the ledger was told.
base::Result<std::int64_t> backed_up_seq(ledger::Ledger& ledger, const std::filesystem::path& backups);

// From "sample" and so on; invalid_input: not a stream, or `summary`, which is always kept.
base::Result<rowing::Stream> grain_of(std::string_view name);

}  // namespace boathouse::retention
