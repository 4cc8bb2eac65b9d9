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

// One number of what `read` gives; absent when it cannot be read or there is none.
template <typename Read, typename Number>
std::function<Samples()> number_of(Read read, Number number) {
  return [read, number] {
    const auto found = read();
    if (!found) return Samples();
    const std::optional<double> value = number(*found);
    return value ? Samples{{{}, *value}} : Samples();
  };
}

}  // namespace

void add_ledger_metrics(ops::Registry& registry, ledger::Ledger& ledger, base::Clock& clock) {
  const auto gauge = [&](const std::string& name, const std::string& help, auto number) {
    registry.collect(name, help, {}, number_of([&ledger] { return ledger.gauges(); }, number));
  };
  using ledger::Gauges;
  using Value = std::optional<double>;
  const auto age = [&clock](const std::optional<std::int64_t>& since_ms) -> Value {
    return since_ms ? seconds(clock.utc_ms() - *since_ms) : 0;
  };
  gauge("boathouse_ledger_newest_server_seq", "The newest server_seq.",
        [](const Gauges& now) -> Value { return static_cast<double>(now.last_seq); });
  gauge("boathouse_outbox_lag_seconds", "Since when the oldest chunk waits for ClickHouse; 0: none does.",
        [age](const Gauges& now) { return age(now.oldest_chunk_ms); });
  gauge("boathouse_waiting_events", "Events that were not handed to the webhooks yet; about.",
        [](const Gauges& now) -> Value { return static_cast<double>(now.waiting_events); });
  gauge("boathouse_events_lag_seconds", "Since when the oldest of them waits; 0: none does.",
        [age](const Gauges& now) { return age(now.oldest_event_ms); });
  gauge("boathouse_backup_verified_server_seq", "Up to here a verified backup reaches; absent: there is none.",
        [](const Gauges& now) { return now.backup ? Value(static_cast<double>(now.backup->up_to_seq)) : Value(); });
  gauge("boathouse_backup_timestamp_seconds", "When it was made.",
        [](const Gauges& now) { return now.backup ? Value(seconds(now.backup->made_ms)) : Value(); });

  const auto bodies = [&](const std::string& name, const std::string& help, std::uint64_t ledger::BodyCounts::*member) {
    registry.collect(
        name, help, {},
        number_of([&ledger] { return ledger.bodies().body_counts(); },
                  [member](const ledger::BodyCounts& now) -> Value { return static_cast<double>(now.*member); }));
  };
  bodies("boathouse_segments", "Segments that bodies of chunks lie in.", &ledger::BodyCounts::segments);
  bodies("boathouse_segments_bytes", "Their bytes.", &ledger::BodyCounts::bytes);
  bodies("boathouse_segments_bodies", "Bodies that were written to them.", &ledger::BodyCounts::bodies);
  bodies("boathouse_lost_bodies", "Bodies of chunks that cannot be read and were not brought back; should be 0.",
         &ledger::BodyCounts::lost);

  const auto cohorts = [&](const std::string& name, const std::string& help, auto value) {
    registry.collect(name, help, {"seen"}, [&ledger, value] {
      Samples samples;
      const auto now = ledger.cohorts();
      for (std::size_t i = 0; now && i < now->size(); ++i) {
        samples.push_back({{std::string(ledger::kCohorts.at(i))}, static_cast<double>(value(now->at(i)))});
      }
      return samples;
    });
  };
  cohorts("boathouse_replicas", "Device stores by the age of their last hello.",
          [](const ledger::Cohort& cohort) { return cohort.replicas; });
  cohorts("boathouse_replicas_owing", "Of them, those that had something to send.",
          [](const ledger::Cohort& cohort) { return cohort.owing; });
  cohorts("boathouse_replicas_oldest_unsynced_seconds", "The largest age of unsent data that one of them reported.",
          [](const ledger::Cohort& cohort) { return cohort.oldest_unsynced_s; });
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
