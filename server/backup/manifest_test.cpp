#include "server/backup/manifest.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "server/backup/backup.hpp"

namespace boathouse::backup {
namespace {

Manifest manifest() {
  Manifest made;
  made.made_ms = 1'700'000'000'000;
  made.epoch = "0123456789abcdef";
  made.last_seq = 7;
  made.databases.push_back({"ledger", 6, {{"state", {1, {}}}}});
  made.files.push_back({"ledger.db", 4096, base::sha256(base::as_bytes("a"))});
  return made;
}

TEST(Manifest, ClickHousesPartComesBackAsItWas) {
  Manifest made = manifest();
  EXPECT_EQ(*parse_manifest(encode_manifest(made)), made) << "without one";
  made.clickhouse = ClickHouseCopy{"", {{"clickhouse-1-full.tar", 10, base::sha256(base::as_bytes("b"))}}};
  EXPECT_EQ(*parse_manifest(encode_manifest(made)), made);
  made.clickhouse = ClickHouseCopy{"https://bucket/it's", {{"full", 10, {}}, {"increment", 3, {}}}};
  made.clean_of_ms = 1'700'000'000'001;
  EXPECT_EQ(*parse_manifest(encode_manifest(made)), made);
}

// Whoever does not know of them must not take them for damage; what has all is read by every program.
TEST(Manifest, BodiesThatWereLeftOutAreFormat2) {
  Manifest made = manifest();
  EXPECT_NE(encode_manifest(made).find(R"("format":1,)"), std::string::npos);
  EXPECT_EQ(encode_manifest(made).find("left_out"), std::string::npos);
  made.left_out = {2, 5};
  EXPECT_NE(encode_manifest(made).find(R"("format":2,)"), std::string::npos);
  EXPECT_EQ(*parse_manifest(encode_manifest(made)), made);
  for (const std::vector<std::int64_t>& wrong : {std::vector<std::int64_t>{5, 2}, {2, 2}, {0}}) {
    made.left_out = wrong;
    EXPECT_FALSE(parse_manifest(encode_manifest(made)));
  }
}

TEST(Manifest, APartThatIsNoneIsRefused) {
  Manifest made = manifest();
  made.clickhouse = ClickHouseCopy{"", {}};
  EXPECT_FALSE(parse_manifest(encode_manifest(made)));
  for (const char* outside : {"../pepper.key", ".hidden", ""}) {
    made.clickhouse = ClickHouseCopy{"", {{outside, 1, {}}}};
    EXPECT_FALSE(parse_manifest(encode_manifest(made))) << outside;
  }
  made.clickhouse = ClickHouseCopy{"", {{"clickhouse-1-full.tar", 10, {}}}};
  std::string text = encode_manifest(made);
  text[text.find("full.tar")] = 'F';
  EXPECT_FALSE(parse_manifest(text));
}

TEST(HoldingFromBefore, WhatNamesAFileOfBeforeHoldsSomethingOfBefore) {
  const auto listed = [](const std::string& name, std::int64_t made_ms, const std::string& segment,
                         const std::string& copy) {
    Manifest manifest;
    manifest.made_ms = made_ms;
    if (!segment.empty()) manifest.segments.push_back({segment, 1, 2, 1, 1, {}});
    if (!copy.empty()) manifest.clickhouse = ClickHouseCopy{"", {{copy, 1, {}}}};
    return Listed{name, manifest, "", {}};
  };
  const std::vector<Listed> backups{listed("whole", 5, "b.seg", "new-full.tar"),
                                    listed("clickhouse", 4, "b.seg", "full.tar"),
                                    listed("segment", 3, "a.seg", ""),
                                    listed("before", 2, "a.seg", "full.tar"),
                                    listed("empty", 1, "", ""),
                                    Listed{"unread", std::nullopt, "damaged", {}}};
  using Folders = std::set<std::filesystem::path>;
  std::vector<Listed> clean = backups;
  clean[2].manifest->clean_of_ms = 2;
  EXPECT_FALSE(holding_from_before(clean, 2).contains("segment")) << "it wrote the same bytes anew";
  clean[3].manifest->clean_of_ms = 2;
  EXPECT_TRUE(holding_from_before(clean, 2).contains("before")) << "whatever it says";
  EXPECT_EQ(holding_from_before(backups, 2), (Folders{"clickhouse", "segment", "before", "empty", "unread"}));
  EXPECT_EQ(holding_from_before(backups, 0), (Folders{"unread"}));
}

}  // namespace
}  // namespace boathouse::backup
