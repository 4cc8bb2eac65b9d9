#include "server/backup/files.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <system_error>

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;

Error system_error(const fs::path& path, const std::string& what, int number) {
  if (number == ENOSPC || number == EDQUOT) {
    return {ErrorCode::no_room, path.string() + ": the disk is full; free disk space and try again"};
  }
  return {ErrorCode::io, path.string() + ": " + what + ": " + std::strerror(number)};
}

Status sync_with(const fs::path& path, int (*sync)(int)) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return io_error(path, "cannot be opened");
  }
  const int synced = sync(descriptor);
  const int number = errno;
  ::close(descriptor);
  return synced == 0 ? Status() : Status(system_error(path, "cannot be synced", number));
}

}  // namespace

Error io_error(const fs::path& path, const std::string& what) { return system_error(path, what, errno); }

Result<File> create_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  File file(descriptor < 0 ? nullptr : ::fdopen(descriptor, "wb"));
  if (!file) {
    return io_error(path, "cannot be written");
  }
  return file;
}

Status sync_and_close(File file, const fs::path& path) {
  if (std::fflush(file.get()) != 0 || ::fsync(::fileno(file.get())) != 0) {
    return io_error(path, "cannot be written");
  }
  if (std::fclose(file.release()) != 0) {
    return io_error(path, "cannot be written");
  }
  return {};
}

Result<FileDigest> digest_of(const fs::path& path, const Watch& watch) {
  const File file(std::fopen(path.c_str(), "rbe"));
  if (!file) {
    return io_error(path, "cannot be read");
  }
  FileDigest digest;
  base::Sha256 hash;
  base::Bytes piece(kPiece);
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), file.get())) {
    hash.update(base::ByteView(piece.data(), got));
    digest.bytes += got;
    BOATHOUSE_TRY(watch(got));
  }
  if (std::ferror(file.get()) != 0) {
    return io_error(path, "cannot be read");
  }
  digest.sha256 = hash.finish();
  return digest;
}

Status sync_path(const fs::path& path) { return sync_with(path, ::fsync); }

Status sync_disk(const fs::path& path) { return sync_with(path, ::syncfs); }

Status write_file(const fs::path& path, std::string_view content) {
  auto file = create_file(path);
  if (!file) {
    return file.error();
  }
  if (std::fwrite(content.data(), 1, content.size(), file->get()) != content.size()) {
    return io_error(path, "cannot be written");
  }
  return sync_and_close(std::move(*file), path);
}

Result<std::string> read_file(const fs::path& path, std::size_t max_bytes) {
  const File file(std::fopen(path.c_str(), "rbe"));
  if (!file) {
    return io_error(path, "cannot be read");
  }
  std::string content;
  std::array<char, 4096> piece{};
  while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), file.get())) {
    content.append(piece.data(), got);
    if (content.size() > max_bytes) {
      return Error{ErrorCode::too_large, path.string() + " is larger than " + std::to_string(max_bytes) + " bytes"};
    }
  }
  if (std::ferror(file.get()) != 0) {
    return io_error(path, "cannot be read");
  }
  return content;
}

Status make_folder(const fs::path& path) {
  std::error_code error;
  if (path.has_parent_path() && !fs::exists(path.parent_path(), error)) {
    BOATHOUSE_TRY(make_folder(path.parent_path()));
  }
  if (::mkdir(path.c_str(), 0700) != 0 && !(errno == EEXIST && fs::is_directory(path, error))) {
    return io_error(path, "the folder cannot be made");
  }
  return {};
}

Status move_path(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return io_error(to, "cannot be put in place");
  }
  BOATHOUSE_TRY(sync_path(to.parent_path()));
  return from.parent_path() == to.parent_path() ? Status() : sync_path(from.parent_path());
}

Status remove_path(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? Status(system_error(path, "cannot be removed", error.value())) : Status();
}

bool on_one_disk(const fs::path& one, const fs::path& other) {
  const auto device = [](fs::path path) -> std::uint64_t {
    struct stat found {};
    path = fs::absolute(path);
    while (::stat(path.c_str(), &found) != 0 && path.has_relative_path()) {
      path = path.parent_path();
    }
    return found.st_dev;
  };
  return device(one) == device(other);
}

Result<FolderLock> FolderLock::take(const fs::path& folder) {
  const fs::path path = folder / "lock";
  auto file = create_file(path);
  if (!file) {
    return file.error();
  }
  if (::flock(::fileno(file->get()), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{ErrorCode::unavailable,
                   folder.string() + ": another backup is being written there; try again when it has ended"};
    }
    return io_error(path, "cannot be locked");
  }
  return FolderLock(std::move(*file));
}

}  // namespace boathouse::backup
