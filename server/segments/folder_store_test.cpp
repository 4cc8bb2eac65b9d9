#include "server/segments/folder_store.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace boathouse::segments {
namespace {

namespace fs = std::filesystem;

class FolderStoreTest : public testing::Test {
 protected:
  FolderStoreTest() : store_(*FolderStore::open(root_, true)) {}

  test_support::TemporaryFolder folder_;
  const fs::path root_ = folder_.file("disk/segments");
  std::unique_ptr<FolderStore> store_;
};

TEST_F(FolderStoreTest, GivesBackWhatWasPut) {
  const std::string key = "2026/11/e-1-9.seg";
  ASSERT_TRUE(store_->put(key, base::as_bytes("0123456789")));
  EXPECT_EQ(base::as_text(*store_->read(key, 2, 3)), "234");
  EXPECT_EQ(base::as_text(*store_->read_all(key, 10)), "0123456789");
  EXPECT_EQ(store_->read_all(key, 9).error().code, base::ErrorCode::too_large);
  EXPECT_EQ(store_->read(key, 8, 3).error().code, base::ErrorCode::corrupt);
  EXPECT_EQ(store_->read("2026/11/other.seg", 0, 1).error().code, base::ErrorCode::not_found);
  EXPECT_EQ(store_->read_all("2026/11/other.seg", 1).error().code, base::ErrorCode::not_found);
  EXPECT_TRUE(fs::exists(root_ / key)) << "key for key, so that another program copies it";
  EXPECT_EQ(fs::status(root_ / key).permissions() & fs::perms::all, fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(FolderStoreTest, NeverChangesAnObject) {
  ASSERT_TRUE(store_->put("a", base::as_bytes("one")));
  EXPECT_EQ(store_->put("a", base::as_bytes("two")).error().code, base::ErrorCode::conflict);
  EXPECT_EQ(base::as_text(*store_->read("a", 0, 3)), "one");
}

TEST_F(FolderStoreTest, ListsAndRemoves) {
  ASSERT_TRUE(store_->put("2026/12/b", base::as_bytes("b")));
  ASSERT_TRUE(store_->put("2026/11/a", base::as_bytes("a")));
  std::ofstream(root_ / "2026/11/c.partial") << "cut sho";
  EXPECT_EQ(*store_->list(), (std::vector<std::string>{"2026/11/a", "2026/11/c.partial", "2026/12/b"}));
  EXPECT_TRUE(store_->remove("2026/11/a"));
  EXPECT_TRUE(store_->remove("2026/11/a")) << "again";
  EXPECT_TRUE(store_->remove("2026/11/c.partial"));
  EXPECT_EQ(*store_->list(), std::vector<std::string>{"2026/12/b"});
}

TEST_F(FolderStoreTest, KeysStayInTheFolder) {
  for (const char* key : {"", "/a", "a/", "../a", "a/../b", "a//b", ".a", "a/.b", "a b", "a\\b", "\xc3\xa4"}) {
    EXPECT_FALSE(is_key(key)) << key;
    EXPECT_EQ(store_->put(key, {}).error().code, base::ErrorCode::invalid_input) << key;
    EXPECT_EQ(store_->remove(key).error().code, base::ErrorCode::invalid_input) << key;
  }
  EXPECT_TRUE(is_key("2026/11/e-1_9.seg"));
  EXPECT_FALSE(is_key(std::string(201, 'a')));
}

// Its disk is not mounted: nothing there is lost, and nothing may be written beside it.
TEST_F(FolderStoreTest, AnEmptyFolderIsNotTakenForOneThatLostEverything) {
  ASSERT_TRUE(store_->put("a", base::as_bytes("one")));
  fs::rename(root_, folder_.file("unmounted"));
  fs::create_directories(root_);
  EXPECT_EQ(store_->read("a", 0, 3).error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(store_->put("b", {}).error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(store_->list().error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(store_->remove("a").error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(FolderStore::open(root_, false).error().code, base::ErrorCode::unavailable);
  fs::remove(root_);
  fs::rename(folder_.file("unmounted"), root_);
  EXPECT_TRUE(store_->read("a", 0, 3));
  EXPECT_TRUE(FolderStore::open(root_, false));
}

TEST_F(FolderStoreTest, WhatWasLeftOfAPutIsWrittenOver) {
  fs::create_directories(root_ / "x");
  std::ofstream(root_ / "x/a.partial") << std::string(1000, 'z');
  ASSERT_TRUE(store_->put("x/a", base::as_bytes("short")));
  EXPECT_EQ(base::as_text(*store_->read_all("x/a", 100)), "short");
}

TEST_F(FolderStoreTest, AFolderThatCannotBeWrittenToSaysSo) {
  std::ofstream(root_ / "2026") << "a file";
  const auto put = store_->put("2026/11/a", base::as_bytes("one"));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, base::ErrorCode::io);
}

}  // namespace
}  // namespace boathouse::segments
