// GET /v1/sync/changes: the feed of what was committed to an athlete's data. docs/protocol.md section 6.5. Pure
// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/edit.hpp"
#include "core/rowing/stream.hpp"

namespace boathouse::wire {

inline constexpr std::size_t kMaxChanges = 1000;
inline constexpr std::size_t kMaxChangesBytes = std::size_t{1} << 20;  // a page is cut before the entry that passes it

enum class ChangeKind : std::uint8_t { birth, chunk, seal, edit, gone };
std::string_view name(ChangeKind kind);

struct Change {
  std::int64_t seq = 0;
  ChangeKind kind = ChangeKind::birth;
  base::Uuid rec_id;                       // edit: the session
  base::Digest sha256{};                   // not of `gone`
  std::optional<rowing::Stream> stream;    // chunk; gone: absent = the whole recording
  std::uint64_t from = 0;                  // chunk, gone with a stream
  std::uint64_t to = 0;                    // chunk, gone with a stream
  std::uint32_t version = 0;               // chunk: of the catalogue
  std::uint64_t bytes = 0;                 // chunk: of its body
  std::uint32_t revision = 0;              // seal
  base::Uuid op_id;                        // edit
  std::optional<rowing::Stamp> effective;  // edit whose stamp the server did not take
  std::string json;                        // birth, seal, edit: the very bytes

  bool operator==(const Change&) const = default;
};

struct ChangesReply {
  std::string epoch;
  base::Uuid replica_id;
  std::int64_t since = 0;  // what was asked for
  std::vector<Change> changes;
  std::int64_t next = 0;
  bool more = false;

  bool operator==(const ChangesReply&) const = default;
};

std::string encode_changes(const ChangesReply& reply);
// `since` = what was asked for. Errors: invalid_input, naming the entry (an answer to another `since`, which would have
// the device pass over what lies between; seqs that do not grow from `since`, `next` that goes back or before the last
// entry, json whose hash is another, a missing key; `more` without progress); too_large; unsupported for a kind or
// stream that only a newer program knows: the device stays where it is until it is updated.
base::Result<ChangesReply> decode_changes(std::string_view json, std::int64_t since);

}  // namespace boathouse::wire
