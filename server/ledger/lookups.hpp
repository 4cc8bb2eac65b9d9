// What the reader and the writer both look up, each on its own connection. Errors: the database's.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

struct Owner {
  base::Uuid athlete;
  bool purged = false;
  std::int64_t started_ms = 0;  // UTC; purged: 0 if its birth never came
};
// Whose a recording is, or was until it was purged; nullopt: nobody's.
base::Result<std::optional<Owner>> owner_of(sql::Connection& connection, const base::Uuid& rec_id);

// Its newest revision as it is stored: whether it can be read is for the caller to see.
base::Result<std::optional<base::Bytes>> newest_seal(sql::Connection& connection, const base::Uuid& rec_id);

}  // namespace boathouse::ledger
