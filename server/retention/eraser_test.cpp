#include "server/retention/eraser.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "server/backup/s3_copies.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::retention {
namespace {

std::vector<std::string> places(const BackupsKept& kept, std::int64_t erased_ms, std::int64_t now_ms) {
  const auto copies = copies_from_before(kept, erased_ms, now_ms);
  EXPECT_TRUE(copies) << copies.error().text;
  std::vector<std::string> names;
  for (const HoldingCopy& copy : *copies) {
    names.push_back(copy.place + (copy.until_ms ? " " + std::to_string(*copy.until_ms / kDayMs) : ""));
  }
  return names;
}

TEST(HoldingCopiesTest, ACopyInS3IsNamedUntilItsBucketRemovesIt) {
  const test_support::TemporaryFolder folder;
  ASSERT_TRUE(backup::note_s3_copies(
      folder.path(), {{"s3/early", 10 * kDayMs}, {"s3/last", 20 * kDayMs}, {"s3/later", 20 * kDayMs + 1}}));
  using Names = std::vector<std::string>;
  const BackupsKept known{.folder = folder.path(), .s3_days = 30};
  EXPECT_EQ(places(known, 20 * kDayMs, 21 * kDayMs), (Names{"s3/early 40", "s3/last 50"}));
  EXPECT_EQ(places(known, 20 * kDayMs, 40 * kDayMs - 1), (Names{"s3/early 40", "s3/last 50"}));
  EXPECT_EQ(places(known, 20 * kDayMs, 40 * kDayMs), (Names{"s3/last 50"}));
  EXPECT_EQ(places(known, 20 * kDayMs, 50 * kDayMs), Names());
  const BackupsKept unknown{.folder = folder.path()};
  EXPECT_EQ(places(unknown, 20 * kDayMs, 5000 * kDayMs), (Names{"s3/early", "s3/last"})) << "nobody has said when";
}

TEST(HoldingCopiesTest, WhatCannotBeReadIsNoProof) {
  const test_support::TemporaryFolder folder;
  std::ofstream(folder.file("clickhouse-in-s3.json")) << "?";
  EXPECT_FALSE(copies_from_before({.folder = folder.path()}, 1, 1));
}

}  // namespace
}  // namespace boathouse::retention
