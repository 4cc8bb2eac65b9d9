#include "device/store/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace boathouse::store {
namespace {

std::string path_in(const std::string& folder) { return folder + "/device.lock"; }

}  // namespace

base::Result<FolderLock> FolderLock::take(const std::string& folder) {
  const std::string path = path_in(folder);
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return base::Error{base::ErrorCode::io,
                       "cannot open " + path + ": " + std::strerror(errno) +
                           "; name a folder that is there and that this user may write to, on a disk that is not "
                           "read-only"};
  }
  return lock(descriptor, folder);
}

base::Result<FolderLock> FolderLock::take_if_there(const std::string& folder) {
  const std::string path = path_in(folder);
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0) return lock(descriptor, folder);
  if (errno == ENOENT) return FolderLock();
  return base::Error{base::ErrorCode::io, "cannot open " + path + ": " + std::strerror(errno)};
}

base::Result<FolderLock> FolderLock::lock(int descriptor, const std::string& folder) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return FolderLock(descriptor);
  const int reason = errno;
  ::close(descriptor);
  if (reason == EWOULDBLOCK) {
    return base::Error{base::ErrorCode::unavailable,
                       "another process works with " + folder + ": stop it, or ask it instead"};
  }
  return base::Error{base::ErrorCode::io, "cannot lock " + path_in(folder) + ": " + std::strerror(reason)};
}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

FolderLock::~FolderLock() {
  // Closing gives the lock back. The file stays: removing it would let two processes lock two files of the same name.
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace boathouse::store
