// The bodies of a new backup: what the segments of an earlier one have is named again, the rest is copied out of the
// ledger. Each is compared with its chunk's hash on the way; one that the ledger does not have any more, or that is not
// what was stored, ends nothing: it is left out, and the manifest names it. An earlier backup's segment that lacks a
// body which the ledger has again is written anew with it.
// Thread rule: that of the connections.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "server/backup/manifest.hpp"
#include "server/backup/tables.hpp"
#include "server/ledger/bodies.hpp"
#include "server/segments/chunk_store.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::backup {

// More than these are no single damaged file: then there is no backup before somebody has looked (corrupt).
inline constexpr std::size_t kMaxLeftOut = 1'000'000;

struct BodySource {
  sql::Connection& ledger;  // in a snapshot
  std::int64_t version;     // of its schema
  sql::Connection& copy;    // the backup's ledger.db, of the same snapshot
  segments::ChunkStore* store;
};

struct BodyTarget {
  std::filesystem::path folder;  // of segments
  std::uint64_t segment_bytes;   // a segment that is larger is ended
  std::int64_t last_seq;         // of the snapshot
};

struct CopiedBodies {
  std::vector<Segment> segments;       // as of Manifest
  std::vector<std::int64_t> left_out;  // likewise
  std::vector<ledger::LostBody> lost;  // those of left_out that the ledger does not call lost: server_seq and reason
  std::uint64_t written_bytes = 0;
};

// `segments`, `left_out`: of the backup to lean on; empty: everything is copied. not_found: bodies lie in segments, and
// there is no store. corrupt: see kMaxLeftOut, and of a ledger before version 7, which cannot say what it has lost, any
// body that is not what was stored. What else the store says (its disk is away) ends the copy, too.
base::Result<CopiedBodies> copy_bodies(const BodySource& source, const BodyTarget& target,
                                       std::span<const Segment> segments, std::span<const std::int64_t> left_out,
                                       const Watch& watch);

}  // namespace boathouse::backup
