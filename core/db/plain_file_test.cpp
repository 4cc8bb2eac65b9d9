#include "core/db/plain_file.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace boathouse::db {
namespace {

class PlainFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "boathouse-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path() const { return folder_ + "/file"; }

  std::string folder_;
};

// A file of holes would keep no room.
TEST_F(PlainFileTest, TakesTheRoomThatItsSizeSays) {
  constexpr std::uint64_t kSize = 200'000;
  const PlainFile file(path(), "");
  EXPECT_EQ(*file.size(), 0u) << "there is none";
  ASSERT_TRUE(file.resize(kSize).ok());
  struct stat facts {};
  ASSERT_EQ(::stat(path().c_str(), &facts), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(facts.st_size), kSize);
  EXPECT_GE(static_cast<std::uint64_t>(facts.st_blocks) * 512, kSize);
  ASSERT_TRUE(file.resize(70'000).ok());
  EXPECT_EQ(*file.size(), 70'000u);
  ASSERT_EQ(::stat(path().c_str(), &facts), 0);
  EXPECT_LT(static_cast<std::uint64_t>(facts.st_blocks) * 512, kSize / 2);
  std::ifstream in(path(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_EQ(bytes.size(), 70'000u);
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), '\0'), 0);
}

TEST_F(PlainFileTest, AFolderThatIsNotThereIsAnIoErrorThatSaysWhatMendsIt) {
  const auto status = PlainFile(folder_ + "/none/file", "").resize(5);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, base::ErrorCode::io);
  EXPECT_NE(status.error().text.find("does the folder exist"), std::string::npos) << status.error().text;
}

}  // namespace
}  // namespace boathouse::db
