#include "server/ledger/reader.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/wire/chunk.hpp"
#include "core/wire/facts.hpp"
#include "server/ledger/block_token.hpp"
#include "server/ledger/lookups.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::string_view kRecordingColumns =
    "SELECT recording.rec_id, athlete, seq, received_ms, birth FROM recording JOIN session_mark USING (rec_id) ";

constexpr std::string_view kItemColumns =
    "SELECT chunk.server_seq, athlete, chunk.rec_id, started_ms, chunk.stream, chunk.from_seq, to_seq, chunk.sha256, ";
constexpr int kItemBody = 8;  // where its body's columns begin

LoadItem item_of(const sql::Statement& row) {
  LoadItem item;
  item.server_seq = row.integer(0);
  item.athlete = uuid_of(row.blob(1));
  item.rec_id = uuid_of(row.blob(2));
  item.started_ms = row.integer(3);
  item.stream = static_cast<rowing::Stream>(row.integer(4));
  item.from = static_cast<std::uint64_t>(row.integer(5));
  item.to = static_cast<std::uint64_t>(row.integer(6));
  item.sha256 = digest_of(row.blob(7));
  return item;
}

}  // namespace

// All are looked at though one is lost: whoever asks again is not held up by the next one.
Result<std::vector<LoadItem>> Reader::items_of(sql::Statement& select) {
  std::vector<LoadItem> items;
  std::optional<Error> lost;
  while (true) {
    const auto row = select.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return lost ? Result<std::vector<LoadItem>>(*lost) : std::move(items);
    }
    LoadItem item = item_of(select);
    auto body = body_of(select, kItemBody, item.server_seq);
    if (!body && body.error().code == ErrorCode::corrupt) {
      lost = lost.value_or(body.error());
      continue;
    }
    if (!body) {
      return body.error();
    }
    item.body = std::move(*body);
    items.push_back(std::move(item));
  }
}

Result<std::optional<RecordingState>> Reader::recording(const base::Uuid& rec_id) {
  auto select = connection_.prepare(std::string(kRecordingColumns) + "WHERE recording.rec_id = ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, rec_id.bytes).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<RecordingState>();
  }
  auto state = state_of(*select);
  if (!state) {
    return state.error();
  }
  return std::optional(std::move(*state));
}

Result<std::optional<RecordingState>> Reader::readable_recording(const base::Uuid& rec_id) {
  auto state = recording(rec_id);
  if (state && *state && !(*state)->unreadable.empty()) {
    return Error{ErrorCode::corrupt, (*state)->unreadable};
  }
  return state;
}

Result<Reader::Recordings> Reader::recordings(const std::optional<base::Uuid>& athlete,
                                              const std::optional<base::Uuid>& after, std::size_t limit,
                                              std::uint64_t step_chunks) {
  std::string sql(kRecordingColumns);
  sql += athlete ? "WHERE recording.rec_id > ?1 AND athlete = ?3 ORDER BY recording.rec_id LIMIT ?2"
                 : "WHERE recording.rec_id > ?1 ORDER BY recording.rec_id LIMIT ?2";
  auto select = connection_.prepare(sql);
  if (!select) {
    return select.error();
  }
  select->bind(1, after ? base::ByteView(after->bytes) : base::ByteView());
  select->bind(2, std::min(limit, std::size_t{1} << 32));
  if (athlete) {
    select->bind(3, athlete->bytes);
  }
  Recordings found;
  std::uint64_t chunks = 0;
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return found;
    }
    if (chunks >= step_chunks) {
      found.more = true;
      return found;
    }
    auto state = state_of(*select);
    if (!state) {
      return state.error();
    }
    for (const StreamState& stream : state->streams) {
      chunks += stream.chunks;
    }
    found.states.push_back(std::move(*state));
  }
}

Result<std::vector<base::Uuid>> Reader::athletes(const std::optional<base::Uuid>& after, std::size_t limit) {
  auto select =
      connection_.prepare("SELECT DISTINCT athlete FROM recording WHERE athlete > ?1 ORDER BY athlete LIMIT ?2");
  if (!select) {
    return select.error();
  }
  select->bind(1, after ? base::ByteView(after->bytes) : base::ByteView()).bind(2, limit);
  std::vector<base::Uuid> athletes;
  BOATHOUSE_TRY(each_row(*select, [&](const sql::Statement& row) { athletes.push_back(uuid_of(row.blob(0))); }));
  return athletes;
}

