// One state of the file for several statements. A read-only transaction has nothing to lose at its end. Thread rule:
// that of its connection.
#pragma once

#include <utility>

#include "core/base/result.hpp"
#include "core/db/sqlite.hpp"

namespace boathouse::ledger {

class Snapshot {
 public:
  static base::Result<Snapshot> begin(db::Connection& connection) {
    BOATHOUSE_TRY(connection.execute("BEGIN"));
    return Snapshot(connection);
  }
  Snapshot(Snapshot&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot() {
    if (connection_ != nullptr && connection_->in_transaction()) {
      (void)connection_->execute("ROLLBACK");
    }
  }

 private:
  explicit Snapshot(db::Connection& connection) : connection_(&connection) {}
  db::Connection* connection_;
};

}  // namespace boathouse::ledger
