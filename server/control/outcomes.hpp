// Outcomes of administrative acts on their way into the audit: a table in the database that the acts change. A row is
// committed with its act, so what is there was done; it goes when the audit has it (act_settler.hpp).
//
// Whoever writes an intent's row first decides about it: its act, or somebody who has given it up, for its process
// seems to be gone. An act that comes later finds that row and is not done.
//
// The table, whose name is the caller's, has the columns intent, kind, key_id, athlete, what; of one that was given up,
// which stays for ever, the intent alone. Thread rule: every call from any thread. Errors: as of server/sql.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "server/control/audit_log.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::control {

class Outcomes {
 public:
  // `mutex` is held while `connection` is used; both must outlive the object.
  Outcomes(std::string table, std::mutex& mutex, sql::Connection& connection)
      : table_(std::move(table)), mutex_(mutex), connection_(connection) {}

  // In the act's transaction, on its connection to the same database. unavailable: the intent was given up.
  base::Status put(sql::Connection& connection, const Outcome& outcome) const;

  // In order of intent; at most kMaxWaiting.
  base::Result<std::vector<Outcome>> waiting();
  // The audit has it.
  base::Status remove(std::int64_t intent);
  // Does nothing if its act was done, or it was given up before.
  base::Status give_up(std::int64_t intent);

  static constexpr std::size_t kMaxWaiting = 1000;

 private:
  const std::string table_;
  std::mutex& mutex_;
  sql::Connection& connection_;
};

}  // namespace boathouse::control
