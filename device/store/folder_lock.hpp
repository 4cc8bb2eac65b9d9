// Keeps two processes from writing one device folder: an advisory lock on a file in it, gone when the process ends,
// however it ends.
#pragma once

#include <string>
#include <utility>

#include "core/base/result.hpp"

namespace boathouse::store {

class FolderLock {
 public:
  FolderLock() = default;
  // unavailable: another process (or another lock of this one) holds it.
  static base::Result<FolderLock> take(const std::string& folder);
  // The same without making the file: where there is none, nobody has ever held the folder, and nothing is locked.
  static base::Result<FolderLock> take_if_there(const std::string& folder);

  [[nodiscard]] bool is_held() const { return descriptor_ >= 0; }

  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  static base::Result<FolderLock> lock(int descriptor, const std::string& folder);
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace boathouse::store
