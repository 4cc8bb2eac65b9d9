#include "server/webhooks/target.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include "core/base/digit.hpp"

namespace boathouse::webhooks {
namespace {

using base::Error;
using base::ErrorCode;
using base::is_digit;
using base::Result;

struct Prefix {
  std::array<std::uint8_t, 16> bytes;
  int bits;
};

bool within(const Address& address, const Prefix& prefix) {
  for (int bit = 0; bit < prefix.bits; bit += 8) {
    const auto i = static_cast<std::size_t>(bit / 8);
    const int rest = std::min(8, prefix.bits - bit);
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
    if ((address.bytes[i] & mask) != (prefix.bytes[i] & mask)) {
      return false;
    }
  }
  return true;
}

template <std::size_t N>
bool within_any(const Address& address, const std::array<Prefix, N>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&address](const Prefix& prefix) { return within(address, prefix); });
}

// IANA's registry of IPv4 addresses for special use, without those that are reachable from everywhere, and Azure's
// wire server, which answers under a public address.
constexpr std::array<Prefix, 16> kSpecialV4{{
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{168, 63, 129, 16}, 32},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
}};

// Of IPv6 only global unicast is public (2000::/3), and of that not what the IETF keeps (2001::/23, with Teredo),
// documentation (two of them) and 6to4, which wraps IPv4. Mapped IPv4, NAT64, ULA and link-local lie outside.
constexpr Prefix kGlobalV6{{0x20}, 3};
constexpr std::array<Prefix, 4> kSpecialV6{{
    {{0x20, 0x01, 0x00}, 23},
    {{0x20, 0x01, 0x0d, 0xb8}, 32},
    {{0x20, 0x02}, 16},
    {{0x3f, 0xff, 0x00}, 20},
}};

constexpr std::array<Prefix, 4> kPrivateV4{{{{10}, 8}, {{172, 16}, 12}, {{192, 168}, 16}, {{100, 64}, 10}}};
constexpr Prefix kUniqueLocal{{0xfc}, 7};
// Metadata services within private ranges: Alibaba's (100.100.100.200) and AWS's (fd00:ec2::/32).
constexpr Prefix kMetadataV4{{100, 100, 100, 200}, 32};
constexpr Prefix kMetadataV6{{0xfd, 0x00, 0x0e, 0xc2}, 32};

bool is_private(const Address& address) {
  if (address.v6) {
    return within(address, kUniqueLocal) && !within(address, kMetadataV6);
  }
  return within_any(address, kPrivateV4) && !within(address, kMetadataV4);
}

bool is_loopback(const Address& address) {
  if (!address.v6) {
    return address.bytes[0] == 127;
  }
  Address one;
  one.v6 = true;
  one.bytes[15] = 1;
  return address == one;
}

bool is_allowed(const Address& address, bool https, const Policy& policy) {
  if (!https) {
    return policy.allow_http_loopback && is_loopback(address);
  }
  return is_public(address) || (policy.allow_private && is_private(address));
}

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

std::optional<Address> parse_v4(std::string_view text) {
  Address address;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t end = i < 3 ? text.find('.') : text.size();
    if (end == std::string_view::npos || end == 0 || end > 3 || (text[0] == '0' && end > 1) ||
        !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), is_digit)) {
      return std::nullopt;
    }
    int number = 0;
    std::from_chars(text.data(), text.data() + end, number);
    if (number > 255) {
      return std::nullopt;
    }
    address.bytes[i] = static_cast<std::uint8_t>(number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return address;
}

Error refusal(std::string why) { return {ErrorCode::invalid_input, "a webhook's URL " + std::move(why)}; }

// A name of letters, digits and hyphens; nothing that some parser takes for a number.
base::Status check_name(std::string_view host, bool https, const Policy& policy) {
  if (host.size() > 253) {
    return refusal("has a host of more than 253 characters");
  }
  std::string_view rest = host;
  std::string_view label;
  std::size_t labels = 0;
  while (true) {
    const std::size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    ++labels;
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), [](char c) { return is_digit(c) || is_letter(c) || c == '-'; })) {
      return refusal("has a host name of letters, digits, hyphens and single dots (others as xn--...)");
    }
    if (dot == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(dot + 1);
  }
  if (std::all_of(label.begin(), label.end(), is_digit) || label.starts_with("0x")) {
    return refusal("has a host that looks like a number: write an IPv4 address as four decimals");
  }
  if (!https || policy.allow_private) {
    return {};
  }
  constexpr std::array<std::string_view, 8> kInside{"localhost", "local", "internal", "lan",
                                                    "home",      "corp",  "intranet", "localdomain"};
  if (labels == 1 || std::find(kInside.begin(), kInside.end(), label) != kInside.end() ||
      host.ends_with(".home.arpa")) {
    return refusal("must lead to a host on the internet, not to one of a local network");
  }
  return {};
}

}  // namespace

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  ::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), out.data(), out.size());
  return out.data();
}

