// The body of a request as it came over HTTP, and the bytes it stands for. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "server/http/message.hpp"

namespace boathouse::intake {

enum class Coding : std::uint8_t { identity, zstd };

// Of a Content-Encoding header ("" = there is none). unsupported: any other coding, or more than one.
base::Result<Coding> content_coding(std::string_view content_encoding);

// Of a Content-Digest header (RFC 9530; "" = there is none): its sha-256 must be that of the bytes as they came.
// Digests of other kinds are not looked at. invalid_input: malformed, or another digest.
base::Status check_content_digest(std::string_view content_digest, base::ByteView body);

// Errors: invalid_input (not zstd), too_large (over max_bytes when opened).
base::Result<base::Bytes> decode_content(Coding coding, base::ByteView body, std::size_t max_bytes);

}  // namespace boathouse::intake
