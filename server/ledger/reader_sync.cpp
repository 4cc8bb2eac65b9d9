// The reader's half for the sync protocol: the feed, what is held of recordings, one chunk.
#include <algorithm>
#include <string>
#include <utility>

#include "core/base/planted.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/ledger/lookups.hpp"
#include "server/ledger/reader.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

// Of an entry as JSON, without its texts: names, numbers, ids and a hash.
constexpr std::size_t kEntryBytes = 320;

// Entries that PostgreSQL hands over at a time: each may be an edit of 64 KiB, whatever the page may have in all.
constexpr std::size_t kFeedRowsAtOnce = 64;

// At most what `json` takes inside a JSON string.
std::size_t quoted_size(std::string_view json) {
  std::size_t size = json.size();
  for (const char c : json) {
    if (c == '"' || c == '\\') {
      ++size;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      size += 5;
    }
  }
  return size;
}

Result<wire::Change> change_of(const sql::Statement& row) {
  wire::Change change;
  change.seq = row.integer(0);
  const auto kind = static_cast<FeedKind>(row.integer(1));
  change.rec_id = uuid_of(row.blob(2));
  if (kind != FeedKind::gone && row.is_null(12)) {
    return Error{ErrorCode::corrupt, "entry " + std::to_string(change.seq) +
                                         " of the feed leads nowhere; restore the " + "ledger from a backup"};
  }
  change.sha256 = digest_of(row.blob(12));
  if (!row.is_null(3)) {
    change.stream = static_cast<rowing::Stream>(row.integer(3));
    change.from = static_cast<std::uint64_t>(row.integer(4));
    change.to = static_cast<std::uint64_t>(row.integer(5));
  }
  change.json = base::as_text(row.blob(13));
  switch (kind) {
    case FeedKind::birth:
      change.kind = wire::ChangeKind::birth;
      break;
    case FeedKind::chunk:
      change.kind = wire::ChangeKind::chunk;
      change.version = static_cast<std::uint32_t>(row.integer(6));
      change.bytes = static_cast<std::uint64_t>(row.integer(7));
      break;
    case FeedKind::seal:
      change.kind = wire::ChangeKind::seal;
      change.revision = static_cast<std::uint32_t>(row.integer(8));
      break;
    case FeedKind::edit:
      change.kind = wire::ChangeKind::edit;
      change.op_id = uuid_of(row.blob(9));
      if (!row.is_null(10)) {
        change.effective = rowing::Stamp{row.integer(10), static_cast<std::uint32_t>(row.integer(11))};
      }
      break;
    case FeedKind::gone:
      change.kind = wire::ChangeKind::gone;
      break;
  }
  return change;
}

// Ranges come in order of `from`. The first is free, for it alone tells whether a stream is whole; with none left the
// others are left out.
void add_range(std::vector<wire::Range>& ranges, std::uint64_t from, std::uint64_t to, std::size_t& left) {
  if (!ranges.empty() && ranges.back().to >= from) {
    ranges.back().to = std::max(ranges.back().to, to);
  } else if (ranges.empty()) {
    ranges.push_back({from, to});
  } else if (left > 0) {
    --left;
    ranges.push_back({from, to});
  }
}

}  // namespace

// Each entry of the page leads to one row by its primary key. What is to be dropped is passed over: all that came
// before the tombstone, but for edits.
const std::string_view kFeedQuery =
    "SELECT feed.server_seq, kind, feed.rec_id, coalesce(feed.stream, gone.stream), "
    "coalesce(feed.from_seq, gone.from_seq), coalesce(chunk.to_seq, gone.to_seq), version, size, feed.revision, op_id, "
    "effective_ms, effective_count, coalesce(recording.sha256, chunk.sha256, seal.sha256, edit.sha256), "
    "coalesce(birth, seal, json) "
    "FROM feed "
    "LEFT JOIN recording ON kind = 1 AND recording.rec_id = feed.rec_id "
    "LEFT JOIN chunk ON kind = 2 AND chunk.rec_id = feed.rec_id AND chunk.stream = feed.stream "
    "AND chunk.from_seq = feed.from_seq "
    "LEFT JOIN seal ON kind = 3 AND seal.rec_id = feed.rec_id AND seal.revision = feed.revision "
    "LEFT JOIN edit ON kind = 4 AND edit.server_seq = feed.server_seq "
    "LEFT JOIN gone ON kind = 5 AND gone.server_seq = feed.server_seq "
    "LEFT JOIN dropping ON kind <> 4 AND dropping.rec_id = feed.rec_id AND feed.server_seq < dropping.server_seq "
    "WHERE feed.athlete = ?1 AND feed.server_seq > ?2 AND dropping.rec_id IS NULL ORDER BY feed.server_seq LIMIT ?3";

