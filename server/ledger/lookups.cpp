#include "server/ledger/lookups.hpp"

#include <utility>

#include "server/ledger/rows.hpp"

namespace boathouse::ledger {

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

Result<std::optional<base::Bytes>> newest_seal(sql::Connection& connection, const base::Uuid& rec_id) {
  auto select = connection.prepare("SELECT seal FROM seal WHERE rec_id = ?1 ORDER BY revision DESC LIMIT 1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, rec_id.bytes).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<base::Bytes>();
  }
  return std::optional(bytes_of(select->blob(0)));
}

}  // namespace boathouse::ledger
