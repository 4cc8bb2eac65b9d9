#include "device/store/emptied.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace boathouse::store {
namespace {

namespace fs = std::filesystem;

// There from before the file is until it has been opened once: who dies in between leaves a file without bytes, too.
fs::path mark(const std::string& folder) { return fs::path(folder) / "device.new"; }

}  // namespace

base::Status look_for_emptied(const std::string& folder) {
  const fs::path file = fs::path(folder) / "device.db";
  std::error_code error;
  if (!fs::exists(file, error)) {
    std::ofstream(mark(folder)).put('\n');  // where it cannot be written the store cannot be made either
    return {};
  }
  const auto size = fs::file_size(file, error);
  if (error || size > 0 || fs::exists(mark(folder), error)) return {};
  const auto log_size = fs::file_size(file.string() + "-wal", error);
  const std::string in_log = !error && log_size > 0
                                 ? "what its log still holds is saved by `boathouse device salvage --data " + folder +
                                       " --output NEWFOLDER`, or "
                                 : "";
  return base::Error{
      base::ErrorCode::corrupt,
      file.string() + " was emptied: it has no bytes, and is left as it is; " + in_log +
          "put it back from a backup and begin again; only if nothing was ever recorded here, remove it"};
}

void note_made(const std::string& folder) {
  std::error_code ignored;
  fs::remove(mark(folder), ignored);
}

}  // namespace boathouse::store
