// How the edits of one field come to one value, whatever order they arrive in. docs/protocol.md section 3.1. Pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/rowing/edit.hpp"

namespace boathouse::rowing {

// An edit where it stands: `effective` is its stamp, or what the server put in its place.
struct PlacedEdit {
  Edit edit;
  Stamp effective;
};

// (effective, replica_id, op_id).
bool is_before(const PlacedEdit& a, const PlacedEdit& b);

inline constexpr std::int64_t kRestoreWindowMs = std::int64_t{30} * 24 * 60 * 60 * 1000;

struct FieldValue {
  std::optional<PlacedEdit> winner;  // nullopt: nobody ever wrote the field
  // title and notes: the newest other text whose maker and the winner's did not know of each other; shown until
  // somebody writes the field having seen both.
  std::optional<PlacedEdit> other;
};

// Of edits of one field of one session, in any order, repeats allowed. A tag is there if one edit that says so was not
// seen by any that takes it away. A deletion stands against what would take it back more than kRestoreWindowMs later,
// by their effective stamps.
FieldValue resolve(std::span<const PlacedEdit> edits);

}  // namespace boathouse::rowing
