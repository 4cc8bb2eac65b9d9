// A dialect: how one tool's file is recognised and read. Adding one is a file pair and a line in dialects.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "device/import/csv_reader.hpp"
#include "device/import/import.hpp"
#include "device/import/sink.hpp"
#include "device/import/time_zone.hpp"
#include "device/import/values.hpp"

namespace boathouse::import {

// A file's first row, without the blanks that some tools put around names.
class Header {
 public:
  Header() = default;
  explicit Header(const CsvRow& row);

  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_;
};

// What a dialect works with. `reader` stands behind the header.
struct Input {
  CsvReader& reader;
  Header header;
  const TimeZone& zone;
  ImportSink& sink;
};

struct Dialect {
  DialectInfo info;
  bool (*recognises)(const Header& header);
  // Errors: the store's, and invalid_input for a file that is of the dialect but cannot be read at all. Bad rows and
  // values go to the sink.
  base::Status (*run)(Input& input);
};

std::span<const Dialect> all_dialects();

// One column of a file that is a metric. Several rules may name the same column of the file.
struct ColumnRule {
  std::string_view header;
  rowing::Stream stream;
  std::string_view metric;
  Conversion conversion = kPlain;
};

// The records that one row gives; all null at first.
struct RowRecords {
  RowRecords();
  rowing::Record sample;
  rowing::Record stroke;
  rowing::Record split;
  rowing::Record summary;
  [[nodiscard]] rowing::Record& of(rowing::Stream stream);
};

// The rules that a file's header has columns for.
class ColumnMap {
 public:
  ColumnMap(std::span<const ColumnRule> rules, const Header& header);

  // Fills the records from a row; what cannot be held is rejected by name and stays null.
  base::Status fill(const CsvRow& row, RowRecords& records, ImportSink& sink) const;

 private:
  struct Binding {
    std::size_t cell;
    std::string header;
    rowing::Stream stream;
    std::size_t index;
    const rowing::Metric* metric;
    Conversion conversion;
  };
  std::vector<Binding> bindings_;
};

// Reads all rows behind the header. A row that is no CSV, has another number of cells than the header, or whose cell
// `key` is no number (by `key_conversion`) is rejected as a line; blank rows are passed over; the others go to `take`.
// invalid_input when the header lacks `key`.
base::Status for_each_row(Input& input, std::string_view key, const Conversion& key_conversion,
                          const std::function<base::Status(const CsvRow&)>& take);

// A metric's value in a record; for names known at writing.
std::int64_t& value_in(rowing::Record& record, std::string_view metric);

// Counts intervals from 0 by counters that restart.
class IntervalByRestart {
 public:
  // Of a sample's elapsed time and distance; kNull counts as no change.
  std::int64_t observe(std::int64_t elapsed_cs, std::int64_t distance_dm);

 private:
  std::int64_t elapsed_cs_ = 0;
  std::int64_t distance_dm_ = 0;
  std::int64_t interval_ = 0;
};

}  // namespace boathouse::import
