// Workouts as one monitor shows them to whoever listens, for tests of overlap.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/random.hpp"
#include "core/base/sha256.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/overlap.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::rowing {

inline Record sample_at(std::int64_t interval, std::int64_t elapsed_cs, std::int64_t distance_dm,
                        std::int64_t type = 3) {
  Record record;
  record.stream = Stream::sample;
  record.values.assign(metrics(Stream::sample).size(), kNull);
  record.values[column_index(Stream::sample, "interval")] = interval;
  record.values[column_index(Stream::sample, "elapsed_cs")] = elapsed_cs;
  record.values[column_index(Stream::sample, "distance_dm")] = distance_dm;
  record.values[column_index(Stream::sample, "workout_type")] = type;
  return record;
}

// Two samples a second of a rower whose pace wanders by the seed; the clock runs 2 s before the first pull.
inline std::vector<Record> rowed(std::uint64_t seed, std::size_t samples, std::int64_t interval = 0) {
  base::SeededRandom random(seed);
  std::vector<Record> records;
  std::int64_t distance_mm = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    if (i >= 4) distance_mm += 1900 + static_cast<std::int64_t>(random.below(400));
    records.push_back(sample_at(interval, static_cast<std::int64_t>(i + 1) * 50, distance_mm / 100));
  }
  return records;
}

// What is left when `keep` says so for each.
inline std::vector<Record> heard(const std::vector<Record>& records, const std::function<bool(std::size_t)>& keep) {
  std::vector<Record> left;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (keep(i)) left.push_back(records[i]);
  }
  return left;
}

inline std::vector<Record> lossy(const std::vector<Record>& records, std::uint64_t seed, std::uint64_t of_100) {
  base::SeededRandom random(seed);
  return heard(records, [&](std::size_t) { return random.below(100) >= of_100; });
}

// As a store has it of an ended recording. The root stands for the records' bytes.
inline Evidence evidence_of(std::uint8_t id, const std::vector<Record>& records, const std::string& serial = "430") {
  Evidence evidence;
  evidence.birth.rec_id.bytes[0] = id;
  evidence.birth.started_ms = 1'700'000'000'000 + id;
  evidence.birth.monitor_serial = serial;
  Survey survey;
  std::string bytes;
  for (const Record& record : records) {
    survey.observe(record);
    ++evidence.seal.streams[record.stream].count;
    for (const std::int64_t value : record.values) bytes += std::to_string(value) + ",";
  }
  for (auto& [stream, seal] : evidence.seal.streams) seal.root = base::sha256(base::as_bytes(bytes));
  evidence.seal.workout = survey.facts();
  evidence.points = survey.points();
  return evidence;
}

}  // namespace boathouse::rowing
