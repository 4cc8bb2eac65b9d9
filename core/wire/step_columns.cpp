#include "core/wire/step_columns.hpp"

namespace boathouse::wire {

std::vector<std::int64_t> values_of(const StepColumn& column) {
  std::vector<std::int64_t> values(column.rows);
  for_each_step(column, [&values](std::size_t begin, std::size_t end, std::int64_t value) {
    for (std::size_t row = begin; row < end; ++row) values[row] = value;
  });
  return values;
}

StepColumn StepColumns::operator[](std::size_t column) const {
  const End begin = column == 0 ? End{0, 0} : ends_[column - 1];
  const End end = ends_[column];
  return {rows_, std::span(steps_).subspan(begin.steps, end.steps - begin.steps),
          std::span(runs_).subspan(begin.runs, end.runs - begin.runs)};
}

void StepColumns::add(std::span<const Step> steps, std::span<const std::uint32_t> runs) {
  steps_.insert(steps_.end(), steps.begin(), steps.end());
  runs_.insert(runs_.end(), runs.begin(), runs.end());
  ends_.push_back({steps_.size(), runs_.size()});
}

void StepColumns::drop_last(std::size_t count) {
  ends_.resize(ends_.size() - count);
  steps_.resize(ends_.empty() ? 0 : ends_.back().steps);
  runs_.resize(ends_.empty() ? 0 : ends_.back().runs);
}

}  // namespace boathouse::wire
