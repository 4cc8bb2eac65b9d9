// Sessions as the ledger's edits make them: which recordings are one, what people wrote, whose records count. Plain
// values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/recording.hpp"
#include "core/rowing/stream.hpp"
#include "core/wire/batch.hpp"

namespace boathouse::ledger {

// More are not counted: whoever sends other content under one key again and again has nobody wait for it.
inline constexpr std::uint64_t kMaxCountedQuarantined = 1000;
// Of a stream that came in splinters the first so many are told of.
inline constexpr std::size_t kMaxStateRanges = 10'000;

struct StreamState {
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t records = 0;
  std::uint64_t chunks = 0;
  // Whose block was acknowledged by ClickHouse; always 0 for `source`, which stays here.
  std::uint64_t loaded_records = 0;
  std::vector<wire::Range> have;  // merged, ascending, at most kMaxStateRanges
  base::Digest root{};            // over the stored chunk hashes in order of `from`
};

struct RecordingState {
  base::Uuid rec_id;
  base::Uuid athlete;
  // Of the newest change: birth, chunk, seal, edit of its session stored, or a block of its chunks loaded.
  std::int64_t server_seq = 0;
  std::int64_t received_ms = 0;  // server's clock at the birth's commit
  rowing::Birth birth;
  std::optional<rowing::Seal> seal;                 // newest revision
  std::vector<StreamState> streams;                 // those with records
  std::map<rowing::Stream, std::uint64_t> removed;  // records that retention took, for good
  std::uint64_t quarantined = 0;                    // items, to kMaxCountedQuarantined
  // Why the stored birth or seal cannot be read, which is then empty here: it is damaged, or a newer program's. "":
  // both can.
  std::string unreadable;
};

struct SessionState {
  std::vector<RecordingState> recordings;  // by id; the first one's is the session's
  bool deleted = false;                    // then it has one recording
  // By people, in order of the recordings that they were written for; "" = nothing.
  std::string title;
  std::string notes;
  std::vector<std::string> tags;  // ascending
  // Whose records count; of streams with records, or of which retention took some.
  std::map<rowing::Stream, base::Uuid> primaries;
  // What it came to before retention took what that was reckoned from, as Ledger::retire() was given it; empty: nothing
  // is kept.
  base::Bytes kept_figures = {};
};

// Everything that an edit of a recording's session could change: all recordings that links, also broken ones, lead to.
struct SessionsAround {
  base::Uuid athlete;
  std::int64_t server_seq = 0;  // of the ledger: a later answer never has a smaller one
  std::vector<base::Uuid> ids;  // of all of them, ascending; also of those that were purged
  std::vector<SessionState> sessions;
};
// Beyond so many, recordings are left out: nobody rows one workout on more monitors.
inline constexpr std::size_t kMaxSessionsAround = 500;
// Beyond so many, tags and links that people wrote for them are not looked at, so that nobody who makes them up by the
// thousand has others wait: each that is or was there counts, a link that both its ends wrote as four.
inline constexpr std::size_t kMaxTagsAround = 1000;
inline constexpr std::size_t kMaxLinksAround = 2 * 2 * kMaxSessionsAround;

}  // namespace boathouse::ledger
