// What the reader and the writer both look up, each on its own connection. Errors: the database's.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/recording.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

struct Owner {
  base::Uuid athlete;
  bool purged = false;
  std::int64_t started_ms = 0;  // UTC; purged: 0 if its birth never came
};
// Whose a recording is, or was until it was purged; nullopt: nobody's.
base::Result<std::optional<Owner>> owner_of(sql::Connection& connection, const base::Uuid& rec_id);

// Its newest revision. corrupt: it cannot be read.
base::Result<std::optional<rowing::Seal>> newest_seal(sql::Connection& connection, const base::Uuid& rec_id);

}  // namespace boathouse::ledger
