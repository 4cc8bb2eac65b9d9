// Signatures of Standard Webhooks (v1, symmetric): HMAC-SHA256 over "id.timestamp.body". Pure functions but for
// new_secret().
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/base/random.hpp"
#include "server/control/keyed_hash.hpp"

namespace boathouse::webhooks {

using Secret = control::Pepper;  // 32 random bytes

Secret new_secret(base::RandomSource& random);
// "whsec_" and base64: what the receiver is given.
std::string secret_text(const Secret& secret);

// The value of the header webhook-signature: "v1,BASE64", one for each secret, with a blank between.
std::string signatures(std::span<const Secret> secrets, std::string_view message_id, std::int64_t timestamp_s,
                       std::string_view body);

}  // namespace boathouse::webhooks
