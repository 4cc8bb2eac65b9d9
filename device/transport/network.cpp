#include "device/transport/network.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <memory>
#include <string_view>

namespace boathouse::transport {
namespace {

bool is_this_host(std::string_view server) {
  const std::size_t scheme = server.find("://");
  if (scheme != std::string_view::npos) server.remove_prefix(scheme + 3);
  return server.starts_with("127.") || server.starts_with("[::1]") ||
         (server.starts_with("localhost") && (server.size() == 9 || server[9] == ':' || server[9] == '/'));
}

bool leads_out(const ifaddrs& interface) {
  constexpr unsigned kUp = IFF_UP | IFF_RUNNING;
  if (interface.ifa_addr == nullptr || (interface.ifa_flags & kUp) != kUp || (interface.ifa_flags & IFF_LOOPBACK) != 0)
    return false;
  if (interface.ifa_addr->sa_family == AF_INET) {
    const std::uint32_t address = ntohl(reinterpret_cast<const sockaddr_in*>(interface.ifa_addr)->sin_addr.s_addr);
    return address >> 16 != 0xA9FE;  // 169.254.0.0/16
  }
  if (interface.ifa_addr->sa_family == AF_INET6) {
    return !IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(interface.ifa_addr)->sin6_addr);
  }
  return false;
}

}  // namespace

bool has_network_to(const std::string& server) {
  if (is_this_host(server)) return false;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return true;  // not known: nothing is said about the network then
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(first, &::freeifaddrs);
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (leads_out(*one)) return true;
  }
  return false;
}

}  // namespace boathouse::transport
