// POST /v1/sync/offer. docs/protocol.md section 6.2. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "core/wire/batch.hpp"

namespace boathouse::wire {

inline constexpr std::size_t kMaxOfferRecordings = 500;
inline constexpr std::size_t kMaxOfferRanges = 5000;

struct OfferedRecording {
  base::Uuid rec_id;
  std::map<rowing::Stream, std::vector<Range>> streams;  // ascending, merged

  bool operator==(const OfferedRecording&) const = default;
};

enum class OfferResult : std::uint8_t { want, have, mismatch, gone };
std::string_view name(OfferResult result);

struct HeldStream {
  std::vector<Range> have;
  std::vector<Range> gone;  // removed by retention

  bool operator==(const HeldStream&) const = default;
};

struct OfferAnswer {
  base::Uuid rec_id;
  OfferResult result = OfferResult::want;
  bool birth = false;
  std::uint32_t revision = 0;
  std::map<rowing::Stream, HeldStream> streams;

  bool operator==(const OfferAnswer&) const = default;
};

struct OfferReply {
  std::string epoch;
  base::Uuid replica_id;
  std::vector<OfferAnswer> results;

  bool operator==(const OfferReply&) const = default;
};

// Errors of decoding: invalid_input, naming the place (ranges that are empty, not ascending or beyond kMaxSequence;
// answers of other recordings or in another order than asked); too_large over a limit; unsupported for a stream or
// result that only a newer program knows.
std::string encode_offer(const std::vector<OfferedRecording>& recordings);
base::Result<std::vector<OfferedRecording>> decode_offer(std::string_view json);
std::string encode_offer_reply(const OfferReply& reply);
base::Result<OfferReply> decode_offer_reply(std::string_view json, const std::vector<base::Uuid>& asked);

}  // namespace boathouse::wire
