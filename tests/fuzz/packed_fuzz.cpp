// Bytes as a session row that ClickHouse has packed: what is read is one whole row, which can be written.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "server/timeseries/native.hpp"
#include "server/timeseries/session_columns.hpp"

using namespace boathouse;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::string> row{{reinterpret_cast<const char*>(data), size}};
  const auto sessions = timeseries::unpack_sessions(row);
  if (!sessions.ok()) return 0;
  base::ByteWriter out;
  timeseries::write_native(out, *sessions);
  const auto again = timeseries::read_native(out.take());
  if (sessions->rows != 1 || !again.ok() || again->rows != 1) std::abort();
  return 0;
}
