// Where backups may lie, and what of it is theirs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "server/backup/test_backup.hpp"

namespace boathouse::backup {
namespace {

namespace fs = std::filesystem;

void make_file(const fs::path& file) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << "somebody's";
}

TEST_F(SqliteBackupTest, PruneLeavesWhatNoBackupWrote) {
  constexpr std::int64_t kDay = 86'400'000;
  fill(1, 1);
  const Created first = create({.full = true});
  fill(2, 1);
  clock_.advance_ms(kDay);
  create({.full = true});
  const std::vector<fs::path> foreign{
      "bodies/notes.txt",
      "bodies/bodies-of-work.seg",
      "bodies/bodies-1-2-00ff.seg.orig",
      "bodies/bodies-1-2-00ff.seg.d/inside",
      "bodies/store/part",
      "clickhouse/clickhouse-20260101T000000000Z-full",
      "clickhouse/clickhouse-20260101T000000000Z-other.tar",
      "clickhouse/data/default/sample",
      "clickhouse/preprocessed_configs/config.xml",
      "photos/boat.jpg",
  };
  for (const fs::path& one : foreign) make_file(destination() / one);
  fs::create_directory(destination() / "bodies/bodies-1-2-aa.seg");
  fs::create_symlink(destination() / "photos/boat.jpg", destination() / "bodies/bodies-1-2-bb.seg");
  const std::vector<fs::path> orphans{"bodies/bodies-7-9-0123456789abcdef.seg", "bodies/segment.partial",
                                      "clickhouse/clickhouse-20260101T000000000Z-full.tar",
                                      "clickhouse/clickhouse-20260102T000000000Z-increment.tar",
                                      "clickhouse/.partial.tar"};
  for (const fs::path& one : orphans) make_file(destination() / one);

  const auto pruned = prune(destination(), {.days = 1, .weeks = 0, .months = 0});
  ASSERT_TRUE(pruned) << pruned.error().text;
  EXPECT_EQ(backups().size(), 1u);
  EXPECT_FALSE(fs::exists(bodies_folder(first.folder) / first.manifest.segments.front().file));
  for (const fs::path& one : orphans) EXPECT_FALSE(fs::exists(destination() / one)) << one;
  for (const fs::path& one : foreign) EXPECT_TRUE(fs::exists(destination() / one)) << one;
  EXPECT_TRUE(fs::exists(destination() / "bodies/bodies-1-2-aa.seg"));
  EXPECT_TRUE(fs::is_symlink(destination() / "bodies/bodies-1-2-bb.seg"));
}

class DestinationTest : public testing::Test {
 protected:
  void expect_refused(const std::string& destination, const std::string& why) const {
    const base::Status checked = check_destination(destination, data_);
    ASSERT_FALSE(checked) << destination;
    EXPECT_EQ(checked.error().code, base::ErrorCode::invalid_input);
    EXPECT_NE(checked.error().text.find(why), std::string::npos) << checked.error().text;
  }
  void expect_good(const std::string& destination) const {
    const base::Status checked = check_destination(destination, data_);
    EXPECT_TRUE(checked) << checked.error().text;
  }

  const test_support::TemporaryFolder folder_;
  const std::string data_ = folder_.file("data");
};

TEST_F(DestinationTest, TheServersFolderIsRefusedHoweverItIsNamed) {
  expect_refused(data_, "server's own folder");
  fs::create_directory(data_);
  fs::create_directory_symlink(data_, folder_.file("link"));
  for (const std::string& place : {data_, data_ + "/", data_ + "/backups", data_ + "/x/../backups/y",
                                   folder_.file("link"), folder_.file("link/backups"), folder_.file("other/../data")}) {
    expect_refused(place, "server's own folder");
  }
  for (const std::string& place :
       {folder_.file("data-backup"), folder_.file("backups"), folder_.path(), data_ + "/../backups"}) {
    expect_good(place);
  }
  EXPECT_TRUE(check_destination(data_, {})) << "empty, and of no server in particular";
}

TEST_F(DestinationTest, AnotherServersFolderIsRefused) {
  const std::string other = folder_.file("other");
  make_file(other + "/clickhouse/store/1");
  expect_good(other);
  make_file(other + "/clickhouse/metadata/default.sql");
  expect_refused(other, "files of a ClickHouse");
  expect_refused(other + "/clickhouse", "files of a ClickHouse");
  fs::remove_all(other + "/clickhouse");
  make_file(other + "/ledger.db");
  expect_refused(other, "a ledger");
}

TEST_F(SqliteBackupTest, NothingIsWrittenToOrPrunedFromAServersFolder) {
  fill(1, 1);
  Source of_folder = source();
  of_folder.data = folder_.path();
  const auto made = backup::create(of_folder, folder_.file("backups"), {}, clock_, ignore());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, base::ErrorCode::invalid_input);
  EXPECT_FALSE(fs::exists(folder_.file("backups")));
  for (const bool dry_run : {true, false}) {
    const auto pruned = prune(folder_.path(), {}, dry_run);
    ASSERT_FALSE(pruned);
    EXPECT_EQ(pruned.error().code, base::ErrorCode::invalid_input);
  }
  EXPECT_FALSE(fs::exists(folder_.file("lock")));
}

}  // namespace
}  // namespace boathouse::backup
