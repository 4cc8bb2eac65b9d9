#include "device/store/store_internal.hpp"

#include <string>
#include <vector>

#include "core/base/planted.hpp"
#include "core/base/sha256.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/wire/facts.hpp"
#include "device/store/row_codec.hpp"

namespace boathouse::store {
namespace {

// recording.ended
constexpr int kRuns = 0;
constexpr int kEnded = 1;
constexpr int kElsewhere = 2;

base::Result<RecordingRow> same_birth(db::Connection& connection, RecordingRow row, const base::Digest& sha256) {
  auto select = connection.prepare("SELECT sha256 FROM item WHERE recording = ?1 AND kind = 1");
  if (!select) return select.error();
  auto there = select->bind(1, row.id).step();
  if (!there) return there.error();
  base::Digest stored{};
  if (!*there || !copy_exact(select->blob(0), stored)) return damaged("a recording without its birth");
  if (stored != sha256) {
    return base::Error{base::ErrorCode::conflict, "recording " + row.rec_id.text() + " was begun with other facts"};
  }
  return row;
}

}  // namespace

base::Result<std::int64_t> put_item(db::Connection& connection, const NewItem& item) {
  auto insert = connection.prepare(
      "INSERT INTO item(recording, kind, stream, first, past, version, sha256, bytes, here) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  if (!insert) return insert.error();
  insert->bind(1, item.recording)
      .bind(2, static_cast<int>(item.kind))
      .bind(3, item.stream)
      .bind(4, item.first)
      .bind(5, item.past)
      .bind(6, item.version)
      .bind(7, base::ByteView(item.sha256))
      .bind(8, item.away_bytes ? *item.away_bytes : item.body.size())
      .bind(9, !item.away_bytes);
  BOATHOUSE_TRY(insert->run());
  const std::int64_t id = connection.last_insert_rowid();
  if (item.away_bytes) return id;
  if (base::planted(base::Plant::two_part_queue) && item.kind == wire::ItemKind::chunk) {
    BOATHOUSE_TRY(connection.execute("UPDATE item SET outcome = 1 WHERE id = " + std::to_string(id)));
  }
  auto body = connection.prepare("INSERT INTO body(item, body) VALUES (?1, ?2)");
  if (!body) return body.error();
  BOATHOUSE_TRY(body->bind(1, id).bind(2, item.body).run());
  return id;
}

base::Result<base::Uuid> own_replica_id(db::Connection& connection) {
  auto select = connection.prepare("SELECT replica_id FROM replica");
  if (!select) return select.error();
  auto there = select->step();
  if (!there) return there.error();
  base::Uuid replica;
  if (!*there || !copy_exact(select->blob(0), replica.bytes)) return damaged("its own identity cannot be read");
  return replica;
}

base::Error damaged(std::string_view what) {
  return {base::ErrorCode::corrupt, "device store: " + std::string(what) +
                                        "; what can be read is saved by `boathouse device salvage --data FOLDER "
                                        "--output NEWFOLDER`"};
}

base::Result<rowing::Record> checked_row(std::int64_t recording, rowing::Stream stream, std::uint64_t seq,
                                         base::ByteView row, std::optional<std::int64_t> sum) {
  if (sum && *sum != row_sum(recording, stream, seq, row)) {
    return damaged("record " + std::to_string(seq) + " of " + std::string(rowing::name(stream)) +
                   " is not the one that was stored");
  }
  return decode_row(stream, row);
}

base::Result<std::optional<RecordingRow>> find_recording(db::Connection& connection, const base::Uuid& rec_id) {
  auto select =
      connection.prepare("SELECT id, athlete, ended, reason, revision, purged FROM recording WHERE rec_id = ?1");
  if (!select) return select.error();
  auto there = select->bind(1, base::ByteView(rec_id.bytes)).step();
  if (!there) return there.error();
  if (!*there) return std::optional<RecordingRow>();
  RecordingRow row;
  row.id = select->integer(0);
  row.rec_id = rec_id;
  row.athlete = select->text(1);
  row.ended = select->integer(2) == kEnded;
  row.elsewhere = select->integer(2) == kElsewhere;
  row.reason = static_cast<rowing::EndReason>(select->integer(3));
  row.revision = static_cast<std::uint32_t>(select->integer(4));
  row.purged = select->integer(5) != 0;
  return std::optional<RecordingRow>(std::move(row));
}

base::Result<RecordingRow> get_recording(db::Connection& connection, const base::Uuid& rec_id) {
  auto found = find_recording(connection, rec_id);
  if (!found) return found.error();
  if (!*found) return base::Error{base::ErrorCode::not_found, "no recording " + rec_id.text() + " on this device"};
  return std::move(**found);
}

base::Result<std::map<rowing::Stream, StreamRow>> get_streams(db::Connection& connection, std::int64_t recording) {
  auto select = connection.prepare("SELECT stream, next_seq, sealed_to FROM stream WHERE recording = ?1");
  if (!select) return select.error();
  select->bind(1, recording);
  std::map<rowing::Stream, StreamRow> streams;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return streams;
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(select->integer(0)));
    if (!stream) return damaged("an unknown stream number");
    streams[*stream] = {static_cast<std::uint64_t>(select->integer(1)), static_cast<std::uint64_t>(select->integer(2))};
  }
}

