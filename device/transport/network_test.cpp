#include "device/transport/network.hpp"

#include <gtest/gtest.h>

namespace boathouse::transport {
namespace {

TEST(Network, AServerOnThisHostProvesNone) {
  for (const char* server : {"http://127.0.0.1:8080", "http://127.9.9.9", "http://localhost", "http://localhost:80/x",
                             "http://[::1]:8080/prefix", "https://localhost/"}) {
    EXPECT_FALSE(has_network_to(server)) << server;
  }
}

// Whatever network this host has: it is the same for every server that is elsewhere.
TEST(Network, IsTheSameForEveryOtherServer) {
  const bool there = has_network_to("https://boathouse.example");
  for (const char* server : {"http://localhost.example", "http://192.0.2.1:8080", "http://[2001:db8::1]"}) {
    EXPECT_EQ(has_network_to(server), there) << server;
  }
}

}  // namespace
}  // namespace boathouse::transport
