// Whom an address stands for when clients without a key are counted. Pure function.
#pragma once

#include <string>
#include <string_view>

namespace boathouse::http {

// "192.0.2.7" as it is, an IPv6 address as its /64 in the form "2001:db8:0:1::/64": whoever has one address of it has
// all of them. IPv4 inside IPv6 is IPv4. What is no address stays as it is.
std::string client_network(std::string_view address);

}  // namespace boathouse::http
