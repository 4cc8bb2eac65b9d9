#include "server/control/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::size_t kMaxBytes = 4096;

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }
  [[nodiscard]] int get() const { return descriptor_; }
  // Of a file that was written: closing can be where the disk says no.
  int close() { return ::close(std::exchange(descriptor_, -1)); }

 private:
  int descriptor_;
};

// Reads errno.
Error failed(std::string_view what, const std::string& path) {
  return Error{ErrorCode::io, "cannot " + std::string(what) + " " + path + ": " +
                                  std::error_code(errno, std::generic_category()).message()};
}

// The name in the folder must be durable too, not only the file.
Status sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const File directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) {
    return failed("sync the folder", folder);
  }
  return {};
}

}  // namespace

Result<std::optional<std::string>> read_secret_file(const std::string& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) {
      return std::optional<std::string>();
    }
    return failed("read", path);
  }
  std::string content;
  std::array<char, kMaxBytes + 1> buffer{};
  while (true) {
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0) {
      return failed("read", path);
    }
    if (count == 0) {
      return std::optional(std::move(content));
    }
    content.append(buffer.data(), static_cast<std::size_t>(count));
    if (content.size() > kMaxBytes) {
      return Error{ErrorCode::too_large,
                   path + " has more than " + std::to_string(kMaxBytes) + " bytes: it is no key file"};
    }
  }
}

std::string staged_path(const std::string& path) { return path + ".new"; }

Status stage_secret_file(const std::string& path, std::string_view content) {
  BOATHOUSE_TRY(discard_staged_file(path));
  const std::string staged = staged_path(path);
  File file(::open(staged.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.get() < 0) {
    return failed("make", staged);
  }
  while (!content.empty()) {
    const ssize_t count = ::write(file.get(), content.data(), content.size());
    if (count < 0) {
      return failed("write", staged);
    }
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(file.get()) != 0 || file.close() != 0) {
    return failed("write", staged);
  }
  return sync_folder_of(path);
}

Status publish_secret_file(const std::string& path) {
  // link() never replaces, rename() would.
  if (::link(staged_path(path).c_str(), path.c_str()) != 0) {
    if (errno == EEXIST) {
      return Error{ErrorCode::conflict, path + " is already there"};
    }
    return failed("make", path);
  }
  BOATHOUSE_TRY(sync_folder_of(path));
  return discard_staged_file(path);
}

Status discard_staged_file(const std::string& path) {
  const std::string staged = staged_path(path);
  if (::unlink(staged.c_str()) != 0 && errno != ENOENT) {
    return failed("remove", staged);
  }
  return {};
}

}  // namespace boathouse::control
