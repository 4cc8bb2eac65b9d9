#include "apps/boathouse/folder_owner.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>

#include "apps/boathouse/output.hpp"

namespace boathouse::app {
namespace {

// As sudo takes it: "#1000" for one without a name.
std::string name_of(uid_t user) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> text{};
  const bool known = ::getpwuid_r(user, &entry, text.data(), text.size(), &found) == 0 && found != nullptr;
  return known ? std::string(entry.pw_name) : "#" + std::to_string(user);
}

}  // namespace

base::Status check_owner(const std::filesystem::path& folder, uid_t user) {
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0 || found.st_uid == user) return {};
  const std::string owner = name_of(found.st_uid);
  const std::string word = owner.starts_with('#') ? "'" + owner + "'" : owner;
  return base::Error{base::ErrorCode::invalid_input,
                     folder.string() + " is the folder of " + owner + ", and this runs as " + name_of(user) +
                         ": the server could not read what it leaves there. Run it as " + owner + ": sudo -u " + word +
                         " boathouse ..."};
}

std::optional<int> refuse_other_user(std::initializer_list<std::filesystem::path> folders) {
  for (const std::filesystem::path& folder : folders) {
    if (folder.empty()) continue;
    if (const base::Status own = check_owner(folder, ::geteuid()); !own) return wrong_use(own.error().text);
  }
  return {};
}

}  // namespace boathouse::app