base::Status put_stream(db::Connection& connection, std::int64_t recording, rowing::Stream stream,
                        const StreamRow& row) {
  auto put = connection.prepare(
      "INSERT INTO stream(recording, stream, next_seq, sealed_to) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT(recording, stream) DO UPDATE SET next_seq = ?3, sealed_to = ?4");
  if (!put) return put.error();
  return put->bind(1, recording).bind(2, static_cast<int>(stream)).bind(3, row.next_seq).bind(4, row.sealed_to).run();
}

base::Result<RecordingRow> get_own_recording(db::Connection& connection, const base::Uuid& rec_id) {
  auto recording = get_recording(connection, rec_id);
  if (recording && recording->elsewhere) {
    return base::Error{base::ErrorCode::conflict, "recording " + rec_id.text() + " runs on another device"};
  }
  if (recording && recording->purged) {
    return base::Error{base::ErrorCode::not_found, "recording " + rec_id.text() + " was erased by its owner"};
  }
  return recording;
}

base::Result<RecordingRow> add_recording(db::Connection& connection, const base::Uuid& rec_id, std::string_view athlete,
                                         Begun begun) {
  auto insert = connection.prepare("INSERT INTO recording(rec_id, athlete, ended, from_feed) VALUES (?1, ?2, ?3, ?4)");
  if (!insert) return insert.error();
  insert->bind(1, base::ByteView(rec_id.bytes)).bind(2, athlete).bind(4, begun == Begun::elsewhere);
  BOATHOUSE_TRY(insert->bind(3, begun == Begun::here ? kRuns : kElsewhere).run());
  RecordingRow row;
  row.elsewhere = begun == Begun::elsewhere;
  row.id = connection.last_insert_rowid();
  row.rec_id = rec_id;
  row.athlete = athlete;
  return row;
}

base::Result<RecordingRow> begin_recording(db::Connection& connection, const rowing::Birth& birth,
                                           std::string_view athlete) {
  if (athlete.size() > kMaxAthleteLabel) {
    return base::Error{base::ErrorCode::too_large,
                       "athlete label of more than " + std::to_string(kMaxAthleteLabel) + " bytes"};
  }
  const std::string json = wire::encode_birth(birth);
  const base::Digest sha256 = base::sha256(base::as_bytes(json));
  auto found = find_recording(connection, birth.rec_id);
  if (!found) return found.error();
  if (*found) return same_birth(connection, std::move(**found), sha256);

  auto row = add_recording(connection, birth.rec_id, athlete, Begun::here);
  if (!row) return row.error();
  NewItem item;
  item.recording = row->id;
  item.kind = wire::ItemKind::birth;
  item.sha256 = sha256;
  item.body = base::as_bytes(json);
  auto id = put_item(connection, item);
  if (!id) return id.error();
  return row;
}

