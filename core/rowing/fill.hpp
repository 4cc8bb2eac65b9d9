// One stream of a workout out of several recordings: the primary's records, and where it has a hole those of the
// others. Nothing is merged: each record is one recording's own, and says whose.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::rowing {

struct PlacedRecord {
  base::Uuid rec_id;
  std::uint64_t seq = 0;
  Record record;
};

// The next record of a stream each time it is called, in order; nullopt at the end. One thread at a time.
using RecordSource = std::function<base::Result<std::optional<PlacedRecord>>()>;

// All of `primary` in its order, and within its holes (is_hole() of survey.hpp for `usual_step`; before its first and
// behind its last record too) what `other` has there by position_of(). A record of `other` that is nearer than half a
// step to one of the primary's says the same once more and is left out. Keeps one record of each in memory.
RecordSource fill_holes(RecordSource primary, RecordSource other, std::int64_t usual_step);

}  // namespace boathouse::rowing
