// Moves bodies out of the ledger into segments, keeps the segments in order, brings lost bodies back. One run after the
// other, by one process at a time; a second one that runs all the same, or a kill at any moment, loses nothing.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/ledger/bodies.hpp"
#include "server/segments/chunk_store.hpp"

namespace boathouse::ledger {

// Whether a body as it is stored is that of a chunk with this hash (of its canonical bytes).
bool is_body_of(base::ByteView body, const base::Digest& sha256);

class BodyMover {
 public:
  struct Options {
    bool move = true;                                       // false: what lies in segments is kept in order, no more
    std::uint64_t segment_bytes = std::uint64_t{16} << 20;  // of bodies; less than that stays in the ledger
    std::size_t at_once = 256;                              // bodies of one transaction: acknowledgements wait for it
    std::int64_t empty_ms = 86'400'000;                     // a segment that no body lies in is kept so long: for those
                                                            // who look at an older state, as a backup does
    std::int64_t check_ms = std::int64_t{7} * 86'400'000;   // every byte of a segment is looked at so often
    std::size_t checks = 64;                                // of one run, at most
  };
  // Bodies of those that are asked for, as far as they are had elsewhere (backups).
  using Find = std::function<base::Result<std::map<std::int64_t, base::Bytes>>(std::span<const LostBody>)>;
  using Check = std::function<bool(base::ByteView body, const base::Digest& sha256)>;

  struct Report {
    std::uint64_t moved = 0;    // bodies
    std::uint64_t written = 0;  // segments
    std::uint64_t removed = 0;  // objects
    std::uint64_t damaged = 0;  // segments that were looked at and are not what was written
    std::uint64_t back = 0;     // bodies that were lost
    std::uint64_t lost = 0;     // and those that still are

    [[nodiscard]] bool nothing() const { return moved + written + removed + damaged + back + lost == 0; }
  };

  // All must outlive it. `epoch`: of the ledger; objects of others are left alone.
  BodyMover(Bodies& bodies, segments::ChunkStore& store, std::string epoch, base::Clock& clock,
            base::RandomSource& random, Options options, Find find, Check check = is_body_of);

  // `watch` is called now and then; its error ends the run with it.
  base::Result<Report> run(const std::function<base::Status()>& watch);

 private:
  struct Taken {
    std::int64_t server_seq = 0;
    base::Bytes body;
  };

  base::Status tidy();
  base::Status remove_segment(const SegmentRow& segment);
  base::Status move();
  base::Result<std::vector<Taken>> take(std::span<const MovableBody> bodies);
  base::Status write(std::span<const Taken> bodies);
  base::Status rewrite(const SegmentRow& segment);
  base::Result<bool> is_to_be_thinned(const SegmentRow& segment, std::span<const LostBody> lost);
  base::Status keep();
  base::Status look_at(const SegmentRow& segment);
  base::Status bring_back();
  base::Result<std::vector<SegmentRow>> all_segments();
  [[nodiscard]] std::string new_key(std::int64_t first, std::int64_t last);
  base::Status watch();

  Bodies& bodies_;
  segments::ChunkStore& store_;
  const std::string prefix_;  // of the names of this ledger's objects
  base::Clock& clock_;
  base::RandomSource& random_;
  const Options options_;
  const Find find_;
  const Check check_;
  const std::function<base::Status()>* watch_ = nullptr;
  Report report_;
};

}  // namespace boathouse::ledger
