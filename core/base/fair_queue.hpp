// A queue in which keys take turns: however much one of them has waiting, another's next item is at most one round
// away. Items of one key stay in their order. Each weighs something; all together and each key alone may hold only so
// much, so that a greedy key fills its own share and nobody else's. One thread at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

namespace boathouse::base {

template <typename Key, typename T>
class FairQueue {
 public:
  struct Most {
    std::size_t of_all = 0;
    std::size_t of_one_key = 0;
  };
  enum class Push : std::uint8_t {
    taken,
    full,        // all keys together hold too much
    share_full,  // this key does
  };
  struct Item {
    T value;
    std::size_t weight = 0;
  };

  explicit FairQueue(Most most) : most_(most) {}

  // An item that waits alone (of all; of its key) is taken whatever its weight. `value` is moved from only if taken.
  [[nodiscard]] Push push(const Key& key, T&& value, std::size_t weight) {
    if (weight_ > 0 && exceeds(weight_, weight, most_.of_all)) {
      return Push::full;
    }
    const auto line = lines_.find(key);
    if (line != lines_.end() && line->second.weight > 0 && exceeds(line->second.weight, weight, most_.of_one_key)) {
      return Push::share_full;
    }
    push_always(key, std::move(value), weight);
    return Push::taken;
  }

  void push_always(const Key& key, T&& value, std::size_t weight) {
    Line& line = lines_[key];
    if (line.items.empty()) {
      turns_.push_back(key);
    }
    line.items.push_back(Item{std::move(value), weight});
    line.weight += weight;
    weight_ += weight;
  }

  // The next key's oldest item.
  [[nodiscard]] std::optional<Item> pop() {
    return pop_if([](const Key&) { return true; });
  }

  // The same of the keys that may have their turn now; the others keep their place.
  template <typename MayGo>
  [[nodiscard]] std::optional<Item> pop_if(MayGo may_go) {
    const auto turn = std::find_if(turns_.begin(), turns_.end(), may_go);
    if (turn == turns_.end()) {
      return std::nullopt;
    }
    const Key key = std::move(*turn);
    turns_.erase(turn);
    const auto line = lines_.find(key);
    Item item = std::move(line->second.items.front());
    line->second.items.pop_front();
    line->second.weight -= item.weight;
    weight_ -= item.weight;
    if (line->second.items.empty()) {
      lines_.erase(line);
    } else {
      turns_.push_back(key);
    }
    return item;
  }

  [[nodiscard]] bool empty() const { return turns_.empty(); }
  // Whether pop_if() would give an item.
  template <typename MayGo>
  [[nodiscard]] bool any_of(MayGo may_go) const {
    return std::any_of(turns_.begin(), turns_.end(), may_go);
  }
  // Of all that waits.
  [[nodiscard]] std::size_t weight() const { return weight_; }
  // Of what waits of this key.
  [[nodiscard]] std::size_t weight_of(const Key& key) const {
    const auto line = lines_.find(key);
    return line == lines_.end() ? 0 : line->second.weight;
  }

 private:
  struct Line {
    std::deque<Item> items;
    std::size_t weight = 0;
  };

  static bool exceeds(std::size_t held, std::size_t more, std::size_t most) {
    return held >= most ? more > 0 : more > most - held;
  }

  Most most_;
  std::map<Key, Line> lines_;  // those that hold something
  std::deque<Key> turns_;      // the keys of lines_, the next one first
  std::size_t weight_ = 0;
};

}  // namespace boathouse::base
