#include "device/import/csv_reader.hpp"

#include <algorithm>

namespace boathouse::import {

bool CsvRow::is_blank() const {
  return std::ranges::all_of(
      cells, [](const std::string& cell) { return cell.find_first_not_of(" \t") == std::string::npos; });
}

CsvReader::CsvReader(std::string_view text) : text_(text) {
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
  line_begin_ = at_;
}

base::Error CsvReader::fail(base::ErrorCode code, std::size_t at, const std::string& what) {
  base::Error error{code,
                    "line " + std::to_string(line_) + ", column " + std::to_string(at - line_begin_ + 1) + ": " + what};
  error_line_ = row_line_;
  // Goes on behind the line in which the row began.
  const std::size_t line_end = text_.find('\n', row_begin_);
  at_ = unclosed_ || line_end == std::string_view::npos ? text_.size() : line_end + 1;
  line_ = row_line_ + 1;
  line_begin_ = at_;
  return error;
}

bool CsvReader::take_line_end() {
  const std::string_view rest = text_.substr(at_);
  if (!rest.starts_with('\n') && !rest.starts_with("\r\n")) return false;
  at_ += rest.front() == '\n' ? 1u : 2u;
  ++line_;
  line_begin_ = at_;
  return true;
}

// After the opening quote; takes the closing one. True: there was one.
base::Result<bool> CsvReader::read_quoted(std::string& cell) {
  const std::size_t opened = at_ - 1;
  const std::uint64_t opened_line = line_;
  const std::size_t opened_line_begin = line_begin_;
  for (;;) {
    const std::size_t next = text_.find_first_of("\"\n", at_);
    if (next == std::string_view::npos || next - row_begin_ >= kMaxRowBytes) {
      unclosed_ = true;
      line_ = opened_line;
      line_begin_ = opened_line_begin;
      return fail(base::ErrorCode::invalid_input, opened, "the quote that opens here is not closed");
    }
    cell.append(text_.substr(at_, next - at_));
    at_ = next + 1;
    if (text_[next] == '\n') {
      cell.push_back('\n');
      ++line_;
      line_begin_ = at_;
    } else if (at_ < text_.size() && text_[at_] == '"') {
      cell.push_back('"');
      ++at_;
    } else {
      return true;
    }
  }
}

base::Result<bool> CsvReader::read_cell(std::string& cell, bool& row_ends) {
  cell.clear();
  const bool quoted = at_ < text_.size() && text_[at_] == '"';
  if (quoted) {
    ++at_;
    if (auto closed = read_quoted(cell); !closed) return closed.error();
  } else {
    const std::size_t end = std::min(text_.find_first_of(",\"\r\n", at_), text_.size());
    cell.assign(text_.substr(at_, end - at_));
    at_ = end;
  }
  if (at_ - row_begin_ > kMaxRowBytes) return fail(base::ErrorCode::too_large, at_, "the row is longer than 1 MiB");
  row_ends = true;
  if (at_ == text_.size()) return true;
  if (text_[at_] == ',') {
    ++at_;
    row_ends = false;
    return true;
  }
  if (take_line_end()) return true;
  if (text_[at_] == '\r') return fail(base::ErrorCode::invalid_input, at_, "a carriage return without a line feed");
  return fail(base::ErrorCode::invalid_input, at_,
              quoted ? "text behind a closing quote" : "a quote inside an unquoted cell");
}

base::Result<bool> CsvReader::next(CsvRow& row) {
  if (at_ >= text_.size()) return false;
  row_begin_ = at_;
  row_line_ = line_;
  row.line = line_;
  row.begin = at_;
  row.cells.clear();
  for (bool row_ends = false; !row_ends;) {
    if (row.cells.size() == kMaxColumns) {
      return fail(base::ErrorCode::too_large, at_, "more than " + std::to_string(kMaxColumns) + " columns");
    }
    if (auto cell = read_cell(row.cells.emplace_back(), row_ends); !cell) return cell.error();
  }
  row.end = at_;
  return true;
}

}  // namespace boathouse::import
