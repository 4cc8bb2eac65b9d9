// Memory of columns that have gone out, for those of the next insert. Memory that is new to a process costs a page
// fault each 4 KiB: of the loader's blocks of a million rows that was an eighth of the server's processor time.
// Thread rule: any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "core/base/bytes.hpp"

namespace boathouse::timeseries {

class SpareColumns {
 public:
  static constexpr std::size_t kLeast = 65536;  // bytes; of less the memory is not kept

  // Empty, with room for `bytes`, from kLeast on for the next multiple of it: blocks are of about the same size.
  base::Bytes take(std::size_t bytes);
  // What was taken, or not; its content does not matter.
  void give_back(std::vector<base::Bytes> columns);
  // Gives the memory itself back: nothing is kept for a backlog that has ended.
  void clear();

 private:
  std::mutex mutex_;
  std::vector<base::Bytes> spare_;
};

}  // namespace boathouse::timeseries
