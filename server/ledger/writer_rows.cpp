// What the writer's rules share: owners, quarantine, the feed, marks.
#include <algorithm>
#include <utility>

#include "server/ledger/lookups.hpp"
#include "server/ledger/results.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {
namespace {

constexpr std::size_t kChunksInPage = 200;

}  // namespace

using base::Result;
using base::Status;
using wire::ItemResult;
using wire::Outcome;

// The same wrong item again is kept once.
Result<ItemResult> Writer::quarantine(const Submission& submission, const Entry& entry, const base::Digest& stored,
                                      std::string reason) {
  auto insert = connection_->prepare(
      "INSERT INTO quarantine (rec_id, kind, stream, from_seq, to_seq, version, revision, sha256, "
      "stored_sha256, athlete, replica, received_ms, reason, body) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, entry.rec_id.bytes).bind(2, static_cast<int>(entry.kind)).bind(3, number(entry.stream));
  insert->bind(4, entry.from).bind(5, entry.to).bind(6, entry.version).bind(7, entry.revision);
  insert->bind(8, entry.sha256).bind(9, stored).bind(10, submission.athlete.bytes);
  insert->bind(11, submission.replica.bytes).bind(12, now_ms_).bind(13, reason).bind(14, entry.body);
  BOATHOUSE_TRY(insert->run());
  const bool is_new = connection_->changes() > 0;
  counters_.quarantined += is_new ? 1 : 0;
  if (is_new) {
    BOATHOUSE_TRY(
        tell_of_sync(EventKind::sync_conflict, submission.athlete, submission.replica, {.recording = entry.rec_id}));
  }
  ItemResult result;
  result.outcome = Outcome::mismatch;
  result.detail = std::move(reason);
  return result;
}

// The same for a recording that is not known and for one of somebody else: nobody learns which.
Result<std::optional<ItemResult>> Writer::refuse_recording(const base::Uuid& athlete, const base::Uuid& rec_id) {
  const auto owner = owner_of(*connection_, rec_id);
  if (!owner) {
    return owner.error();
  }
  if (!*owner || (*owner)->athlete != athlete) {
    return std::optional(rejected("unknown recording: send its birth first"));
  }
  return (*owner)->purged ? std::optional(rejected(std::string(kPurgedRecording))) : std::nullopt;
}

Status Writer::feed(const FeedEntry& entry) {
  auto insert = connection_->prepare(
      "INSERT INTO feed (athlete, server_seq, kind, rec_id, stream, from_seq, revision) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, entry.athlete.bytes).bind(2, entry.server_seq).bind(3, static_cast<int>(entry.kind));
  insert->bind(4, entry.rec_id.bytes);
  insert->bind(5, entry.stream ? std::optional(number(*entry.stream)) : std::nullopt);
  return insert->bind(6, entry.from).bind(7, entry.revision).run();
}

// Looks at `chunks_left` chunks at most and takes them off it; what lies beyond is left out. In pages, for PostgreSQL
// fetches all that a query asks for, and the ranges may be full before.
Result<std::vector<wire::Range>> Writer::have(const base::Uuid& rec_id, rowing::Stream stream,
                                              std::size_t& chunks_left) {
  auto select = connection_->prepare(
      "SELECT from_seq, to_seq, server_seq IN (SELECT server_seq FROM lost_body) FROM chunk "
      "WHERE rec_id = ?1 AND stream = ?2 AND from_seq >= ?3 AND " +
      is_kept("chunk") + " ORDER BY from_seq LIMIT ?4");
  if (!select) {
    return select.error();
  }
  select->bind(1, rec_id.bytes).bind(2, number(stream));
  std::vector<wire::Range> ranges;
  std::uint64_t next = 0;
  while (chunks_left > 0) {
    const std::size_t page = std::min(chunks_left, kChunksInPage);
    chunks_left -= page;
    select->bind(3, next).bind(4, page);
    std::size_t rows = 0;
    bool full = false;
    BOATHOUSE_TRY(each_row(*select, [&](const sql::Statement& row) {
      ++rows;
      const auto from = static_cast<std::uint64_t>(row.integer(0));
      const auto to = static_cast<std::uint64_t>(row.integer(1));
      next = to;
      if (full || row.integer(2) != 0) {
        return;
      }
      if (!ranges.empty() && ranges.back().to == from) {
        ranges.back().to = to;
      } else if (ranges.size() == kMaxHaveRanges) {
        full = true;
      } else {
        ranges.push_back({from, to});
      }
    }));
    if (full) {
      return ranges;
    }
    if (rows < page) {
      chunks_left += page - rows;
      break;
    }
  }
  return ranges;
}

Status Writer::mark_dirty(const base::Uuid& rec_id, std::int64_t seq) {
  auto mark = connection_->prepare(
      "INSERT INTO session_mark (rec_id, seq, dirty_since) VALUES (?1, ?2, ?2) "
      "ON CONFLICT (rec_id) DO UPDATE SET seq = ?2, dirty_since = coalesce(session_mark.dirty_since, ?2)");
  if (!mark) {
    return mark.error();
  }
  return mark->bind(1, rec_id.bytes).bind(2, seq).run();
}

}  // namespace boathouse::ledger
