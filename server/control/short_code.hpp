// Codes that a person reads off one screen and types at another: Crockford's base 32, which has no I, L, O and U, in
// groups of four, e.g. "K7QM-2P9X". 5 random bits a character. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/random.hpp"
#include "core/base/result.hpp"

namespace boathouse::control {

inline constexpr std::size_t kPairingCodeLength = 8;
inline constexpr std::size_t kInvitationCodeLength = 12;

std::string make_short_code(std::size_t length, base::RandomSource& random);

// The characters alone, as they were made: without blanks and hyphens, in upper case, O read as 0, I and L as 1.
// invalid_input, without repeating any of the text: another length or another character.
base::Result<std::string> read_short_code(std::string_view text, std::size_t length);

}  // namespace boathouse::control
