// The integer columns of a chunk: a mode for each column, then the payloads of all columns sorted by kind. Whatever the
// values are, there is exactly one encoding of them. docs/protocol.md section 2.3 has every byte. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/wire/step_columns.hpp"

namespace boathouse::wire {

using IntegerColumn = std::vector<std::int64_t>;  // rowing::kNull = not available

// Every column has `rows` (at least 1) values.
void append_integer_columns(std::span<const IntegerColumn* const> columns, std::size_t rows, base::ByteWriter& out);

// Whether bytes may come from anybody, or are known to be what append_integer_columns has written.
enum class Origin { anybody, known };

// `count` columns of `rows` values. corrupt, naming the column, for anything that append_integer_columns would not have
// written; of a known origin it is not looked at whether there is a shorter encoding. Memory and time grow with the
// bytes that are there, not with the rows: at most 16 bytes for one.
base::Result<StepColumns> read_integer_columns(base::ByteReader& in, std::size_t count, std::size_t rows,
                                               Origin origin);

}  // namespace boathouse::wire
