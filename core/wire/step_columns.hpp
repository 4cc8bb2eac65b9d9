// Integer columns as steps: a value holds until the next step. Most columns of a monitor take few steps, so who only
// checks a column, or narrows it, need not have every row of it written out. Thread rule: as a std::vector's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/rowing/record.hpp"

namespace boathouse::wire {

// The values of a column without its nulls, from number `at` on, are `value`, until the next step.
struct Step {
  std::uint32_t at;
  std::int64_t value;  // never rowing::kNull
};

struct StepColumn {
  std::size_t rows = 0;
  std::span<const Step> steps;          // the first at 0, each another value than the one before; none: all are null
  std::span<const std::uint32_t> runs;  // rows with and without a value, by turns; they sum up to `rows`. None: no null
};

// Calls put(begin, end, value) for rows [begin, end) that have one value, rowing::kNull among them, in order.
template <typename Put>
void for_each_step(const StepColumn& column, Put put) {
  const auto steps = column.steps;
  if (steps.empty()) return put(std::size_t{0}, column.rows, rowing::kNull);
  std::size_t row = 0;
  std::size_t next = 1;
  // Puts `count` values from number `at` on; a run of rows may begin and end within a step.
  const auto put_values = [&](std::size_t at, std::size_t count) {
    for (const std::size_t end = at + count; at < end;) {
      const std::size_t step_end = next < steps.size() ? std::min<std::size_t>(steps[next].at, end) : end;
      put(row, row + (step_end - at), steps[next - 1].value);
      row += step_end - at;
      at = step_end;
      if (next < steps.size() && steps[next].at == at) ++next;
    }
  };
  if (column.runs.empty()) return put_values(0, column.rows);
  std::size_t at = 0;
  for (std::size_t run = 0; run < column.runs.size(); ++run) {
    const std::size_t count = column.runs[run];
    if (run % 2 == 0) {
      put_values(at, count);
      at += count;
    } else {
      put(row, row + count, rowing::kNull);
      row += count;
    }
  }
}

// Every row written out, rowing::kNull where there is no value.
std::vector<std::int64_t> values_of(const StepColumn& column);

// Columns of equally many rows; all their steps lie in one piece of memory.
class StepColumns {
 public:
  explicit StepColumns(std::size_t rows = 0) : rows_(rows) {}

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  // Valid until the next add().
  [[nodiscard]] StepColumn operator[](std::size_t column) const;

  // Appends a column; both are taken as StepColumn describes them.
  void add(std::span<const Step> steps, std::span<const std::uint32_t> runs);
  // Drops the last `count` columns.
  void drop_last(std::size_t count);

 private:
  struct End {
    std::size_t steps;
    std::size_t runs;
  };

  std::size_t rows_;
  std::vector<Step> steps_;
  std::vector<std::uint32_t> runs_;
  std::vector<End> ends_;  // of each column
};

}  // namespace boathouse::wire
