// POST /v1/sync/verify. docs/protocol.md section 6.6. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/recording.hpp"

namespace boathouse::wire {

inline constexpr std::size_t kMaxVerifyRecordings = 500;

struct VerifyQuestion {
  base::Uuid rec_id;
  std::uint32_t revision = 0;
  std::map<rowing::Stream, rowing::StreamSeal> streams;

  bool operator==(const VerifyQuestion&) const = default;
};

enum class VerifyResult : std::uint8_t { verified, stored, incomplete, different, unknown, gone };
std::string_view name(VerifyResult result);

struct VerifiedStream {
  std::uint64_t count = 0;    // held by the ledger
  base::Digest root{};        // over its chunks' hashes
  std::uint64_t visible = 0;  // that queries count

  bool operator==(const VerifiedStream&) const = default;
};

struct VerifyAnswer {
  base::Uuid rec_id;
  VerifyResult result = VerifyResult::unknown;
  std::map<rowing::Stream, VerifiedStream> streams;

  bool operator==(const VerifyAnswer&) const = default;
};

struct VerifyReply {
  std::string epoch;
  base::Uuid replica_id;
  std::vector<VerifyAnswer> results;

  bool operator==(const VerifyReply&) const = default;
};

// Errors as of offer.hpp.
std::string encode_verify(const std::vector<VerifyQuestion>& questions);
base::Result<std::vector<VerifyQuestion>> decode_verify(std::string_view json);
std::string encode_verify_reply(const VerifyReply& reply);
base::Result<VerifyReply> decode_verify_reply(std::string_view json, const std::vector<base::Uuid>& asked);

}  // namespace boathouse::wire