base::Status append_rows(db::Connection& connection, std::int64_t recording, std::span<const rowing::Record> records) {
  auto streams = get_streams(connection, recording);
  if (!streams) return streams.error();
  std::map<rowing::Stream, StreamRow> changed;
  auto insert =
      connection.prepare("INSERT INTO open_row(recording, stream, seq, record, sum) VALUES (?1, ?2, ?3, ?4, ?5)");
  if (!insert) return insert.error();
  for (const rowing::Record& record : records) {
    BOATHOUSE_TRY(check_record(record));
    StreamRow& row = changed.try_emplace(record.stream, (*streams)[record.stream]).first->second;
    const base::Bytes bytes = encode_row(record);
    insert->bind(1, recording)
        .bind(2, static_cast<int>(record.stream))
        .bind(3, row.next_seq)
        .bind(4, base::ByteView(bytes))
        .bind(5, row_sum(recording, record.stream, row.next_seq, bytes));
    BOATHOUSE_TRY(insert->run());
    ++row.next_seq;
  }
  for (const auto& [stream, row] : changed) {
    BOATHOUSE_TRY(put_stream(connection, recording, stream, row));
  }
  return {};
}

base::Status put_tail(db::Connection& connection, std::int64_t recording, std::span<const rowing::Record> tail) {
  auto remove = connection.prepare("DELETE FROM tail WHERE recording = ?1");
  if (!remove) return remove.error();
  BOATHOUSE_TRY(remove->bind(1, recording).run());
  auto insert =
      connection.prepare("INSERT INTO tail(recording, position, stream, record, sum) VALUES (?1, ?2, ?3, ?4, ?5)");
  if (!insert) return insert.error();
  std::int64_t position = 0;
  for (const rowing::Record& record : tail) {
    BOATHOUSE_TRY(check_record(record));
    const base::Bytes bytes = encode_row(record);
    insert->bind(1, recording).bind(2, position).bind(3, static_cast<int>(record.stream));
    insert->bind(4, base::ByteView(bytes));
    insert->bind(5, row_sum(recording, record.stream, static_cast<std::uint64_t>(position), bytes));
    BOATHOUSE_TRY(insert->run());
    ++position;
  }
  return {};
}

bool ChunkCut::take(const rowing::Record& record) {
  const std::size_t payload = record.bytes.size() + record.points.size() * 2;
  if (records_ > 0 && (full() || payload_ + payload > kChunkPayload)) return false;
  ++records_;
  payload_ += payload;
  return true;
}

namespace {

// The next chunk's records, from `seq` on. `whole`: a chunk's cut was reached.
base::Result<std::vector<rowing::Record>> next_chunk(db::Connection& connection, std::int64_t recording,
                                                     rowing::Stream stream, std::uint64_t seq, bool& whole) {
  whole = false;
  auto select = connection.prepare(
      "SELECT seq, record, sum FROM open_row WHERE recording = ?1 AND stream = ?2 AND seq >= ?3 ORDER BY seq LIMIT ?4");
  if (!select) return select.error();
  select->bind(1, recording).bind(2, static_cast<int>(stream)).bind(3, seq).bind(4, kChunkRecords);
  std::vector<rowing::Record> records;
  ChunkCut cut;
  for (;;) {
    auto there = select->step();
    if (!there) return there.error();
    if (!*there) break;
    if (static_cast<std::uint64_t>(select->integer(0)) != seq + records.size()) return damaged("open rows with a hole");
    auto record = checked_row(recording, stream, seq + records.size(), select->blob(1), select->optional_integer(2));
    if (!record) return record.error();
    if (!cut.take(*record)) {
      whole = true;
      break;
    }
    records.push_back(std::move(*record));
  }
  whole = whole || cut.full();
  return records;
}

base::Status seal_stream(db::Connection& connection, std::int64_t recording, rowing::Stream stream, StreamRow row,
                         bool all) {
  while (row.sealed_to < row.next_seq) {
    bool whole = false;
    auto records = next_chunk(connection, recording, stream, row.sealed_to, whole);
    if (!records) return records.error();
    if (records->empty()) return damaged("open rows are missing");
    if (!whole && !all) break;
    auto chunk = wire::seal_chunk(stream, row.sealed_to, *records);
    if (!chunk) return chunk.error();
    BOATHOUSE_TRY(put_chunk(connection, recording, *chunk));
    auto remove = connection.prepare("DELETE FROM open_row WHERE recording = ?1 AND stream = ?2 AND seq < ?3");
    if (!remove) return remove.error();
    row.sealed_to = chunk->to;
    BOATHOUSE_TRY(remove->bind(1, recording).bind(2, static_cast<int>(stream)).bind(3, row.sealed_to).run());
  }
  return put_stream(connection, recording, stream, row);
}

}  // namespace

