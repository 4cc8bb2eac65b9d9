// Bytes as a chunk: as canonical bytes, as a body, and as the content of a body. What is accepted must be the one form
// of its content.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/wire/chunk.hpp"
#include "core/wire/compression.hpp"

using namespace boathouse;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void check_opened(base::ByteView body) {
  const auto opened = wire::open_chunk(body);
  if (!opened.ok()) return;
  const auto records = wire::records_of(*opened);
  must(records.size() == opened->columns.rows);
  const auto sealed = wire::seal_chunk(opened->stream, opened->from, records);
  must(sealed.ok());
  must(wire::records_of(*wire::open_chunk(sealed->body, sealed->sha256)) == records);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::ByteView input(data, size);
  const auto decoded = wire::decode_columns(input);
  // Must end well whatever it is given.
  const auto of_known = wire::write_out(wire::read_columns(input, wire::Origin::known));
  if (decoded.ok()) {
    must(of_known.ok() && of_known->columns == decoded->columns);
    const auto again = wire::encode_columns(decoded->stream, decoded->version, decoded->from, decoded->columns);
    must(again.size() == size && std::equal(again.begin(), again.end(), data));
    check_opened(wire::compress(input));
  }
  check_opened(input);
  static_cast<void>(wire::decompress_content(input, 1 << 20));
  return 0;
}
