// How many of something each network of clients has open. Any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace boathouse::http {

class NetworkCount {
  struct State {
    std::mutex mutex;
    std::unordered_map<std::string, std::size_t> counts;
  };

 public:
  // One of them; it leaves when this dies, which may be after the NetworkCount.
  class Place {
   public:
    Place(std::shared_ptr<State> state, std::string network) : state_(std::move(state)), network_(std::move(network)) {
      const std::lock_guard lock(state_->mutex);
      count_ = ++state_->counts[network_];
    }
    ~Place() {
      const std::lock_guard lock(state_->mutex);
      const auto at = state_->counts.find(network_);
      if (--at->second == 0) {
        state_->counts.erase(at);
      }
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // This one included, when it entered.
    [[nodiscard]] std::size_t count() const { return count_; }

   private:
    std::shared_ptr<State> state_;
    std::string network_;
    std::size_t count_ = 0;
  };
  using Share = std::unique_ptr<Place>;

  Share enter(std::string network) { return std::make_unique<Place>(state_, std::move(network)); }

 private:
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace boathouse::http
