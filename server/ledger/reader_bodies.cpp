// The reader's half for bodies, wherever they lie: bodies.hpp.
#include <algorithm>
#include <string>
#include <utility>

#include "server/ledger/bodies.hpp"
#include "server/ledger/reader.hpp"
#include "server/ledger/rows.hpp"
#include "server/segments/chunk_store.hpp"

namespace boathouse::ledger {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::int64_t kMaxMovable = 50'000;

std::uint64_t count_of(const sql::Statement& row, int column) {
  return static_cast<std::uint64_t>(row.integer(column));
}

Result<std::vector<MovableBody>> movables_of(sql::Statement& select) {
  std::vector<MovableBody> bodies;
  while (true) {
    const auto row = select.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return bodies;
    }
    bodies.push_back({select.integer(0), count_of(select, 1), digest_of(select.blob(2))});
  }
}

}  // namespace

const std::string_view kBodyColumns = "body, segment.name, position, chunk_place.size, chunk_place.sha256 ";
const std::string_view kBodyJoins =
    "LEFT JOIN chunk_body ON chunk_body.server_seq = chunk.server_seq "
    "LEFT JOIN chunk_place ON chunk_place.server_seq = chunk.server_seq "
    "LEFT JOIN segment ON segment.id = segment_id ";

Result<base::Bytes> Reader::body_of(const sql::Statement& row, int column, std::int64_t server_seq) {
  if (!row.is_null(column)) {
    return bytes_of(row.blob(column));
  }
  const auto lost = [&](const std::string& reason) {
    lost_.push_back({.server_seq = server_seq, .rec_id = {}, .from = 0, .to = 0, .reason = reason});
    return Error{ErrorCode::corrupt, "the body of server_seq " + std::to_string(server_seq) + " is lost: " + reason};
  };
  if (row.is_null(column + 1)) {
    return lost("it is neither in the ledger nor in a segment");
  }
  if (store_ == nullptr) {
    return Error{ErrorCode::unavailable, "bodies of chunks lie in segments, and their folder is not open"};
  }
  const std::string key(row.text(column + 1));
  auto body = store_->read(key, count_of(row, column + 2), count_of(row, column + 3));
  if (!body) {
    const ErrorCode code = body.error().code;
    return code == ErrorCode::not_found || code == ErrorCode::corrupt ? lost(body.error().text) : body.error();
  }
  return base::sha256(*body) == digest_of(row.blob(column + 4))
             ? std::move(body)
             : Result<base::Bytes>(lost("segment " + key + " has other bytes there than were written"));
}

Result<base::Bytes> Reader::body(std::int64_t server_seq) {
  auto select = connection_.prepare("SELECT " + std::string(kBodyColumns) + "FROM chunk " + std::string(kBodyJoins) +
                                    "WHERE chunk.server_seq = ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, server_seq).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return Error{ErrorCode::not_found, "there is no chunk with server_seq " + std::to_string(server_seq)};
  }
  return body_of(*select, 0, server_seq);
}

Result<std::vector<MovableBody>> Reader::movable(std::uint64_t bytes) {
  auto select = connection_.prepare(
      "SELECT chunk.server_seq, chunk.size, chunk.sha256 FROM chunk_body "
      "JOIN chunk ON chunk.server_seq = chunk_body.server_seq "
      "LEFT JOIN unloaded ON unloaded.server_seq = chunk_body.server_seq "
      "LEFT JOIN lost_body ON lost_body.server_seq = chunk_body.server_seq "
      "WHERE unloaded.server_seq IS NULL AND lost_body.server_seq IS NULL AND " +
      is_kept("chunk") + " ORDER BY chunk_body.server_seq LIMIT ?1");
  if (!select) {
    return select.error();
  }
  auto bodies = movables_of(select->bind(1, kMaxMovable));
  if (!bodies) {
    return bodies;
  }
  std::uint64_t together = 0;
  std::size_t taken = 0;
  while (taken < bodies->size() && together < bytes) {
    together += (*bodies)[taken++].size;
  }
  if (together < bytes && taken < static_cast<std::size_t>(kMaxMovable)) {
    taken = 0;
  }
  bodies->resize(taken);
  return bodies;
}

Result<std::vector<MovableBody>> Reader::in_segment(std::int64_t id) {
  auto select = connection_.prepare(
      "SELECT chunk.server_seq, chunk_place.size, chunk.sha256 FROM chunk_place "
      "JOIN chunk ON chunk.server_seq = chunk_place.server_seq WHERE segment_id = ?1 ORDER BY chunk.server_seq");
  if (!select) {
    return select.error();
  }
  return movables_of(select->bind(1, id));
}

Result<std::vector<SegmentRow>> Reader::segment_rows(std::int64_t after, std::size_t limit) {
  auto select = connection_.prepare(
      "SELECT id, name, state, bodies, (SELECT count(*) FROM chunk_place WHERE segment_id = segment.id), bytes, "
      "since_ms "
      "FROM segment WHERE id > ?1 ORDER BY id LIMIT ?2");
  if (!select) {
    return select.error();
  }
  select->bind(1, after).bind(2, std::min(limit, std::size_t{10'000}));
  std::vector<SegmentRow> rows;
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return rows;
    }
    rows.push_back({select->integer(0), std::string(select->text(1)), static_cast<SegmentState>(select->integer(2)),
                    count_of(*select, 3), count_of(*select, 4), count_of(*select, 5), select->integer(6)});
  }
}

Result<std::vector<LostBody>> Reader::lost(std::size_t limit) {
  auto select = connection_.prepare(
      "SELECT chunk.server_seq, rec_id, stream, from_seq, to_seq, sha256, reason FROM lost_body "
      "JOIN chunk ON chunk.server_seq = lost_body.server_seq WHERE " +
      is_kept("chunk") + " ORDER BY lost_body.server_seq LIMIT ?1");
  if (!select) {
    return select.error();
  }
  select->bind(1, std::min(limit, std::size_t{10'000}));
  std::vector<LostBody> bodies;
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return bodies;
    }
    bodies.push_back({select->integer(0), uuid_of(select->blob(1)), static_cast<rowing::Stream>(select->integer(2)),
                      count_of(*select, 3), count_of(*select, 4), digest_of(select->blob(5)),
                      std::string(select->text(6))});
  }
}

Result<BodyCounts> Reader::body_counts() {
  auto select = connection_.prepare(
      "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT), CAST(coalesce(sum(bodies), 0) AS BIGINT), "
      "(SELECT count(*) FROM lost_body) FROM segment");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->step(); !row) {
    return row.error();
  }
  return BodyCounts{count_of(*select, 0), count_of(*select, 1), count_of(*select, 2), count_of(*select, 3)};
}

}  // namespace boathouse::ledger
