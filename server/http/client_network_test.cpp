#include "server/http/client_network.hpp"

#include <gtest/gtest.h>

namespace boathouse::http {
namespace {

TEST(ClientNetwork, AnIpv6ClientIsItsSubnet) {
  EXPECT_EQ(client_network("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(client_network("2001:db8:0:1:aaaa::1"), "2001:db8:0:1::/64");
  EXPECT_EQ(client_network("2001:db8:0:1:bbbb::2"), client_network("2001:db8:0:1::"));
  EXPECT_NE(client_network("2001:db8:0:2::1"), client_network("2001:db8:0:1::1"));
  EXPECT_EQ(client_network("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(client_network("fe80::1%eth0"), "fe80::/64");
  EXPECT_EQ(client_network("::1"), "::/64");
  EXPECT_EQ(client_network(""), "");
}

}  // namespace
}  // namespace boathouse::http
