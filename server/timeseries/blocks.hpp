// Chunks of the ledger as rows for ClickHouse. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::timeseries {

struct InsertBody {
  std::string sql;                  // INSERT INTO stream (columns): without those that are NULL or "" in every row
  std::vector<base::Bytes> native;  // one Native block, in the pieces that it was made of
  std::uint64_t rows = 0;

  // For tools: it costs a copy.
  [[nodiscard]] base::Bytes joined() const;
};

// Opens every chunk of the block and lays the rows out in the order of the block's items. Error: corrupt (a body that
// fails its own hash).
base::Result<InsertBody> make_insert(const ledger::LoadBlock& block);

}  // namespace boathouse::timeseries
