// A host's answers to requests, as the engine takes them. Only for the sources of this folder.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/result.hpp"
#include "device/capi/boathouse_device.h"
#include "device/sync/engine.hpp"

namespace boathouse::capi {

inline constexpr std::size_t kMaxResponse = std::size_t{4} << 20;  // a reply has at most 2 MiB, a chunk's body too
inline constexpr std::size_t kMaxHeaders = 1000;

// Without its request_id. invalid_input: a status outside of 100 to 599, a NULL where there must be none; too_large.
base::Result<sync::HttpResponse> response_of(std::int32_t status, const boathouse_header* headers,
                                             std::size_t header_count, const std::uint8_t* body, std::size_t body_size);

}  // namespace boathouse::capi
