#include "server/ledger/epoch.hpp"

#include <array>
#include <utility>

#include "core/base/hex.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

Result<Seen> epoch_of(sql::Connection& connection, base::RandomSource& random) {
  auto transaction = sql::Transaction::begin(connection);
  if (!transaction) {
    return transaction.error();
  }
  {
    auto select = connection.prepare("SELECT epoch, last_seq FROM state");
    if (!select) {
      return select.error();
    }
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      return Seen{std::string(select->text(0)), select->integer(1)};
    }
  }
  std::array<std::uint8_t, 16> bytes{};
  random.fill(bytes);
  std::string epoch = base::to_hex(bytes);
  {
    auto insert = connection.prepare(
        "INSERT INTO state (id, epoch, last_seq, recordings, chunks, unloaded, quarantined, checks) "
        "VALUES (1, ?1, 0, 0, 0, 0, 0, 0)");
    if (!insert) {
      return insert.error();
    }
    BOATHOUSE_TRY(insert->bind(1, epoch).run());
  }
  BOATHOUSE_TRY(transaction->commit());
  return Seen{std::move(epoch), 0};
}

Epoch::Epoch(const Seen& found, const std::optional<Seen>& seen, Watch watch)
    : text_(found.epoch),
      watch_(std::move(watch)),
      seen_seq_(seen && seen->epoch == found.epoch ? seen->server_seq : found.server_seq) {
  (void)check(found.epoch, found.server_seq, seen_seq_);  // whoever calls the ledger hears of it
}

void Epoch::saw(std::int64_t server_seq) {
  std::int64_t before = seen_seq_;
  while (before < server_seq && !seen_seq_.compare_exchange_weak(before, server_seq)) {
  }
}

Status Epoch::check(std::string_view epoch, std::int64_t last_seq, std::int64_t known_seq) {
  if (epoch != text_) {
    if (!epoch.empty()) {
      std::call_once(told_, [this] {
        if (watch_.on_other) {
          watch_.on_other();
        }
      });
    }
    return Error{ErrorCode::unavailable,
                 "the ledger was restored under this server; it must be restarted, then send everything again"};
  }
  bool is_first = false;
  WentBack noticed;
  {
    const std::lock_guard lock(mutex_);
    if (!went_back_ && last_seq >= known_seq) {
      saw(last_seq);
      return {};
    }
    if (!went_back_) {
      went_back_ = WentBack{known_seq, last_seq};
      is_first = true;
    }
    noticed = *went_back_;
  }
  if (is_first && watch_.on_went_back) {
    watch_.on_went_back(noticed);
  }
  return Error{ErrorCode::unavailable, noticed.text()};
}

Status Epoch::check(sql::Connection& connection, std::int64_t known_seq) {
  auto select = connection.prepare("SELECT epoch, last_seq FROM state");
  if (!select) {
    return select.error();
  }
  const auto row = select->step();
  if (!row) {
    return row.error();
  }
  return *row ? check(select->text(0), select->integer(1), known_seq) : check({}, 0, known_seq);
}

std::optional<WentBack> Epoch::went_back() const {
  const std::lock_guard lock(mutex_);
  return went_back_;
}

}  // namespace boathouse::ledger
