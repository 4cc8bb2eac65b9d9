// The audit as it is read: the reader's half, and its check.
#include <algorithm>
#include <string>
#include <utility>

#include "server/ledger/ledger.hpp"
#include "server/ledger/reader.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// A blob that is no id cannot have been written: it shows as none, and the record's hash tells.
std::optional<base::Uuid> id_of(base::ByteView blob) {
  return blob.size() == base::Uuid().bytes.size() ? std::optional(uuid_of(blob)) : std::nullopt;
}

constexpr std::string_view kRecords = "SELECT n, at_ms, kind, key_id, athlete, replica, what, hash FROM audit ";

Result<std::vector<AuditRecord>> records_of(sql::Statement& select) {
  std::vector<AuditRecord> records;
  while (true) {
    const auto row = select.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return records;
    }
    AuditRecord& record = records.emplace_back();
    record.n = select.integer(0);
    record.at_ms = select.integer(1);
    record.entry.kind = select.text(2);
    record.entry.key = id_of(select.blob(3));
    record.entry.athlete = id_of(select.blob(4));
    record.entry.replica = id_of(select.blob(5));
    record.entry.what = select.text(6);
    record.hash = digest_of(select.blob(7));
  }
}

}  // namespace

Result<std::vector<AuditRecord>> Reader::audit(std::int64_t after, std::size_t limit, const AuditFilter& filter) {
  std::string sql = std::string(kRecords) + "WHERE n > ?1";
  sql += filter.athlete ? " AND athlete = ?3" : "";
  const int kind_parameter = filter.athlete ? 4 : 3;
  sql += filter.kind.empty() ? "" : " AND kind = ?" + std::to_string(kind_parameter);
  auto select = connection_.prepare(sql + " ORDER BY n LIMIT ?2");
  if (!select) {
    return select.error();
  }
  select->bind(1, after).bind(2, std::clamp<std::size_t>(limit, 1, kMaxAuditPage));
  if (filter.athlete) {
    select->bind(3, filter.athlete->bytes);
  }
  if (!filter.kind.empty()) {
    select->bind(kind_parameter, filter.kind);
  }
  return records_of(*select);
}

// Of the records since the last that is settled: few, whatever the list's length.
Result<std::vector<AuditRecord>> Reader::open_intents(std::int64_t up_to) {
  auto select = connection_.prepare(
      std::string(kRecords) +
      "AS intent WHERE n > (SELECT acts_settled FROM state) AND n <= ?1 AND what LIKE 'step=intent%' AND NOT EXISTS "
      "(SELECT 1 FROM audit AS outcome WHERE outcome.kind = intent.kind AND outcome.n > intent.n AND "
      "outcome.what || ' ' LIKE 'step=% intent=' || intent.n || ' %') ORDER BY n LIMIT ?2");
  if (!select) {
    return select.error();
  }
  return records_of(select->bind(1, up_to).bind(2, kMaxAuditPage));
}

Result<AuditState> Reader::audit_state() {
  auto select = connection_.prepare("SELECT audit_n, audit_hash, (SELECT max(n) FROM audit) FROM state");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->step(); !row) {
    return row.error();
  }
  return AuditState{{select->integer(0), digest_of(select->blob(1))}, select->integer(2)};
}

Result<AuditVerdict> check_audit_at(const sql::Place& place, const std::optional<AuditHead>& anchor) {
  sql::Place there = place;
  there.sqlite.create = false;
  auto connection = sql::Connection::open(there);
  if (!connection) {
    return connection.error();
  }
  Reader reader(std::move(*connection));
  const auto state = reader.audit_state();
  if (!state) {
    return state.error().code == ErrorCode::internal
               ? Error{ErrorCode::unsupported,
                       place.text() + " is no ledger with an audit: start `boathouse serve` once"}
               : state.error();
  }
  return check_audit(
      *state, [&reader](std::int64_t after, std::size_t limit) { return reader.audit(after, limit, {}); }, anchor);
}

Result<AuditVerdict> Ledger::verify_audit(const std::optional<AuditHead>& anchor) {
  const auto state = audit_state();
  if (!state) {
    return state.error();
  }
  return check_audit(
      *state, [this](std::int64_t after, std::size_t limit) { return audit(after, limit); }, anchor);
}

}  // namespace boathouse::ledger
