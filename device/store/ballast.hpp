// Room on the disk that is kept for a recording that runs: the file `ballast` beside device.db, of written bytes. When
// the disk is full, it is given back to the file system step by step, and the recording goes on to its end. It is whole
// again when the disk has room again.
//
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/db/plain_file.hpp"

namespace boathouse::store {

// An hour at 10 samples a second with force curves, never sent, takes 4.2 MiB of disk (database, log and all;
// ballast_test.cpp measures it): enough for more than three of them.
inline constexpr std::uint64_t kBallastBytes = std::uint64_t{16} << 20;
// A disk with less than this is nearly full: nothing new begins.
inline constexpr std::uint64_t kLowDiskBytes = std::uint64_t{100} << 20;

class Ballast {
 public:
  // `bytes` = 0: there is none, and no disk is ever nearly full. `disk_free`: bytes that may still be written.
  Ballast(std::string path, std::string vfs, std::uint64_t bytes, std::function<std::uint64_t()> disk_free)
      : file_(std::move(path), std::move(vfs)), bytes_(bytes), disk_free_(std::move(disk_free)) {}

  // Makes it whole, as far as the disk then keeps kLowDiskBytes. False: the disk is nearly full. That it cannot be made
  // for another reason is nobody's error: a recording then has to do without.
  bool fill();
  // Gives one step back to the file system. False: there is nothing left to give.
  bool give();

 private:
  db::PlainFile file_;
  std::uint64_t bytes_;
  std::function<std::uint64_t()> disk_free_;
};

}  // namespace boathouse::store
