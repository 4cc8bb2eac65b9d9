#include "apps/boathouse/device_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace boathouse::app {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;

fs::path door_file(const std::string& folder) { return fs::path(folder) / "device.door"; }

// These number a file anew at each mount.
bool has_lasting_numbers(const fs::path& file) {
  constexpr std::uint32_t kFat = 0x4d44;
  constexpr std::uint32_t kExFat = 0x2011BAB0;
  constexpr std::uint32_t kFuse = 0x65735546;
  struct statfs found {};
  if (::statfs(file.c_str(), &found) != 0) return false;
  const auto type = static_cast<std::uint32_t>(found.f_type);
  return type != kFat && type != kExFat && type != kFuse;
}

// This machine and this very file: a copy of it, also one that a backup brought back as a new file, was born elsewhere
// or later. What is written over this file in place, and a copy of the whole disk, looks the same. "" when the system
// does not tell.
std::string birthplace_of(const fs::path& file) {
  if (!has_lasting_numbers(file)) return "";
  struct statx found {};
  constexpr unsigned kWanted = STATX_INO | STATX_BTIME;
  if (::statx(AT_FDCWD, file.c_str(), 0, kWanted, &found) != 0 || (found.stx_mask & kWanted) != kWanted) return "";
  std::string machine;
  std::ifstream("/etc/machine-id") >> machine;
  return machine + " " + std::to_string(found.stx_ino) + " " + std::to_string(found.stx_btime.tv_sec) + "." +
         std::to_string(found.stx_btime.tv_nsec);
}

}  // namespace

base::Status Device::open(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    return Error{ErrorCode::io, "cannot make " + folder + ": " + error.message() +
                                    "; name with --data a folder that is there, or whose parent is one that this user "
                                    "may write to"};
  }
  store::StoreOptions options;
  options.ballast_bytes = store::kBallastBytes;
  options.nonce = [folder] { return birthplace_of(fs::path(folder) / "device.db"); };
  auto opened = store::Store::open(folder, ids, random, options);
  if (!opened) return opened.error();
  store.emplace(std::move(*opened));
  const auto crashed = store->end_crashed();
  if (!crashed) return crashed.error();
  if (*crashed > 0) {
    std::fprintf(stderr, "%llu recording(s) that a crash had left open are sealed and kept\n",
                 static_cast<unsigned long long>(*crashed));
  }
  return base::Done{};
}

base::Status write_door(const std::string& folder, const Door& door) {
  const fs::path file = door_file(folder);
  std::error_code ignored;
  fs::remove(file, ignored);  // of an earlier process, perhaps with another mode
  const mode_t before = ::umask(077);
  std::ofstream out(file);
  ::umask(before);
  out << door.url << '\n' << door.token << '\n';
  out.close();
  if (!out) return Error{ErrorCode::io, "cannot write " + file.string()};
  return base::Done{};
}

void remove_door(const std::string& folder) {
  std::error_code ignored;
  fs::remove(door_file(folder), ignored);
}

std::optional<Door> find_door(const std::string& folder) {
  std::ifstream in(door_file(folder));
  Door door;
  if (!std::getline(in, door.url) || !std::getline(in, door.token)) return std::nullopt;
  return door;
}

}  // namespace boathouse::app
