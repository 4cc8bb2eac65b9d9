// The history that a process serves, and whether the database still has it: a PostgreSQL that was restored under a
// running node has another one, in which the node's receipts would be worth nothing. Thread rule: any thread.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::ledger {

class Epoch {
 public:
  // `on_other` is called once, at the first sight of another; empty = nobody.
  Epoch(std::string text, std::function<void()> on_other) : text_(std::move(text)), on_other_(std::move(on_other)) {}
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  [[nodiscard]] const std::string& text() const { return text_; }

  // `found`: what the database says now; empty: it has none, because it is being restored. unavailable: not this one.
  [[nodiscard]] base::Status check(std::string_view found) const;
  // Asks the database, within its snapshot or transaction.
  [[nodiscard]] base::Status check(sql::Connection& connection) const;

 private:
  const std::string text_;
  const std::function<void()> on_other_;
  mutable std::once_flag told_;
};

}  // namespace boathouse::ledger
