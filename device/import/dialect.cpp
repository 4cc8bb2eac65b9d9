#include "device/import/dialect.hpp"

#include <algorithm>

#include "core/pm5/piece_counters.hpp"

namespace boathouse::import {
namespace {

rowing::Record empty_record(rowing::Stream stream) {
  rowing::Record record;
  record.stream = stream;
  record.values.assign(rowing::metrics(stream).size(), rowing::kNull);
  return record;
}

// Why a row cannot be taken; "" when it can.
std::string check_row(const CsvRow& row, const Header& header, std::size_t key, const Conversion& conversion) {
  if (row.cells.size() != header.size()) {
    return std::to_string(row.cells.size()) + " cells, the header has " + std::to_string(header.size());
  }
  const std::string_view cell = trimmed(row.cells[key]);
  if (cell.empty()) return "column " + header.names()[key] + " is empty";
  if (const auto value = to_nano(cell, conversion.clock); !value) {
    return "column " + header.names()[key] + ": \"" + cut_text(cell, kMaxCellInEvent) + "\" " + value.error().text;
  }
  return "";
}

}  // namespace

Header::Header(const CsvRow& row) {
  for (const std::string& cell : row.cells) names_.emplace_back(trimmed(cell));
}

std::optional<std::size_t> Header::find(std::string_view name) const {
  const auto found = std::ranges::find(names_, name);
  if (found == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

RowRecords::RowRecords()
    : sample(empty_record(rowing::Stream::sample)),
      stroke(empty_record(rowing::Stream::stroke)),
      split(empty_record(rowing::Stream::split)),
      summary(empty_record(rowing::Stream::summary)) {}

rowing::Record& RowRecords::of(rowing::Stream stream) {
  switch (stream) {
    case rowing::Stream::stroke:
      return stroke;
    case rowing::Stream::split:
      return split;
    case rowing::Stream::summary:
      return summary;
    default:
      return sample;
  }
}

ColumnMap::ColumnMap(std::span<const ColumnRule> rules, const Header& header) {
  for (const ColumnRule& rule : rules) {
    const auto cell = header.find(rule.header);
    if (!cell) continue;
    const std::size_t index = rowing::column_index(rule.stream, rule.metric);
    bindings_.push_back(
        {*cell, std::string(rule.header), rule.stream, index, &rowing::metrics(rule.stream)[index], rule.conversion});
  }
}

base::Status ColumnMap::fill(const CsvRow& row, RowRecords& records, ImportSink& sink) const {
  std::vector<std::size_t> rejected;
  for (const Binding& binding : bindings_) {
    const std::string& cell = row.cells[binding.cell];
    const auto value = to_wire(cell, *binding.metric, binding.conversion);
    if (value) {
      records.of(binding.stream).values[binding.index] = *value;
    } else if (std::ranges::find(rejected, binding.cell) == rejected.end()) {
      rejected.push_back(binding.cell);  // one cell for two streams is told once
      BOATHOUSE_TRY(sink.reject_value(row.line, binding.header, cell, value.error().text));
    }
  }
  return {};
}

base::Status for_each_row(Input& input, std::string_view key, const Conversion& key_conversion,
                          const std::function<base::Status(const CsvRow&)>& take) {
  const auto key_cell = input.header.find(key);
  if (!key_cell) {
    return base::Error{base::ErrorCode::invalid_input,
                       "the header has no column \"" + std::string(key) + "\", without which no row can be placed"};
  }
  CsvRow row;
  for (;;) {
    const auto next = input.reader.next(row);
    if (!next) {
      BOATHOUSE_TRY(input.sink.reject_line(input.reader.error_line(), next.error().text));
      continue;
    }
    if (!*next) return {};
    if (row.is_blank()) continue;
    if (const std::string why = check_row(row, input.header, *key_cell, key_conversion); !why.empty()) {
      BOATHOUSE_TRY(input.sink.reject_line(row.line, why));
      continue;
    }
    input.sink.row_read();
    BOATHOUSE_TRY(take(row));
  }
}

std::int64_t& value_in(rowing::Record& record, std::string_view metric) {
  return record.values[rowing::column_index(record.stream, metric)];
}

std::int64_t IntervalByRestart::observe(std::int64_t elapsed_cs, std::int64_t distance_dm) {
  if (elapsed_cs == rowing::kNull) elapsed_cs = elapsed_cs_;
  if (distance_dm == rowing::kNull) distance_dm = distance_dm_;
  if (pm5::restarted({elapsed_cs_, distance_dm_}, {elapsed_cs, distance_dm})) ++interval_;
  elapsed_cs_ = elapsed_cs;
  distance_dm_ = distance_dm;
  return std::min<std::int64_t>(interval_, 0xFFFF);
}

}  // namespace boathouse::import
