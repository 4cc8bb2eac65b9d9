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

  Result<std::vector<IntegerColumn>> read() {
    BOATHOUSE_TRY(read_modes());
    BOATHOUSE_TRY(read_runs());
    BOATHOUSE_TRY(read_firsts());
    BOATHOUSE_TRY(read_gaps());
    std::vector<IntegerColumn> result(columns_.size());
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      BOATHOUSE_TRY(read_values(i, result[i]));
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

  Status read_values(std::size_t index, IntegerColumn& out) {
    const Column& column = columns_[index];
    changes_.clear();
    if (column.mode == Mode::sparse) {
      BOATHOUSE_TRY(read_sparse(index));
    } else if (column.mode == Mode::delta || column.mode == Mode::delta_delta) {
      BOATHOUSE_TRY(read_dense(index));
    }
    if (column.mode == Mode::null) {
      out.assign(rows_, kNull);
      return {};
    }
    if (origin_ == Origin::anybody && smallest_mode(column.values, changes_) != column.mode) {
      return corrupt(index, "not in the mode that takes the fewest bytes");
    }

    // Room for all rows at once, and no call for each change: this is what opening a chunk takes its time for.
    out.reserve(rows_);
    out.resize(column.values, column.first);
    std::uint64_t value = bits(column.first);
    bool some_null = false;
    for (std::size_t n = 0; n < changes_.size(); ++n) {
      value += changes_[n].difference;
      some_null = some_null || value == bits(kNull);
      const std::size_t end = n + 1 < changes_.size() ? changes_[n + 1].at : column.values;
      for (std::size_t at = changes_[n].at; at < end; ++at) {
        out[at] = static_cast<std::int64_t>(value);
      }
    }
    if (some_null) {
      return corrupt(index, "a null among the values");
    }
    if (column.some_null) {
      put_nulls(column, out);
    }
    return {};
  }

  Status read_sparse(std::size_t index) {
    for (std::size_t n = 0; n < columns_[index].change_count; ++n) {
      const std::uint64_t difference = bits(in_.zigzag());
      if (!in_.ok()) {
        return cut_off(index);
      }
      if (difference == 0) {
        return corrupt(index, "a change that changes nothing");
      }
      changes_.push_back({gaps_[next_gap_++], difference});
    }
    return {};
  }

  Status read_dense(std::size_t index) {
    const Column& column = columns_[index];
    if (column.values - 1 > in_.remaining()) {
      return cut_off(index);
    }
    std::uint64_t difference = 0;
    for (std::uint32_t at = 1; at < column.values; ++at) {
      const std::uint64_t read = bits(in_.zigzag());
      difference = column.mode == Mode::delta ? read : difference + read;
      if (difference != 0) {
        changes_.push_back({at, difference});
      }
    }
    return in_.ok() ? Status() : cut_off(index);
  }

  // Moves the values to their rows, from the end, so that nothing is overwritten before it has moved.
  static void put_nulls(const Column& column, IntegerColumn& out) {
    std::size_t from = out.size();
    std::size_t rows = 0;
    for (const std::uint32_t run : column.runs) {
      rows += run;
    }
    out.resize(rows);
    std::size_t to = rows;
    for (std::size_t run = column.runs.size(); run-- > 0;) {
      const std::size_t length = column.runs[run];
      const auto end = out.begin() + static_cast<std::ptrdiff_t>(to);
      const auto begin = end - static_cast<std::ptrdiff_t>(length);
      if (run % 2 == 0) {
        std::copy_backward(out.begin() + static_cast<std::ptrdiff_t>(from - length),
                           out.begin() + static_cast<std::ptrdiff_t>(from), end);
        from -= length;
      } else {
        std::fill(begin, end, kNull);
      }
      to -= length;
    }
  }

  ByteReader& in_;
  std::vector<Column> columns_;
  std::size_t rows_;
  Origin origin_;
  std::vector<std::uint32_t> gaps_;  // all sparse columns' change positions, one after the other
  std::size_t next_gap_ = 0;
  std::vector<ColumnChange> changes_;  // of the column being read
};

}  // namespace

Result<std::vector<IntegerColumn>> read_integer_columns(ByteReader& in, std::size_t count, std::size_t rows,
                                                        Origin origin) {
  if (count > in.remaining()) {
    return Error{ErrorCode::corrupt, "chunk columns: " + std::to_string(count) + " announced, more than bytes left"};
  }
  return ColumnsReader(in, count, rows, origin).read();
}

}  // namespace boathouse::wire
