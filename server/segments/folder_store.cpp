#include "server/segments/folder_store.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "server/segments/files.hpp"

namespace boathouse::segments {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kMarker = ".boathouse-segments";

// With those above it, each of them synced into the one above.
Status make_folder(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    return sync_folder(path.parent_path());
  }
  if (errno == EEXIST) {
    return {};
  }
  if (errno != ENOENT || !path.has_relative_path()) {
    return system_error(path, "the folder cannot be made", errno);
  }
  BOATHOUSE_TRY(make_folder(path.parent_path()));
  return make_folder(path);
}

Error no_such(const std::string& key) { return {ErrorCode::not_found, "segment " + key + " is missing"}; }

// At most `most` bytes from `position`.
Result<base::Bytes> read_some(const fs::path& path, const std::string& key, std::uint64_t position,
                              std::uint64_t most) {
  const OpenFile file(path, O_RDONLY);
  if (file.get() < 0) {
    return errno == ENOENT ? no_such(key) : system_error(path, "cannot be read", errno);
  }
  base::Bytes content(most);
  std::uint64_t filled = 0;
  while (filled < most) {
    const ssize_t got =
        ::pread(file.get(), content.data() + filled, most - filled, static_cast<off_t>(position + filled));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return system_error(path, "cannot be read", errno);
    }
    if (got == 0) {
      break;
    }
    filled += static_cast<std::uint64_t>(got);
  }
  content.resize(filled);
  return content;
}

}  // namespace

bool is_key(std::string_view text) {
  if (text.empty() || text.size() > 200) {
    return false;
  }
  char before = '/';
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!plain && c != '.' && c != '/') {
      return false;
    }
    if (before == '/' && !plain) {
      return false;
    }
    before = c;
  }
  return before != '/';
}

Result<std::unique_ptr<FolderStore>> FolderStore::open(const fs::path& folder, bool begin) {
  std::unique_ptr<FolderStore> store(new FolderStore(fs::absolute(folder).lexically_normal()));
  if (begin) {
    BOATHOUSE_TRY(make_folder(store->folder_));
    std::error_code error;
    if (!fs::exists(store->folder_ / kMarker, error)) {
      BOATHOUSE_TRY(write_whole_file(store->folder_ / kMarker, base::as_bytes("segments of Boathouse\n")));
    }
  }
  BOATHOUSE_TRY(store->is_there());
  return store;
}

Status FolderStore::is_there() const {
  std::error_code error;
  if (fs::exists(folder_ / kMarker, error)) {
    return {};
  }
  return Error{ErrorCode::unavailable, folder_.string() + " is no folder of segments (" + std::string(kMarker) +
                                           " is not there): is its disk mounted?"};
}

Status FolderStore::put(const std::string& key, base::ByteView content) {
  if (!is_key(key)) {
    return Error{ErrorCode::invalid_input, "no key of a segment: " + key};
  }
  BOATHOUSE_TRY(is_there());
  const fs::path path = folder_ / key;
  std::error_code error;
  if (fs::exists(path, error)) {
    return Error{ErrorCode::conflict, "segment " + key + " is there already"};
  }
  BOATHOUSE_TRY(make_folder(path.parent_path()));
  return write_whole_file(path, content);
}

Result<base::Bytes> FolderStore::read(const std::string& key, std::uint64_t position, std::uint64_t size) {
  if (!is_key(key)) {
    return Error{ErrorCode::invalid_input, "no key of a segment: " + key};
  }
  BOATHOUSE_TRY(is_there());
  auto content = read_some(folder_ / key, key, position, size);
  if (content && content->size() < size) {
    return Error{ErrorCode::corrupt, "segment " + key + " ends at byte " + std::to_string(position + content->size())};
  }
  return content;
}

Result<base::Bytes> FolderStore::read_all(const std::string& key, std::uint64_t max_bytes) {
  if (!is_key(key)) {
    return Error{ErrorCode::invalid_input, "no key of a segment: " + key};
  }
  BOATHOUSE_TRY(is_there());
  std::error_code error;
  const std::uintmax_t size = fs::file_size(folder_ / key, error);
  if (error) {
    return error == std::errc::no_such_file_or_directory ? no_such(key)
                                                         : system_error(folder_ / key, "cannot be read", error.value());
  }
  if (size > max_bytes) {
    return Error{ErrorCode::too_large, "segment " + key + " has more than " + std::to_string(max_bytes) + " bytes"};
  }
  return read_some(folder_ / key, key, 0, size);
}

Result<std::vector<std::string>> FolderStore::list() {
  BOATHOUSE_TRY(is_there());
  std::vector<std::string> keys;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    std::string key = entry->path().lexically_relative(folder_).string();
    if (is_key(key) && entry->is_regular_file(error)) {
      keys.push_back(std::move(key));
    }
  }
  if (error) {
    return system_error(folder_, "cannot be listed", error.value());
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Status FolderStore::remove(const std::string& key) {
  if (!is_key(key)) {
    return Error{ErrorCode::invalid_input, "no key of a segment: " + key};
  }
  BOATHOUSE_TRY(is_there());
  const fs::path path = folder_ / key;
  if (::unlink(path.c_str()) != 0) {
    return errno == ENOENT ? Status() : Status(system_error(path, "cannot be removed", errno));
  }
  return sync_folder(path.parent_path());
}

}  // namespace boathouse::segments
