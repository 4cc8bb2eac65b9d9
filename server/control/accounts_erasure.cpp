// The accounts' part in the erasure of an athlete: nobody gets in with their keys, then nothing of them is left.
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "server/control/accounts.hpp"
#include "server/control/ids.hpp"
#include "server/control/rows.hpp"

namespace boathouse::control {
namespace {

// The keys' own rows must still be there.
constexpr std::string_view kCallsOfAthlete =
    "FROM account_call WHERE caller = ?1 OR made = ?1 OR made IN (SELECT id FROM api_key WHERE athlete = ?1)";

}  // namespace

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

Status Accounts::load_suspended(sql::Connection& connection) {
  auto select = connection.prepare("SELECT id FROM athlete WHERE suspended_ms IS NOT NULL");
  if (!select) {
    return select.error();
  }
  std::unordered_set<base::Uuid> suspended;
  BOATHOUSE_TRY(each_row(*select, [&](const sql::Statement& row) { suspended.insert(uuid_of(row.blob(0))); }));
  ring_.suspend(std::move(suspended));
  return {};
}

Status Accounts::suspend(const base::Uuid& athlete, bool suspended) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto update = connection_.prepare("UPDATE athlete SET suspended_ms = ?2 WHERE id = ?1");
  if (!update) {
    return update.error();
  }
  update->bind(1, athlete.bytes).bind(2, suspended ? std::optional(clock_.utc_ms()) : std::nullopt);
  BOATHOUSE_TRY(update->run());
  if (connection_.changes() == 0) {
    return Error{ErrorCode::not_found, "there is no athlete " + format_id(kAthletePrefix, athlete)};
  }
  BOATHOUSE_TRY(note_change());
  BOATHOUSE_TRY(transaction->commit());
  const std::lock_guard ring_lock(ring_mutex_);
  return load_suspended(connection_);
}

Status Accounts::forget(const base::Uuid& athlete) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  std::int64_t removed = 0;
  for (const std::string_view from :
       {kCallsOfAthlete, std::string_view("FROM pairing WHERE athlete = ?1"),
        std::string_view("FROM team_person WHERE athlete = ?1"), std::string_view("FROM api_key WHERE athlete = ?1"),
        std::string_view("FROM athlete WHERE id = ?1")}) {
    auto remove = connection_.prepare("DELETE " + std::string(from));
    if (!remove) {
      return remove.error();
    }
    BOATHOUSE_TRY(remove->bind(1, athlete.bytes).run());
    removed += connection_.changes();
  }
  if (removed == 0) {
    return {};  // forgotten before
  }
  BOATHOUSE_TRY(note_change());
  BOATHOUSE_TRY(connection_.execute("UPDATE key_state SET team_changes = team_changes + 1"));
  BOATHOUSE_TRY(transaction->commit());
  {
    const std::lock_guard ring_lock(ring_mutex_);
    ring_.forget(athlete);
  }
  return teams_->refresh();
}

Result<Accounts::Rows> Accounts::count_of(const base::Uuid& athlete) {
  const std::lock_guard lock(mutex_);
  auto select = connection_.prepare(
      "SELECT (SELECT count(*) FROM athlete WHERE id = ?1), (SELECT count(*) FROM api_key WHERE athlete = ?1), "
      "(SELECT count(*) FROM team_person WHERE athlete = ?1), (SELECT count(*) FROM pairing WHERE athlete = ?1), "
      "(SELECT count(*) " +
      std::string(kCallsOfAthlete) + ")");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->bind(1, athlete.bytes).step(); !row) {
    return row.error();
  }
  const auto count = [&select](int column) { return static_cast<std::uint64_t>(select->integer(column)); };
  return Rows{count(0), count(1), count(2), count(3), count(4)};
}

}  // namespace boathouse::control
