// Where a webhook may be sent: the guard against a server that is made to call its own network (SSRF).
//
// A URL is taken apart by this grammar alone and put together again from its parts, so that nobody else reads it
// another way. Its host is resolved once, every address must be allowed, and the connection goes to one of these
// addresses. Pure functions; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace boathouse::webhooks {

inline constexpr std::size_t kMaxUrl = 2000;  // bytes

// What the operator allows beyond public addresses over https.
struct Policy {
  bool allow_private = false;        // 10/8, 172.16/12, 192.168/16, 100.64/10, fc00::/7, and names without a dot
  bool allow_http_loopback = false;  // http to this machine itself; for tests and development
};

struct Address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // in network order; of v4 the first four

  friend bool operator==(const Address&, const Address&) = default;
  [[nodiscard]] std::string text() const;  // without brackets
  // Four decimals without leading zeros, or IPv6 without a zone.
  static std::optional<Address> parse(std::string_view text);
};

struct Target {
  bool https = true;
  std::string host;  // lower case; IPv6 without brackets
  std::uint16_t port = 443;
  std::string path;                // with the query; from "/"
  std::optional<Address> literal;  // the host is an address

  [[nodiscard]] std::string url() const;
};

// Neither private, nor this machine's, nor this link's, nor reserved, nor a cloud's metadata, nor IPv6 that wraps IPv4.
bool is_public(const Address& address);

// invalid_input, saying what is wrong: not https, credentials, a fragment, characters that are not visible ASCII, a
// host that is a number in disguise, a name of this machine or its network, an address that is not allowed, a port
// below 1024 other than 443.
base::Result<Target> parse_target(std::string_view url, const Policy& policy);

// All addresses of a name. unavailable: there are none now. The system's takes as long as it likes: lookup.hpp.
using Resolver = std::function<base::Result<std::vector<Address>>(const std::string& host)>;
base::Result<std::vector<Address>> resolve_with_system(const std::string& host);

// To what the connection may be made: not empty. forbidden: one of the addresses is not allowed. Asks once.
base::Result<std::vector<Address>> allowed_addresses(const Target& target, const Policy& policy,
                                                     const Resolver& resolve);

}  // namespace boathouse::webhooks
