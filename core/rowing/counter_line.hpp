// How two counters grew beside each other, as a line from point to point, and the best stretch of it. Pure; one thread
// at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace boathouse::rowing {

// Work runs over time: x in 0.01 s, y in any unit (0.1 m, W x 0.01 s). Between two points y grows evenly, unless they
// are further apart than the longest step: of what is between nothing is known, and a stretch begins behind it or ends
// before it. Exact in integers as long as x and a step of y, and y and a step of x, multiply to less than 2^63.
class CounterLine {
 public:
  explicit CounterLine(std::int64_t longest_step = std::numeric_limits<std::int64_t>::max())
      : longest_step_(longest_step) {}

  // Of one interval: 11 hours at 10 Hz. Behind it every second point goes, and again, so that memory stays bounded.
  static constexpr std::size_t kMaxPoints = 400'000;

  // A later x, with a y that has not fallen. Of two points with the same x the larger y stays.
  void append(std::int64_t x, std::int64_t y);

  [[nodiscard]] bool empty() const { return points_.empty(); }
  [[nodiscard]] std::int64_t first_x() const { return points_.front().x; }
  [[nodiscard]] std::int64_t last_x() const { return points_.back().x; }
  [[nodiscard]] std::int64_t last_y() const { return points_.back().y; }
  void clear() { points_.clear(); }

  // The most that y grows within `span` > 0 of x, rounded down; nullopt: the line is shorter.
  [[nodiscard]] std::optional<std::int64_t> most_within(std::int64_t span) const;
  // The least of x in which y grows by `span` > 0, rounded up; nullopt: it never does.
  [[nodiscard]] std::optional<std::int64_t> least_for(std::int64_t span) const;

 private:
  struct Point {
    std::int64_t x = 0;
    std::int64_t y = 0;
  };
  void thin_out();
  [[nodiscard]] bool is_known_between(const Point& a, const Point& b) const { return b.x - a.x <= longest_step_; }

  std::int64_t longest_step_;
  std::vector<Point> points_;  // x rises, y does not fall, no three in a row have the same y
};

}  // namespace boathouse::rowing