Result<FeedPage> Reader::changes(const base::Uuid& athlete, std::int64_t since, std::size_t limit,
                                 std::size_t max_bytes) {
  const auto newest = newest_seq();
  if (!newest) {
    return newest.error();
  }
  auto select = connection_.prepare(kFeedQuery);
  if (!select) {
    return select.error();
  }
  limit = std::clamp<std::size_t>(limit, 1, wire::kMaxChanges);
  FeedPage page;
  page.next = since;
  page.newest_seq = *newest;
  std::size_t bytes = 0;
  std::size_t left_of_fetch = 0;
  select->bind(1, athlete.bytes);
  while (true) {
    if (left_of_fetch == 0) {
      left_of_fetch = std::min(kFeedRowsAtOnce, limit + 1 - page.changes.size());
      select->reset();
      select->bind(2, page.next).bind(3, left_of_fetch);
    }
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      if (base::planted(base::Plant::cursor_ahead_of_commit)) {
        ++page.next;
      }
      return page;
    }
    --left_of_fetch;
    if (page.changes.size() == limit) {
      page.more = true;
      return page;
    }
    auto change = change_of(*select);
    if (!change) {
      return change.error();
    }
    bytes += kEntryBytes + quoted_size(change->json);
    if (bytes > max_bytes && !page.changes.empty()) {
      page.more = true;
      return page;
    }
    page.next = change->seq;
    page.changes.push_back(std::move(*change));
  }
}

Result<std::vector<Held>> Reader::held(const base::Uuid& athlete, std::span<const Question> questions,
                                       const HeldBounds& bounds, HeldLeft& left) {
  std::vector<Held> answers;
  const std::size_t at_first = left.chunks;
  for (const Question& question : questions) {
    if (answers.size() == bounds.step_recordings || at_first - left.chunks >= bounds.step_chunks) {
      break;
    }
    const auto done = look_at(athlete, question, bounds.step_chunks, left);
    if (!done) {
      return done.error();
    }
    if (!*done) {
      break;
    }
    answers.push_back(std::move(left.begun->held));
    left.begun.reset();
  }
  return answers;
}

Result<bool> Reader::look_at(const base::Uuid& athlete, const Question& question, std::size_t step, HeldLeft& left) {
  if (!left.begun) {
    left.begun.emplace().held.rec_id = question.rec_id;
    for (const auto& [stream, up_to] : question.up_to) {
      left.begun->roots[stream];  // also of a stream without chunks there is a root
    }
  }
  Held& held = left.begun->held;
  BOATHOUSE_TRY(read_owner(athlete, held));  // anew in each step: it may be purged meanwhile
  if (held.whose != Whose::own) {
    held.streams.clear();
    return true;
  }
  auto all = read_held_chunks(question, step, left);
  if (all && *all) {
    all = read_gone(step, left);
  }
  if (held.put_off) {
    held.streams.clear();
    return true;
  }
  if (!all || !*all) {
    return all;
  }
  const auto revision =
      sql::first_integer(connection_, "SELECT max(revision) FROM seal WHERE rec_id = ?1", question.rec_id.bytes);
  if (!revision) {
    return revision.error();
  }
  held.revision = static_cast<std::uint32_t>(revision->value_or(0));
  return true;
}

Status Reader::read_owner(const base::Uuid& athlete, Held& held) {
  const auto owner = owner_of(connection_, held.rec_id);
  if (!owner) {
    return owner.error();
  }
  if (!*owner) {
    held.whose = Whose::nobodys;
  } else if ((*owner)->athlete != athlete) {
    held.whose = Whose::foreign;
  } else {
    held.whose = (*owner)->purged ? Whose::purged : Whose::own;
  }
  held.started_ms = held.whose == Whose::own ? (*owner)->started_ms : 0;
  return {};
}

// The rows of `sql` (its first columns: stream, from_seq) behind what was read last. Each is one of the chunks that the
// step and the call may look at.
Result<bool> Reader::go_on(std::string_view sql, std::size_t& step, HeldLeft& left,
                           const std::function<void(const sql::Statement&)>& take) {
  auto select = connection_.prepare(sql);
  if (!select) {
    return select.error();
  }
  HeldBegun& begun = *left.begun;
  const std::size_t most = std::min(step, left.chunks);
  select->bind(1, begun.held.rec_id.bytes).bind(2, begun.stream).bind(3, begun.from).bind(4, most + 1);
  for (std::size_t read = 0;; ++read) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return true;
    }
    if (read == most) {
      begun.held.put_off = left.chunks == 0;
      return false;
    }
    --left.chunks;
    --step;
    begun.stream = select->integer(0);
    begun.from = select->integer(1);
    take(*select);
  }
}

