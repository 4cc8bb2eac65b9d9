#include "server/ledger/lookups.hpp"

#include <utility>

#include "core/wire/facts.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Result;

Result<std::optional<Owner>> owner_of(sql::Connection& connection, const base::Uuid& rec_id) {
  auto select = connection.prepare(
      "SELECT athlete, 0, started_ms FROM recording WHERE rec_id = ?1 "
      "UNION ALL SELECT athlete, 1, started_ms FROM gone WHERE rec_id = ?1 AND stream IS NULL LIMIT 1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, rec_id.bytes).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<Owner>();
  }
  return std::optional(Owner{uuid_of(select->blob(0)), select->integer(1) != 0, select->integer(2)});
}

Result<std::optional<rowing::Seal>> newest_seal(sql::Connection& connection, const base::Uuid& rec_id) {
  auto select = connection.prepare("SELECT seal FROM seal WHERE rec_id = ?1 ORDER BY revision DESC LIMIT 1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, rec_id.bytes).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<rowing::Seal>();
  }
  auto seal = wire::decode_seal(base::as_text(select->blob(0)));
  if (!seal) {
    return Error{ErrorCode::corrupt, "a stored seal of recording " + rec_id.text() + ": " + seal.error().text};
  }
  return std::optional(std::move(*seal));
}

}  // namespace boathouse::ledger
