// Chunks of the ledger as rows for ClickHouse. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "server/ledger/ledger.hpp"
#include "server/timeseries/spare_columns.hpp"

namespace boathouse::timeseries {

struct InsertBody {
  std::string sql;                  // INSERT INTO stream (columns): without those that are NULL or "" in every row
  std::vector<base::Bytes> native;  // one Native block, in the pieces that it was made of
  std::uint64_t rows = 0;
  std::size_t items = 0;  // of the block

  // For tools: it costs a copy.
  [[nodiscard]] base::Bytes joined() const;
};

// The table's `seq` holds its records' numbers. Those of one that does not fit, of before the ledger refused such,
// would be others' and replace them.
bool fits_table(const ledger::LoadItem& item);

// Opens the block's chunks from number `first` on, which must be one, and lays their rows out in order, until that is
// max_bytes or more: the same for the same block each time. Errors: corrupt (a body that fails its own hash), too_large
// (one that does not fit its table).
// `spare`, if there is one, gives the memory, and may have `native` back afterwards.
base::Result<InsertBody> make_insert(const ledger::LoadBlock& block, std::size_t first = 0,
                                     std::size_t max_bytes = SIZE_MAX, SpareColumns* spare = nullptr);

}  // namespace boathouse::timeseries
