// The erasure of an athlete: hidden at once, after 30 days removed everywhere by a job, and the proof of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/clickhouse_client.hpp"

namespace boathouse::retention {

inline constexpr std::int64_t kDayMs = 86'400'000;
inline constexpr std::int64_t kReversibleMs = 30 * kDayMs;

// What else keeps something of an athlete: accounts, webhooks. Each call may come again.
struct Room {
  std::string name;
  std::function<base::Status(const base::Uuid& athlete)> forget;
  std::function<base::Result<std::vector<ledger::TableCount>>(const base::Uuid& athlete)> count;
};

// Where copies of what was erased may be.
struct BackupsKept {
  std::filesystem::path folder{};   // this server's own; empty: it makes none
  std::int64_t s3_days = 0;         // the bucket removes a copy of ClickHouse after so many; 0: nobody has said
  std::int64_t elsewhere_days = 0;  // others make backups and keep them at most so many; 0: nobody has said
};

// A copy of ClickHouse in S3 that has something of before, and when its bucket removes it, if that is known.
struct HoldingCopy {
  std::string place;
  std::optional<std::int64_t> until_ms;
};

// Counts of every table, "ledger.recording", "clickhouse.sample", "accounts.athlete", ...
struct Proof {
  ledger::Erasure erasure;
  std::vector<ledger::TableCount> tables;
  std::vector<std::string> backups;  // that hold something of before
  bool backups_known = false;        // false: this server makes none by itself, so it cannot tell
  std::vector<HoldingCopy> clickhouse_copies;
  std::int64_t elsewhere_days = 0;  // others make backups, which are gone so many days after the erasure; 0: see above

  [[nodiscard]] bool nothing_left() const;
};

class Eraser {
 public:
  struct Options {
    std::vector<Room> rooms;
    BackupsKept backups{};
    std::string cluster{};  // of ClickHouse's servers; empty: there is one
  };
  // Gives `runner` its handler. All must outlive the runner's threads. `log` gets what cannot be done.
  Eraser(Options options, ledger::Ledger& ledger, timeseries::ClickHouseClient& client, jobs::Runner& runner,
         base::Clock& clock, std::function<void(std::string_view)> log);

  // Orders the jobs of all erasures that are not done: at the start of a server.
  base::Status start();
  base::Status order(const base::Uuid& athlete, std::int64_t due_ms);

  // not_found: nobody asked for the erasure of this athlete.
  base::Result<Proof> proof(const base::Uuid& athlete);

 private:
  jobs::Outcome work(jobs::Runner::Context& context);
  base::Result<std::optional<ledger::Erasure>> find(const base::Uuid& athlete);

  const Options options_;
  ledger::Ledger& ledger_;
  timeseries::ClickHouseClient& client_;
  jobs::Runner& runner_;
  base::Clock& clock_;
  const std::function<void(std::string_view)> log_;
};

// The names of the backups in `folder` that hold something of before `erased_ms`: those made before it, and those that
// name a segment or a ClickHouse backup of one of them.
base::Result<std::vector<std::string>> backups_from_before(const std::filesystem::path& folder, std::int64_t erased_ms);
// ClickHouse's copies in S3 that the backups of that folder, pruned ones too, made before it, and that the bucket still
// has at `now_ms`.
base::Result<std::vector<HoldingCopy>> copies_from_before(const BackupsKept& kept, std::int64_t erased_ms,
                                                          std::int64_t now_ms);

}  // namespace boathouse::retention
