// The reading side of the store: how things stand, the recordings, their records.
#include <string>
#include <utility>

#include "core/wire/facts.hpp"
#include "device/store/row_codec.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

base::Status count_streams(db::Connection& connection, std::int64_t recording, RecordingInfo& info) {
  auto streams = get_streams(connection, recording);
  if (!streams) return streams.error();
  for (const auto& [stream, row] : *streams) {
    StreamCounts& counts = info.streams[stream];
    counts.records = row.next_seq;
    counts.sealed = row.sealed_to;
  }
  auto select = connection.prepare(
      "SELECT stream, count(*), sum(CASE WHEN outcome < 2 THEN past - first ELSE 0 END) FROM item "
      "WHERE recording = ?1 AND kind = 2 GROUP BY stream");
  if (!select) return select.error();
  select->bind(1, recording);
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return {};
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(select->integer(0)));
    if (!stream) return damaged("an unknown stream number");
    info.streams[*stream].chunks = static_cast<std::uint64_t>(select->integer(1));
    info.streams[*stream].acknowledged = static_cast<std::uint64_t>(select->integer(2));
  }
}

base::Status count_items(db::Connection& connection, std::int64_t recording, RecordingInfo& info) {
  auto select = connection.prepare(
      "SELECT count(i.id), count(i.id) FILTER (WHERE i.outcome IS NULL OR i.epoch <> s.server_epoch), "
      "count(i.id) FILTER (WHERE i.outcome >= 2), count(i.id) FILTER (WHERE i.here = 0 AND NOT " +
      std::string(kRetired) +
      "), "
      "r.ended = 1 AND r.verified_revision = r.revision AND r.verified_epoch = s.server_epoch, "
      "coalesce(sum(i.bytes) FILTER (WHERE i.outcome IS NULL OR i.epoch <> s.server_epoch), 0), "
      "(SELECT coalesce(sum(past - first), 0) FROM retired WHERE recording = ?1) "
      "FROM recording AS r CROSS JOIN replica AS s LEFT JOIN item AS i ON i.recording = r.id WHERE r.id = ?1");
  if (!select) return select.error();
  auto row = select->bind(1, recording).step();
  if (!row) return row.error();
  info.items = static_cast<std::uint64_t>(select->integer(0));
  info.pending_items = static_cast<std::uint64_t>(select->integer(1));
  info.refused_items = static_cast<std::uint64_t>(select->integer(2));
  info.away_items = static_cast<std::uint64_t>(select->integer(3));
  info.verified = select->integer(4) != 0;
  info.pending_bytes = static_cast<std::uint64_t>(select->integer(5));
  info.retired_records = static_cast<std::uint64_t>(select->integer(6));
  return {};
}

base::Status read_chunks(db::Connection& connection, std::int64_t recording, rowing::Stream stream, std::uint64_t from,
                         std::uint64_t until, const TakeRecord& take) {
  auto select = connection.prepare(
      "SELECT i.first, i.sha256, b.body FROM item AS i JOIN body AS b ON b.item = i.id "
      "WHERE i.recording = ?1 AND i.kind = 2 AND i.stream = ?2 AND i.past > ?3 AND i.first < ?4 ORDER BY i.first");
  if (!select) return select.error();
  select->bind(1, recording).bind(2, static_cast<int>(stream)).bind(3, from).bind(4, until);
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return {};
    base::Digest sha256{};
    if (!copy_exact(select->blob(1), sha256)) return damaged("a chunk without a hash");
    auto chunk = wire::open_chunk(select->blob(2), sha256);
    if (!chunk) return chunk.error();
    auto seq = static_cast<std::uint64_t>(select->integer(0));
    for (rowing::Record& record : wire::records_of(*chunk)) {
      if (seq >= from && seq < until) take(seq, std::move(record));
      ++seq;
    }
  }
}

