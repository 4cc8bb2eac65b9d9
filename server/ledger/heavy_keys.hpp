// Who sends a backlog must not slow down those who row: a key rests after a heavy batch, as long as others come. So one
// key has at most a small share of the committer's time, its acknowledgements come later, and its client, which waits
// for them, sends no faster; nothing is refused. Alone it has all. Heavy is what has many bytes, and slow whatever took
// long, for a reason that nobody has thought of. One thread at a time.
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
  // Of a key whose own jobs took long, without what they shared with others: the disk may be slow for everybody. So
  // long that a job of a second leaves the others five sixths, and far below what a client waits.
  static constexpr Duration kLongestRestOfSlow = std::chrono::seconds(5);
  // So much of its own time a key may take at once, over its fortieth: a machine that is busy makes any job slow now
  // and then.
  static constexpr Duration kOwnTime = std::chrono::milliseconds(200);
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
    forget_past(now);
    if (has_company(key, now - took)) {
      rest(key, now + std::min(took * kRests, kLongestRest));
    }
  }

  // Any, whose own jobs took so long of it.
  void served(const base::Uuid& key, Time now, Duration own) {
    forget_past(now);
    if (!has_company(key, now - own)) {
      return;
    }
    const Duration free = kOwnTime * kRests;
    const auto charged = charges_.find(key);
    const Time until = (charged == charges_.end() ? now : charged->second) + own * kRests;
    charges_[key] = std::min(until, now + free + kLongestRestOfSlow);
    if (charges_[key] > now + free) {
      rest(key, charges_[key] - free);
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

  // A group's keys are all served at one time: of each of them this would be quadratic.
  void forget_past(Time now) {
    if (now == forgotten_up_to_) {
      return;
    }
    const auto is_past = [now](const auto& one) { return one.second <= now; };
    std::erase_if(rests_, is_past);
    std::erase_if(charges_, is_past);
    forgotten_up_to_ = now;
  }

  // Whether another key came when this one's turn began, or since: while a slow one has its turn nobody can.
  [[nodiscard]] bool has_company(const base::Uuid& key, Time begun) const {
    const std::optional<Served>& other = last_ && last_->key == key ? before_ : last_;
    return other && begun - other->at < kCompany;
  }

  void rest(const base::Uuid& key, Time until) { rests_[key] = std::max(rests_[key], until); }

  std::map<base::Uuid, Time> rests_;    // until when
  std::map<base::Uuid, Time> charges_;  // until when a fortieth of the time pays for what they took
  std::optional<Time> forgotten_up_to_;
  // The two keys that light jobs were committed of last.
  std::optional<Served> last_;
  std::optional<Served> before_;
};

}  // namespace boathouse::ledger
