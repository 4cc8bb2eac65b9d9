// The history that a process serves, and whether the database still has it: one that was restored under a running node
// has another one, in which the node's receipts would be worth nothing; one that was put back by other means (a copied
// file, a snapshot, PostgreSQL's own recovery) has the same one, but less of it. Thread rule: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/ledger/seen.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

// The database's history, whose name is made with its first state, and how far it has come.
base::Result<Seen> epoch_of(sql::Connection& connection, base::RandomSource& random);

class Epoch {
 public:
  // Each is called once, at the first sight; empty = nobody.
  struct Watch {
    std::function<void()> on_other;
    std::function<void(const WentBack&)> on_went_back;
  };
  // `found`: what the database has. `seen`: what this node has seen of it before; of another epoch it says nothing.
  Epoch(const Seen& found, const std::optional<Seen>& seen, Watch watch);
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  [[nodiscard]] const std::string& text() const { return text_; }

  // The newest server_seq that is known to be committed. Whoever calls check() asks for it before the snapshot or
  // transaction begins: what is committed later need not be in it.
  [[nodiscard]] std::int64_t seen_seq() const { return seen_seq_; }
  // It is committed for certain.
  void saw(std::int64_t server_seq);

  // `epoch`: what the database says now; empty: it has none, because it is being restored. unavailable: not this one,
  // or it went back.
  [[nodiscard]] base::Status check(std::string_view epoch, std::int64_t last_seq, std::int64_t known_seq);
  // Asks the database, within its snapshot or transaction.
  [[nodiscard]] base::Status check(sql::Connection& connection, std::int64_t known_seq);

  // For good: a ledger that has grown past what was seen, by whatever means, has other things under these numbers.
  [[nodiscard]] std::optional<WentBack> went_back() const;

 private:
  const std::string text_;
  const Watch watch_;
  std::once_flag told_;
  std::atomic<std::int64_t> seen_seq_;
  mutable std::mutex mutex_;
  std::optional<WentBack> went_back_;
};

}  // namespace boathouse::ledger
