// Bounds the time that finding a name takes: the system's resolver has a time-out of its own that nobody here can set,
// and whoever owns a name can make it wait for that long.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/webhooks/target.hpp"

namespace boathouse::webhooks {

inline constexpr std::chrono::milliseconds kLookupTimeout{5'000};
// That run at a time, those included that nobody waits for any more; of one name there is one, which all share.
inline constexpr std::size_t kMaxLookups = 32;

// Of an athlete: whoever has names that nobody answers for leaves places to others.
inline constexpr std::size_t kLookupsOfAthlete = 4;

// As a Resolver, for one of this athlete's endpoints. no_room: nobody was asked, for there is no place now.
using LookUp = std::function<base::Result<std::vector<Address>>(const base::Uuid& athlete, const std::string& host)>;

// Asks `resolve` on a thread of the look-up's own, and waits at most so long. unavailable besides: it takes longer.
// no_room: kMaxLookups run, or kLookupsOfAthlete that this athlete has begun. Any thread; `resolve` must be for any
// thread, and throw nothing. The end of the last copy waits for the look-ups that run.
LookUp resolve_within(std::chrono::milliseconds most, Resolver resolve);

}  // namespace boathouse::webhooks