Result<RecordingState> Reader::state_of(sql::Statement& recording_row) {
  RecordingState state;
  state.rec_id = uuid_of(recording_row.blob(0));
  state.athlete = uuid_of(recording_row.blob(1));
  state.server_seq = recording_row.integer(2);
  state.received_ms = recording_row.integer(3);
  if (auto birth = wire::decode_birth(base::as_text(recording_row.blob(4)))) {
    state.birth = std::move(*birth);
  } else {
    state.unreadable = "the stored birth of recording " + state.rec_id.text() + ": " + birth.error().text;
  }
  BOATHOUSE_TRY(read_streams(state));
  BOATHOUSE_TRY(read_removed(state));
  // Each that came has marked the session, so the others' server_seq is in its mark.
  const auto stored_seal = newest_seal(connection_, state.rec_id);
  if (!stored_seal) {
    return stored_seal.error();
  }
  if (*stored_seal) {
    if (auto seal = wire::decode_seal(base::as_text(**stored_seal))) {
      state.seal = std::move(*seal);
    } else {
      state.unreadable = "a stored seal of recording " + state.rec_id.text() + ": " + seal.error().text;
    }
  }
  BOATHOUSE_TRY(count_quarantined(state));
  return state;
}

Status Reader::read_streams(RecordingState& state) {
  auto select = connection_.prepare(
      "SELECT chunk.stream, chunk.from_seq, to_seq, sha256, chunk.server_seq, unloaded.server_seq IS NULL "
      "FROM chunk LEFT JOIN unloaded ON unloaded.server_seq = chunk.server_seq "
      "WHERE chunk.rec_id = ?1 ORDER BY chunk.stream, chunk.from_seq");
  if (!select) {
    return select.error();
  }
  select->bind(1, state.rec_id.bytes);
  base::Sha256 root;  // wire::stream_root(), without all the hashes at once
  const auto close_stream = [&state, &root] {
    if (!state.streams.empty()) {
      state.streams.back().root = root.finish();
    }
  };
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      break;
    }
    const auto stream = static_cast<rowing::Stream>(select->integer(0));
    if (state.streams.empty() || state.streams.back().stream != stream) {
      close_stream();
      state.streams.emplace_back().stream = stream;
    }
    StreamState& into = state.streams.back();
    const auto from = static_cast<std::uint64_t>(select->integer(1));
    const auto to = static_cast<std::uint64_t>(select->integer(2));
    into.records += to - from;
    ++into.chunks;
    if (stream != rowing::Stream::source && select->integer(5) != 0) {
      into.loaded_records += to - from;
    }
    if (!into.have.empty() && into.have.back().to == from) {
      into.have.back().to = to;
    } else if (into.have.size() < kMaxStateRanges) {
      into.have.push_back({from, to});
    }
    root.update(digest_of(select->blob(3)));
    state.server_seq = std::max(state.server_seq, select->integer(4));
  }
  close_stream();
  return {};
}

Status Reader::read_removed(RecordingState& state) {
  auto select =
      connection_.prepare("SELECT stream, from_seq, to_seq FROM gone WHERE rec_id = ?1 AND stream IS NOT NULL");
  if (!select) {
    return select.error();
  }
  select->bind(1, state.rec_id.bytes);
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return {};
    }
    state.removed[static_cast<rowing::Stream>(select->integer(0))] +=
        static_cast<std::uint64_t>(select->integer(2) - select->integer(1));
  }
}

Status Reader::count_quarantined(RecordingState& state) {
  const auto items = sql::first_integer(
      connection_, "SELECT count(*) FROM (SELECT 1 FROM quarantine WHERE rec_id = ?1 LIMIT ?2) AS counted",
      state.rec_id.bytes, kMaxCountedQuarantined);
  if (!items) {
    return items.error();
  }
  state.quarantined = static_cast<std::uint64_t>(items->value_or(0));
  return {};
}

