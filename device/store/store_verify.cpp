// Proves a recording: everything that was stored is read again and compared with what the tables and the newest seal
// say.
#include <string>
#include <utility>

#include "core/wire/facts.hpp"
#include "device/store/row_codec.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

std::string place(rowing::Stream stream, std::uint64_t from, std::uint64_t to) {
  return std::string(rowing::name(stream)) + " [" + std::to_string(from) + ", " + std::to_string(to) + ")";
}

// Columns: stream, first, past, version, sha256, body, outcome, here.
void check_chunk(const db::Statement& row, VerifyReport& report,
                 std::map<rowing::Stream, std::vector<base::Digest>>& hashes) {
  const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(row.integer(0)));
  if (!stream) {
    report.problems.push_back("a chunk of the unknown stream " + std::to_string(row.integer(0)));
    return;
  }
  StreamCheck& check = report.streams[*stream];
  const auto from = static_cast<std::uint64_t>(row.integer(1));
  const auto to = static_cast<std::uint64_t>(row.integer(2));
  const std::string where = place(*stream, from, to);
  ++check.chunks;
  if (from != check.records) {
    report.problems.push_back(where + ": the chunks before it end at " + std::to_string(check.records));
  }
  base::Digest stored{};
  if (!copy_exact(row.blob(4), stored)) {
    report.problems.push_back(where + ": its hash is missing");
    return;
  }
  hashes[*stream].push_back(stored);
  if (row.integer(7) == 0) {
    check.records += to - from;
    check.away += to - from;
    if (!row.is_null(6) && row.integer(6) < 2) check.acknowledged += to - from;
    return;
  }
  auto chunk = wire::open_chunk(row.blob(5), stored);
  if (!chunk) {
    report.problems.push_back(where + ": " + chunk.error().text);
    return;
  }
  if (chunk->stream != *stream || chunk->from != from || from + chunk->columns.rows != to ||
      chunk->version != static_cast<std::uint32_t>(row.integer(3))) {
    report.problems.push_back(where + ": the chunk holds " +
                              place(chunk->stream, chunk->from, chunk->from + chunk->columns.rows));
    return;
  }
  check.records += chunk->columns.rows;
  if (!row.is_null(6) && row.integer(6) < 2) check.acknowledged += chunk->columns.rows;
}

base::Status check_chunks(db::Connection& connection, std::int64_t recording, VerifyReport& report) {
  auto select = connection.prepare(
      "SELECT i.stream, i.first, i.past, i.version, i.sha256, b.body, i.outcome, i.here FROM item AS i LEFT JOIN body "
      "AS b ON "
      "b.item = i.id "
      "WHERE i.recording = ?1 AND i.kind = 2 ORDER BY i.stream, i.first");
  if (!select) return select.error();
  select->bind(1, recording);
  std::map<rowing::Stream, std::vector<base::Digest>> hashes;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    check_chunk(*select, report, hashes);
  }
  for (const auto& [stream, list] : hashes) {
    report.streams[stream].root = wire::stream_root(list);
  }
  return {};
}

base::Status check_rows(db::Connection& connection, std::int64_t recording, VerifyReport& report) {
  auto select =
      connection.prepare("SELECT stream, seq, record, sum FROM open_row WHERE recording = ?1 ORDER BY stream, seq");
  if (!select) return select.error();
  select->bind(1, recording);
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return {};
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(select->integer(0)));
    if (!stream) {
      report.problems.push_back("a row of the unknown stream " + std::to_string(select->integer(0)));
      continue;
    }
    StreamCheck& check = report.streams[*stream];
    const auto seq = static_cast<std::uint64_t>(select->integer(1));
    if (seq != check.records) {
      report.problems.push_back(place(*stream, check.records, seq) + ": rows are missing");
    }
    if (auto record = checked_row(recording, *stream, seq, select->blob(2), select->optional_integer(3)); !record) {
      report.problems.push_back(place(*stream, seq, seq + 1) + ": " + record.error().text);
    }
    check.records = seq + 1;
  }
}

