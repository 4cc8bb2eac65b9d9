// zstd (RFC 8878), level 3: the only door to it. Safe from any thread; each thread keeps its contexts for the next
// call.
#pragma once

#include <cstddef>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::wire {

// One frame with its content size, without checksum and dictionary.
base::Bytes compress(base::ByteView content);

// Exactly one frame that states its content size, as compress() makes it; nothing is allocated before that size is
// checked. Errors: corrupt, too_large (over max_bytes).
base::Result<base::Bytes> decompress(base::ByteView frame, std::size_t max_bytes);

// What decompress() would make of the frame: the content size that it states; 0 if it states none.
std::size_t stated_size(base::ByteView frame);

// HTTP's `Content-Encoding: zstd`: one frame or more, with a content size or not, a window of at most 8 MiB (RFC 9659).
// Errors: corrupt, too_large (over max_bytes; at most that many bytes are ever made).
base::Result<base::Bytes> decompress_content(base::ByteView content, std::size_t max_bytes);

}  // namespace boathouse::wire
