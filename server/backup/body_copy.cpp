#include "server/backup/body_copy.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/backup/chunk_list.hpp"
#include "server/ledger/body_mover.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

const Table kBodyTable{"chunk_body", {{"server_seq", ColumnKind::integer}, {"body", ColumnKind::blob}}};
// Of a ledger since version 7: bodies in the ledger and, with their places, those in segments.
const Table kStoredBodies{"stored_body",
                          {{"server_seq", ColumnKind::integer},
                           {"body", ColumnKind::blob},
                           {"name", ColumnKind::text},
                           {"position", ColumnKind::integer},
                           {"size", ColumnKind::integer},
                           {"sha256", ColumnKind::blob}}};
constexpr std::int64_t kSegmentsSince = 7;

const std::string kNotStored = "what is stored has not the chunk's hash";
const std::string kNowhere = "it is neither in the ledger nor in a segment";

class Copying {
 public:
  Copying(const BodySource& source, const BodyTarget& target, const Watch& watch)
      : source_(source), target_(target), watch_(watch) {}

  Result<CopiedBodies> run(std::span<const Segment> segments, std::span<const std::int64_t> left_out) {
    for (const Segment& segment : segments) {
      const auto first = std::ranges::lower_bound(left_out, segment.from);
      const auto last = std::ranges::upper_bound(left_out, segment.to);
      const auto kept = keep(segment, {first, std::max(first, last)});
      if (!kept) {
        return kept.error();
      }
      if (!*kept) {
        break;
      }
    }
    BOATHOUSE_TRY(copy_after(copied_.segments.empty() ? 0 : copied_.segments.back().to));
    return std::move(copied_);
  }

 private:
  const Table& bodies() const { return source_.version < kSegmentsSince ? kBodyTable : kStoredBodies; }

  // A row of bodies(), whose body is to be the chunk's; nullopt: it is lost, for the reason in why_.
  Result<std::optional<base::Bytes>> body_of(const sql::Statement& row, const ChunkKey& chunk) {
    auto body = stored(row);
    if (!body || !*body) {
      return body;
    }
    if (!ledger::is_body_of(**body, chunk.sha256)) {
      why_ = kNotStored;
      return std::optional<base::Bytes>();
    }
    return body;
  }

  Result<std::optional<base::Bytes>> stored(const sql::Statement& row) {
    if (!row.is_null(1)) {
      const base::ByteView body = row.blob(1);
      return std::optional(base::Bytes(body.begin(), body.end()));
    }
    const std::string key(row.text(2));
    const std::string which = "the body of server_seq " + std::to_string(row.integer(0)) + " in segment " + key;
    if (source_.store == nullptr) {
      return Error{ErrorCode::not_found, which + " cannot be read: name the folder of segments, as `serve` has it"};
    }
    auto body = source_.store->read(key, static_cast<std::uint64_t>(row.integer(3)),
                                    static_cast<std::uint64_t>(row.integer(4)));
    if (body) {
      return std::optional(std::move(*body));
    }
    // As the ledger's own readers tell what is lost from a disk that is away.
    if (body.error().code != ErrorCode::not_found && body.error().code != ErrorCode::corrupt) {
      return body.error().within(which);
    }
    why_ = body.error().text;
    return std::optional<base::Bytes>();
  }

