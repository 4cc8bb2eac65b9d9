// Are two recordings of the same workout? From what they say themselves; a wall clock is asked only where there is no
// monitor's serial number, and then only for a suggestion. Pure functions; the order of the arguments never matters.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/rowing/recording.hpp"
#include "core/rowing/survey.hpp"

namespace boathouse::rowing {

inline constexpr std::size_t kMinCommonPoints = 60;
inline constexpr std::int64_t kMaxStartDifferenceMs = std::int64_t{14} * 3600 * 1000;  // the widest two zones are apart
inline constexpr std::int64_t kSameElapsedCs = 10;                                     // 0.1 s
inline constexpr std::int64_t kSameDistanceDm = 10;                                    // 1 m

// What is known of an ended recording.
struct Evidence {
  Birth birth;
  Seal seal;                          // the newest
  std::vector<ProgressPoint> points;  // of Survey::points(); empty where the samples are not at hand
};

enum class Overlap : std::uint8_t {
  none,
  suggested,  // a person must say it
  flagged,    // they are linked, and a person is told
  certain,    // they are linked
};

struct Verdict {
  Overlap overlap = Overlap::none;
  std::string reason;  // for a person; "" for none
};

// certain: the same measured records, or the same workout in the same monitor's log. flagged: the same monitor and
// workout type, and of at least kMinCommonPoints moments that both have at least 90 % with the same distance.
// suggested: one of them names no monitor, equal totals, starts within kMaxStartDifferenceMs, not of one file. Equal
// totals or overlapping times of one monitor prove nothing: two pieces of an evening look like that.
Verdict judge(const Evidence& a, const Evidence& b);

// Could be judged by their points, if these were at hand.
bool points_may_tell(const Evidence& a, const Evidence& b);

// Of two recordings of one workout: their moments agree, so that one may fill the other's holes. False for a recorder
// that joined in a later interval and counts from there.
bool may_fill(const Evidence& a, const Evidence& b);

// For an index over thousands of recordings: numbers that recordings of the same workout have in common. Two that
// share no exact one, too few of the points' (share_enough()) and no equal totals need not be judged; a pair that has
// little more than a minute in common can be missed so.
struct OverlapKeys {
  std::vector<std::uint64_t> exact;   // of all records, of a file, of an entry in the monitor's log
  std::vector<std::uint64_t> points;  // at most kMaxKeys; a few are equal by chance
};
inline constexpr std::size_t kMaxKeys = 4000;
OverlapKeys overlap_keys(const Evidence& evidence);
// Of the points' numbers: how many are in both, and how many each has.
bool share_enough(std::size_t shared, std::size_t here, std::size_t there);

// Which of the recordings of one workout counts for a stream: the widest coverage, then the higher rate, then a live
// monitor before an import, then the smaller id. nullopt: none has records of it.
std::optional<base::Uuid> choose_primary(Stream stream, std::span<const Evidence> recordings);

}  // namespace boathouse::rowing
