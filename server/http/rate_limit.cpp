#include "server/http/rate_limit.hpp"

#include <algorithm>

namespace boathouse::http {
namespace {

// No body is larger, and with it kMaxQuota and kMaxWindowS stay within 64 bits.
constexpr std::uint64_t kMaxCharge = std::uint64_t{1} << 40;

std::uint64_t divide_up(std::uint64_t number, std::uint64_t by) { return number / by + (number % by != 0 ? 1 : 0); }

void subtract(std::uint64_t& from, std::uint64_t number) { from -= std::min(from, number); }

}  // namespace

base::Status check(const RatePolicy& policy) {
  const bool named = !policy.name.empty() && std::all_of(policy.name.begin(), policy.name.end(),
                                                         [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
  if (!named || policy.requests > kMaxQuota || policy.bytes > kMaxQuota || policy.window_s < 1 ||
      policy.window_s > kMaxWindowS) {
    return base::Error{base::ErrorCode::invalid_input, "a rate limit may be up to " + std::to_string(kMaxQuota) +
                                                           " in a window of 1 to " + std::to_string(kMaxWindowS) +
                                                           " s"};
  }
  return base::Done{};
}

RateLimit::RateLimit(RatePolicy policy, std::size_t max_keys, base::Clock& clock)
    : policy_(std::move(policy)),
      window_ms_(static_cast<std::uint64_t>(policy_.window_s) * 1000),
      max_keys_(max_keys),
      clock_(clock) {}

Verdict RateLimit::charge(std::string_view key, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ms = clock_.monotonic_ms();
  const auto at = find_or_make(key, now_ms);
  Bucket& bucket = at == buckets_.end() ? shared_ : at->second;
  flow_back(bucket, now_ms);
  const Verdict verdict = charge(bucket, std::min(bytes, kMaxCharge));
  rank(at);
  return verdict;
}

void RateLimit::give_back(std::string_view key, std::uint64_t requests, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto at = buckets_.find(key);
  unrank(at);
  Bucket& bucket = at == buckets_.end() ? shared_ : at->second;
  subtract(bucket.requests, std::min(requests, kMaxCharge) * window_ms_);
  subtract(bucket.bytes, std::min(bytes, kMaxCharge) * window_ms_);
  rank(at);
}

std::size_t RateLimit::keys() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

Verdict RateLimit::charge(Bucket& bucket, std::uint64_t bytes) const {
  Verdict verdict;
  if (policy_.requests > 0 && standing(bucket.requests, policy_.requests).left == 0) {
    verdict.refusal = Verdict::Refusal::requests;
  } else if (policy_.bytes > 0 && bytes > 0 && standing(bucket.bytes, policy_.bytes).left == 0) {
    verdict.refusal = Verdict::Refusal::bytes;
  } else {
    bucket.requests += policy_.requests > 0 ? window_ms_ : 0;
    bucket.bytes += policy_.bytes > 0 ? bytes * window_ms_ : 0;
  }
  verdict.requests = standing(bucket.requests, policy_.requests);
  verdict.bytes = standing(bucket.bytes, policy_.bytes);
  return verdict;
}

Standing RateLimit::standing(std::uint64_t used, std::uint64_t quota) const {
  const std::uint64_t all = quota * window_ms_;
  Standing standing;
  standing.left = used < all ? (all - used) / window_ms_ : 0;
  if (quota > 0) {
    const std::uint64_t until = standing.left > 0 ? 0 : all - window_ms_;  // what may be used when one unit is left
    standing.t_s = static_cast<std::int64_t>(divide_up(divide_up(used - until, quota), 1000));
  }
  return standing;
}

void RateLimit::flow_back(Bucket& bucket, std::int64_t now_ms) const {
  if (full_at_ms(bucket) <= now_ms) {  // first, because long times would overflow below
    bucket = {};
  } else {
    const auto passed = static_cast<std::uint64_t>(now_ms - bucket.as_of_ms);
    // The one dimension may have been full for long when the other is not yet.
    const auto back = [passed](std::uint64_t& used, std::uint64_t quota) {
      used = quota == 0 || divide_up(used, quota) <= passed ? 0 : used - passed * quota;
    };
    back(bucket.requests, policy_.requests);
    back(bucket.bytes, policy_.bytes);
  }
  bucket.as_of_ms = now_ms;
}

std::int64_t RateLimit::full_at_ms(const Bucket& bucket) const {
  const std::uint64_t requests = policy_.requests > 0 ? divide_up(bucket.requests, policy_.requests) : 0;
  const std::uint64_t bytes = policy_.bytes > 0 ? divide_up(bucket.bytes, policy_.bytes) : 0;
  return bucket.as_of_ms + static_cast<std::int64_t>(std::max(requests, bytes));
}

RateLimit::Buckets::iterator RateLimit::find_or_make(std::string_view key, std::int64_t now_ms) {
  if (const auto found = buckets_.find(key); found != buckets_.end()) {
    unrank(found);
    return found;
  }
  if (buckets_.size() >= max_keys_) {
    const auto oldest = by_full_at_.begin();
    if (oldest->first > now_ms) {
      return buckets_.end();
    }
    const auto forgotten = buckets_.find(oldest->second);
    by_full_at_.erase(oldest);
    buckets_.erase(forgotten);
  }
  return buckets_.emplace(key, Bucket{now_ms, 0, 0}).first;
}

void RateLimit::rank(Buckets::iterator at) {
  if (at != buckets_.end()) {
    by_full_at_.emplace(full_at_ms(at->second), at->first);
  }
}

void RateLimit::unrank(Buckets::iterator at) {
  if (at != buckets_.end()) {
    by_full_at_.erase({full_at_ms(at->second), at->first});
  }
}

}  // namespace boathouse::http
