#include <algorithm>

#include "core/rowing/record.hpp"
#include "core/wire/column_mode.hpp"
#include "core/wire/integer_columns.hpp"

namespace boathouse::wire {
namespace {

using base::ByteWriter;
using rowing::kNull;

// What the writer knows of a column before it writes.
struct Plan {
  Mode mode = Mode::null;
  std::size_t values = 0;      // rows that are not null
  std::size_t runs_begin = 0;  // lengths of runs in Planner::runs, empty without nulls
  std::size_t runs_end = 0;
  std::size_t steps_begin = 0;  // in Planner::steps
  std::size_t steps_end = 0;
};

class Planner {
 public:
  Plan plan(const IntegerColumn& column) {
    Plan plan;
    plan.runs_begin = runs_.size();
    plan.steps_begin = steps_.size();
    std::span<const std::int64_t> values = column;
    if (std::ranges::find(column, kNull) != column.end()) {
      values = without_nulls(column);
    }
    plan.values = values.size();
    plan.runs_end = runs_.size();
    if (!values.empty()) {
      find_steps(values);
      plan.mode = smallest_mode(values.size(), std::span(steps_).subspan(plan.steps_begin));
    }
    plan.steps_end = steps_.size();
    return plan;
  }

  // Lengths of alternating runs of values and nulls, beginning with values (that one may be 0), without the last run.
  [[nodiscard]] std::span<const std::uint32_t> runs(const Plan& plan) const {
    return std::span(runs_).subspan(plan.runs_begin, plan.runs_end - plan.runs_begin);
  }
  [[nodiscard]] std::span<const Step> steps(const Plan& plan) const {
    return std::span(steps_).subspan(plan.steps_begin, plan.steps_end - plan.steps_begin);
  }

 private:
  std::span<const std::int64_t> without_nulls(const IntegerColumn& column) {
    packed_.clear();
    const std::size_t runs_begin = runs_.size();
    bool null_run = false;
    std::uint32_t length = 0;
    for (const std::int64_t value : column) {
      if ((value == kNull) != null_run) {
        runs_.push_back(length);
        null_run = !null_run;
        length = 0;
      }
      ++length;
      if (!null_run) {
        packed_.push_back(value);
      }
    }
    if (packed_.empty()) {
      runs_.resize(runs_begin);  // mode null says it all
    }
    return packed_;
  }

  void find_steps(std::span<const std::int64_t> values) {
    steps_.push_back({0, values.front()});
    // Most columns of a monitor stand still for a whole chunk.
    if (std::equal(values.begin() + 1, values.end(), values.begin())) {
      return;
    }
    // Without a branch on the values: they change too irregularly to be foretold.
    std::size_t end = steps_.size();
    steps_.resize(end + values.size());
    for (std::size_t i = 1; i < values.size(); ++i) {
      steps_[end] = {static_cast<std::uint32_t>(i), values[i]};
      end += values[i] != values[i - 1] ? 1U : 0U;
    }
    steps_.resize(end);
  }

  std::vector<std::uint32_t> runs_;
  std::vector<Step> steps_;
  std::vector<std::int64_t> packed_;
};

void write_dense(std::span<const Step> steps, const Plan& plan, ByteWriter& out) {
  std::size_t next = 1;
  std::uint64_t before = 0;  // difference of the value before
  for (std::uint32_t at = 1; at < plan.values; ++at) {
    std::uint64_t change = 0;
    if (next < steps.size() && steps[next].at == at) {
      change = difference(steps[next].value, steps[next - 1].value);
      ++next;
    }
    out.varint(zigzag(plan.mode == Mode::delta ? change : change - before));
    before = change;
  }
}

}  // namespace

void append_integer_columns(std::span<const IntegerColumn* const> columns, std::size_t rows, ByteWriter& out) {
  Planner planner;
  std::vector<Plan> plans;
  plans.reserve(columns.size());
  for (const IntegerColumn* column : columns) {
    plans.push_back(planner.plan(*column));
  }
  // Sections of one kind, because zstd finds the repeats: many columns of a monitor change on the same rows.
  for (const Plan& plan : plans) {
    const bool some_null = plan.mode != Mode::null && plan.values != rows;
    out.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(plan.mode) | (some_null ? kSomeNull : 0)));
  }
  for (const Plan& plan : plans) {
    const auto runs = planner.runs(plan);
    if (!runs.empty()) {
      out.varint(runs.size());
    }
    for (const std::uint32_t run : runs) {
      out.varint(run);
    }
  }
  for (const Plan& plan : plans) {
    if (plan.mode != Mode::null) {
      out.zigzag(planner.steps(plan).front().value);
    }
  }
  for (const Plan& plan : plans) {
    if (plan.mode == Mode::sparse) {
      out.varint(planner.steps(plan).size() - 1);
    }
  }
  for (const Plan& plan : plans) {
    if (plan.mode == Mode::sparse) {
      const auto steps = planner.steps(plan);
      for (std::size_t n = 1; n < steps.size(); ++n) {
        out.varint(steps[n].at - steps[n - 1].at - 1);
      }
    }
  }
  for (const Plan& plan : plans) {
    const auto steps = planner.steps(plan);
    if (plan.mode == Mode::sparse) {
      for (std::size_t n = 1; n < steps.size(); ++n) {
        out.varint(zigzag(difference(steps[n].value, steps[n - 1].value)));
      }
    } else if (plan.mode == Mode::delta || plan.mode == Mode::delta_delta) {
      write_dense(steps, plan, out);
    }
  }
}

}  // namespace boathouse::wire
