// Fixed-width values in rows. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/rowing/stream.hpp"
#include "server/sql/rows.hpp"

namespace boathouse::ledger {

using sql::digest_of;
using sql::each_row;
using sql::uuid_of;

inline base::Bytes bytes_of(base::ByteView blob) { return {blob.begin(), blob.end()}; }

// Of table feed. The numbers are on disk: never change one.
enum class FeedKind : std::uint8_t { birth = 1, chunk = 2, seal = 3, edit = 4, gone = 5 };

// A condition: what that table's rows are of is not purged, only to be dropped yet.
inline std::string is_kept(std::string_view table) {
  return std::string(table) + ".rec_id NOT IN (SELECT rec_id FROM dropping)";
}

// Joins a chunk that waits to its load block. One that is to be dropped is in none.
inline constexpr std::string_view kIsInBlock =
    "unloaded.stream = load_block.stream AND unloaded.round = load_block.round AND "
    "unloaded.server_seq BETWEEN first_seq AND last_seq AND unloaded.rec_id NOT IN (SELECT rec_id FROM dropping)";

inline std::int64_t number(rowing::Stream stream) { return static_cast<std::int64_t>(stream); }

}  // namespace boathouse::ledger
