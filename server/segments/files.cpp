#include "server/segments/files.hpp"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace boathouse::segments {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Status;

namespace {

Status write_synced(const fs::path& path, base::ByteView content) {
  const OpenFile file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (file.get() < 0) {
    return system_error(path, "cannot be written", errno);
  }
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return system_error(path, "cannot be written", errno);
    }
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return ::fsync(file.get()) == 0 ? Status() : Status(system_error(path, "cannot be synced", errno));
}

}  // namespace

Error system_error(const fs::path& path, const std::string& what, int number) {
  if (number == ENOSPC || number == EDQUOT) {
    return {ErrorCode::no_room, path.string() + ": the disk is full; free disk space and try again"};
  }
  return {ErrorCode::io, path.string() + ": " + what + ": " + std::strerror(number)};
}

OpenFile::OpenFile(const fs::path& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

Status sync_folder(const fs::path& path) {
  const OpenFile folder(path, O_RDONLY | O_DIRECTORY);
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) {
    return system_error(path, "cannot be synced", errno);
  }
  return {};
}

Status write_whole_file(const fs::path& path, base::ByteView content) {
  const fs::path partial = path.string() + ".partial";
  BOATHOUSE_TRY(write_synced(partial, content));
  if (::rename(partial.c_str(), path.c_str()) != 0) {
    return system_error(path, "cannot be put in place", errno);
  }
  return sync_folder(path.parent_path());
}

}  // namespace boathouse::segments
