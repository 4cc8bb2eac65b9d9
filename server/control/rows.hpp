// Values out of rows and into queries, shared by the sources here. Pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::control {

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

inline std::int64_t limit_of(std::size_t limit) {
  return static_cast<std::int64_t>(std::min(limit, std::size_t{1} << 32));
}

// Before every id: blobs compare bytewise.
inline base::ByteView start_of(const std::optional<base::Uuid>& after) {
  return after ? base::ByteView(after->bytes) : base::ByteView();
}

}  // namespace boathouse::control
