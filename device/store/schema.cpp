#include "device/store/schema.hpp"

#include <array>

namespace boathouse::store {
namespace {

// recording.id, not rec_id, is in the other tables: small, and in the order in which this device began them, whatever
// its clock said.
//
// recording.ended: 0 = runs here, 1 = ended, 2 = another device began it and has not ended it as far as is known here:
// its records and its end come from there alone.
//
// stream: next_seq = records committed; sealed_to = of these in chunks. open_row holds [sealed_to, next_seq).
//
// item: everything that travels, so that one outbox and one kind of receipt serve births, chunks and seals.
//   kind 1 birth; 2 chunk: stream, first = from, past = to, version; 3 seal: first = revision.
//   outcome NULL = pending; 0 stored, 1 duplicate (both with server_seq: the receipt); 2 mismatch, 3 rejected (with
//   detail). Numbers of wire::Outcome. epoch: of the server that said so.
// body is apart so that looking at items does not read them.
constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE replica(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  replica_id BLOB NOT NULL,
  salt BLOB NOT NULL,
  server_epoch TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE recording(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  rec_id BLOB NOT NULL UNIQUE,
  athlete TEXT NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0,
  reason INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX recording_open ON recording(id) WHERE ended = 0;

CREATE TABLE stream(
  recording INTEGER NOT NULL REFERENCES recording(id),
  stream INTEGER NOT NULL,
  next_seq INTEGER NOT NULL,
  sealed_to INTEGER NOT NULL,
  PRIMARY KEY(recording, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE open_row(
  recording INTEGER NOT NULL REFERENCES recording(id),
  stream INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY(recording, stream, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE item(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  recording INTEGER NOT NULL REFERENCES recording(id),
  kind INTEGER NOT NULL,
  stream INTEGER NOT NULL DEFAULT 0,
  first INTEGER NOT NULL DEFAULT 0,
  past INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0,
  sha256 BLOB NOT NULL,
  bytes INTEGER NOT NULL,
  outcome INTEGER,
  server_seq INTEGER,
  epoch TEXT,
  detail TEXT,
  UNIQUE(recording, kind, stream, first)
) STRICT;
CREATE INDEX outbox ON item(recording DESC, kind, id, bytes) WHERE outcome IS NULL;
CREATE INDEX refused ON item(id) WHERE outcome >= 2;

CREATE TABLE body(
  item INTEGER PRIMARY KEY REFERENCES item(id),
  body BLOB NOT NULL
) STRICT;

CREATE TABLE import(
  source_sha256 BLOB NOT NULL,
  part INTEGER NOT NULL,
  recording INTEGER NOT NULL REFERENCES recording(id),
  PRIMARY KEY(source_sha256, part)
) STRICT, WITHOUT ROWID;
)sql";

// The way down, and room on the device.
//
// account: one row for each athlete whose key this device has synced with; cursor and purge_safe_seq belong to `epoch`.
// recording.purged: the account's owner erased it; nothing of it may come back. verified_*: the server counted the same
// as the seal of that revision, under that epoch.
// item.here = 0: the body is not on this device, it was purged or has never been fetched; wanted: it is to be fetched.
// open_row.sum: row_sum() of row_codec.hpp; NULL = written by version 1.
// tail: records of a running recording that are not finished (a stroke waits for its second half): only after a crash
// they are taken as they are.
// edit: what the item of kind 4 says, so that a field's edits are found; (ms, count) is the effective stamp.
constexpr std::string_view kVersion2 = R"sql(
CREATE TABLE account(
  athlete TEXT PRIMARY KEY,
  athlete_id BLOB NOT NULL,
  epoch TEXT NOT NULL,
  cursor INTEGER NOT NULL DEFAULT 0,
  purge_safe_seq INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

ALTER TABLE open_row ADD COLUMN sum INTEGER;

ALTER TABLE recording ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recording ADD COLUMN verified_revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recording ADD COLUMN verified_epoch TEXT NOT NULL DEFAULT '';

ALTER TABLE item ADD COLUMN here INTEGER NOT NULL DEFAULT 1;
ALTER TABLE item ADD COLUMN wanted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX wanted ON item(recording DESC, id) WHERE wanted = 1 AND here = 0;

CREATE TABLE edit(
  item INTEGER PRIMARY KEY REFERENCES item(id),
  op_id BLOB NOT NULL UNIQUE,
  recording INTEGER NOT NULL REFERENCES recording(id),
  field TEXT NOT NULL,
  ms INTEGER NOT NULL,
  count INTEGER NOT NULL,
  replica_id BLOB NOT NULL
) STRICT;
CREATE INDEX edit_field ON edit(recording, field, ms, count);
CREATE INDEX edit_stamp ON edit(ms, count);

CREATE TABLE tail(
  recording INTEGER NOT NULL REFERENCES recording(id),
  position INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  record BLOB NOT NULL,
  sum INTEGER NOT NULL,
  PRIMARY KEY(recording, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting(
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE run(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL,
  report TEXT NOT NULL
) STRICT;
)sql";

// Sessions of several recordings, and what awaits a person's choice.
//
// recording.examined: up to this seal revision its overlap with others was looked for. from_feed: made by another
// device.
// link: what counts for two recordings (low < high) after all link edits, which lie in table edit. decided: somebody
// wrote it having seen an earlier word about it, or said no.
// overlap, overlap_key: the index in which other recordings of the same workout are found (core/rowing/overlap.hpp).
// conflict: the log. kind: ConflictKind; recording and other: the two of an overlap, or the session of a text; answer:
// NULL = open, else Answer.
constexpr std::string_view kVersion3 = R"sql(
ALTER TABLE recording ADD COLUMN examined INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recording ADD COLUMN from_feed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX recording_unexamined ON recording(id) WHERE ended = 1 AND purged = 0 AND examined < revision;

CREATE TABLE link(
  low BLOB NOT NULL,
  high BLOB NOT NULL,
  linked INTEGER NOT NULL,
  decided INTEGER NOT NULL,
  ms INTEGER NOT NULL,
  count INTEGER NOT NULL,
  replica_id BLOB NOT NULL,
  op_id BLOB NOT NULL,
  PRIMARY KEY(low, high)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_high ON link(high);

CREATE TABLE overlap(
  recording INTEGER PRIMARY KEY REFERENCES recording(id),
  started_ms INTEGER,
  elapsed_cs INTEGER,
  distance_dm INTEGER,
  point_keys INTEGER NOT NULL
) STRICT;
CREATE INDEX overlap_totals ON overlap(elapsed_cs, distance_dm);

CREATE TABLE overlap_key(
  key INTEGER NOT NULL,
  recording INTEGER NOT NULL REFERENCES recording(id),
  exact INTEGER NOT NULL,
  PRIMARY KEY(key, recording)
) STRICT, WITHOUT ROWID;
CREATE INDEX overlap_key_of ON overlap_key(recording);

CREATE TABLE conflict(
  id TEXT PRIMARY KEY,
  kind INTEGER NOT NULL,
  recording INTEGER NOT NULL REFERENCES recording(id),
  other INTEGER REFERENCES recording(id),
  mine TEXT NOT NULL DEFAULT '',
  theirs TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  since_ms INTEGER NOT NULL,
  answer INTEGER,
  answered_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX conflict_open ON conflict(recording) WHERE answer IS NULL;
CREATE INDEX conflict_answered ON conflict(answered_ms) WHERE answer IS NOT NULL;
)sql";

// retired: ranges that the server's retention removed there. What is here of them stays for good: nobody else may have
// it.
constexpr std::string_view kVersion4 = R"sql(
CREATE TABLE retired(
  recording INTEGER NOT NULL REFERENCES recording(id),
  stream INTEGER NOT NULL,
  first INTEGER NOT NULL,
  past INTEGER NOT NULL,
  PRIMARY KEY(recording, stream, first)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array<db::Migration, 4> kMigrations{{{1, kVersion1}, {2, kVersion2}, {3, kVersion3}, {4, kVersion4}}};

constexpr db::Schema kSchema{"device store", 0x42686456, kMigrations};  // "BhdV"

}  // namespace

const db::Schema& schema() { return kSchema; }

}  // namespace boathouse::store
