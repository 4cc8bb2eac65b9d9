#include "server/control/key_watch.hpp"

#include <utility>

namespace boathouse::control {
namespace {

constexpr std::chrono::milliseconds kRefreshEvery(250);  // several tries within kMaxStaleMs
static_assert(kRefreshEvery.count() * 4 <= kMaxStaleMs);
constexpr std::chrono::milliseconds kSaveEvery(60'000);

}  // namespace

KeyWatch::KeyWatch(Accounts& accounts, std::function<void(std::string_view)> log)
    : accounts_(accounts), log_(std::move(log)) {
  const auto begin = [this](Duty duty) { threads_.emplace_back([this, duty = std::move(duty)] { run(duty); }); };
  if (accounts_.shared()) {
    begin({&Accounts::refresh, kRefreshEvery, "the keys cannot be refreshed: ", "the keys are up to date again"});
  }
  begin({&Accounts::save_uses, kSaveEvery,
         "when keys were used cannot be saved: ", "when keys were used is saved again"});
}

KeyWatch::~KeyWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

void KeyWatch::run(const Duty& duty) {
  bool well = true;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, duty.every, [this] { return stopping_; })) {
    lock.unlock();
    const base::Status done = (accounts_.*duty.call)();
    if (done.ok() != well) {
      well = done.ok();
      log_(well ? duty.well_again : duty.failed + done.error().text);
    }
    lock.lock();
  }
}

}  // namespace boathouse::control