base::Status read_rows(db::Connection& connection, std::int64_t recording, rowing::Stream stream, std::uint64_t from,
                       std::uint64_t until, const TakeRecord& take) {
  auto select = connection.prepare(
      "SELECT record, seq, sum FROM open_row WHERE recording = ?1 AND stream = ?2 AND seq >= ?3 AND seq < ?4 ORDER BY "
      "seq");
  if (!select) return select.error();
  select->bind(1, recording).bind(2, static_cast<int>(stream)).bind(3, from).bind(4, until);
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return {};
    const auto seq = static_cast<std::uint64_t>(select->integer(1));
    auto record = checked_row(recording, stream, seq, select->blob(0), select->optional_integer(2));
    if (!record) return record.error();
    take(seq, std::move(*record));
  }
}

}  // namespace

base::Result<RecordingInfo> read_recording(db::Connection& connection, const base::Uuid& rec_id) {
  auto recording = get_recording(connection, rec_id);
  if (!recording) return recording.error();
  if (recording->purged) {
    return base::Error{base::ErrorCode::not_found, "recording " + rec_id.text() + " was erased by its owner"};
  }
  RecordingInfo info;
  info.athlete = recording->athlete;
  info.ended = recording->ended;
  info.reason = recording->reason;
  info.revision = recording->revision;
  {
    auto select = connection.prepare(
        "SELECT b.body FROM item AS i JOIN body AS b ON b.item = i.id WHERE i.recording = ?1 AND i.kind = 1");
    if (!select) return select.error();
    auto there = select->bind(1, recording->id).step();
    if (!there) return there.error();
    if (!*there) return damaged("recording " + rec_id.text() + " has no birth");
    auto birth = wire::decode_birth(base::as_text(select->blob(0)));
    if (!birth) return damaged("the birth of recording " + rec_id.text() + ": " + birth.error().text);
    info.birth = std::move(*birth);
  }
  BOATHOUSE_TRY(count_streams(connection, recording->id, info));
  BOATHOUSE_TRY(count_items(connection, recording->id, info));
  return info;
}

base::Status read_records(db::Connection& connection, std::int64_t recording, rowing::Stream stream, std::uint64_t from,
                          std::uint64_t until, const TakeRecord& take) {
  BOATHOUSE_TRY(read_chunks(connection, recording, stream, from, until, take));
  return read_rows(connection, recording, stream, from, until, take);
}

std::int64_t made_ms(base::ByteView uuid) {
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 6 && i < uuid.size(); ++i) ms = ms << 8 | uuid[i];
  return ms;
}

base::Result<std::vector<RecordingInfo>> list_recordings(db::Connection& connection, const RecordingQuery& query) {
  std::vector<base::Uuid> ids;
  {
    // Without a birth and records it is only an edit's session, whose birth is yet to come.
    auto select = connection.prepare(
        "SELECT rec_id FROM recording AS r WHERE purged = 0 AND (EXISTS(SELECT 1 FROM item AS i WHERE i.recording = "
        "r.id "
        "AND i.kind = 1) OR EXISTS(SELECT 1 FROM stream AS t WHERE t.recording = r.id)) "
        "AND (?2 = 0 OR r.id IN (SELECT recording FROM item WHERE outcome IS NULL UNION SELECT recording FROM item "
        "WHERE "
        "outcome >= 2)) ORDER BY rec_id DESC LIMIT ?1");
    if (!select) return select.error();
    select->bind(1, query.limit).bind(2, query.unsent_only);
    for (;;) {
      auto row = select->step();
      if (!row) return row.error();
      if (!*row) break;
      if (!copy_exact(select->blob(0), ids.emplace_back().bytes)) return damaged("a recording without an id");
    }
  }
  std::vector<RecordingInfo> infos;
  infos.reserve(ids.size());
  for (const base::Uuid& rec_id : ids) {
    auto info = read_recording(connection, rec_id);
    if (!info && info.error().code != base::ErrorCode::corrupt) return info.error();
    if (!info) {
      // One that is damaged must not hide the others.
      RecordingInfo& damaged_one = infos.emplace_back();
      damaged_one.birth.rec_id = rec_id;
      damaged_one.problem = info.error().text;
      continue;
    }
    infos.push_back(std::move(*info));
  }
  return infos;
}

