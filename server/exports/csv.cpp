#include "server/exports/csv.hpp"

namespace boathouse::exports {

void CsvWriter::separate() {
  if (!first_) out_ += ',';
  first_ = false;
}

void CsvWriter::number(std::string_view text) {
  separate();
  out_ += text;
}

void CsvWriter::text(std::string_view text) {
  separate();
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  if (!formula && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out_ += text;
    return;
  }
  out_ += '"';
  if (formula) out_ += '\'';
  for (const char c : text) {
    if (c == '"') out_ += '"';
    out_ += c;
  }
  out_ += '"';
}

void CsvWriter::end_row() {
  out_ += "\r\n";
  first_ = true;
}

}  // namespace boathouse::exports