// The facts as JSON: what was hashed must still have that hash.
base::Result<std::string> read_facts(db::Connection& connection, std::int64_t recording, wire::ItemKind kind,
                                     std::uint32_t first, VerifyReport& report) {
  auto select = connection.prepare(
      "SELECT b.body, i.sha256 FROM item AS i JOIN body AS b ON b.item = i.id WHERE i.recording = ?1 AND i.kind = ?2 "
      "AND i.first = ?3");
  if (!select) return select.error();
  auto there = select->bind(1, recording).bind(2, static_cast<int>(kind)).bind(3, first).step();
  if (!there) return there.error();
  base::Digest stored{};
  if (!*there || !copy_exact(select->blob(1), stored)) {
    report.problems.push_back("the " + std::string(wire::name(kind)) + " is missing");
    return std::string();
  }
  std::string json(base::as_text(select->blob(0)));
  if (base::sha256(base::as_bytes(json)) != stored) {
    report.problems.push_back("the " + std::string(wire::name(kind)) + " does not have its hash");
  }
  return json;
}

base::Status check_birth(db::Connection& connection, const RecordingRow& recording, VerifyReport& report) {
  auto json = read_facts(connection, recording.id, wire::ItemKind::birth, 0, report);
  if (!json) return json.error();
  if (auto birth = wire::decode_birth(*json); !birth) {
    report.problems.push_back("birth: " + birth.error().text);
  } else if (birth->rec_id != recording.rec_id) {
    report.problems.push_back("the birth is that of recording " + birth->rec_id.text());
  }
  return {};
}

base::Status check_seal(db::Connection& connection, const RecordingRow& recording, VerifyReport& report) {
  if (recording.revision == 0) {
    if (recording.ended) report.problems.push_back("ended, but without a seal");
    return {};
  }
  auto json = read_facts(connection, recording.id, wire::ItemKind::seal, recording.revision, report);
  if (!json) return json.error();
  auto seal = wire::decode_seal(*json);
  if (!seal) {
    report.problems.push_back("seal " + std::to_string(recording.revision) + ": " + seal.error().text);
    return {};
  }
  for (const auto& [stream, sealed] : seal->streams) {
    report.streams[stream].sealed = sealed;
  }
  for (const auto& [stream, check] : report.streams) {
    const std::string name(rowing::name(stream));
    if (!check.sealed) {
      report.problems.push_back(name + ": " + std::to_string(check.records) + " records that the seal does not count");
    } else if (check.sealed->count != check.records) {
      report.problems.push_back(name + ": " + std::to_string(check.records) + " records, sealed were " +
                                std::to_string(check.sealed->count));
    } else if (check.sealed->root != check.root) {
      report.problems.push_back(name + ": the chunks are not the sealed ones (root differs)");
    }
  }
  return {};
}

base::Status check_counters(db::Connection& connection, std::int64_t recording, VerifyReport& report) {
  auto streams = get_streams(connection, recording);
  if (!streams) return streams.error();
  for (const auto& [stream, row] : *streams) {
    const std::uint64_t found = report.streams[stream].records;
    if (found != row.next_seq) {
      report.problems.push_back(std::string(rowing::name(stream)) + ": " + std::to_string(found) +
                                " records, committed were " + std::to_string(row.next_seq));
    }
  }
  return {};
}

}  // namespace

base::Result<VerifyReport> Store::verify(const base::Uuid& rec_id) {
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  auto recording = get_recording(connection, rec_id);
  if (!recording) return recording.error();
  VerifyReport report;
  report.rec_id = rec_id;
  report.revision = recording->revision;
  BOATHOUSE_TRY(check_birth(connection, *recording, report));
  BOATHOUSE_TRY(check_chunks(connection, recording->id, report));
  BOATHOUSE_TRY(check_rows(connection, recording->id, report));
  BOATHOUSE_TRY(check_counters(connection, recording->id, report));
  BOATHOUSE_TRY(check_seal(connection, *recording, report));
  return report;
}

}  // namespace boathouse::store
