// Bounds the time that finding a name takes: the system's resolver has a time-out of its own that nobody here can set,
// and whoever owns a name can make it wait for that long.
#pragma once

#include <chrono>

#include "server/webhooks/target.hpp"

namespace boathouse::webhooks {

inline constexpr std::chrono::milliseconds kLookupTimeout{5'000};
// That run at a time, those included that nobody waits for any more; of one name there is one, which all share.
inline constexpr std::size_t kMaxLookups = 32;

// Asks `resolve` on a thread of the look-up's own, and waits at most so long. unavailable besides: it takes longer, or
// kMaxLookups others run. Any thread; `resolve` must be for any thread, and throw nothing. The end of the last copy
// waits for the look-ups that run.
Resolver resolve_within(std::chrono::milliseconds most, Resolver resolve);

}  // namespace boathouse::webhooks
