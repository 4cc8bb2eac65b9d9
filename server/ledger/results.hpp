// The answers that the writer gives to items. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/hex.hpp"
#include "core/wire/batch.hpp"

namespace boathouse::ledger {

inline constexpr std::string_view kForeignRecording =
    "this recording id cannot be used: every recording gets a new random one";
inline constexpr std::string_view kPurgedRecording = "this recording was purged: nothing of it is taken again";

inline constexpr std::string_view kHiddenAthlete =
    "this athlete's data is to be erased: nothing of it is taken unless that is taken back";
inline constexpr std::string_view kErasedAthlete = "this athlete's data is erased: nothing of it is taken";
inline constexpr std::int64_t kRetryHiddenS = 3600;

// A ledger that was put back knows nothing of the legal holds that were set since, nor of the erasures that were taken
// back. Nothing of an athlete's is removed for so long, in which the operator says them again.
inline constexpr std::int64_t kRestoredRestMs = 24 * 3'600'000;
inline constexpr std::string_view kRestoredLedger =
    "the server was restored from a backup: nothing is purged for a day from then on";

inline wire::ItemResult with_receipt(wire::Outcome outcome, std::int64_t server_seq) {
  wire::ItemResult result;
  result.outcome = outcome;
  result.server_seq = server_seq;
  return result;
}

inline wire::ItemResult rejected(std::string detail) {
  wire::ItemResult result;
  result.outcome = wire::Outcome::rejected;
  result.detail = std::move(detail);
  return result;
}

inline wire::ItemResult later(std::string detail, std::int64_t retry_after_s) {
  wire::ItemResult result;
  result.outcome = wire::Outcome::later;
  result.retry_after_s = retry_after_s;
  result.detail = std::move(detail);
  return result;
}

inline std::string text_of(std::uint64_t from, std::uint64_t to) {
  return "[" + std::to_string(from) + ", " + std::to_string(to) + ")";
}

inline std::string other_content(const base::Digest& stored) {
  return "the server holds other content here, with SHA-256 " + base::to_hex(stored) + "; yours is kept aside";
}

}  // namespace boathouse::ledger
