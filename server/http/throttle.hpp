// Which quotas a request is charged to, and what the client hears of them: RateLimit-Policy and RateLimit
// (draft-ietf-httpapi-ratelimit-headers-10), 429 with Retry-After.
//
//   sync, sync-bytes        one key's calls that name a replica
//   replica, replica-bytes  one replica's part of these: half, so that no device takes all that its athlete has
//   api                     one key's other calls
//   address                 calls without a good key, of one address (of one /64 of IPv6). A good key is let in from
//                           any address: a club's devices share one, and one that fails must not shut out the others.
//
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "server/http/message.hpp"
#include "server/http/rate_limit.hpp"

namespace boathouse::http {

class Throttle {
 public:
  // In a minute, and at once; 0 = no limit. At most kMaxQuota each.
  struct Options {
    std::uint64_t requests = 30'000;
    std::uint64_t bytes = std::uint64_t{2} << 30;
    std::uint64_t requests_of_an_address = 1'200;
    std::size_t max_keys = 65'536;  // of each policy
  };

  // What one request was charged.
  struct Charge {
    Headers fields;           // for its answer
    std::string refused_by;   // the policy that it broke; "" if it was let in
    std::uint64_t bytes = 0;  // announced
    bool of_a_key = false;
    std::vector<std::pair<RateLimit*, std::string>> of;
  };

  // `clock` must outlive it.
  Throttle(const Options& options, base::Clock& clock);

  // Once a request's caller is known, or known to be nobody, and before its body is read. An answer refuses it.
  std::optional<Response> charge(const RequestHead& head, std::uint64_t announced_bytes, Charge& charge);

  // The end of the request, with what its body really had: the rest is given back. To who has a key a 304 is free, so
  // that asking whether something has changed is never too dear.
  static void settle(Charge& charge, std::uint64_t body_bytes, int status);

 private:
  RateLimit sync_;
  RateLimit replica_;
  RateLimit api_;
  RateLimit address_;
};

}  // namespace boathouse::http
