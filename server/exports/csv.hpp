// Rows of comma-separated values: RFC 4180 quoting, CRLF, UTF-8, decimal points. Pure.
#pragma once

#include <string>
#include <string_view>

namespace boathouse::exports {

class CsvWriter {
 public:
  explicit CsvWriter(std::string& out) : out_(out) {}

  // A number as its text, or nothing at all.
  void number(std::string_view text);
  // Text from people or machines: quoted where needed. A leading = + - @ tab or CR gets a ' in front, so that no
  // spreadsheet takes it for a formula.
  void text(std::string_view text);
  void empty() { number(""); }
  void end_row();

 private:
  void separate();

  std::string& out_;
  bool first_ = true;
};

}  // namespace boathouse::exports
