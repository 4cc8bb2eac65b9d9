#include "core/rowing/overlap.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "core/base/sha256.hpp"

namespace boathouse::rowing {
namespace {

constexpr std::array kMeasured{Stream::sample, Stream::stroke, Stream::force_curve, Stream::split, Stream::summary};
constexpr std::int64_t kWindowCs = 6000;
constexpr std::size_t kKeysPerWindow = 2;

std::optional<StreamSeal> sealed(const Evidence& evidence, Stream stream) {
  const auto found = evidence.seal.streams.find(stream);
  if (found == evidence.seal.streams.end() || found->second.count == 0) return std::nullopt;
  return found->second;
}

// A few equal records prove nothing (a piece given up after its first pull), nor does one equal summary alone.
bool tells_enough(const Evidence& evidence) {
  std::uint64_t records = 0;
  for (const Stream stream : {Stream::sample, Stream::stroke}) {
    if (const auto facts = sealed(evidence, stream)) records += facts->count;
  }
  return records >= kMinCommonPoints;
}

bool same_records(const Evidence& a, const Evidence& b) {
  return tells_enough(a) &&
         std::ranges::all_of(kMeasured, [&](Stream stream) { return sealed(a, stream) == sealed(b, stream); });
}

// The same bytes of a file say the same whatever they are.
bool same_source(const Evidence& a, const Evidence& b) {
  const auto source = sealed(a, Stream::source);
  return source && source == sealed(b, Stream::source) && a.birth.dialect == b.birth.dialect;
}

bool same_monitor(const Evidence& a, const Evidence& b) {
  return !a.birth.monitor_serial.empty() && a.birth.monitor_serial == b.birth.monitor_serial;
}

std::optional<std::uint64_t> logged_hash(const Evidence& evidence) {
  return evidence.seal.workout ? evidence.seal.workout->logged_hash : std::nullopt;
}

std::optional<std::int64_t> workout_type(const Evidence& evidence) {
  return evidence.seal.workout ? evidence.seal.workout->type : std::nullopt;
}

struct Comparison {
  std::size_t common = 0;
  std::size_t equal = 0;
};

Comparison compare(std::span<const ProgressPoint> a, std::span<const ProgressPoint> b) {
  Comparison comparison;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (x->position != y->position) {
      ++(x->position < y->position ? x : y);
      continue;
    }
    ++comparison.common;
    if (x->distance_dm == y->distance_dm) ++comparison.equal;
    ++x;
    ++y;
  }
  return comparison;
}

bool within(std::optional<std::int64_t> a, std::optional<std::int64_t> b, std::int64_t difference) {
  return a && b && *a > 0 && *b > 0 && *a - *b <= difference && *b - *a <= difference;
}

bool equal_totals(const Evidence& a, const Evidence& b) {
  const auto& here = a.seal.workout;
  const auto& there = b.seal.workout;
  return here && there && within(here->elapsed_cs, there->elapsed_cs, kSameElapsedCs) &&
         within(here->distance_dm, there->distance_dm, kSameDistanceDm);
}

bool starts_near(const Birth& a, const Birth& b) {
  const std::int64_t difference = a.started_ms - b.started_ms;
  return a.started_known && b.started_known && difference <= kMaxStartDifferenceMs &&
         difference >= -kMaxStartDifferenceMs;
}

// The finishing step of SplitMix64: spreads every bit over all.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::uint64_t number_of(std::string_view kind, std::string_view text) {
  std::string bytes(kind);
  bytes += '\0';
  bytes += text;
  const base::Digest digest = base::sha256(base::as_bytes(bytes));
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | digest[i];
  return number;
}

// Of each minute of an interval the same few points whatever else was lost: those with the smallest numbers.
std::vector<std::uint64_t> point_keys(const Evidence& evidence) {
  const std::uint64_t monitor =
      number_of("points", evidence.birth.monitor_serial + "/" + std::to_string(workout_type(evidence).value_or(-1)));
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::uint64_t>> windows;
  for (const ProgressPoint& point : evidence.points) {
    const std::uint64_t number = mix(mix(mix(monitor + static_cast<std::uint64_t>(point.position.interval)) +
                                         static_cast<std::uint64_t>(point.position.at)) +
                                     static_cast<std::uint64_t>(point.distance_dm));
    std::vector<std::uint64_t>& smallest = windows[{point.position.interval, point.position.at / kWindowCs}];
    smallest.insert(std::ranges::upper_bound(smallest, number), number);
    if (smallest.size() > kKeysPerWindow) smallest.pop_back();
  }
  std::vector<std::uint64_t> keys;
  for (const auto& [window, smallest] : windows) {
    for (const std::uint64_t number : smallest) {
      if (keys.size() < kMaxKeys) keys.push_back(number);
    }
  }
  return keys;
}

}  // namespace

