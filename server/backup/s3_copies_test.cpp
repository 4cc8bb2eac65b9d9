#include "server/backup/s3_copies.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "server/backup/test_backup.hpp"

namespace boathouse::backup {
namespace {

namespace fs = std::filesystem;

TEST(S3CopiesTest, EachIsNotedOnceWithItsEarliestTime) {
  const test_support::TemporaryFolder folder;
  EXPECT_EQ(*s3_copies(folder.path()), std::vector<S3Copy>());
  ASSERT_TRUE(note_s3_copies(folder.path(), {{"https://s3/b/two", 20}, {"https://s3/b/one", 30}}));
  ASSERT_TRUE(note_s3_copies(folder.path(), {{"https://s3/b/one", 10}, {"https://s3/b/two", 25}, {"https://s3/c", 5}}));
  const std::vector<S3Copy> noted{{"https://s3/b/one", 10}, {"https://s3/b/two", 20}, {"https://s3/c", 5}};
  EXPECT_EQ(*s3_copies(folder.path()), noted);
  ASSERT_TRUE(note_s3_copies(folder.path(), {}));
  EXPECT_EQ(*s3_copies(folder.path()), noted);
}

TEST(S3CopiesTest, AFileThatCannotBeReadIsNotTakenForNone) {
  const test_support::TemporaryFolder folder;
  for (const char* text : {"", "{}", "[1]", R"([{"place":"x"}])", R"([{"place":1,"made_ms":1}])"}) {
    std::ofstream(folder.file("clickhouse-in-s3.json")) << text;
    const auto copies = s3_copies(folder.path());
    ASSERT_FALSE(copies) << text;
    EXPECT_EQ(copies.error().code, base::ErrorCode::corrupt);
    EXPECT_FALSE(note_s3_copies(folder.path(), {{"https://s3/c", 5}})) << "what was noted is not written over";
  }
}

// With manifests of a program that noted nothing.
TEST_F(SqliteBackupTest, WhatAPrunedBackupHasInS3StaysNoted) {
  constexpr std::int64_t kDay = 86'400'000;
  fill(1, 1);
  std::vector<std::int64_t> made_ms;
  for (int i = 0; i < 3; ++i) {
    Created made = create();
    made_ms.push_back(made.manifest.made_ms);
    std::vector<CopiedFile> files{{"clickhouse-a-full", 10, {}}};
    if (i > 0) files.push_back({"clickhouse-b-increment-" + std::to_string(i), 1, {}});
    made.manifest.clickhouse = ClickHouseCopy{"https://bucket.s3/clickhouse", files};
    std::ofstream(made.folder / "manifest.json") << encode_manifest(made.manifest);
    clock_.advance_ms(kDay);
  }
  const Keep one{.days = 1, .weeks = 0, .months = 0};
  ASSERT_TRUE(prune(destination(), one, true));
  EXPECT_TRUE(s3_copies(destination())->empty()) << "nothing is done";
  ASSERT_TRUE(prune(destination(), one));
  EXPECT_EQ(backups().size(), 1u);
  const std::vector<S3Copy> noted{{"https://bucket.s3/clickhouse/clickhouse-a-full", made_ms[0]},
                                  {"https://bucket.s3/clickhouse/clickhouse-b-increment-1", made_ms[1]},
                                  {"https://bucket.s3/clickhouse/clickhouse-b-increment-2", made_ms[2]}};
  EXPECT_EQ(*s3_copies(destination()), noted);
}

}  // namespace
}  // namespace boathouse::backup
