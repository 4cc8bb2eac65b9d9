// Which of several nodes on one PostgreSQL loads: the one whose session holds the database's one lock for it.
//
// Thread rule: any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/result.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

class Lead {
 public:
  // `connection` is used for nothing else. On PostgreSQL one that leads is heard from every `beat`, whatever its loader
  // is busy with: the database takes the lead from one that is silent, as a frozen process is
  // (sql::Place::patience_ms).
  Lead(sql::Connection connection, std::chrono::milliseconds beat);
  Lead(const Lead&) = delete;
  Lead& operator=(const Lead&) = delete;
  ~Lead();

  [[nodiscard]] bool shared() const { return connection_.dialect() == sql::Dialect::postgres; }
  // Takes the lead if nobody has it. Errors: server/sql's.
  base::Result<bool> ask();

 private:
  base::Result<bool> ask_locked();
  void beat(std::chrono::milliseconds every);

  std::mutex mutex_;
  sql::Connection connection_;  // its session is the lead
  bool leads_ = false;          // as it answered last
  bool ending_ = false;
  std::condition_variable ends_;
  std::thread thread_;
};

}  // namespace boathouse::ledger
