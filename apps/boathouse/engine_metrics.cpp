#include "apps/boathouse/engine_metrics.hpp"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using Samples = std::vector<ops::Sample>;

struct Number {
  const char* name;
  const char* help;
  bool counts = false;
};

constexpr std::string_view kMetric = "ClickHouseMetrics_";
constexpr std::string_view kEvent = "ClickHouseProfileEvents_";

// Those of deploy/prometheus/rules.yml that one box can have. Metrics and events are asked for by what follows the
// prefix.
constexpr std::array kNumbers = {
    Number{"ClickHouseMetrics_MemoryTracking", "Bytes that the engine has allocated."},
    Number{"ClickHouseMetrics_Query", "Queries that run now."},
    Number{"ClickHouseMetrics_PartMutation", "Parts that mutations work at."},
    Number{"ClickHouseMetrics_BackgroundMergesAndMutationsPoolTask", "Merges and mutations that run or wait."},
    Number{"ClickHouseMetrics_BackgroundMergesAndMutationsPoolSize", "How many may run."},
    Number{"ClickHouseProfileEvents_RejectedInserts", "Inserts that were refused for too many parts.", true},
    Number{"ClickHouseProfileEvents_DelayedInserts", "Inserts that were slowed down for many parts.", true},
    Number{"ClickHouseProfileEvents_DuplicatedInsertedBlocks", "Blocks that came under a known token.", true},
    Number{"ClickHouseProfileEvents_InsertQuery", "Inserts.", true},
    Number{"ClickHouseProfileEvents_InsertedRows", "Rows that they brought.", true},
    Number{"ClickHouseProfileEvents_Query", "Queries and inserts.", true},
    Number{"ClickHouseProfileEvents_FailedQuery", "Those of them that failed.", true},
    Number{"ClickHouseAsyncMetrics_Uptime", "Seconds since the engine started."},
    Number{"ClickHouseAsyncMetrics_MaxPartCountForPartition", "Most active parts in one partition."},
    Number{"ClickHouseAsyncMetrics_TotalRowsOfMergeTreeTables", "Rows in all tables, duplicates that wait included."},
    Number{"ClickHouseAsyncMetrics_TotalBytesOfMergeTreeTables", "Bytes of all tables on disk."},
    Number{"boathouse_engine_memory_limit_bytes", "What it may allocate in all."},
    Number{"boathouse_clickhouse_longest_query_seconds", "Of the selects and inserts that run now, the oldest one."},
    Number{"boathouse_clickhouse_oldest_mutation_seconds", "Since when the oldest mutation waits that is not done."},
};

std::string quoted_names_after(std::string_view prefix) {
  std::string all;
  for (const Number& number : kNumbers) {
    const std::string_view name = number.name;
    if (!name.starts_with(prefix)) continue;
    all += (all.empty() ? "'" : ", '") + std::string(name.substr(prefix.size())) + "'";
  }
  return all;
}

std::string numbers_question() {
  return "SELECT name, value FROM ("
         "SELECT 'ClickHouseMetrics_' || metric AS name, toFloat64(value) AS value FROM system.metrics WHERE metric IN "
         "(" +
         quoted_names_after(kMetric) +
         ") UNION ALL SELECT 'ClickHouseProfileEvents_' || event, toFloat64(value) FROM system.events WHERE event IN "
         "(" +
         quoted_names_after(kEvent) +
         ") UNION ALL SELECT 'ClickHouseAsyncMetrics_Uptime', toFloat64(uptime())"
         " UNION ALL SELECT 'ClickHouseAsyncMetrics_MaxPartCountForPartition', toFloat64(max(parts)) FROM (SELECT "
         "count() AS parts FROM system.parts WHERE active GROUP BY database, table, partition_id)"
         " UNION ALL SELECT 'ClickHouseAsyncMetrics_' || tupleElement(sum, 1), tupleElement(sum, 2) FROM (SELECT "
         "arrayJoin([('TotalRowsOfMergeTreeTables', toFloat64(sum(rows))), ('TotalBytesOfMergeTreeTables', "
         "toFloat64(sum(bytes_on_disk)))]) AS sum FROM system.parts WHERE active)"
         " UNION ALL SELECT 'boathouse_engine_memory_limit_bytes', toFloat64(value) FROM system.server_settings WHERE "
         "name = 'max_server_memory_usage'"
         " UNION ALL SELECT 'boathouse_clickhouse_longest_query_seconds', toFloat64(max(elapsed)) FROM "
         "system.processes WHERE query_kind IN ('Select', 'Insert')"
         " UNION ALL SELECT 'boathouse_clickhouse_oldest_mutation_seconds', toFloat64(greatest(0, max(if(is_done, 0, "
         "now() - create_time)))) FROM system.mutations"
         ") SETTINGS system_events_show_zero_values = 1";
}

