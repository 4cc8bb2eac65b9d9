// Bytes as an answer of ClickHouse in Native form. What is read has its rows in every column, and written it is read
// again as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/base/bytes.hpp"
#include "server/timeseries/native.hpp"

using namespace boathouse;
using timeseries::NativeBlock;
using timeseries::NativeColumn;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

std::size_t values_of(const NativeColumn& column) {
  return column.integers.size() + column.texts.size() + column.uuids.size() + column.arrays.size() +
         column.doubles.size() + column.text_arrays.size() + column.uuid_arrays.size();
}

// Nothing of ours writes these.
bool is_only_read(const NativeColumn& column) {
  return column.type.starts_with("Nullable(") && column.integers.empty();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto block = timeseries::read_native({data, size});
  if (!block.ok() || block->columns.empty()) return 0;
  for (const NativeColumn& column : block->columns) {
    must(values_of(column) == block->rows);
    if (is_only_read(column)) return 0;
  }
  base::ByteWriter out;
  timeseries::write_native(out, *block);
  const auto again = timeseries::read_native(out.take());
  must(again.ok() && again->rows == block->rows && again->columns.size() == block->columns.size());
  for (std::size_t i = 0; i < block->columns.size(); ++i) {
    const NativeColumn& before = block->columns[i];
    const NativeColumn& after = again->columns[i];
    must(after.name == before.name && after.type == before.type && after.integers == before.integers &&
         after.texts == before.texts && after.uuids == before.uuids && after.arrays == before.arrays &&
         after.text_arrays == before.text_arrays && after.uuid_arrays == before.uuid_arrays &&
         after.doubles.size() == before.doubles.size());  // of numbers: one may be none, and equals nothing then
  }
  return 0;
}
