// Rows, and the fixed-width values in them. Pure functions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::sql {

// Reads all rows; `take` is called for each.
template <typename Take>
base::Status each_row(Statement& select, Take take) {
  while (true) {
    const auto row = select.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return {};
    }
    take(select);
  }
}

// The number in the first column of the first row, with the parameters ?1, ?2, ... `values`; nullopt: there is no row,
// or it is NULL there. The statement is at rest again.
template <typename... Values>
base::Result<std::optional<std::int64_t>> first_integer(Connection& connection, std::string_view query,
                                                        const Values&... values) {
  auto select = connection.prepare(query);
  if (!select) {
    return select.error();
  }
  [[maybe_unused]] int parameter = 0;
  (select->bind(++parameter, values), ...);
  const auto row = select->step();
  if (!row) {
    return row.error();
  }
  return *row ? select->optional_integer(0) : std::nullopt;
}

// The schemas check the lengths; a file that was tampered with gives zeros.
inline base::Uuid uuid_of(base::ByteView blob) {
  base::Uuid uuid;
  std::copy_n(blob.begin(), std::min(blob.size(), uuid.bytes.size()), uuid.bytes.begin());
  return uuid;
}

inline base::Digest digest_of(base::ByteView blob) {
  base::Digest digest{};
  std::copy_n(blob.begin(), std::min(blob.size(), digest.size()), digest.begin());
  return digest;
}

}  // namespace boathouse::sql