// Without chunks whose bodies are lost: who asks may have the last copy, and sends it again only if it is not held
// here. What comes or goes between two steps is seen or not: no chunk changes, so a stream that is whole is what it was
// at one moment.
Result<bool> Reader::read_held_chunks(const Question& question, std::size_t& step, HeldLeft& left) {
  HeldBegun& begun = *left.begun;
  if (begun.chunks_read) {
    return true;
  }
  const auto all = go_on(
      "SELECT chunk.stream, chunk.from_seq, to_seq, sha256, unloaded.server_seq IS NULL "
      "FROM chunk LEFT JOIN unloaded ON unloaded.server_seq = chunk.server_seq "
      "WHERE chunk.rec_id = ?1 AND (chunk.stream, chunk.from_seq) > (?2, ?3) "
      "AND chunk.server_seq NOT IN (SELECT server_seq FROM lost_body) "
      "ORDER BY chunk.stream, chunk.from_seq LIMIT ?4",
      step, left, [&](const sql::Statement& row) {
        const auto stream = static_cast<rowing::Stream>(row.integer(0));
        const auto from = static_cast<std::uint64_t>(row.integer(1));
        const auto to = static_cast<std::uint64_t>(row.integer(2));
        HeldStream& into = begun.held.streams[stream];
        add_range(into.have, from, to, left.ranges);
        const auto up_to = question.up_to.find(stream);
        if (up_to != question.up_to.end() && from >= up_to->second) {
          return;
        }
        into.records += to - from;
        into.visible += row.integer(4) != 0 ? to - from : 0;
        begun.roots[stream].update(digest_of(row.blob(3)));
      });
  if (!all || !*all) {
    return all;
  }
  for (auto& [stream, root] : begun.roots) {
    begun.held.streams[stream].root = root.finish();
  }
  begun.chunks_read = true;
  begun.stream = 0;
  begun.from = 0;
  return true;
}

Result<bool> Reader::read_gone(std::size_t& step, HeldLeft& left) {
  return go_on(
      "SELECT stream, from_seq, to_seq FROM gone WHERE rec_id = ?1 AND stream IS NOT NULL "
      "AND (stream, from_seq) > (?2, ?3) ORDER BY stream, from_seq LIMIT ?4",
      step, left, [&left](const sql::Statement& row) {
        add_range(left.begun->held.streams[static_cast<rowing::Stream>(row.integer(0))].gone,
                  static_cast<std::uint64_t>(row.integer(1)), static_cast<std::uint64_t>(row.integer(2)), left.ranges);
      });
}

Result<FoundChunk> Reader::chunk(const base::Uuid& athlete, const base::Uuid& rec_id, rowing::Stream stream,
                                 const wire::Range& range) {
  FoundChunk found;
  {
    auto select = connection_.prepare(
        "SELECT version, chunk.sha256, chunk.server_seq, " + std::string(kBodyColumns) +
        "FROM chunk JOIN recording USING (rec_id) " + std::string(kBodyJoins) +
        "WHERE chunk.rec_id = ?1 AND stream = ?2 AND from_seq = ?3 AND to_seq = ?4 AND athlete = ?5");
    if (!select) {
      return select.error();
    }
    select->bind(1, rec_id.bytes).bind(2, number(stream)).bind(3, range.from).bind(4, range.to);
    const auto row = select->bind(5, athlete.bytes).step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      auto body = body_of(*select, 3, select->integer(2));
      if (!body) {
        return body.error();
      }
      found.chunk =
          StoredChunk{static_cast<std::uint32_t>(select->integer(0)), digest_of(select->blob(1)), std::move(*body)};
      return found;
    }
  }
  auto select = connection_.prepare(
      "SELECT stream IS NOT NULL FROM gone WHERE rec_id = ?1 AND athlete = ?2 "
      "AND (stream IS NULL OR (stream = ?3 AND from_seq < ?5 AND to_seq > ?4)) ORDER BY stream IS NOT NULL LIMIT 1");
  if (!select) {
    return select.error();
  }
  select->bind(1, rec_id.bytes).bind(2, athlete.bytes).bind(3, number(stream)).bind(4, range.from);
  const auto row = select->bind(5, range.to).step();
  if (!row) {
    return row.error();
  }
  found.gone = *row;
  found.by_retention = *row && select->integer(0) != 0;
  return found;
}

Result<std::int64_t> Reader::newest_seq() {
  const auto seq = sql::first_integer(connection_, "SELECT last_seq FROM state");
  return seq ? Result<std::int64_t>(seq->value_or(0)) : seq.error();
}

Result<std::int64_t> Reader::backed_up_seq() {
  const auto mark = backup_mark(connection_);
  if (!mark) {
    return mark.error();
  }
  return *mark ? (*mark)->up_to_seq : 0;
}

Result<std::optional<std::int64_t>> Reader::first_lacking_seq(const base::Uuid& athlete) {
  auto select = connection_.prepare(
      "SELECT min(chunk.server_seq) FROM "
      "(SELECT server_seq FROM lost_body UNION ALL SELECT server_seq FROM not_in_backup) AS lacking "
      "JOIN chunk ON chunk.server_seq = lacking.server_seq "
      "JOIN recording ON recording.rec_id = chunk.rec_id WHERE recording.athlete = ?1");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->bind(1, athlete.bytes).step(); !row) {
    return row.error();
  }
  return select->optional_integer(0);
}

}  // namespace boathouse::ledger
