// Bytes as a session row that ClickHouse has packed: what is read is one whole row.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "server/timeseries/native.hpp"
#include "server/timeseries/session_columns.hpp"

using namespace boathouse;
using timeseries::NativeColumn;

namespace {

std::size_t values_of(const NativeColumn& column) {
  return column.integers.size() + column.texts.size() + column.uuids.size() + column.arrays.size() +
         column.doubles.size() + column.text_arrays.size() + column.uuid_arrays.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> row{{reinterpret_cast<const char*>(data), size}};
  const auto sessions = timeseries::unpack_sessions(row);
  if (!sessions.ok()) return 0;
  const auto is_one = [](const NativeColumn& column) { return values_of(column) == 1; };
  if (sessions->rows != 1 || !std::ranges::all_of(sessions->columns, is_one)) std::abort();
  return 0;
}
