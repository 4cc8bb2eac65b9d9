// A workout as a device would send it, made once for many light devices: what it seals in each minute. Chunks hold no
// recording's id, so all devices that row this workout send the same chunks, each under its own id. Thread rule: after
// make() any number of threads may read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/recording.hpp"
#include "device/store/types.hpp"

namespace boathouse::app {

struct LightWorkout {
  rowing::Birth birth;                                   // but for rec_id and started_ms
  rowing::Seal seal;                                     // but for rec_id
  std::vector<std::vector<store::PendingItem>> minutes;  // chunks
  std::uint64_t records = 0;

  // Rowed by a simulated monitor into the real recorder and store, in a folder that is removed again.
  static base::Result<LightWorkout> make(std::uint64_t seed, int hz, double minutes);

  // The body of the batch of minute `minute`, 0 to minutes.size() - 1: the first brings the birth too, the last the
  // seal.
  [[nodiscard]] base::Bytes batch(std::size_t minute, const base::Uuid& rec_id, std::int64_t started_ms) const;
  [[nodiscard]] std::size_t items(std::size_t minute) const;
  // Of its chunks.
  [[nodiscard]] std::uint64_t records_of(std::size_t minute) const;
};

}  // namespace boathouse::app