base::Result<StoreStatus> Store::status() {
  const std::lock_guard guard(impl_->mutex);
  auto select = impl_->connection.prepare(
      "SELECT (SELECT count(*) FROM recording), (SELECT count(*) FROM recording WHERE ended = 0), "
      "(SELECT coalesce(sum(next_seq), 0) FROM stream), (SELECT coalesce(sum(next_seq - sealed_to), 0) FROM stream), "
      "(SELECT count(*) FROM item), (SELECT count(*) FROM item WHERE outcome IS NULL), "
      "(SELECT coalesce(sum(bytes), 0) FROM item WHERE outcome IS NULL), (SELECT count(*) FROM item WHERE outcome >= "
      "2), "
      "(SELECT server_epoch FROM replica), "
      "(SELECT count(DISTINCT recording) FROM item WHERE outcome IS NULL), "
      "(SELECT min(r.rec_id) FROM recording AS r WHERE EXISTS(SELECT 1 FROM item AS i INDEXED BY outbox WHERE "
      "i.recording = r.id AND i.outcome IS NULL)), "
      "(SELECT count(*) FROM item WHERE here = 0 AND epoch <> (SELECT server_epoch FROM replica)), "
      "(SELECT count(*) FROM item WHERE outcome IS NULL AND kind = 2), "
      "(SELECT count(*) FROM conflict WHERE answer IS NULL)");
  if (!select) return select.error();
  auto row = select->step();
  if (!row) return row.error();
  const auto number = [&](int column) { return static_cast<std::uint64_t>(select->integer(column)); };
  StoreStatus status;
  status.recordings = number(0);
  status.open_recordings = number(1);
  status.records = number(2);
  status.open_rows = number(3);
  status.items = number(4);
  status.pending_items = number(5);
  status.pending_bytes = number(6);
  status.refused_items = number(7);
  status.server_epoch = select->text(8);
  status.pending_recordings = number(9);
  status.oldest_pending_ms = made_ms(select->blob(10));
  status.unconfirmed_items = number(11);
  status.pending_chunks = number(12);
  status.open_conflicts = number(13);
  return status;
}

base::Result<std::vector<RecordingInfo>> Store::recordings(const RecordingQuery& query) {
  const std::lock_guard guard(impl_->mutex);
  return list_recordings(impl_->connection, query);
}

base::Result<RecordingInfo> Store::recording(const base::Uuid& rec_id) {
  const std::lock_guard guard(impl_->mutex);
  return read_recording(impl_->connection, rec_id);
}

base::Result<std::vector<rowing::Record>> Store::records(const base::Uuid& rec_id, rowing::Stream stream,
                                                         std::uint64_t from, std::uint64_t limit) {
  const std::lock_guard guard(impl_->mutex);
  auto recording = get_recording(impl_->connection, rec_id);
  if (!recording) return recording.error();
  // SQLite's integers are signed; no stream is that long.
  constexpr std::uint64_t kEnd = std::uint64_t{1} << 62;
  from = std::min(from, kEnd);
  const std::uint64_t until = limit < kEnd - from ? from + limit : kEnd;
  std::vector<rowing::Record> out;
  BOATHOUSE_TRY(read_records(impl_->connection, recording->id, stream, from, until,
                             [&out](std::uint64_t, rowing::Record record) { out.push_back(std::move(record)); }));
  return out;
}

base::Result<std::vector<base::Uuid>> Store::imported(const base::Digest& source_sha256) {
  const std::lock_guard guard(impl_->mutex);
  auto select = impl_->connection.prepare(
      "SELECT r.rec_id FROM import AS i JOIN recording AS r ON r.id = i.recording WHERE i.source_sha256 = ?1 ORDER BY "
      "i.part");
  if (!select) return select.error();
  select->bind(1, base::ByteView(source_sha256));
  std::vector<base::Uuid> ids;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return ids;
    if (!copy_exact(select->blob(0), ids.emplace_back().bytes)) return damaged("a recording without an id");
  }
}

}  // namespace boathouse::store
