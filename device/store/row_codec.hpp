// One record as the bytes of an open row. Only this store reads them, and only until the row is sealed into a chunk;
// the chunk codec (core/wire) is what lasts and travels. Pure functions.
#pragma once

#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::store {

// invalid_input when the record does not fit the metric catalogue: number of values, ranges, points or bytes where the
// stream has none.
base::Status check_record(const rowing::Record& record);

base::Bytes encode_row(const rowing::Record& record);
// A sum over a row and its place, so that a damaged one is seen before it is sealed under a hash.
std::int64_t row_sum(std::int64_t recording, rowing::Stream stream, std::uint64_t seq, base::ByteView row);
// A row of an older catalogue version has fewer values: the missing ones are null. Error: corrupt.
base::Result<rowing::Record> decode_row(rowing::Stream stream, base::ByteView row);

}  // namespace boathouse::store
