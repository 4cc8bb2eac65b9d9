#include "apps/boathouse/segment_service.hpp"

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/backup/find_bodies.hpp"

namespace boathouse::app {

SegmentService::SegmentService(Options options, jobs::Runner& runner, ledger::Ledger& ledger,
                               segments::ChunkStore& store, base::Clock& clock, base::RandomSource& random,
                               std::function<void(std::string_view)> log)
    : options_(std::move(options)),
      ledger_(ledger),
      store_(store),
      clock_(clock),
      random_(random),
      log_(std::move(log)),
      job_(
          "segments", options_.every_ms, [this](const PeriodicJob::Watch& watch) { return work(watch); }, runner, clock,
          log_) {}

base::Status SegmentService::work(const PeriodicJob::Watch& watch) {
  ledger::BodyMover::Find find;
  if (!options_.backups.empty()) {
    find = [&](std::span<const ledger::LostBody> wanted) {
      std::vector<std::int64_t> server_seqs;
      for (const ledger::LostBody& body : wanted) server_seqs.push_back(body.server_seq);
      return backup::find_bodies(options_.backups, ledger_.epoch(), std::move(server_seqs),
                                 [&watch](std::uint64_t) { return watch(); });
    };
  }
  ledger::BodyMover mover(ledger_.bodies(), store_, ledger_.epoch(), clock_, random_, options_.mover, std::move(find));
  const auto report = mover.run(watch);
  if (!report) return report.error();
  if (report->nothing()) return {};
  log_("segments: " + std::to_string(report->moved) + " bodies moved into " + std::to_string(report->written) +
       " segments, " + std::to_string(report->removed) + " removed, " + std::to_string(report->damaged) +
       " found damaged; " + std::to_string(report->back) + " lost bodies are back, " + std::to_string(report->lost) +
       " are not");
  if (report->lost > 0) {
    const auto lost = ledger_.bodies().lost(1);
    if (lost && !lost->empty()) {
      log_("segments: lost is recording " + lost->front().rec_id.text() + ", " +
           std::string(rowing::name(lost->front().stream)) + " " + std::to_string(lost->front().from) + "-" +
           std::to_string(lost->front().to) + ": " + lost->front().reason +
           " (docs/operations/segments.md says what brings it back)");
    }
  }
  return {};
}

}  // namespace boathouse::app
