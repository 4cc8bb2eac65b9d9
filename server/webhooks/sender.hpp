// One POST to an endpoint, by libcurl. Nothing here chooses where to: target.hpp has done that.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "server/webhooks/target.hpp"

namespace boathouse::webhooks {

inline constexpr std::int64_t kConnectTimeoutMs = 5'000;
inline constexpr std::int64_t kSendTimeoutMs = 15'000;            // of all, the look-up and the answer included
inline constexpr std::size_t kMaxAnswer = std::size_t{64} << 10;  // bytes of its body, which are dropped

struct Post {
  Target target;
  std::vector<Address> addresses;  // the connection goes to one of these
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // JSON
  std::int64_t timeout_ms = kSendTimeoutMs;
};

inline constexpr std::int64_t kLongestRetryAfterMs = 86'400'000;

struct Answer {
  int status = 0;
  std::int64_t duration_ms = 0;
  std::int64_t retry_after_ms = 0;  // its Retry-After, at most kLongestRetryAfterMs
};

// unavailable: no answer. Any thread.
using Send = std::function<base::Result<Answer>(const Post&)>;
// No proxy, no redirect, no cookie, certificates checked, at most post.timeout_ms.
base::Result<Answer> send_with_curl(const Post& post);

}  // namespace boathouse::webhooks
