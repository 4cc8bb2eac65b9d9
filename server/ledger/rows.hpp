// Fixed-width values in rows. Pure functions.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"

namespace boathouse::ledger {

// The schema checks the lengths; a file that was tampered with gives zeros.
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

inline base::Bytes bytes_of(base::ByteView blob) { return {blob.begin(), blob.end()}; }

// Of table feed. The numbers are on disk: never change one.
enum class FeedKind : std::uint8_t { birth = 1, chunk = 2, seal = 3, edit = 4, gone = 5 };

inline std::int64_t number(rowing::Stream stream) { return static_cast<std::int64_t>(stream); }

}  // namespace boathouse::ledger
