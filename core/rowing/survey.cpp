#include "core/rowing/survey.hpp"

#include <algorithm>
#include <utility>

#include "core/rowing/catalogue.hpp"

namespace boathouse::rowing {
namespace {

constexpr std::int64_t kLongestStep = 6000;  // longer ones are holes whatever is usual

struct Columns {
  std::size_t interval;
  std::size_t at;
};

std::optional<Columns> place_columns(Stream stream) {
  const auto of = [stream](std::string_view at) {
    return Columns{column_index(stream, "interval"), column_index(stream, at)};
  };
  static const Columns kSample{column_index(Stream::sample, "interval"), column_index(Stream::sample, "elapsed_cs")};
  static const Columns kStroke{column_index(Stream::stroke, "interval"), column_index(Stream::stroke, "elapsed_cs")};
  switch (stream) {
    case Stream::sample:
      return kSample;
    case Stream::stroke:
      return kStroke;
    case Stream::force_curve:
      return of("stroke_count");
    case Stream::split:
      return of("split_number");
    default:
      return std::nullopt;
  }
}

std::optional<std::int64_t> value(const Record& record, std::size_t column) {
  const std::int64_t wire = record.values[column];
  return wire == kNull ? std::nullopt : std::optional(wire);
}

void keep_latest(std::optional<std::int64_t>& kept, std::optional<std::int64_t> latest) {
  if (latest) kept = latest;
}

}  // namespace

std::optional<Position> position_of(const Record& record) {
  const auto columns = place_columns(record.stream);
  if (!columns) return std::nullopt;
  const auto interval = value(record, columns->interval);
  const auto at = value(record, columns->at);
  if (!interval || !at) return std::nullopt;
  return Position{*interval, *at};
}

bool is_hole(std::int64_t length, std::int64_t usual_step) { return 2 * length > 3 * usual_step; }

void Survey::observe(const Record& record) {
  if (const auto position = position_of(record)) {
    Steps& steps = steps_[record.stream];
    if (steps.last && steps.last->interval == position->interval && steps.last->at < position->at) {
      ++steps.counts[std::min(position->at - steps.last->at, kLongestStep + 1)];
    }
    steps.last = position;
  }
  if (record.stream == Stream::sample) observe_sample(record);
  if (record.stream == Stream::summary) observe_summary(record);
}

void Survey::observe_sample(const Record& record) {
  static const std::size_t kInterval = column_index(Stream::sample, "interval");
  static const std::size_t kElapsed = column_index(Stream::sample, "elapsed_cs");
  static const std::size_t kDistance = column_index(Stream::sample, "distance_dm");
  static const std::size_t kType = column_index(Stream::sample, "workout_type");
  const std::int64_t interval = value(record, kInterval).value_or(0);
  const auto elapsed_cs = value(record, kElapsed);
  // A file may call laps intervals, whose counters go on.
  if (interval_ && *interval_ != interval && elapsed_cs && last_elapsed_cs_ && *elapsed_cs < *last_elapsed_cs_) {
    counters_restarted_ = true;
  }
  interval_ = interval;
  const auto distance_dm = value(record, kDistance);
  keep_latest(last_elapsed_cs_, elapsed_cs);
  keep_latest(last_distance_dm_, distance_dm);
  if (!facts_.type) facts_.type = value(record, kType);
  if (elapsed_cs && distance_dm && moments_.size() < kMaxPoints) {
    moments_.push_back({{interval, *elapsed_cs}, *distance_dm});
  }
}

void Survey::observe_summary(const Record& record) {
  static const std::size_t kElapsed = column_index(Stream::summary, "elapsed_cs");
  static const std::size_t kDistance = column_index(Stream::summary, "distance_dm");
  static const std::size_t kType = column_index(Stream::summary, "workout_type");
  static const std::size_t kLow = column_index(Stream::summary, "logged_hash_low");
  static const std::size_t kHigh = column_index(Stream::summary, "logged_hash_high");
  keep_latest(facts_.elapsed_cs, value(record, kElapsed));
  keep_latest(facts_.distance_dm, value(record, kDistance));
  keep_latest(summary_type_, value(record, kType));
  const auto low = value(record, kLow);
  const auto high = value(record, kHigh);
  if (!low || !high) return;
  const std::uint64_t hash = static_cast<std::uint64_t>(*high) << 32 | static_cast<std::uint64_t>(*low);
  if (hash != 0) facts_.logged_hash = hash;
}

WorkoutFacts Survey::facts() const {
  WorkoutFacts facts = facts_;
  if (!facts.type) facts.type = summary_type_;
  if (!counters_restarted_) {
    if (!facts.elapsed_cs) facts.elapsed_cs = last_elapsed_cs_;
    if (!facts.distance_dm) facts.distance_dm = last_distance_dm_;
  }
  for (const auto& [stream, steps] : steps_) {
    std::uint64_t all = 0;
    for (const auto& [length, count] : steps.counts) all += count;
    Reach& reach = facts.reach[stream];
    std::uint64_t shorter = 0;
    for (const auto& [length, count] : steps.counts) {
      shorter += count;
      if (reach.step == 0 && 2 * shorter >= all) reach.step = static_cast<std::uint64_t>(length);  // the median
      if (reach.step != 0 && is_hole(length, static_cast<std::int64_t>(reach.step))) break;
      reach.covered += static_cast<std::uint64_t>(length) * count;
    }
  }
  return facts;
}

std::vector<ProgressPoint> Survey::points() const {
  std::vector<ProgressPoint> sorted = moments_;
  std::ranges::sort(sorted);
  const auto repeats = std::ranges::unique(sorted);
  sorted.erase(repeats.begin(), repeats.end());
  std::vector<ProgressPoint> points;
  std::optional<ProgressPoint> furthest;  // of the interval
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const ProgressPoint& moment = sorted[i];
    if (!furthest || furthest->position.interval != moment.position.interval) {
      furthest = ProgressPoint{{moment.position.interval, 0}, 0};
    }
    const bool two_distances = (i > 0 && sorted[i - 1].position == moment.position) ||
                               (i + 1 < sorted.size() && sorted[i + 1].position == moment.position);
    if (two_distances || moment.distance_dm <= furthest->distance_dm) continue;
    furthest = moment;
    points.push_back(moment);
  }
  return points;
}

}  // namespace boathouse::rowing
