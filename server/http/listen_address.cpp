#include "server/http/listen_address.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <utility>

namespace boathouse::http {
namespace {

base::Error invalid_address(std::string_view text, std::string_view why) {
  return base::Error{base::ErrorCode::invalid_input,
                     "listen address '" + std::string(text) + "': " + std::string(why) +
                         "; write 127.0.0.1:8080 or [::1]:8080 (port 0 = any free one)"};
}

bool is_address(const std::string& host, int family) {
  std::array<unsigned char, sizeof(in6_addr)> scratch{};
  return inet_pton(family, host.c_str(), scratch.data()) == 1;
}

}  // namespace

base::Result<ListenAddress> parse_listen_address(std::string_view text) {
  ListenAddress address;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return invalid_address(text, "the port is missing");
  }
  const std::string_view port = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);

  const char* end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, address.port);
  if (error != std::errc() || stop != end) {
    return invalid_address(text, "the port must be a number from 0 to 65535");
  }
  address.ipv6 = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (address.ipv6) {
    host = host.substr(1, host.size() - 2);
  }
  // inet_pton stops at a NUL, which would let garbage behind it through.
  if (host.find('\0') != std::string_view::npos) {
    return invalid_address(text, "the address holds a NUL");
  }
  address.host = host;
  if (!address.ipv6 && is_address(address.host, AF_INET6)) {
    return invalid_address(text, "an IPv6 address stands in square brackets");
  }
  if (!is_address(address.host, address.ipv6 ? AF_INET6 : AF_INET)) {
    return invalid_address(text, "the address must be a numeric IPv4 or IPv6 address");
  }
  return address;
}

std::string to_string(const ListenAddress& address) {
  return (address.ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace boathouse::http
