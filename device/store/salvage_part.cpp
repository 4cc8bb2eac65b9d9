#include "device/store/salvage_part.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/db/sqlite.hpp"

namespace boathouse::store {
namespace {

namespace fs = std::filesystem;

base::Error cannot_make(const std::string& folder, const std::error_code& error) {
  return {base::ErrorCode::io,
          "cannot make " + folder + ": " + error.message() + " (name a new folder on a disk with room)"};
}

// A log without its file too: it would be taken for the new file's.
base::Status holds_no_store(const std::string& output) {
  std::error_code ignored;
  for (const char* name : {"device.db", "device.db-wal"}) {
    if (fs::exists(fs::path(output) / name, ignored)) {
      return base::Error{base::ErrorCode::conflict, "there is a store in " + output + " already: name a new folder"};
    }
  }
  return {};
}

// A file's bytes, or a folder's names, reach the medium.
base::Status sync(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (synced) return {};
  return base::Error{base::ErrorCode::io, "cannot write " + path + ": " + std::strerror(reason)};
}

// All of it in the one file.
base::Status settle(const std::string& database) {
  {
    auto connection = db::Connection::open(database);
    if (!connection) return connection.error();
    BOATHOUSE_TRY(connection->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  std::error_code none;
  const auto left = fs::file_size(database + "-wal", none);
  if (!none && left > 0) return base::Error{base::ErrorCode::io, "the log of " + database + " cannot be closed"};
  return sync(database);
}

}  // namespace

base::Result<SalvagePart> SalvagePart::make(const std::string& output) {
  BOATHOUSE_TRY(holds_no_store(output));
  std::error_code error;
  fs::create_directories(output, error);
  if (error) return cannot_make(output, error);
  auto lock = FolderLock::take(output);
  if (!lock) return lock.error();
  // Again: one that has just ended.
  BOATHOUSE_TRY(holds_no_store(output));
  SalvagePart part(std::move(*lock), output);
  fs::remove_all(part.path_, error);
  if (!error) fs::create_directory(part.path_, error);
  if (error) return cannot_make(part.path_, error);
  return part;
}

SalvagePart::SalvagePart(FolderLock lock, std::string output)
    : lock_(std::move(lock)), output_(std::move(output)), path_(output_ + "/salvage.part") {}

SalvagePart::~SalvagePart() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

base::Status SalvagePart::move_into_output() {
  const std::string whole = output_ + "/device.db";
  BOATHOUSE_TRY(settle(path_ + "/device.db"));
  std::error_code error;
  fs::rename(path_ + "/device.db", whole, error);
  if (error) return base::Error{base::ErrorCode::io, "cannot make " + whole + ": " + error.message()};
  const base::Status synced = sync(output_);
  if (!synced) fs::remove(whole, error);
  return synced;
}

}  // namespace boathouse::store
