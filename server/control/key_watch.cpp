#include "server/control/key_watch.hpp"

#include <chrono>
#include <utility>

namespace boathouse::control {
namespace {

constexpr std::chrono::milliseconds kEvery(250);  // several tries within kMaxStaleMs
static_assert(kEvery.count() * 4 <= kMaxStaleMs);

}  // namespace

KeyWatch::KeyWatch(Accounts& accounts, std::function<void(std::string_view)> log)
    : accounts_(accounts), log_(std::move(log)), thread_([this] { run(); }) {}

KeyWatch::~KeyWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void KeyWatch::run() {
  bool well = true;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kEvery, [this] { return stopping_; })) {
    lock.unlock();
    const base::Status refreshed = accounts_.refresh();
    if (refreshed.ok() != well) {
      well = refreshed.ok();
      log_(well ? "the keys are up to date again" : "the keys cannot be refreshed: " + refreshed.error().text);
    }
    lock.lock();
  }
}

}  // namespace boathouse::control
