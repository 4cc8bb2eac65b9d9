// The folder within its output in which a salvage builds the new store. Only when that is whole and on the medium, the
// file that makes a folder a store comes into the output, in one step: a salvage that is killed leaves none there. Only
// for the sources of this folder.
#pragma once

#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "device/store/folder_lock.hpp"

namespace boathouse::store {

class SalvagePart {
 public:
  // Makes `output` when it is not there, and removes what a killed try has left. Errors: conflict (there is a store in
  // `output`), unavailable (another salvage works there), io.
  static base::Result<SalvagePart> make(const std::string& output);
  SalvagePart(SalvagePart&& other) noexcept = default;
  SalvagePart& operator=(SalvagePart&&) = delete;
  // Removes what did not come into the output.
  ~SalvagePart();

  [[nodiscard]] const std::string& path() const { return path_; }
  // After the store in path() was closed. After an error there is none in the output.
  base::Status move_into_output();

 private:
  SalvagePart(FolderLock lock, std::string output);

  FolderLock lock_;
  std::string output_;
  std::string path_;  // "": moved from
};

}  // namespace boathouse::store
