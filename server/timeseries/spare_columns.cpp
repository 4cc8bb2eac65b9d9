#include "server/timeseries/spare_columns.hpp"

#include <iterator>
#include <utility>

namespace boathouse::timeseries {

// The smallest that has the room, or else a new one: a large one is kept for a large column.
base::Bytes SpareColumns::take(std::size_t bytes) {
  base::Bytes taken;
  if (bytes < kLeast) {
    taken.reserve(bytes);
    return taken;
  }
  {
    const std::lock_guard lock(mutex_);
    auto best = spare_.end();
    for (auto one = spare_.begin(); one != spare_.end(); ++one) {
      if (one->capacity() >= bytes && (best == spare_.end() || one->capacity() < best->capacity())) best = one;
    }
    if (best != spare_.end()) {
      std::swap(*best, spare_.back());
      taken = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  taken.clear();
  taken.reserve((bytes + kLeast - 1) / kLeast * kLeast);
  return taken;
}

void SpareColumns::give_back(std::vector<base::Bytes> columns) {
  std::erase_if(columns, [](const base::Bytes& one) { return one.capacity() < kLeast; });
  const std::lock_guard lock(mutex_);
  spare_.insert(spare_.end(), std::make_move_iterator(columns.begin()), std::make_move_iterator(columns.end()));
}

void SpareColumns::clear() {
  std::vector<base::Bytes> gone;
  const std::lock_guard lock(mutex_);
  gone.swap(spare_);
}

}  // namespace boathouse::timeseries
