// Comma-separated values as RFC 4180 has them: quotes, doubled quotes, line ends in quotes, CRLF or LF; a UTF-8 byte
// order mark at the start is passed over. Strict: a quote inside an unquoted cell, text behind a closing quote and a
// lone CR are errors, not guesses. Reads from memory it does not own. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace boathouse::import {

inline constexpr std::size_t kMaxRowBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxColumns = 1000;

struct CsvRow {
  std::uint64_t line = 0;  // where it begins, from 1
  std::size_t begin = 0;   // its bytes in the text, its line end included
  std::size_t end = 0;
  std::vector<std::string> cells;

  // No cell has anything but blanks.
  [[nodiscard]] bool is_blank() const;
};

class CsvReader {
 public:
  explicit CsvReader(std::string_view text);

  // True: `row` is the next one; false: the end. Error (invalid_input, too_large): names line and column (character of
  // the line, from 1); the next call goes on with the line after the one where the bad row began, or finds the end when
  // a quote is never closed.
  base::Result<bool> next(CsvRow& row);
  // Where the row that gave the last error began.
  [[nodiscard]] std::uint64_t error_line() const { return error_line_; }

 private:
  base::Error fail(base::ErrorCode code, std::size_t at, const std::string& what);
  base::Result<bool> read_cell(std::string& cell, bool& row_ends);
  base::Result<bool> read_quoted(std::string& cell);
  bool take_line_end();

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 1;
  std::size_t line_begin_ = 0;  // of the line that at_ is in
  std::size_t row_begin_ = 0;
  std::uint64_t row_line_ = 1;
  std::uint64_t error_line_ = 0;
  bool unclosed_ = false;
};

}  // namespace boathouse::import
