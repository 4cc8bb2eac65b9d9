#include "server/control/secret_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "server/control/test_call.hpp"

namespace boathouse::control {
namespace {

TEST(SecretFile, IsWholeAndPrivateOnceItIsPublished) {
  const TemporaryFolder folder;
  const std::string path = folder.file("secret");
  EXPECT_FALSE(read_secret_file(path)->has_value());
  ASSERT_TRUE(stage_secret_file(path, "content\n"));
  EXPECT_FALSE(read_secret_file(path)->has_value());
  ASSERT_TRUE(publish_secret_file(path));
  EXPECT_EQ(**read_secret_file(path), "content\n");
  EXPECT_FALSE(std::filesystem::exists(staged_path(path)));
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST(SecretFile, NeverReplacesOne) {
  const TemporaryFolder folder;
  const std::string path = folder.file("secret");
  ASSERT_TRUE(stage_secret_file(path, "first"));
  ASSERT_TRUE(publish_secret_file(path));
  ASSERT_TRUE(stage_secret_file(path, "second"));
  EXPECT_EQ(publish_secret_file(path).error().code, base::ErrorCode::conflict);
  EXPECT_EQ(**read_secret_file(path), "first");
}

TEST(SecretFile, StagingAgainBeginsAnew) {
  const TemporaryFolder folder;
  const std::string path = folder.file("secret");
  ASSERT_TRUE(stage_secret_file(path, "a longer text of a start that was cut off"));
  ASSERT_TRUE(stage_secret_file(path, "short"));
  EXPECT_EQ(**read_secret_file(staged_path(path)), "short");
  ASSERT_TRUE(discard_staged_file(path));
  EXPECT_FALSE(read_secret_file(staged_path(path))->has_value());
  EXPECT_TRUE(discard_staged_file(path));
}

TEST(SecretFile, ErrorsNameTheFile) {
  const TemporaryFolder folder;
  const auto missing = stage_secret_file(folder.file("no/such/folder"), "x");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, base::ErrorCode::io);
  EXPECT_NE(missing.error().text.find("no/such/folder"), std::string::npos);
  EXPECT_EQ(read_secret_file(folder.path()).error().code, base::ErrorCode::io);
  std::ofstream(folder.file("big")) << std::string(5000, 'x');
  EXPECT_EQ(read_secret_file(folder.file("big")).error().code, base::ErrorCode::too_large);
}

}  // namespace
}  // namespace boathouse::control
