// An edit: what people change about a session, as JSON whose bytes are made once. docs/protocol.md section 3.1. How
// edits of one field come to one value is core/rowing/edits.hpp. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/rowing/edit.hpp"

namespace boathouse::wire {

inline constexpr std::size_t kMaxEditBytes = std::size_t{64} << 10;

// Requires an edit that check_edit (core/rowing/edit.hpp) takes.
std::string encode_edit(const rowing::Edit& edit);

// Errors: invalid_input, naming the key; too_large over kMaxEditBytes; unsupported for a field that only a newer
// program knows. Keys that are not known are ignored here and kept in the stored bytes.
base::Result<rowing::Edit> decode_edit(std::string_view json);

}  // namespace boathouse::wire
