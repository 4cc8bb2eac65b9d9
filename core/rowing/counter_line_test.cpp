#include "core/rowing/counter_line.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/base/random.hpp"

namespace boathouse::rowing {
namespace {

using Points = std::vector<std::pair<std::int64_t, std::int64_t>>;

CounterLine line_of(const Points& points) {
  CounterLine line;
  for (const auto& [x, y] : points) line.append(x, y);
  return line;
}

TEST(CounterLine, TheBestStretchMayLieAnywhereBetweenPoints) {
  // 10 m in 4 s, 30 m in 4 s, 10 m in 4 s; in 0.01 s and 0.1 m.
  const CounterLine line = line_of({{0, 0}, {400, 100}, {800, 400}, {1200, 500}});
  EXPECT_EQ(line.most_within(400), 300);
  EXPECT_EQ(line.most_within(600), 350);  // half of the slow part
  EXPECT_EQ(line.most_within(100), 75);
  EXPECT_EQ(line.least_for(300), 400);
  EXPECT_EQ(line.least_for(350), 600);
  EXPECT_EQ(line.least_for(150), 200);
  EXPECT_EQ(line.least_for(500), 1200);
}

TEST(CounterLine, RoundsAgainstTheRower) {
  const CounterLine line = line_of({{0, 0}, {300, 100}});  // 1/3 of y a step of x
  EXPECT_EQ(line.most_within(100), 33);
  EXPECT_EQ(line.least_for(33), 99);
  EXPECT_EQ(line_of({{0, 0}, {100, 300}}).least_for(100), 34);
}

TEST(CounterLine, SaysNothingBeyondItsEnds) {
  const CounterLine line = line_of({{50, 0}, {150, 20}});
  EXPECT_EQ(line.most_within(100), 20);
  EXPECT_EQ(line.most_within(101), std::nullopt);
  EXPECT_EQ(line.least_for(20), 100);
  EXPECT_EQ(line.least_for(21), std::nullopt);
  EXPECT_EQ(CounterLine().most_within(1), std::nullopt);
  EXPECT_EQ(CounterLine().least_for(1), std::nullopt);
  EXPECT_EQ(line_of({{7, 7}}).least_for(1), std::nullopt);
}

TEST(CounterLine, StandingStillIsNotPartOfTheBestTime) {
  const CounterLine line = line_of({{0, 0}, {1000, 0}, {2000, 0}, {2100, 50}, {2200, 100}, {5000, 100}});
  EXPECT_EQ(line.least_for(100), 200);
  EXPECT_EQ(line.most_within(1000), 100);
}

TEST(CounterLine, OfTwoPointsAtOneMomentTheFurtherCounts) {
  EXPECT_EQ(line_of({{0, 0}, {100, 40}, {100, 50}, {100, 45}}).most_within(100), 50);
}

TEST(CounterLine, StaysBoundedAndKeepsBothEnds) {
  CounterLine line;
  const std::int64_t last = static_cast<std::int64_t>(CounterLine::kMaxPoints) * 2 + 101;
  for (std::int64_t x = 0; x <= last; ++x) line.append(x, 3 * x);
  EXPECT_EQ(line.first_x(), 0);
  EXPECT_EQ(line.last_x(), last);
  EXPECT_EQ(line.most_within(last), 3 * last);
  EXPECT_EQ(line.most_within(1000), 3000);
  EXPECT_EQ(line.least_for(3000), 1000);
}

// The plainest way: every window between whole numbers, with exact fractions.
struct Fraction {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
};
Fraction operator-(const Fraction& a, const Fraction& b) {
  return {a.numerator * b.denominator - b.numerator * a.denominator, a.denominator * b.denominator};
}
std::int64_t floor_of(const Fraction& f) {
  const std::int64_t whole = f.numerator / f.denominator;
  return whole * f.denominator > f.numerator ? whole - 1 : whole;
}

Fraction y_at(const Points& points, std::int64_t x) {
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto& [x0, y0] = points[i - 1];
    const auto& [x1, y1] = points[i];
    if (x >= x0 && x <= x1) return {y0 * (x1 - x0) + (y1 - y0) * (x - x0), x1 - x0};
  }
  ADD_FAILURE() << x;
  return {};
}

// The first or the last moment at which the line is at y.
Fraction x_at(const Points& points, std::int64_t y, bool first) {
  std::optional<Fraction> found;
  for (std::size_t i = 1; i < points.size() && !(found && first); ++i) {
    const auto& [x0, y0] = points[i - 1];
    const auto& [x1, y1] = points[i];
    if (y < y0 || y > y1) continue;
    if (y0 == y1) {
      found = Fraction{first ? x0 : x1, 1};
    } else {
      found = Fraction{x0 * (y1 - y0) + (x1 - x0) * (y - y0), y1 - y0};
    }
  }
  return found.value_or(Fraction{});
}

TEST(CounterLine, FindsWhatTryingEveryWindowFinds) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    base::SeededRandom random(seed);
    Points points{{static_cast<std::int64_t>(random.below(20)), 0}};
    const std::size_t count = 2 + random.below(25);
    while (points.size() < count) {
      const auto [x, y] = points.back();
      const std::int64_t grown = random.below(3) == 0 ? 0 : static_cast<std::int64_t>(random.below(30));
      points.emplace_back(x + 1 + static_cast<std::int64_t>(random.below(12)), y + grown);
    }
    const CounterLine line = line_of(points);
    for (int i = 0; i < 10; ++i) {
      const auto span = 1 + static_cast<std::int64_t>(random.below(80));
      std::optional<std::int64_t> most;
      for (std::int64_t x = points.front().first; x + span <= points.back().first; ++x) {
        const std::int64_t grown = floor_of(y_at(points, x + span) - y_at(points, x));
        most = std::max(most.value_or(grown), grown);
      }
      ASSERT_EQ(line.most_within(span), most) << "seed " << seed << " span " << span;
      std::optional<std::int64_t> least;
      for (std::int64_t y = 0; y + span <= points.back().second; ++y) {
        const std::int64_t taken = -floor_of(x_at(points, y, false) - x_at(points, y + span, true));
        least = std::min(least.value_or(taken), taken);
      }
      ASSERT_EQ(line.least_for(span), least) << "seed " << seed << " span " << span;
    }
  }
}

TEST(CounterLine, NoWindowBeginsOrEndsWhereNothingIsKnown) {
  CounterLine line(1'000);
  line.append(0, 0);
  line.append(1'000, 100);
  line.append(5'000, 900);  // 800 in 4000, nobody knows when
  line.append(6'000, 950);
  EXPECT_EQ(line.most_within(2'000), 100);  // 0 to 2000: 100; 4000 to 6000: 50
  EXPECT_EQ(line.most_within(4'000), 800);
  EXPECT_EQ(line.most_within(6'000), 950);
  EXPECT_EQ(line.least_for(100), 1'000);
  EXPECT_EQ(line.least_for(200), 4'000);
  EXPECT_EQ(line.least_for(825), 4'250);
  CounterLine even;
  for (const auto& [x, y] : {std::pair{0, 0}, {1'000, 100}, {5'000, 900}, {6'000, 950}}) even.append(x, y);
  EXPECT_EQ(even.most_within(2'000), 400);
}

}  // namespace
}  // namespace boathouse::rowing
