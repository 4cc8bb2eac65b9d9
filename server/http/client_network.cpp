#include "server/http/client_network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace boathouse::http {

std::string client_network(std::string_view address) {
  std::string text(address.substr(0, address.find('%')));  // a link's name says nothing about the client
  in6_addr ipv6{};
  if (inet_pton(AF_INET6, text.c_str(), &ipv6) != 1) {
    return text;
  }
  std::array<char, INET6_ADDRSTRLEN> name{};
  if (IN6_IS_ADDR_V4MAPPED(&ipv6)) {
    inet_ntop(AF_INET, &ipv6.s6_addr[12], name.data(), name.size());
    return name.data();
  }
  std::fill(&ipv6.s6_addr[8], &ipv6.s6_addr[8] + 8, std::uint8_t{0});
  inet_ntop(AF_INET6, &ipv6, name.data(), name.size());
  return std::string(name.data()) + "/64";
}

}  // namespace boathouse::http
