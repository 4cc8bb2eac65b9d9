// The ledger's connections for reading, so that no long question holds up another's work.
#pragma once

#include <vector>

#include "core/base/result.hpp"
#include "server/ledger/reader.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

struct Readers {
  std::vector<Reader> for_calls;   // of clients, and whatever is not below
  std::vector<Reader> for_upkeep;  // the loader, the mover of bodies, the webhooks, what removes
  std::vector<Reader> for_watch;   // /metrics and /readyz
};
// Errors: as of server/sql.
base::Result<Readers> open_readers(const sql::Place& place);

}  // namespace boathouse::ledger
