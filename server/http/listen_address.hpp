// The "ADDR:PORT" of --listen. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::http {

struct ListenAddress {
  std::string host;  // a numeric IPv4 or IPv6 address, without brackets
  bool ipv6 = false;
  std::uint16_t port = 0;  // 0 = any free port

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:0". Names are refused, because what they mean changes with the machine;
// invalid_input says what is wrong and shows the right form.
base::Result<ListenAddress> parse_listen_address(std::string_view text);

// "127.0.0.1:8080", "[::1]:8080"; what parse_listen_address() takes and what stands in a URL.
std::string to_string(const ListenAddress& address);

}  // namespace boathouse::http
