#include "core/db/plain_file.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

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

TEST_F(PlainFileTest, IsReadAsItWasWritten) {
  const PlainFile file(path(), "");
  EXPECT_EQ(*file.size(), 0u);
  EXPECT_EQ(file.read().error().code, base::ErrorCode::io);
  ASSERT_TRUE(file.write(base::as_bytes("some bytes")).ok());
  ASSERT_TRUE(file.write(base::as_bytes("fewer")).ok());
  EXPECT_EQ(base::as_text(*file.read()), "fewer");
  EXPECT_EQ(*file.size(), 5u);
  EXPECT_TRUE(file.remove().ok());
  EXPECT_FALSE(std::filesystem::exists(path()));
  EXPECT_TRUE(file.remove().ok()) << "it is gone already";
}

// A file of holes would keep no room.
TEST_F(PlainFileTest, TakesTheRoomThatItsSizeSays) {
  constexpr std::uint64_t kSize = 200'000;
  const PlainFile file(path(), "");
  ASSERT_TRUE(file.resize(kSize).ok());
  struct stat facts {};
  ASSERT_EQ(::stat(path().c_str(), &facts), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(facts.st_size), kSize);
  EXPECT_GE(static_cast<std::uint64_t>(facts.st_blocks) * 512, kSize);
  ASSERT_TRUE(file.resize(70'000).ok());
  EXPECT_EQ(*file.size(), 70'000u);
  ASSERT_EQ(::stat(path().c_str(), &facts), 0);
  EXPECT_LT(static_cast<std::uint64_t>(facts.st_blocks) * 512, kSize / 2);
  const auto bytes = file.read();
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(std::count(bytes->begin(), bytes->end(), 0), 0);
}

TEST_F(PlainFileTest, AFolderThatIsNotThereIsAnIoErrorThatSaysWhatMendsIt) {
  const auto status = PlainFile(folder_ + "/none/file", "").resize(5);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, base::ErrorCode::io);
  EXPECT_NE(status.error().text.find("does the folder exist"), std::string::npos) << status.error().text;
}

}  // namespace
}  // namespace boathouse::db
