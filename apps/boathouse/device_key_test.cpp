#include "apps/boathouse/device_key.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;

TEST(DeviceKeyTest, IsKeptForItsOwnerAloneAndReplaced) {
  const test_support::TemporaryFolder folder;
  const std::string data = folder.file("phone/data");
  EXPECT_FALSE(read_device_key(data)->has_value()) << "no folder, no key";
  ASSERT_TRUE(write_device_key(data, {"rk_live_1", "http://127.0.0.1:8080"}));
  EXPECT_EQ(fs::status(data + "/device.key").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(write_device_key(data, {"rk_live_2", "https://rowing.example"}));
  const auto key = read_device_key(data);
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_EQ((*key)->key, "rk_live_2");
  EXPECT_EQ((*key)->server, "https://rowing.example");
  EXPECT_FALSE(fs::exists(data + "/device.key.new"));
}

TEST(DeviceKeyTest, AFileThatIsNotWholeIsAnError) {
  const test_support::TemporaryFolder folder;
  std::ofstream(folder.file("device.key")) << "rk_live_1\n";
  EXPECT_EQ(read_device_key(folder.path()).error().code, base::ErrorCode::corrupt);
}

}  // namespace
}  // namespace boathouse::app
