// The system's calls for files that must be durable. Any thread, but one at a time for one path that is written.
// Errors: no_room, io, naming the file.
#pragma once

#include <filesystem>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::segments {

// `number`: of errno.
base::Error system_error(const std::filesystem::path& path, const std::string& what, int number);

// A file or folder that is closed with it. A file that is made has mode 0600.
class OpenFile {
 public:
  OpenFile(const std::filesystem::path& path, int flags);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }  // below 0: it could not be opened, errno says why

 private:
  int descriptor_;
};

// The names in it are durable.
base::Status sync_folder(const std::filesystem::path& path);

// Whole or not there (or as it was before), also after a power cut; until then it is called `path` + ".partial".
base::Status write_whole_file(const std::filesystem::path& path, base::ByteView content);

}  // namespace boathouse::segments