Result<std::vector<LoadItem>> Reader::chunks(const base::Uuid& rec_id, rowing::Stream stream) {
  auto select = connection_.prepare(std::string(kItemColumns) + std::string(kBodyColumns) +
                                    "FROM chunk JOIN recording USING (rec_id) " + std::string(kBodyJoins) +
                                    "WHERE chunk.rec_id = ?1 AND chunk.stream = ?2 ORDER BY chunk.from_seq");
  if (!select) {
    return select.error();
  }
  return items_of(select->bind(1, rec_id.bytes).bind(2, number(stream)));
}

Result<LoadBlock> Reader::block(std::int64_t block_id) {
  LoadBlock block;
  block.block_id = block_id;
  std::int64_t round = 0;
  {
    auto select = connection_.prepare("SELECT stream, token, round FROM load_block WHERE block_id = ?1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, block_id).step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return Error{ErrorCode::not_found, "load block " + std::to_string(block_id) + " is finished or was never made"};
    }
    block.stream = static_cast<rowing::Stream>(select->integer(0));
    block.token = select->text(1);
    round = select->integer(2);
  }
  auto select = connection_.prepare(std::string(kItemColumns) + std::string(kBodyColumns) +
                                    "FROM load_block JOIN unloaded ON " + std::string(kIsInBlock) +
                                    " JOIN chunk ON chunk.server_seq = unloaded.server_seq "
                                    "JOIN recording ON recording.rec_id = chunk.rec_id " +
                                    std::string(kBodyJoins) + "WHERE block_id = ?1 ORDER BY unloaded.server_seq");
  if (!select) {
    return select.error();
  }
  auto items = items_of(select->bind(1, block_id));
  if (!items) {
    return items.error();
  }
  block.items = std::move(*items);
  BlockToken token(number(block.stream), round);
  for (const LoadItem& item : block.items) {
    token.add(item.rec_id, item.from, item.to, item.sha256);
  }
  if (token.finish() != block.token) {
    return Error{ErrorCode::corrupt,
                 "load block " + std::to_string(block_id) +
                     " no longer holds the chunks it was made of; restore the ledger from a backup"};
  }
  return block;
}

Result<std::vector<Ledger::DirtySession>> Reader::dirty_sessions(std::size_t limit) {
  auto select = connection_.prepare(
      "SELECT rec_id, seq, (SELECT athlete FROM recording WHERE recording.rec_id = session_mark.rec_id) "
      "FROM session_mark WHERE dirty_since IS NOT NULL ORDER BY dirty_since LIMIT ?1");
  if (!select) {
    return select.error();
  }
  select->bind(1, std::min(limit, std::size_t{1} << 32));
  std::vector<Ledger::DirtySession> sessions;
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return sessions;
    }
    sessions.push_back(
        {uuid_of(select->blob(0)), select->integer(1), select->is_null(2) ? base::Uuid() : uuid_of(select->blob(2))});
  }
}

Result<std::vector<Event>> Reader::events(std::size_t limit) {
  auto select = connection_.prepare("SELECT id, athlete, kind, data, at_ms FROM outbox ORDER BY id LIMIT ?1");
  if (!select) {
    return select.error();
  }
  select->bind(1, std::min(limit, std::size_t{1} << 32));
  std::vector<Event> events;
  while (true) {
    const auto row = select->step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return events;
    }
    events.push_back({select->integer(0), uuid_of(select->blob(1)), std::string(select->text(2)),
                      std::string(select->text(3)), select->integer(4)});
  }
}

Result<Counts> Reader::counts() {
  auto select = connection_.prepare(
      "SELECT recordings, chunks, unloaded, quarantined, (SELECT count(*) FROM erasing) FROM state");
  if (!select) {
    return select.error();
  }
  const auto row = select->step();
  if (!row) {
    return row.error();
  }
  Counts counts;
  counts.recordings = static_cast<std::uint64_t>(select->integer(0));
  counts.chunks = static_cast<std::uint64_t>(select->integer(1));
  counts.unloaded_chunks = static_cast<std::uint64_t>(select->integer(2));
  counts.quarantined = static_cast<std::uint64_t>(select->integer(3));
  counts.rows_to_erase = static_cast<std::uint64_t>(select->integer(4));
  return counts;
}

}  // namespace boathouse::ledger
