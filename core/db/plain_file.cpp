#include "core/db/plain_file.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <vector>

namespace boathouse::db {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::uint64_t kStep = 64 * 1024;
constexpr std::uint8_t kFill = 0xb0;

class OpenFile {
 public:
  explicit OpenFile(std::string path) : path_(std::move(path)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
  }

  Status open(const std::string& vfs_name, int flags) {
    sqlite3_initialize();
    sqlite3_vfs* const vfs = sqlite3_vfs_find(vfs_name.empty() ? nullptr : vfs_name.c_str());
    if (vfs == nullptr) return Error{ErrorCode::internal, "no such disk: " + vfs_name};
    memory_.resize(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
    // Of SQLite's kinds of files the one that has no lock and no life of its own.
    return done(vfs->xOpen(vfs, path_.c_str(), file(), flags | SQLITE_OPEN_SUPER_JOURNAL, nullptr));
  }
  Result<std::uint64_t> size() {
    sqlite3_int64 bytes = 0;
    if (auto status = done(file()->pMethods->xFileSize(file(), &bytes)); !status) return status.error();
    return static_cast<std::uint64_t>(bytes);
  }
  Status write(base::ByteView bytes, std::uint64_t at) {
    return done(
        file()->pMethods->xWrite(file(), bytes.data(), static_cast<int>(bytes.size()), static_cast<sqlite3_int64>(at)));
  }
  Status truncate(std::uint64_t size) {
    return done(file()->pMethods->xTruncate(file(), static_cast<sqlite3_int64>(size)));
  }
  Status sync() { return done(file()->pMethods->xSync(file(), SQLITE_SYNC_FULL)); }

 private:
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory_.data()); }
  Status done(int result) const {
    if (result == SQLITE_OK) return {};
    if (result == SQLITE_FULL) return Error{ErrorCode::no_room, "the disk is full; free disk space and try again"};
    return Error{ErrorCode::io, path_ + ": " + sqlite3_errstr(result) + " (SQLite " + std::to_string(result) +
                                    "); does the folder exist, and may this user write there?"};
  }

  std::string path_;  // SQLite keeps the pointer
  std::vector<std::max_align_t> memory_ = std::vector<std::max_align_t>(1);
};

constexpr int kWrite = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

}  // namespace

Result<std::uint64_t> PlainFile::size() const {
  OpenFile file(path_);
  if (!file.open(vfs_, SQLITE_OPEN_READONLY)) return 0;
  return file.size();
}

Status PlainFile::resize(std::uint64_t size) const {
  OpenFile file(path_);
  BOATHOUSE_TRY(file.open(vfs_, kWrite));
  const auto before = file.size();
  if (!before) return before.error();
  if (*before == size) return {};
  if (*before > size) {
    BOATHOUSE_TRY(file.truncate(size));
    return file.sync();
  }
  const base::Bytes block(static_cast<std::size_t>(std::min(kStep, size - *before)), kFill);
  for (std::uint64_t at = *before; at < size; at += block.size()) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), size - at));
    BOATHOUSE_TRY(file.write(base::ByteView(block).first(part), at));
  }
  return file.sync();
}

}  // namespace boathouse::db
