// Moves bodies of chunks out of the ledger into segments, and keeps those in order: ledger/body_mover as a periodic
// job. Thread rule: as of PeriodicJob.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "apps/boathouse/periodic_job.hpp"
#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/jobs/runner.hpp"
#include "server/ledger/body_mover.hpp"
#include "server/ledger/ledger.hpp"
#include "server/segments/chunk_store.hpp"

namespace boathouse::app {

class SegmentService {
 public:
  struct Options {
    ledger::BodyMover::Options mover;
    std::filesystem::path backups;  // where lost bodies are looked for; empty = nowhere
    std::int64_t every_ms = 3'600'000;
  };

  // All must outlive the runner's threads.
  SegmentService(Options options, jobs::Runner& runner, ledger::Ledger& ledger, segments::ChunkStore& store,
                 base::Clock& clock, base::RandomSource& random, std::function<void(std::string_view)> log);

  base::Status start() { return job_.start(); }

 private:
  base::Status work(const PeriodicJob::Watch& watch);

  const Options options_;
  ledger::Ledger& ledger_;
  segments::ChunkStore& store_;
  base::Clock& clock_;
  base::RandomSource& random_;
  const std::function<void(std::string_view)> log_;
  PeriodicJob job_;
};

}  // namespace boathouse::app
