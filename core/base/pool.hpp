// Things that threads share, each used by one of them at a time. Who waits is served in the order of arrival: whoever
// gives a thing back and takes one again at once lets those in who came before. Every call may come from any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

namespace boathouse::base {

template <typename T>
class Pool {
 public:
  // One of the things, until it is destroyed. The pool must outlive it.
  class [[nodiscard]] Lease {
   public:
    Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), thing_(other.thing_) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(thing_);
    }

    T& operator*() const { return *thing_; }
    T* operator->() const { return thing_; }

   private:
    friend class Pool;
    Lease(Pool& pool, T& thing) : pool_(&pool), thing_(&thing) {}
    Pool* pool_;
    T* thing_;
  };

  // Requires at least one.
  explicit Pool(std::vector<T> things) : things_(std::move(things)) {
    for (T& thing : things_) free_.push_back(&thing);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Waits for one. A thread that has one already must not wait for another.
  Lease take() {
    std::unique_lock lock(mutex_);
    const std::uint64_t turn = came_++;
    changed_.wait(lock, [&] { return turn == served_ && !free_.empty(); });
    ++served_;
    T& thing = *free_.back();
    free_.pop_back();
    if (!free_.empty()) changed_.notify_all();
    return Lease(*this, thing);
  }

  // Threads that wait now.
  [[nodiscard]] std::size_t waiting() const {
    const std::lock_guard lock(mutex_);
    return came_ - served_;
  }

 private:
  void give_back(T* thing) {
    const std::lock_guard lock(mutex_);
    free_.push_back(thing);
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> things_;
  std::vector<T*> free_;
  std::uint64_t came_ = 0;
  std::uint64_t served_ = 0;
};

}  // namespace boathouse::base