base::Status seal_rows(db::Connection& connection, std::int64_t recording, bool all) {
  auto streams = get_streams(connection, recording);
  if (!streams) return streams.error();
  for (const auto& [stream, row] : *streams) {
    if (row.sealed_to < row.next_seq) BOATHOUSE_TRY(seal_stream(connection, recording, stream, row, all));
  }
  return {};
}

base::Status put_chunk(db::Connection& connection, std::int64_t recording, const wire::Chunk& chunk) {
  NewItem item;
  item.recording = recording;
  item.kind = wire::ItemKind::chunk;
  item.stream = static_cast<int>(chunk.stream);
  item.first = chunk.from;
  item.past = chunk.to;
  item.version = chunk.version;
  item.sha256 = chunk.sha256;
  item.body = chunk.body;
  auto id = put_item(connection, item);
  return id ? base::Status() : base::Status(id.error());
}

base::Status put_seal(db::Connection& connection, RecordingRow& recording, rowing::EndReason reason) {
  rowing::Seal seal;
  seal.rec_id = recording.rec_id;
  seal.revision = recording.revision + 1;
  seal.reason = reason;
  std::map<rowing::Stream, std::vector<base::Digest>> hashes;
  auto select = connection.prepare(
      "SELECT stream, past, sha256 FROM item WHERE recording = ?1 AND kind = 2 ORDER BY stream, first");
  if (!select) return select.error();
  select->bind(1, recording.id);
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(select->integer(0)));
    base::Digest sha256{};
    if (!stream || !copy_exact(select->blob(2), sha256)) return damaged("a chunk without stream or hash");
    seal.streams[*stream].count = static_cast<std::uint64_t>(select->integer(1));
    hashes[*stream].push_back(sha256);
  }
  for (auto& [stream, facts] : seal.streams) {
    facts.root = wire::stream_root(hashes[stream]);
  }
  auto survey = survey_recording(connection, recording.id);
  if (!survey) return survey.error();
  if (*survey) seal.workout = (*survey)->facts();
  const std::string json = wire::encode_seal(seal);
  NewItem item;
  item.recording = recording.id;
  item.kind = wire::ItemKind::seal;
  item.first = seal.revision;
  item.sha256 = base::sha256(base::as_bytes(json));
  item.body = base::as_bytes(json);
  auto id = put_item(connection, item);
  if (!id) return id.error();
  return set_sealed(connection, recording, reason, seal.revision);
}

base::Status set_sealed(db::Connection& connection, RecordingRow& recording, rowing::EndReason reason,
                        std::uint32_t revision) {
  auto update = connection.prepare("UPDATE recording SET ended = 1, reason = ?2, revision = ?3 WHERE id = ?1");
  if (!update) return update.error();
  BOATHOUSE_TRY(update->bind(1, recording.id).bind(2, static_cast<int>(reason)).bind(3, revision).run());
  recording.ended = true;
  recording.elsewhere = false;
  recording.reason = reason;
  recording.revision = revision;
  return {};
}

}  // namespace boathouse::store
