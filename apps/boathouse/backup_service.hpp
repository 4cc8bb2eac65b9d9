// The backups that `serve` makes by itself: a job a period, so that of several nodes one does it and a failed one is
// tried again. Thread rule: the constructor and start() from one thread; the work is on the runner's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "server/backup/backup.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::app {

class BackupService {
 public:
  struct Options {
    backup::Source source;
    std::filesystem::path destination;
    std::int64_t every_ms = 86'400'000;  // at least 1000; periods are counted from 1970, so that all nodes agree
    backup::Keep keep = {};
    backup::ClickHouse clickhouse = {};  // outlives the runner's threads, too
  };

  // All must outlive the runner's threads, which this hands its handler to.
  BackupService(Options options, jobs::Runner& runner, ledger::Ledger& ledger, base::Clock& clock,
                std::function<void(std::string_view)> log);

  // Orders this period's backup; the job itself orders the next. Nothing happens when this period has one.
  base::Status start();

 private:
  jobs::Outcome work(jobs::Runner::Context& context);
  base::Status order(std::int64_t period, std::int64_t due_ms);
  base::Result<bool> has_one(std::int64_t period);

  const Options options_;
  jobs::Runner& runner_;
  ledger::Ledger& ledger_;
  base::Clock& clock_;
  const std::function<void(std::string_view)> log_;
};

}  // namespace boathouse::app
