#include "apps/boathouse/folder_owner.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "apps/boathouse/backup_commands.hpp"
#include "apps/boathouse/output.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;

TEST(FolderOwner, AnothersFolderIsRefusedWithTheWayToDoIt) {
  const test_support::TemporaryFolder folder;
  const uid_t own = ::geteuid();
  EXPECT_TRUE(check_owner(folder.path(), own));
  EXPECT_TRUE(check_owner(folder.file("is not there yet"), own + 1));
  const base::Status refused = check_owner(folder.path(), own + 54321);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::invalid_input);
  EXPECT_NE(refused.error().text.find("this runs as #" + std::to_string(own + 54321)), std::string::npos);
  EXPECT_NE(refused.error().text.find("sudo -u "), std::string::npos) << refused.error().text;
}

// Each of them leaves something in the folder that it is given.
TEST(FolderOwner, CommandsOnAnothersFolderAreWrongUseAndLeaveNothing) {
  // Root gives a folder away; to everybody else the first one of all is root's.
  const bool is_root = ::geteuid() == 0;
  constexpr uid_t kNobody = 65534;
  const test_support::TemporaryFolder folder;
  const std::string others = is_root ? folder.file("others") : "/";
  if (is_root) {
    ASSERT_TRUE(fs::create_directory(others));
    ASSERT_EQ(::chown(others.c_str(), kNobody, kNobody), 0);
  }
  BackupOptions options;
  options.json = true;
  const auto with = [&](const std::string& data, const std::string& to, const std::string& from) {
    options.data = data;
    options.to = options.from = to;
    if (!from.empty()) options.from = from;
    return options;
  };
  const std::string own = folder.file("own");
  EXPECT_EQ(backup_create(with(others, own, "")), kWrongUse);
  EXPECT_EQ(backup_create(with(own, others, "")), kWrongUse);
  EXPECT_EQ(backup_verify(with("", others, "")), kWrongUse);
  EXPECT_EQ(backup_prune(with("", others, "")), kWrongUse);
  EXPECT_EQ(restore(with(own, "", others)), kWrongUse);
  EXPECT_EQ(restore(with(others, "", own)), kWrongUse);
  EXPECT_EQ(reload(with(others, "", "")), kWrongUse);
  options.to_ledger = "postgresql://nobody@localhost:1/none";
  EXPECT_EQ(migrate(with(others, "", "")), kWrongUse);
  EXPECT_EQ(fs::is_empty(others), is_root);
  EXPECT_FALSE(fs::exists(own));
}

}  // namespace
}  // namespace boathouse::app
