// What the ledger's calls for the sync protocol take and give (docs/protocol.md section 6). Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/changes.hpp"

namespace boathouse::ledger {

// As many stores of an athlete are known. One more, and one is forgotten: of those that owe nothing, or were silent for
// 30 days, the one that was silent longest; of the others when there are none. A forgotten store is a new one at its
// next hello.
inline constexpr std::int64_t kMaxReplicas = 200;

// A device store that reports.
struct Hello {
  base::Uuid athlete;
  base::Uuid replica;
  std::array<std::uint8_t, 8> salt{};
  std::uint64_t pending_recordings = 0;  // this and the others: to 2^53
  std::uint64_t pending_items = 0;
  std::uint64_t pending_bytes = 0;
  std::int64_t oldest_age_s = 0;
};

struct HelloState {
  bool fork = false;  // another store of this athlete had this replica id first, with another salt
  std::int64_t server_seq = 0;
  std::int64_t now_ms = 0;  // the ledger's clock
};

// Of one athlete. Queries count every record and show every birth, seal, edit and removal up to visible_seq; a
// session's figures follow its newest records within moments. It goes back while something is loaded again to repair
// it.
struct DataVersion {
  std::int64_t accepted_seq = 0;  // the newest of theirs, 0 = nothing was taken yet
  std::int64_t visible_seq = 0;   // <= accepted_seq
};

struct FeedPage {
  std::vector<wire::Change> changes;
  std::int64_t next = 0;  // where the next page goes on
  bool more = false;
  std::int64_t newest_seq = 0;  // of the ledger
};

// What somebody wants to know of a recording. Records from `up_to` on do not count for that stream's records, visible
// and root: a chunk that is newer than the asked one's seal is no difference.
struct Question {
  base::Uuid rec_id;
  std::map<rowing::Stream, std::uint64_t> up_to;
};

enum class Whose : std::uint8_t {
  nobodys,  // no such recording
  own,      // the athlete's
  foreign,  // another athlete's
  purged,   // was the athlete's
};

// Nothing in it counts a chunk whose body is lost (bodies.hpp).
struct HeldStream {
  std::vector<wire::Range> have;  // ascending, merged; as many as were asked for
  std::vector<wire::Range> gone;  // removed by retention; ascending, merged
  std::uint64_t records = 0;      // to Question::up_to
  std::uint64_t visible = 0;      // of these, loaded into ClickHouse; `source` stays here, so it counts at once
  base::Digest root{};            // of these, over the chunks' hashes
};

// Nothing but rec_id, whose and started_ms for what is not the athlete's own, or is put off.
struct Held {
  base::Uuid rec_id;
  Whose whose = Whose::nobodys;
  // own: its first stored start, UTC, never changed: in the key of its rows in ClickHouse.
  std::int64_t started_ms = 0;
  bool put_off = false;        // own, but nobody has looked at all that is held of it: the call has looked at enough
  std::uint32_t revision = 0;  // of the newest seal, 0 = none
  std::map<rowing::Stream, HeldStream> streams;  // those held, gone or asked for
};

// How many chunks (and ranges that retention removed) one call looks at, so that it ends within a second or so. A
// device makes six or seven a minute at most: twenty days of rowing without a pause are within the bound.
struct HeldBounds {
  std::size_t chunks = 200'000;      // of all recordings together; the one that goes beyond it is put off
  std::size_t step_chunks = 2'000;   // after so many others read, be it in the middle of a recording
  std::size_t step_recordings = 32;  // at most so many before others read
};

// A chunk of exactly this range, as it is stored.
struct StoredChunk {
  std::uint32_t version = 0;
  base::Digest sha256{};
  base::Bytes body;
};

struct FoundChunk {
  std::optional<StoredChunk> chunk;
  bool gone = false;  // not there because a purge or retention removed it
  bool by_retention = false;
};

// What is to be removed for ever, leaving a tombstone.
struct Removal {
  base::Uuid rec_id;
  std::optional<rowing::Stream> stream;  // nullopt: the whole recording
  wire::Range range;                     // with a stream: of whole chunks
};

}  // namespace boathouse::ledger
