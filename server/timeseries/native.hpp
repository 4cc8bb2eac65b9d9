// ClickHouse's Native format: blocks of columns, as sent over HTTP (no block info: client revision 0). A block is
// varuint columns, varuint rows, then per column its name, its type (both with a varuint length) and the raw
// little-endian values; Nullable puts one byte a row before the values, Array the cumulative UInt64 ends, String a
// varuint length before each. Only the types of our own tables are known. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::timeseries {

struct NativeColumn {
  std::string name;
  std::string type;                    // e.g. "Nullable(UInt16)", "Array(UInt16)", "DateTime64(3, 'UTC')"
  std::vector<std::int64_t> integers;  // (U)IntN, Date..., DateTime64; rowing::kNull = NULL. UInt64 as its bit pattern
  std::vector<std::string> texts;      // String
  std::vector<base::Uuid> uuids;       // UUID
  std::vector<std::vector<std::int64_t>> arrays;           // Array of integers
  std::vector<double> doubles;                             // Float64; NaN = NULL
  std::vector<std::vector<std::string>> text_arrays = {};  // Array(String)
  std::vector<std::vector<base::Uuid>> uuid_arrays = {};   // Array(UUID)
};

struct NativeBlock {
  std::size_t rows = 0;
  std::vector<NativeColumn> columns;

  // nullptr when the block has no such column.
  [[nodiscard]] const NativeColumn* find(std::string_view name) const;
  // Requires the column (it was named in the query) and row < rows.
  [[nodiscard]] std::int64_t integer(std::string_view name, std::size_t row) const;
};

// Appends one block. Every column must have `rows` values in the vector of its type.
void write_native(base::ByteWriter& out, const NativeBlock& block);

// All blocks of a reply joined into one. An empty reply is a block without rows and columns. Error: corrupt.
base::Result<NativeBlock> read_native(base::ByteView reply);

// Rows in the format RowBinary, each of exactly the columns of `layout` in their order (its rows do not count): the
// values as in Native, but a byte before each that is Nullable, and a varuint count before the elements of an Array. No
// Float64: no row has one. Error: corrupt.
base::Result<NativeBlock> read_row_binary(std::span<const std::string> rows, const NativeBlock& layout);

}  // namespace boathouse::timeseries