  // Of one chunk, wherever it lies now.
  Result<std::optional<base::Bytes>> find(const ChunkKey& chunk) {
    auto reader = RowReader::open(source_.ledger, bodies(), "WHERE server_seq = " + std::to_string(chunk.server_seq));
    if (!reader) {
      return reader.error();
    }
    const auto row = reader->next();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      why_ = kNowhere;
      return std::optional<base::Bytes>();
    }
    return body_of(reader->row(), chunk);
  }

  Status leave_out(const ChunkKey& chunk) {
    if (source_.version < kSegmentsSince) {
      return Error{ErrorCode::corrupt, "the body of " + chunk.text() + ": " + why_ +
                                           "; start this program's `serve` once, which can do without it"};
    }
    copied_.left_out.push_back(chunk.server_seq);
    if (copied_.left_out.size() > kMaxLeftOut) {
      return Error{ErrorCode::corrupt, "more than " + std::to_string(kMaxLeftOut) +
                                           " bodies of chunks cannot be read, the last one of " + chunk.text() + ": " +
                                           why_ + ". Put the folder of segments back first"};
    }
    const auto known = number_of(
        source_.copy, "SELECT count(*) FROM lost_body WHERE server_seq = " + std::to_string(chunk.server_seq));
    if (!known) {
      return known.error();
    }
    if (*known == 0) {
      copied_.lost.push_back({.server_seq = chunk.server_seq, .rec_id = {}, .from = 0, .to = 0, .reason = why_});
    }
    return {};
  }

  // A segment of before, which lacks the bodies of `lacking`. False: it cannot be read, so nothing from here on is
  // named again.
  Result<bool> keep(const Segment& segment, std::span<const std::int64_t> lacking) {
    std::vector<ChunkKey> back;
    const std::size_t left_out_before = copied_.left_out.size();
    const std::size_t lost_before = copied_.lost.size();
    for (const std::int64_t server_seq : lacking) {
      auto chunks = ChunkList::open(source_.copy, server_seq - 1);
      if (!chunks) {
        return chunks.error();
      }
      const auto chunk = chunks->next();
      if (!chunk) {
        return chunk.error();
      }
      if (!*chunk || (*chunk)->server_seq != server_seq) {
        continue;  // removed since
      }
      const auto body = find(**chunk);
      if (!body) {
        return body.error();
      }
      if (*body) {
        back.push_back(**chunk);
      } else {
        BOATHOUSE_TRY(leave_out(**chunk));
      }
    }
    if (back.empty()) {
      copied_.segments.push_back(segment);
      return true;
    }
    const auto filled = fill(segment, back);
    if (filled && !*filled) {
      copied_.left_out.resize(left_out_before);
      copied_.lost.resize(lost_before);
    }
    return filled;
  }

  // The segment with the bodies of `back` in their places. False: it cannot be read.
  Result<bool> fill(const Segment& segment, std::span<const ChunkKey> back) {
    auto reader = SegmentReader::open(target_.folder / segment.file);
    if (!reader) {
      return false;
    }
    auto writer = SegmentWriter::begin(target_.folder, segment.from);
    if (!writer) {
      return writer.error();
    }
    auto next = back.begin();
    while (true) {
      const auto more = reader->next();
      if (!more) {
        return false;
      }
      while (next != back.end() && (!*more || next->server_seq < reader->server_seq())) {
        const auto body = find(*next);
        if (!body) {
          return body.error();
        }
        if (!*body) {
          return false;  // readable a moment ago
        }
        BOATHOUSE_TRY(writer->add(next->server_seq, **body));
        ++next;
      }
      if (!*more) {
        break;
      }
      BOATHOUSE_TRY(writer->add(reader->server_seq(), reader->body()));
      BOATHOUSE_TRY(watch_(reader->body().size()));
    }
    BOATHOUSE_TRY(end_segment(*writer, segment.to));
    return true;
  }

  Status copy_after(std::int64_t covered) {
    auto chunks = ChunkList::open(source_.copy, covered);
    if (!chunks) {
      return chunks.error();
    }
    auto reader = RowReader::open(source_.ledger, bodies(),
                                  "WHERE server_seq > " + std::to_string(covered) + " AND server_seq <= " +
                                      std::to_string(target_.last_seq) + " ORDER BY server_seq");
    if (!reader) {
      return reader.error();
    }
    auto row = reader->next();
    std::optional<SegmentWriter> writer;
    std::int64_t last = covered;
    while (true) {
      const auto chunk = chunks->next();
      if (!chunk) {
        return chunk.error();
      }
      if (!*chunk) {
        break;
      }
      while (row && *row && reader->row().integer(0) < (*chunk)->server_seq) {
        row = reader->next();
      }
      if (!row) {
        return row.error();
      }
      why_ = kNowhere;
      const bool is_here = *row && reader->row().integer(0) == (*chunk)->server_seq;
      const auto body =
          is_here ? body_of(reader->row(), **chunk) : Result<std::optional<base::Bytes>>(std::optional<base::Bytes>());
      if (!body) {
        return body.error();
      }
      if (!*body) {
        BOATHOUSE_TRY(leave_out(**chunk));
        continue;
      }
      if (writer && writer->bytes() >= target_.segment_bytes) {
        BOATHOUSE_TRY(end_segment(*writer, last));
        writer.reset();
      }
      if (!writer) {
        auto begun = SegmentWriter::begin(target_.folder, last + 1);
        if (!begun) {
          return begun.error();
        }
        writer.emplace(std::move(*begun));
      }
      last = (*chunk)->server_seq;
      BOATHOUSE_TRY(writer->add(last, **body));
      BOATHOUSE_TRY(watch_((*body)->size()));
    }
    return writer ? end_segment(*writer, target_.last_seq) : Status();
  }

  Status end_segment(SegmentWriter& writer, std::int64_t to) {
    auto segment = writer.finish(to);
    if (!segment) {
      return segment.error();
    }
    copied_.written_bytes += segment->bytes;
    copied_.segments.push_back(std::move(*segment));
    return {};
  }

  const BodySource& source_;
  const BodyTarget& target_;
  const Watch& watch_;
  std::string why_;
  CopiedBodies copied_;
};

}  // namespace

Result<CopiedBodies> copy_bodies(const BodySource& source, const BodyTarget& target, std::span<const Segment> segments,
                                 std::span<const std::int64_t> left_out, const Watch& watch) {
  return Copying(source, target, watch).run(segments, left_out);
}

}  // namespace boathouse::backup
