// The text of an API key: "rk_live_" + id + "_" + secret + check, 90 characters of [0-9A-Za-z_].
//   id      32 hex digits: the UUID that `key list` shows, so a key that leaked can be found and revoked
//   secret  43 base62 digits: 256 random bits
//   check   CRC-32 (ISO-HDLC) of everything before it as 6 base62 digits: a secret scanner knows a real key by it, and
//   a
//           key that was cut off or mistyped is told apart from a revoked one
// Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::control {

inline constexpr std::string_view kApiKeyPrefix = "rk_live_";

std::string make_api_key(const base::Uuid& id, base::RandomSource& random);

// The id of a key whose form and check are right; unauthenticated, without repeating any of the text, otherwise.
base::Result<base::Uuid> parse_api_key(std::string_view text);

}  // namespace boathouse::control
