#include <algorithm>
#include <string>

#include "core/rowing/record.hpp"
#include "core/wire/column_mode.hpp"
#include "core/wire/integer_columns.hpp"

namespace boathouse::wire {
namespace {

using base::ByteReader;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;
using rowing::kNull;

struct Column {
  Mode mode = Mode::null;
  bool some_null = false;
  std::int64_t first = 0;
  std::size_t values = 0;
  std::vector<std::uint32_t> runs;  // the last one too
  std::size_t change_count = 0;     // sparse
};

class ColumnsReader {
 public:
  ColumnsReader(ByteReader& in, std::size_t count, std::size_t rows, Origin origin)
      : in_(in), columns_(count), rows_(rows), origin_(origin) {}

  Result<StepColumns> read() {
    BOATHOUSE_TRY(read_modes());
    BOATHOUSE_TRY(read_runs());
    BOATHOUSE_TRY(read_firsts());
    BOATHOUSE_TRY(read_gaps());
    StepColumns result(rows_);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      BOATHOUSE_TRY(read_steps(i));
      result.add(steps_, columns_[i].runs);
    }
    return result;
  }

 private:
  static Error corrupt(std::size_t column, std::string_view what) {
    return {ErrorCode::corrupt, "chunk column " + std::to_string(column) + ": " + std::string(what)};
  }
  static Error cut_off(std::size_t column) {
    return corrupt(column, "cut off, or a number that is not in its one form");
  }

  Status read_modes() {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      Column& column = columns_[i];
      const std::uint8_t byte = in_.u8();
      const std::uint8_t mode = byte & static_cast<std::uint8_t>(~kSomeNull);
      column.mode = static_cast<Mode>(mode);
      column.some_null = byte != mode;
      column.values = column.mode == Mode::null ? 0 : rows_;
      if (!in_.ok()) {
        return cut_off(i);
      }
      if (mode > static_cast<std::uint8_t>(Mode::delta_delta) || byte == kSomeNull) {
        return corrupt(i, "no such mode: " + std::to_string(byte));
      }
    }
    return {};
  }

  Status read_runs() {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      Column& column = columns_[i];
      if (!column.some_null) {
        continue;
      }
      const std::uint64_t count = in_.varint();
      if (!in_.ok() || count > in_.remaining() || count >= rows_ + 1) {
        return cut_off(i);
      }
      std::uint64_t left = rows_;
      column.values = 0;
      for (std::uint64_t run = 0; run <= count; ++run) {
        const std::uint64_t length = run < count ? in_.varint() : left;
        if (!in_.ok()) {
          return cut_off(i);
        }
        if (length > left || (length == 0 && run != 0)) {
          return corrupt(i, "the runs of values and nulls do not fit the rows");
        }
        left -= length;
        column.runs.push_back(static_cast<std::uint32_t>(length));
        column.values += run % 2 == 0 ? length : 0;
      }
      if (column.values == 0 || column.values == rows_) {
        return corrupt(i, "the runs of values and nulls are all of one kind");
      }
    }
    return {};
  }

  Status read_firsts() {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].mode == Mode::null) {
        continue;
      }
      columns_[i].first = in_.zigzag();
      if (!in_.ok()) {
        return cut_off(i);
      }
      if (columns_[i].first == kNull) {
        return corrupt(i, "a null among the values");
      }
    }
    return {};
  }

  Status read_gaps() {
    std::size_t total = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      Column& column = columns_[i];
      if (column.mode != Mode::sparse) {
        continue;
      }
      const std::uint64_t count = in_.varint();
      if (!in_.ok() || count > in_.remaining()) {
        return cut_off(i);
      }
      if (count == 0 || count >= column.values) {
        return corrupt(i, "the number of changes does not fit the values");
      }
      column.change_count = static_cast<std::size_t>(count);
      total += column.change_count;
    }
    if (total > in_.remaining()) {
      return Error{ErrorCode::corrupt, "chunk columns: more changes than bytes"};
    }
    gaps_.reserve(total);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      std::uint64_t at = 0;
      for (std::size_t n = 0; n < columns_[i].change_count; ++n) {
        const std::uint64_t gap = in_.varint();
        if (!in_.ok()) {
          return cut_off(i);
        }
        if (gap >= columns_[i].values - at - 1) {
          return corrupt(i, "a change behind the last value");
        }
        at += gap + 1;
        gaps_.push_back(static_cast<std::uint32_t>(at));
      }
    }
    return {};
  }

  Status read_steps(std::size_t index) {
    const Column& column = columns_[index];
    steps_.clear();
    if (column.mode == Mode::null) {
      return {};
    }
    steps_.push_back({0, column.first});
    if (column.mode == Mode::sparse) {
      BOATHOUSE_TRY(read_sparse(index));
    } else if (column.mode == Mode::delta || column.mode == Mode::delta_delta) {
      BOATHOUSE_TRY(read_dense(index));
    }
    if (origin_ == Origin::anybody && smallest_mode(column.values, steps_) != column.mode) {
      return corrupt(index, "not in the mode that takes the fewest bytes");
    }
    if (std::ranges::find(steps_, kNull, &Step::value) != steps_.end()) {
      return corrupt(index, "a null among the values");
    }
    return {};
  }

  Status read_sparse(std::size_t index) {
    std::uint64_t value = bits(columns_[index].first);
    for (std::size_t n = 0; n < columns_[index].change_count; ++n) {
      const std::uint64_t change = bits(in_.zigzag());
      if (!in_.ok()) {
        return cut_off(index);
      }
      if (change == 0) {
        return corrupt(index, "a change that changes nothing");
      }
      value += change;
      steps_.push_back({gaps_[next_gap_++], static_cast<std::int64_t>(value)});
    }
    return {};
  }

  Status read_dense(std::size_t index) {
    const Column& column = columns_[index];
    if (column.values - 1 > in_.remaining()) {
      return cut_off(index);
    }
    std::uint64_t change = 0;
    std::uint64_t value = bits(column.first);
    std::size_t end = 1;
    steps_.resize(column.values);
    for (std::uint32_t at = 1; at < column.values; ++at) {
      const std::uint64_t read = bits(in_.zigzag());
      change = column.mode == Mode::delta ? read : change + read;
      value += change;
      steps_[end] = {at, static_cast<std::int64_t>(value)};  // taken back if the value is as before
      end += change != 0 ? 1 : 0;
    }
    steps_.resize(end);
    return in_.ok() ? Status() : cut_off(index);
  }

  ByteReader& in_;
  std::vector<Column> columns_;
  std::size_t rows_;
  Origin origin_;
  std::vector<std::uint32_t> gaps_;  // all sparse columns' change positions, one after the other
  std::size_t next_gap_ = 0;
  std::vector<Step> steps_;  // of the column being read
};

}  // namespace

Result<StepColumns> read_integer_columns(ByteReader& in, std::size_t count, std::size_t rows, Origin origin) {
  if (count > in.remaining()) {
    return Error{ErrorCode::corrupt, "chunk columns: " + std::to_string(count) + " announced, more than bytes left"};
  }
  return ColumnsReader(in, count, rows, origin).read();
}

}  // namespace boathouse::wire
