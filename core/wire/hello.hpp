// POST /v1/sync/hello. docs/protocol.md section 6.1. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::wire {

inline constexpr std::uint64_t kMaxInFlight = 1000;

struct HelloRequest {
  std::uint32_t lowest_protocol = 1;
  std::uint32_t highest_protocol = 1;
  std::array<std::uint8_t, 8> salt{};
  std::string epoch;  // "" = never synced
  std::int64_t cursor = 0;
  std::int64_t newest_seq = 0;  // of that epoch, that the device knows: of a receipt, or of the feed; 0 = not told
  std::uint64_t pending_recordings = 0;
  std::uint64_t pending_items = 0;
  std::uint64_t pending_bytes = 0;
  std::int64_t oldest_age_s = 0;  // of the oldest pending item; 0 = none

  bool operator==(const HelloRequest&) const = default;
};

struct HelloReply {
  std::string epoch;
  base::Uuid replica_id;  // of the device that asked
  base::Uuid athlete;
  std::uint64_t batch_bytes = 0;
  std::uint64_t batch_items = 0;
  std::uint64_t in_flight = 1;  // requests of this device that the server takes at once
  std::int64_t retry_base_ms = 0;
  std::int64_t retry_cap_ms = 0;
  std::int64_t server_time_ms = 0;
  std::int64_t server_seq = 0;
  std::int64_t purge_safe_seq = 0;
  std::int64_t backoff_s = 0;
  bool fork = false;

  bool operator==(const HelloReply&) const = default;
};

// Errors of decoding: invalid_input, naming the key; too_large. Limits are clamped to what this program can do:
// batch_bytes 1 KiB to kMaxBatchBytes, batch_items 1 to kMaxBatchItems, in_flight 1
// to kMaxInFlight (a server of before did not tell it: 1), retry 100 ms to an hour, backoff 0 to a day.
std::string encode_hello_request(const HelloRequest& request);
base::Result<HelloRequest> decode_hello_request(std::string_view json);
std::string encode_hello_reply(const HelloReply& reply);
base::Result<HelloReply> decode_hello_reply(std::string_view json);

}  // namespace boathouse::wire
