#include "server/sql/deadline.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace boathouse::sql {

// One thread for all deadlines of the process; it lives as long, so nobody has to end it. It sleeps until the end that
// was the nearest when it last looked: most are gone by then, and nobody wakes it for one that ends.
class Watchman {
 public:
  static Watchman& get() {
    static auto* const one = new Watchman;
    return *one;
  }

  void add(Deadline& deadline) {
    const std::lock_guard lock(mutex_);
    running_.push_back(&deadline);
    if (deadline.end_ < wakes_) {
      nearer_.notify_one();
    }
  }

  void remove(const Deadline& deadline) {
    const std::lock_guard lock(mutex_);
    running_.erase(std::find(running_.begin(), running_.end(), &deadline));
  }

  bool passed(const Deadline& deadline) {
    const std::lock_guard lock(mutex_);
    return deadline.passed_;
  }

 private:
  using Time = std::chrono::steady_clock::time_point;

  Watchman() {
    std::thread([this] { watch(); }).detach();
  }

  void watch() {
    std::unique_lock lock(mutex_);
    while (true) {
      const Time now = std::chrono::steady_clock::now();
      wakes_ = now + std::chrono::hours(1);
      for (Deadline* const deadline : running_) {
        if (deadline->end_ > now) {
          wakes_ = std::min(wakes_, deadline->end_);
        } else if (!deadline->passed_) {
          deadline->passed_ = true;
          ::shutdown(deadline->socket_, SHUT_RDWR);
        }
      }
      nearer_.wait_until(lock, wakes_);
    }
  }

  std::mutex mutex_;
  std::condition_variable nearer_;
  std::vector<Deadline*> running_;
  Time wakes_{};  // the thread has not begun: it looks by itself
};

Deadline::Deadline(int socket, int ms)
    : socket_(socket), end_(std::chrono::steady_clock::now() + std::chrono::milliseconds(ms)) {
  Watchman::get().add(*this);
}

Deadline::~Deadline() { Watchman::get().remove(*this); }

bool Deadline::passed() const { return Watchman::get().passed(*this); }

}  // namespace boathouse::sql
