#include "core/rowing/session_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/base/random.hpp"

namespace boathouse::rowing {
namespace {

base::Uuid id(std::uint8_t number) {
  base::Uuid uuid;
  uuid.bytes[0] = number;
  return uuid;
}

Link link(std::uint8_t a, std::uint8_t b, bool linked, std::int64_t ms) {
  Link made;
  made.pair = Pair::of(id(a), id(b));
  made.linked = linked;
  made.stamp = {ms, 0};
  return made;
}

std::vector<int> sessions(std::uint8_t recordings, const std::vector<Link>& links) {
  std::vector<base::Uuid> ids;
  for (std::uint8_t i = 1; i <= recordings; ++i) ids.push_back(id(i));
  std::vector<int> found;
  for (const auto& [recording, session] : group_sessions(ids, links)) found.push_back(session.bytes[0]);
  return found;
}

TEST(SessionMap, ChainsAndCirclesAreOneSessionUnderTheSmallestId) {
  EXPECT_EQ(sessions(4, {}), (std::vector{1, 2, 3, 4}));
  EXPECT_EQ(sessions(4, {link(4, 3, true, 1), link(2, 3, true, 2)}), (std::vector{1, 2, 2, 2}));
  EXPECT_EQ(sessions(4, {link(1, 2, true, 1), link(2, 3, true, 2), link(3, 1, true, 3)}), (std::vector{1, 1, 1, 4}));
}

TEST(SessionMap, PartingOneOfAChainLeavesTheOthers) {
  EXPECT_EQ(sessions(3, {link(1, 2, true, 1), link(2, 3, false, 2), link(1, 3, false, 3)}), (std::vector{1, 1, 3}));
  EXPECT_EQ(sessions(3, {link(1, 2, false, 1), link(2, 3, false, 2)}), (std::vector{1, 2, 3}));
}

TEST(SessionMap, WhatSomebodyKeepsApartNoOtherLinkBringsTogether) {
  EXPECT_EQ(sessions(3, {link(1, 2, false, 9), link(1, 3, true, 1), link(2, 3, true, 2)}), (std::vector{1, 2, 1}));
  EXPECT_EQ(sessions(3, {link(1, 2, false, 9), link(1, 3, true, 2), link(2, 3, true, 1)}), (std::vector{1, 2, 2}));
}

TEST(SessionMap, LinksToNobodyDoNothing) {
  EXPECT_EQ(sessions(2, {link(1, 7, true, 1), link(2, 7, true, 2)}), (std::vector{1, 2}));
}

TEST(SessionMap, TheOrderOfLinksDoesNotMatter) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    base::SeededRandom random(seed);
    std::vector<Link> links;
    for (int i = 0; i < 12; ++i) {
      const auto a = static_cast<std::uint8_t>(1 + random.below(7));
      const auto b = static_cast<std::uint8_t>(1 + random.below(7));
      const Pair pair = Pair::of(id(a), id(b));
      const bool there = std::ranges::any_of(links, [&](const Link& one) { return one.pair == pair; });
      if (a != b && !there)
        links.push_back(link(a, b, random.below(4) > 0, static_cast<std::int64_t>(random.below(5))));
    }
    const auto expected = sessions(7, links);
    for (int turn = 0; turn < 10; ++turn) {
      for (std::size_t i = links.size(); i > 1; --i) std::swap(links[i - 1], links[random.below(i)]);
      EXPECT_EQ(sessions(7, links), expected) << seed;
    }
    for (const Link& one : links) {
      const auto together = expected[one.pair.low.bytes[0] - 1u] == expected[one.pair.high.bytes[0] - 1u];
      EXPECT_FALSE(together && !one.linked) << seed;
    }
  }
}

}  // namespace
}  // namespace boathouse::rowing