// As deploy/clickhouse/watch has it.
constexpr const char* kSamplesPerHour = "boathouse_clickhouse_samples_per_hour";

std::string sessions_question() {
  return "SELECT '" + std::string(kSamplesPerHour) +
         "' AS name, sum(samples) / (assumeNotNull(sum(work_time_cs)) / 360000) AS value FROM session FINAL WHERE "
         "started > now() - 172800 AND sealed = 1 AND samples > 0 AND work_time_cs > 0 HAVING sum(work_time_cs) >= "
         "360000";
}

}  // namespace

EngineMetrics::EngineMetrics(fs::path folder, Options options, const base::Clock& clock)
    : folder_(std::move(folder)),
      clock_(clock),
      client_({timeseries::Endpoint{}}, {.select_limit_ms = options.answer_ms, .select_timeout_ms = options.answer_ms},
              clock),
      numbers_{numbers_question(), options.fresh_ms},
      sessions_{sessions_question(), options.sessions_fresh_ms} {}

void EngineMetrics::set_endpoint(const timeseries::Endpoint& endpoint) { client_.set_endpoint(endpoint); }

// While one asks, others take what is known: an engine that hangs holds one thread at a time, however many look.
std::optional<double> EngineMetrics::value(const std::string& name, Question& question) {
  const std::unique_lock asks(asking_, std::try_to_lock);
  if (asks && (!question.asked_ms || clock_.monotonic_ms() - *question.asked_ms >= question.fresh_ms)) {
    const auto block = client_.select(question.sql);
    question.asked_ms = clock_.monotonic_ms();
    std::map<std::string, double> values;
    for (std::size_t row = 0; block && row < block->rows; ++row) {
      values[block->find("name")->texts[row]] = block->find("value")->doubles[row];
    }
    const std::lock_guard lock(mutex_);
    question.values = std::move(values);
  }
  const std::lock_guard lock(mutex_);
  const auto found = question.values.find(name);
  return found == question.values.end() ? std::nullopt : std::optional(found->second);
}

void EngineMetrics::collect(ops::Registry& registry, const std::string& name, const std::string& help, bool counts,
                            Question& question) {
  registry.collect(
      name, help, {},
      [this, name, &question] {
        const auto now = value(name, question);
        return now ? Samples{{{}, *now}} : Samples();
      },
      counts);
}

void EngineMetrics::add_to(ops::Registry& registry) {
  for (const Number& number : kNumbers) {
    collect(registry, number.name, number.help, number.counts, numbers_);
  }
  collect(registry, kSamplesPerHour,
          "Samples of a rowed hour, of the sealed sessions of the last two days; absent: less than an hour was rowed.",
          false, sessions_);
  const auto disk = [&](const char* name, const char* help, std::uintmax_t fs::space_info::*part) {
    registry.collect(name, help, {}, [this, part] {
      std::error_code error;
      const fs::space_info space = fs::space(folder_, error);
      return error ? Samples() : Samples{{{}, static_cast<double>(space.*part)}};
    });
  };
  disk("ClickHouseAsyncMetrics_DiskTotal_default", "Size of the engine's disk in bytes.", &fs::space_info::capacity);
  disk("ClickHouseAsyncMetrics_DiskAvailable_default", "Free bytes on it.", &fs::space_info::available);
}

}  // namespace boathouse::app
