// The objects that are alive because the server wants them to be, and the moment when the last one goes. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace boathouse::http {

template <typename T>
class Registry {
 public:
  void add(std::shared_ptr<T> object) {
    const std::lock_guard lock(mutex_);
    const T* key = object.get();
    objects_.emplace(key, std::move(object));
  }

  // May be the end of `object`, unless the caller holds it.
  void remove(const T* object) {
    const std::lock_guard lock(mutex_);
    objects_.erase(object);
    if (objects_.empty()) {
      empty_.notify_all();
    }
  }

  [[nodiscard]] std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return objects_.size();
  }

  [[nodiscard]] std::vector<std::shared_ptr<T>> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<T>> all;
    all.reserve(objects_.size());
    for (const auto& [key, object] : objects_) {
      all.push_back(object);
    }
    return all;
  }

  // False: `time` is over first. Without `time`: however long it takes.
  bool wait_until_empty(std::optional<std::chrono::milliseconds> time = std::nullopt) {
    std::unique_lock lock(mutex_);
    const auto empty = [this] { return objects_.empty(); };
    if (time) {
      return empty_.wait_for(lock, *time, empty);
    }
    empty_.wait(lock, empty);
    return true;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::unordered_map<const T*, std::shared_ptr<T>> objects_;
};

}  // namespace boathouse::http
