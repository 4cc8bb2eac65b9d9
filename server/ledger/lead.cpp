#include "server/ledger/lead.hpp"

#include <utility>

namespace boathouse::ledger {

Lead::Lead(sql::Connection connection, std::chrono::milliseconds beat) : connection_(std::move(connection)) {
  if (shared()) {
    thread_ = std::thread([this, beat] { this->beat(beat); });
  }
}

Lead::~Lead() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ends_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

base::Result<bool> Lead::ask() {
  const std::lock_guard lock(mutex_);
  return ask_locked();
}

base::Result<bool> Lead::ask_locked() {
  auto answer = connection_.lead();
  leads_ = answer && *answer;
  return answer;
}

void Lead::beat(std::chrono::milliseconds every) {
  std::unique_lock lock(mutex_);
  while (!ends_.wait_for(lock, every, [this] { return ending_; })) {
    if (leads_) {
      (void)ask_locked();  // whoever asks next hears of it
    }
  }
}

}  // namespace boathouse::ledger
