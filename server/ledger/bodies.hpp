// Bodies of chunks that have left the ledger for segments (server/segments): the ledger keeps where each lies and its
// hash. What BodyMover needs of the ledger. Plain values and an interface; thread rule and errors as of Ledger.
//
// A segment's row is there before its object is, and goes after it: an object without a row is nobody's, and no row is
// ever put in the place of one that was doomed. So a process that lost its turn can neither name a segment that another
// one has removed nor have one of its own removed that it names.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "server/segments/segment.hpp"

namespace boathouse::ledger {

struct MovableBody {
  std::int64_t server_seq = 0;
  std::uint64_t size = 0;
  base::Digest sha256{};  // of the chunk's canonical bytes
};

// The numbers are in the database: never change one.
enum class SegmentState : std::uint8_t {
  begun = 1,   // its object may be there, whole or not; no body is said to lie in it
  whole = 2,   // bodies lie in it
  doomed = 3,  // its object is being removed
};

struct SegmentRow {
  std::int64_t id = 0;
  std::string key;
  SegmentState state = SegmentState::begun;
  std::uint64_t bodies = 0;   // that were written to it
  std::uint64_t live = 0;     // that lie in it still; fewer after a purge or retention
  std::uint64_t bytes = 0;    // of the object
  std::int64_t since_ms = 0;  // when its last body left it, or when it was last found to be what was written
};

// A body that could not be read, or was not what was stored. The chunk's receipt stands; whoever has it still (a
// device's next offer, a backup) brings it back.
struct LostBody {
  std::int64_t server_seq = 0;
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  base::Digest sha256{};  // of the chunk's canonical bytes
  std::string reason;
};

struct BodyCounts {
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;   // of the segments
  std::uint64_t bodies = 0;  // in them
  std::uint64_t lost = 0;    // should be 0
};

class Bodies {
 public:
  virtual ~Bodies() = default;

  // Bodies in the ledger whose rows ClickHouse has acknowledged, and `source` chunks, the oldest first: as many as have
  // `bytes` together (and the one that is over it); none if all together have less.
  virtual base::Result<std::vector<MovableBody>> movable(std::uint64_t bytes) = 0;
  // Those that lie in this segment.
  virtual base::Result<std::vector<MovableBody>> in_segment(std::int64_t id) = 0;
  // Wherever it lies. not_found: there is no such chunk (any more); corrupt: it is not what was stored, see LostBody.
  virtual base::Result<base::Bytes> body(std::int64_t server_seq) = 0;

  // Up to `limit`, in order of id, after `after`.
  virtual base::Result<std::vector<SegmentRow>> segment_rows(std::int64_t after, std::size_t limit) = 0;
  // The id of a new one, begun. conflict: the key was used before.
  virtual base::Result<std::int64_t> begin_segment(const std::string& key) = 0;
  // Its object is durable and was read back: these bodies lie there from now on, and no more where they were. In one
  // transaction; can be called again for others. What was removed meanwhile is passed over. conflict: it is doomed.
  virtual base::Status place_bodies(std::int64_t id, std::uint64_t bytes, std::uint64_t bodies,
                                    std::span<const segments::Place> places) = 0;
  // No body lies in it, and none ever will. conflict: one does.
  virtual base::Status doom_segment(std::int64_t id) = 0;
  virtual base::Status forget_segment(std::int64_t id) = 0;  // a doomed one, whose object is gone
  // It is what was written. Forgets that bodies in it were lost (its disk was away).
  virtual base::Status segment_is_well(std::int64_t id) = 0;

  virtual base::Status lose_bodies(std::span<const LostBody> bodies) = 0;  // server_seq and reason are enough
  virtual base::Result<std::vector<LostBody>> lost(std::size_t limit) = 0;
  // A lost one came back: it lies in the ledger now, and its rows are loaded anew. The caller has compared hashes.
  virtual base::Status body_is_back(std::int64_t server_seq, base::ByteView body) = 0;

  virtual base::Result<BodyCounts> body_counts() = 0;
};

}  // namespace boathouse::ledger
