// Which recordings are one session: those that links join, and never two that somebody keeps apart. A session has the
// smallest id of its recordings. Pure functions.
#pragma once

#include <map>
#include <span>

#include "core/rowing/edit_order.hpp"

namespace boathouse::rowing {

// Two recordings in the order of their ids.
struct Pair {
  base::Uuid low;
  base::Uuid high;

  static Pair of(const base::Uuid& a, const base::Uuid& b) { return a < b ? Pair{a, b} : Pair{b, a}; }
  auto operator<=>(const Pair&) const = default;
};

// What counts for a pair after all edits of it, whichever of the two sessions they were made in.
struct Link {
  Pair pair;
  bool linked = false;
  Stamp stamp;  // effective; with the next two the order of edits
  base::Uuid replica_id;
  base::Uuid op_id;
};

// For each recording the id of its session. Chains and circles of links are one session. Links are taken in the order
// in which they were made; one that would bring together two recordings whose own link says no is passed over. Links to
// recordings that are not named do nothing. The order of the arguments does not matter.
std::map<base::Uuid, base::Uuid> group_sessions(std::span<const base::Uuid> recordings, std::span<const Link> links);

}  // namespace boathouse::rowing
