// Values out of rows and into queries, shared by the sources here. Pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/uuid.hpp"
#include "server/sql/rows.hpp"

namespace boathouse::control {

using sql::digest_of;
using sql::each_row;
using sql::uuid_of;

inline std::int64_t limit_of(std::size_t limit) {
  return static_cast<std::int64_t>(std::min(limit, std::size_t{1} << 32));
}

// Before every id: blobs compare bytewise.
inline base::ByteView start_of(const std::optional<base::Uuid>& after) {
  return after ? base::ByteView(after->bytes) : base::ByteView();
}

}  // namespace boathouse::control