std::optional<Address> Address::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    return parse_v4(text);
  }
  Address address;
  address.v6 = true;
  if (::inet_pton(AF_INET6, std::string(text).c_str(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

std::string Target::url() const {
  const bool bracketed = literal && literal->v6;
  return std::string(https ? "https://" : "http://") + (bracketed ? "[" : "") + host + (bracketed ? "]" : "") + ":" +
         std::to_string(port) + path;
}

bool is_public(const Address& address) {
  if (address.v6) {
    return within(address, kGlobalV6) && !within_any(address, kSpecialV6);
  }
  return !within_any(address, kSpecialV4);
}

Result<Target> parse_target(std::string_view url, const Policy& policy) {
  if (url.size() > kMaxUrl) {
    return refusal("has at most " + std::to_string(kMaxUrl) + " bytes");
  }
  constexpr std::string_view kNever = "\"<>\\^`{|}#";
  if (!std::all_of(url.begin(), url.end(),
                   [&](char c) { return c > ' ' && c < '\x7f' && kNever.find(c) == std::string_view::npos; })) {
    return refusal("has visible ASCII characters alone, without \" < > \\ ^ ` { | } and #");
  }
  Target target;
  if (url.starts_with("https://")) {
    url.remove_prefix(8);
  } else if (url.starts_with("http://") && policy.allow_http_loopback) {
    url.remove_prefix(7);
    target.https = false;
    target.port = 80;
  } else {
    return refusal("begins with https://");
  }
  const std::size_t authority_end = std::min(url.find_first_of("/?"), url.size());
  std::string_view authority = url.substr(0, authority_end);
  target.path = url.substr(authority_end);
  if (!target.path.starts_with('/')) {
    target.path.insert(0, "/");
  }
  if (authority.find('@') != std::string_view::npos) {
    return refusal("holds no user name or password");
  }
  std::size_t host_end = authority.find(':');
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos || (close + 1 < authority.size() && authority[close + 1] != ':')) {
      return refusal("has an IPv6 address as [address] or [address]:port");
    }
    target.host = authority.substr(1, close - 1);
    target.literal = target.host.find(':') == std::string::npos ? std::nullopt : Address::parse(target.host);
    if (!target.literal) {
      return refusal("has no valid IPv6 address in its brackets");
    }
    target.host = target.literal->text();
    host_end = close + 1 < authority.size() ? close + 1 : std::string_view::npos;
  } else {
    target.host = authority.substr(0, host_end);
    std::transform(target.host.begin(), target.host.end(), target.host.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    target.literal = parse_v4(target.host);
    if (!target.literal) {
      BOATHOUSE_TRY(check_name(target.host, target.https, policy));
    }
  }
  if (host_end != std::string_view::npos) {
    const std::string_view port = authority.substr(host_end + 1);
    int number = 0;
    const auto [rest, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || rest != port.data() + port.size() || port.front() == '-' || number < 1 ||
        number > 65535) {
      return refusal("has a port from 1 to 65535");
    }
    target.port = static_cast<std::uint16_t>(number);
  }
  if (target.https && target.port != 443 && target.port < 1024) {
    return refusal("has port 443, or one from 1024 on");
  }
  if (target.literal && !is_allowed(*target.literal, target.https, policy)) {
    return refusal("must lead to a public address");
  }
  return target;
}

Result<std::vector<Address>> resolve_with_system(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &wanted, &list); code != 0) {
    return Error{ErrorCode::unavailable, std::string("the host is not found: ") + ::gai_strerror(code)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    Address address;
    if (one->ai_family == AF_INET) {
      sockaddr_in from{};
      std::memcpy(&from, one->ai_addr, sizeof from);
      std::memcpy(address.bytes.data(), &from.sin_addr, 4);
    } else if (one->ai_family == AF_INET6) {
      sockaddr_in6 from{};
      std::memcpy(&from, one->ai_addr, sizeof from);
      address.v6 = true;
      std::memcpy(address.bytes.data(), &from.sin6_addr, 16);
    } else {
      continue;
    }
    addresses.push_back(address);
  }
  return addresses;
}

Result<std::vector<Address>> allowed_addresses(const Target& target, const Policy& policy, const Resolver& resolve) {
  auto addresses = target.literal ? std::vector<Address>{*target.literal} : resolve(target.host);
  if (!addresses) {
    return addresses;
  }
  if (addresses->empty()) {
    return Error{ErrorCode::unavailable, "the host has no address"};
  }
  for (const Address& address : *addresses) {
    if (!is_allowed(address, target.https, policy)) {
      return Error{ErrorCode::forbidden, "the host has an address that is not public"};
    }
  }
  return addresses;
}

}  // namespace boathouse::webhooks
