#include "core/rowing/counter_line.hpp"

#include <algorithm>

namespace boathouse::rowing {
namespace {

std::int64_t round_up(std::int64_t numerator, std::int64_t denominator) {
  return (numerator + denominator - 1) / denominator;
}

void keep_least(std::optional<std::int64_t>& best, std::int64_t value) { best = best ? std::min(*best, value) : value; }

}  // namespace

void CounterLine::append(std::int64_t x, std::int64_t y) {
  if (!points_.empty() && points_.back().x == x) {
    points_.back().y = std::max(points_.back().y, y);
    return;
  }
  const std::size_t size = points_.size();
  if (size >= 2 && points_[size - 1].y == y && points_[size - 2].y == y) {
    points_.back().x = x;
    return;
  }
  if (size == kMaxPoints) thin_out();
  points_.push_back({x, y});
}

void CounterLine::thin_out() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < points_.size(); i += 2) points_[kept++] = points_[i];
  if (points_.size() % 2 == 0) points_[kept++] = points_.back();
  points_.resize(kept);
}

// What grows within a moving window changes evenly between two moments at which one of its edges stands on a point: the
// best one has an edge on a point. So two passes over the points find it, one for each edge. An edge where nothing is
// known counts as if all of the growth there were outside of the window.

std::optional<std::int64_t> CounterLine::most_within(std::int64_t span) const {
  if (points_.empty() || last_x() - first_x() < span) return std::nullopt;
  std::int64_t best = 0;
  std::size_t ahead = 1;  // the first point at the window's end or behind it
  for (const Point& begin : points_) {
    const std::int64_t end = begin.x + span;
    if (end > last_x()) break;
    while (points_[ahead].x < end) ++ahead;
    const Point& a = points_[ahead - 1];
    const Point& b = points_[ahead];
    const bool known = end == b.x || is_known_between(a, b);
    best = std::max(best, a.y - begin.y + (known ? (end - a.x) * (b.y - a.y) / (b.x - a.x) : 0));
  }
  std::size_t behind = 1;  // the first point behind the window's begin
  for (const Point& end : points_) {
    const std::int64_t begin = end.x - span;
    if (begin < first_x()) continue;
    while (points_[behind].x <= begin) ++behind;
    const Point& a = points_[behind - 1];
    const Point& b = points_[behind];
    const bool known = begin == a.x || is_known_between(a, b);
    best = std::max(best, end.y - a.y - (known ? round_up((begin - a.x) * (b.y - a.y), b.x - a.x) : b.y - a.y));
  }
  return best;
}

// A window begins as late as y still has its value, and ends as soon as y has it.
std::optional<std::int64_t> CounterLine::least_for(std::int64_t span) const {
  std::optional<std::int64_t> best;
  std::size_t ahead = 1;  // the first point that reaches the window's end
  for (const Point& begin : points_) {
    const std::int64_t end = begin.y + span;
    if (end > last_y()) break;
    while (points_[ahead].y < end) ++ahead;
    const Point& a = points_[ahead - 1];
    const Point& b = points_[ahead];
    const bool known = is_known_between(a, b);
    keep_least(best, a.x - begin.x + (known ? round_up((end - a.y) * (b.x - a.x), b.y - a.y) : b.x - a.x));
  }
  std::size_t behind = 1;  // the first point above the window's begin
  for (const Point& end : points_) {
    const std::int64_t begin = end.y - span;
    if (begin < points_.front().y) continue;
    while (points_[behind].y <= begin) ++behind;
    const Point& a = points_[behind - 1];
    const Point& b = points_[behind];
    const bool known = is_known_between(a, b);
    keep_least(best, end.x - a.x - (known ? (begin - a.y) * (b.x - a.x) / (b.y - a.y) : 0));
  }
  return best;
}

}  // namespace boathouse::rowing
