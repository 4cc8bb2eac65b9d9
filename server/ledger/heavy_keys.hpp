// Who sends a backlog must not slow down those who row: a key rests after a heavy batch, as long as others come. So one
// key has at most a small share of the committer's time, its acknowledgements come later, and its client, which waits
// for them, sends no faster; nothing is refused. Alone it has all. One thread at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "core/base/uuid.hpp"

namespace boathouse::ledger {

class HeavyKeys {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  // It rests for kRests times what its batch took, so it has a fortieth of the time. That is little because a batch
  // costs more afterwards, in the loader and the engine, than it did here; and enough: at 5 ms a batch of 256 KiB some
  // megabytes in five seconds, and a rower's year is twenty.
  static constexpr int kRests = 40;
  static constexpr Duration kLongestRest = std::chrono::seconds(1);
  // So long after a light one of another key has been served it does not rest.
  static constexpr Duration kCompany = std::chrono::seconds(1);

  // A light job of `key` has been committed.
  void served_light(const base::Uuid& key, Time now) {
    if (!last_ || last_->key != key) {
      before_ = last_;
    }
    last_ = Served{key, now};
  }

  // A heavy one, in a transaction that took so long.
  void served_heavy(const base::Uuid& key, Time now, Duration took) {
    std::erase_if(rests_, [now](const auto& rest) { return rest.second <= now; });
    // The last of another key than this one.
    const std::optional<Served>& other = last_ && last_->key == key ? before_ : last_;
    if (other && now - other->at < kCompany) {
      rests_[key] = now + std::min(took * kRests, kLongestRest);
    }
  }

  [[nodiscard]] bool rests(const base::Uuid& key, Time now) const {
    const auto rest = rests_.find(key);
    return rest != rests_.end() && now < rest->second;
  }

  // When the next of those that rest has rested. Asked when one does.
  [[nodiscard]] Time next_end(Time now) const {
    Time end = Time::max();
    for (const auto& [key, until] : rests_) {
      if (until > now) {
        end = std::min(end, until);
      }
    }
    return end;
  }

 private:
  struct Served {
    base::Uuid key;
    Time at;
  };

  std::map<base::Uuid, Time> rests_;  // until when
  // The two keys that light jobs were committed of last.
  std::optional<Served> last_;
  std::optional<Served> before_;
};

}  // namespace boathouse::ledger