Verdict judge(const Evidence& a, const Evidence& b) {
  if (a.birth.rec_id == b.birth.rec_id) return {};
  if (same_records(a, b) || same_source(a, b)) return {Overlap::certain, "the same records"};
  if (same_monitor(a, b)) {
    if (logged_hash(a) && logged_hash(a) == logged_hash(b)) {
      return {Overlap::certain, "the same workout in the log of monitor " + a.birth.monitor_serial};
    }
    if (!points_may_tell(a, b)) return {};
    const Comparison points = compare(a.points, b.points);
    if (points.common < kMinCommonPoints || points.equal * 10 < points.common * 9) return {};
    return {Overlap::flagged, "monitor " + a.birth.monitor_serial + " showed the same distance at " +
                                  std::to_string(points.equal) + " of " + std::to_string(points.common) +
                                  " moments that both have"};
  }
  const bool serials = !a.birth.monitor_serial.empty() && !b.birth.monitor_serial.empty();
  // A file names each of its workouts once.
  const bool one_file = a.birth.source_sha256 && a.birth.source_sha256 == b.birth.source_sha256;
  if (serials || one_file || !equal_totals(a, b) || !starts_near(a.birth, b.birth)) return {};
  return {Overlap::suggested, "equal time and distance, and begun within 14 hours"};
}

bool points_may_tell(const Evidence& a, const Evidence& b) {
  return same_monitor(a, b) && workout_type(a) && workout_type(a) == workout_type(b);
}

bool may_fill(const Evidence& a, const Evidence& b) {
  const Comparison points = compare(a.points, b.points);
  return points.equal * 10 >= points.common * 9;
}

OverlapKeys overlap_keys(const Evidence& evidence) {
  OverlapKeys keys;
  if (tells_enough(evidence)) {
    std::string roots;
    for (const Stream stream : kMeasured) {
      const auto facts = sealed(evidence, stream);
      if (facts) roots += std::string(name(stream)) + std::string(base::as_text(facts->root));
    }
    keys.exact.push_back(number_of("records", roots));
  }
  if (const auto source = sealed(evidence, Stream::source)) {
    keys.exact.push_back(number_of("source", base::as_text(source->root)));
  }
  if (evidence.birth.monitor_serial.empty()) return keys;
  if (const auto hash = logged_hash(evidence)) {
    keys.exact.push_back(number_of("logged", evidence.birth.monitor_serial + "/" + std::to_string(*hash)));
  }
  if (workout_type(evidence)) keys.points = point_keys(evidence);
  return keys;
}

bool share_enough(std::size_t shared, std::size_t here, std::size_t there) {
  return shared > 0 && shared * 5 >= std::min(here, there);
}

std::optional<base::Uuid> choose_primary(Stream stream, std::span<const Evidence> recordings) {
  // Smaller is better.
  using Rank = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, bool, base::Uuid>;
  std::optional<Rank> best;
  for (const Evidence& evidence : recordings) {
    const auto facts = sealed(evidence, stream);
    if (!facts) continue;
    Reach reach;
    if (evidence.seal.workout) {
      const auto found = evidence.seal.workout->reach.find(stream);
      if (found != evidence.seal.workout->reach.end()) reach = found->second;
    }
    // Where no steps are told (a summary, the seal of an older program) the number of records is all there is.
    const std::uint64_t step = reach.step == 0 ? UINT64_MAX : reach.step;
    const Rank rank{UINT64_MAX - reach.covered, step, reach.step == 0 ? UINT64_MAX - facts->count : 0,
                    evidence.birth.origin == Origin::import, evidence.birth.rec_id};
    if (!best || rank < *best) best = rank;
  }
  return best ? std::optional(std::get<base::Uuid>(*best)) : std::nullopt;
}

}  // namespace boathouse::rowing
