// A file that is no database, through the same SQLite VFS as the databases beside it: whoever owns their disk (a test,
// the simulator) owns this file's too. Every call opens and closes it, so that nothing stays open while an app sleeps.
//
// Thread rule: one thread at a time for one path. Errors: no_room (the disk is full), io.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::db {

class PlainFile {
 public:
  // `vfs` as in Options; "" = the system's.
  PlainFile(std::string path, std::string vfs) : path_(std::move(path)), vfs_(std::move(vfs)) {}

  // 0 also when there is no file.
  [[nodiscard]] base::Result<std::uint64_t> size() const;
  // Longer: by written bytes, none of which is zero, so that they really take their room; shorter: their room is given
  // back. Made when it is not there. After an error it has some size between the two.
  [[nodiscard]] base::Status resize(std::uint64_t size) const;

 private:
  std::string path_;
  std::string vfs_;
};

}  // namespace boathouse::db
