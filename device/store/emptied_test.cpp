// A store whose file has lost its bytes is not taken for a new one, nor is what has its name later taken for the file.
#include "device/store/emptied.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

using testing::HasSubstr;

class EmptiedTest : public testing::Test {
 protected:
  base::Result<Store> open() { return Store::open(store.folder(), store.ids, store.random, {}); }
  [[nodiscard]] std::string file() const { return store.folder() + "/device.db"; }
  void empty_file() const { std::filesystem::resize_file(file(), 0); }

  TestStore store;
};

TEST_F(EmptiedTest, AnEmptiedStoreIsNamedAndLeftAsItIs) {
  store.close();
  empty_file();
  for (int i = 0; i < 2; ++i) {
    const auto opened = open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, base::ErrorCode::corrupt);
    EXPECT_THAT(opened.error().text, HasSubstr(file() + " was emptied"));
    EXPECT_THAT(opened.error().text, HasSubstr("from a backup"));
    EXPECT_EQ(opened.error().text.find("salvage"), std::string::npos) << "there is no log to take anything from";
  }
  EXPECT_EQ(std::filesystem::file_size(file()), 0u);
  std::filesystem::remove(file());
  EXPECT_TRUE(ok(open())) << "who removes it begins anew";
}

// SQLite would remove it: the log of a file without pages.
TEST_F(EmptiedTest, TheLogOfAnEmptiedStoreStays) {
  const rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  const std::string log = file() + "-wal";
  const test_support::TemporaryFolder kept;
  std::filesystem::copy_file(log, kept.file("log"));
  store.close();
  empty_file();
  std::filesystem::copy_file(kept.file("log"), log, std::filesystem::copy_options::overwrite_existing);
  const auto size = std::filesystem::file_size(log);
  ASSERT_GT(size, 0u);
  const auto opened = open();
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().text, HasSubstr("boathouse device salvage --data " + store.folder()));
  EXPECT_EQ(std::filesystem::file_size(log), size);
}

TEST_F(EmptiedTest, WhoDiedWhileTheStoreWasMadeGoesOn) {
  const test_support::TemporaryFolder fresh;
  ASSERT_TRUE(ok(look_for_emptied(fresh.path())));
  std::ofstream(fresh.file("device.db")).close();
  EXPECT_TRUE(ok(Store::open(fresh.path(), store.ids, store.random, {})));
  std::filesystem::resize_file(fresh.file("device.db"), 0);
  EXPECT_FALSE(Store::open(fresh.path(), store.ids, store.random, {}).ok()) << "it was made";
}

TEST_F(EmptiedTest, NothingIsSavedInAFileThatHasLostItsName) {
  const rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  ASSERT_TRUE(ok(store->check_there()));
  std::filesystem::rename(file(), file() + ".moved");
  const auto expect_refused = [&] {
    const auto saved = store->append(birth.rec_id, make_samples(0, 1));
    ASSERT_FALSE(saved.ok());
    EXPECT_EQ(saved.error().code, base::ErrorCode::io);
    EXPECT_THAT(saved.error().text, HasSubstr("removed or replaced"));
    EXPECT_FALSE(store->check_there().ok());
  };
  expect_refused();
  std::ofstream(file()).put('x');  // what another process has begun there
  expect_refused();
  std::filesystem::rename(file() + ".moved", file());
  EXPECT_TRUE(ok(store->append(birth.rec_id, make_samples(0, 1)))) << "it was put back";
}

}  // namespace
}  // namespace boathouse::store
