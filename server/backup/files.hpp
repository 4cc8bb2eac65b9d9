// Files that are on the disk when a call returns ok. Errors: io or no_room, naming the file. Any thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "server/backup/tables.hpp"

namespace boathouse::backup {

inline constexpr std::size_t kMaxSecret = std::size_t{64} << 10;  // a file with a secret
inline constexpr std::string_view kBodies = "chunk_body";         // the ledger's table that the segments have

struct FileDigest {
  std::uint64_t bytes = 0;
  base::Digest sha256{};
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

base::Error io_error(const std::filesystem::path& path, const std::string& what);

// Made or emptied, mode 0600.
base::Result<File> create_file(const std::filesystem::path& path);
base::Status sync_and_close(File file, const std::filesystem::path& path);

base::Result<FileDigest> digest_of(const std::filesystem::path& path, const Watch& watch);
base::Status sync_path(const std::filesystem::path& path);  // a file or folder
base::Status sync_disk(const std::filesystem::path& path);  // all that anybody wrote to the disk that it lies on
base::Status write_file(const std::filesystem::path& path, std::string_view content);
// At most `max_bytes`, else too_large.
base::Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);
// Mode 0700, with those above it.
base::Status make_folder(const std::filesystem::path& path);
// The file or empty folder `to` is replaced; both folders are synced.
base::Status move_path(const std::filesystem::path& from, const std::filesystem::path& to);
base::Status remove_path(const std::filesystem::path& path);
// Whether both lie on one disk, so that one failure takes both. What does not exist counts as its nearest folder.
bool on_one_disk(const std::filesystem::path& one, const std::filesystem::path& other);

// Held while a folder is written to; the system gives it up with the process.
class FolderLock {
 public:
  // unavailable: another process has it.
  static base::Result<FolderLock> take(const std::filesystem::path& folder);
  FolderLock(FolderLock&& other) noexcept : file_(std::move(other.file_)) {}
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  explicit FolderLock(File file) : file_(std::move(file)) {}
  File file_;
};

}  // namespace boathouse::backup
