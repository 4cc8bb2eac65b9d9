// The HTTP field Content-Digest (RFC 9530) with SHA-256, over the body as it is sent (after Content-Encoding). Pure
// functions.
#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"

namespace boathouse::wire {

// "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
std::string make_content_digest(base::ByteView body);

// The SHA-256 of a field that may list other algorithms too. Errors: invalid_input (not of the form above),
// unsupported (no sha-256 in it).
base::Result<base::Digest> parse_content_digest(std::string_view field);

}  // namespace boathouse::wire
