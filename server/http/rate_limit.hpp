// How much one key may ask for: a token bucket for each key, with a dimension for requests and one for body bytes. What
// was used flows back evenly, so that there is no edge of a window at which everybody comes at once.
//
// A request is let in while a whole unit of each dimension is left. Its body may then be larger than what is left: the
// key is in debt and waits until that is paid, so that one large body always passes, however small the quota.
//
// Memory: at most `max_keys` buckets. For a new key the one that has been full for the longest goes, which forgets
// nothing. Where none is full, the keys that find no place share one bucket.
//
// Exact (integers, milliseconds). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"

namespace boathouse::http {

// A quota is what may be used at once, and what flows back in `window_s`; 0 = not counted.
struct RatePolicy {
  std::string name;  // [a-z-]+: clients see it
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  std::int64_t window_s = 60;
};

inline constexpr std::uint64_t kMaxQuota = 1'000'000'000'000;
inline constexpr std::int64_t kMaxWindowS = 3600;
// invalid_input: a name, a quota or a window that is out of range.
base::Status check(const RatePolicy& policy);

// What one dimension of a bucket holds.
struct Standing {
  std::uint64_t left = 0;  // whole units
  std::int64_t t_s = 0;    // seconds until more is left: all of the quota or, when nothing is, one unit
};

struct Verdict {
  enum class Refusal : std::uint8_t { none, requests, bytes };
  Refusal refusal = Refusal::none;
  Standing requests;
  Standing bytes;
};

class RateLimit {
 public:
  // A policy that check() takes, max_keys >= 1. `clock` must outlive it.
  RateLimit(RatePolicy policy, std::size_t max_keys, base::Clock& clock);

  // One request with a body of `bytes`; a refused one is not charged. Without a body the bytes' debt does not count.
  Verdict charge(std::string_view key, std::uint64_t bytes);
  // Of what was charged before.
  void give_back(std::string_view key, std::uint64_t requests, std::uint64_t bytes);

  [[nodiscard]] const RatePolicy& policy() const { return policy_; }
  [[nodiscard]] std::size_t keys() const;

 private:
  // What is used, times the window in ms: then what flows back in one millisecond is exactly the quota.
  struct Bucket {
    std::int64_t as_of_ms = 0;
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };
  using Buckets = std::unordered_map<std::string, Bucket, Hash, std::equal_to<>>;

  [[nodiscard]] Standing standing(std::uint64_t used, std::uint64_t quota) const;
  void flow_back(Bucket& bucket, std::int64_t now_ms) const;
  [[nodiscard]] std::int64_t full_at_ms(const Bucket& bucket) const;
  // Where a key's bucket is taken out of, and put back into, the order in which they become full.
  Buckets::iterator find_or_make(std::string_view key, std::int64_t now_ms);
  void rank(Buckets::iterator at);
  void unrank(Buckets::iterator at);
  Verdict charge(Bucket& bucket, std::uint64_t bytes) const;

  const RatePolicy policy_;
  const std::uint64_t window_ms_;
  const std::size_t max_keys_;
  base::Clock& clock_;
  mutable std::mutex mutex_;
  Buckets buckets_;
  std::set<std::pair<std::int64_t, std::string_view>> by_full_at_;
  Bucket shared_;
};

}  // namespace boathouse::http
