#include "server/timeseries/nodes.hpp"

#include <gtest/gtest.h>

namespace boathouse::timeseries {
namespace {

class NodesTest : public ::testing::Test {
 protected:
  std::string turn() {
    std::string text;
    for (const Endpoint& endpoint : nodes_.in_turn()) text += endpoint.url;
    return text;
  }
  base::ManualClock clock_;
  Nodes nodes_{{Endpoint{"a"}, Endpoint{"b"}, Endpoint{"c"}}, 1000, clock_};
};

TEST_F(NodesTest, EachCallBeginsWithTheNext) {
  EXPECT_EQ(turn(), "abc");
  EXPECT_EQ(turn(), "bca");
  EXPECT_EQ(turn(), "cab");
  EXPECT_EQ(turn(), "abc");
}

TEST_F(NodesTest, OneThatFailedComesLastUntilItHasRested) {
  nodes_.failed("b");
  EXPECT_EQ(turn(), "acb");
  EXPECT_EQ(turn(), "cab");
  EXPECT_EQ(turn(), "cab");
  clock_.advance_ms(999);
  EXPECT_EQ(turn(), "acb");
  clock_.advance_ms(1);
  EXPECT_EQ(turn(), "bca");
}

TEST_F(NodesTest, OneThatAnsweredIsWell) {
  nodes_.failed("b");
  nodes_.answered("b");
  nodes_.failed("nobody");
  EXPECT_EQ(turn(), "abc");
}

TEST_F(NodesTest, WhenAllFailedAllAreAsked) {
  for (const char* url : {"a", "b", "c"}) nodes_.failed(url);
  EXPECT_EQ(turn(), "abc");
  nodes_.set({Endpoint{"d"}});
  EXPECT_EQ(turn(), "d");
}

}  // namespace
}  // namespace boathouse::timeseries
