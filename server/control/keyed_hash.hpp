// How secrets are kept: HMAC-SHA256 under a pepper that lies beside the database, never in it. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/base/sha256.hpp"

namespace boathouse::control {

using Pepper = std::array<std::uint8_t, 32>;

base::Digest keyed_hash(const Pepper& pepper, std::string_view text);

// In a time that does not depend on where they differ.
bool equal_in_constant_time(const base::Digest& a, const base::Digest& b);

}  // namespace boathouse::control
