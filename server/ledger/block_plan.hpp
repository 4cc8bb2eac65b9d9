// A load block that the reader proposes and the writer makes.
#pragma once

#include <cstdint>
#include <string>

namespace boathouse::ledger {

struct BlockPlan {
  std::int64_t block_id = 0;  // not 0: it is made already, and nothing else here counts
  // The chunks of this stream and round that wait from first_seq to last_seq, and how many they are.
  std::int64_t stream = 0;
  std::int64_t round = 0;
  std::int64_t first_seq = 0;
  std::int64_t last_seq = 0;
  std::int64_t chunks = 0;
  std::string token;  // BlockToken of them
};

}  // namespace boathouse::ledger
