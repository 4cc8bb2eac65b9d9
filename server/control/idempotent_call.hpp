// A call that names itself, by the header Idempotency-Key: when it comes again within kCallKeptMs it is done no second
// time (docs/accounts.md, docs/webhooks.md). route_parts.hpp reads it; what was done is kept in the database that it
// changes: done_calls.hpp for that of this folder.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::control {

inline constexpr std::int64_t kCallKeptMs = std::int64_t{24} * 3'600'000;

struct IdempotentCall {
  std::string key;       // 1 to 255 visible ASCII characters; the caller's own: another caller's says nothing
  base::Digest asked{};  // SHA-256 of what it asks
  base::Uuid caller{};   // the athlete whose key it comes with; nil: the operator
};

}  // namespace boathouse::control
