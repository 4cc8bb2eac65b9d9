#include "apps/boathouse/ledger_metrics.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/ledger/bodies.hpp"

namespace boathouse::app {
namespace {

using Samples = std::vector<ops::Sample>;

double seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000.0; }

// A gauge of one number of what is read: nullopt: there is none.
template <typename Found>
struct Gauge {
  std::string name;
  std::string help;
  std::function<std::optional<double>(const Found&)> number;
};

// Read once for all of them; absent when it cannot be.
template <typename Found, typename Read>
void collect_gauges(ops::Registry& registry, std::vector<Gauge<Found>> gauges, Read read) {
  std::vector<ops::Registry::Description> families;
  for (const auto& gauge : gauges) families.push_back({gauge.name, gauge.help, {}});
  registry.collect_together(std::move(families), [gauges = std::move(gauges), read] {
    std::vector<Samples> samples;
    const auto found = read();
    for (std::size_t i = 0; found && i < gauges.size(); ++i) {
      const auto value = gauges[i].number(*found);
      samples.push_back(value ? Samples{{{}, *value}} : Samples());
    }
    return samples;
  });
}

}  // namespace

void add_ledger_metrics(ops::Registry& registry, ledger::Ledger& ledger, base::Clock& clock) {
  using ledger::BodyCounts;
  using ledger::Gauges;
  using Value = std::optional<double>;
  const auto age = [&clock](const std::optional<std::int64_t>& since_ms) -> Value {
    return since_ms ? seconds(clock.utc_ms() - *since_ms) : 0;
  };
  collect_gauges<Gauges>(
      registry,
      {{"boathouse_ledger_newest_server_seq", "The newest server_seq.",
        [](const Gauges& now) { return Value(static_cast<double>(now.last_seq)); }},
       {"boathouse_outbox_lag_seconds", "Since when the oldest chunk waits for ClickHouse; 0: none does.",
        [age](const Gauges& now) { return age(now.oldest_chunk_ms); }},
       {"boathouse_waiting_events", "Events that were not handed to the webhooks yet; about.",
        [](const Gauges& now) { return Value(static_cast<double>(now.waiting_events)); }},
       {"boathouse_events_lag_seconds", "Since when the oldest of them waits; 0: none does.",
        [age](const Gauges& now) { return age(now.oldest_event_ms); }},
       {"boathouse_backup_verified_server_seq", "Up to here a verified backup reaches; absent: there is none.",
        [](const Gauges& now) { return now.backup ? Value(static_cast<double>(now.backup->up_to_seq)) : Value(); }},
       {"boathouse_backup_timestamp_seconds", "When it was made.",
        [](const Gauges& now) { return now.backup ? Value(seconds(now.backup->made_ms)) : Value(); }}},
      [&ledger] { return ledger.gauges(); });
  const auto of_bodies = [](std::uint64_t BodyCounts::*member) {
    return [member](const BodyCounts& now) { return Value(static_cast<double>(now.*member)); };
  };
  collect_gauges<BodyCounts>(
      registry,
      {{"boathouse_segments", "Segments that bodies of chunks lie in.", of_bodies(&BodyCounts::segments)},
       {"boathouse_segments_bytes", "Their bytes.", of_bodies(&BodyCounts::bytes)},
       {"boathouse_segments_bodies", "Bodies that were written to them.", of_bodies(&BodyCounts::bodies)},
       {"boathouse_lost_bodies", "Bodies of chunks that cannot be read and were not brought back; should be 0.",
        of_bodies(&BodyCounts::lost)}},
      [&ledger] { return ledger.bodies().body_counts(); });

  registry.collect_together({{"boathouse_replicas", "Device stores by the age of their last hello.", {"seen"}},
                             {"boathouse_replicas_owing", "Of them, those that had something to send.", {"seen"}},
                             {"boathouse_replicas_oldest_unsynced_seconds",
                              "The largest age of unsent data that one of them reported.",
                              {"seen"}}},
                            [&ledger] {
                              const auto now = ledger.cohorts();
                              if (!now) return std::vector<Samples>();
                              std::vector<Samples> samples(3);
                              for (std::size_t i = 0; i < now->size(); ++i) {
                                const ops::LabelValues seen{std::string(ledger::kCohorts.at(i))};
                                const ledger::Cohort& cohort = now->at(i);
                                samples[0].push_back({seen, static_cast<double>(cohort.replicas)});
                                samples[1].push_back({seen, static_cast<double>(cohort.owing)});
                                samples[2].push_back({seen, static_cast<double>(cohort.oldest_unsynced_s)});
                              }
                              return samples;
                            });
}

void add_reconciler_metrics(ops::Registry& registry, const timeseries::RollingReconciler& reconciler,
                            std::function<bool()> leads) {
  using State = timeseries::RollingReconciler::State;
  const auto number = [&](const std::string& name, const std::string& help, std::uint64_t State::*member) {
    registry.collect(
        name, help, {},
        [&reconciler, member] {
          return Samples{{{}, static_cast<double>(reconciler.state().*member)}};
        },
        true);
  };
  number("boathouse_reconciler_recordings_total", "Recordings that were compared.", &State::looked_at);
  number("boathouse_reconciler_differences_total",
         "Streams that ClickHouse counted otherwise than the ledger, and lost session rows.", &State::differences);
  number("boathouse_reconciler_repaired_total", "Of them, those that are equal again.", &State::repaired);
  number("boathouse_reconciler_passes_total", "Times that every recording was compared.", &State::passes);
  // A node that led once knows of differences that another has settled since.
  registry.collect(
      "boathouse_reconciler_not_repairable",
      "Streams that differ though they were loaded again; should be 0. Absent on a node that does not lead.", {},
      [&reconciler, leads = std::move(leads)] {
        return leads() ? Samples{{{}, static_cast<double>(reconciler.state().not_repairable)}} : Samples();
      });
  registry.collect("boathouse_reconciler_last_run_timestamp_seconds",
                   "When the last run of this node ended; absent: there was none.", {}, [&reconciler] {
                     const auto last = reconciler.state().last_run_ms;
                     return last ? Samples{{{}, seconds(*last)}} : Samples();
                   });
}

}  // namespace boathouse::app
