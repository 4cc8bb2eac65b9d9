#include "device/store/schema.hpp"

#include <array>

namespace boathouse::store {
namespace {

// recording.id, not rec_id, is in the other tables: small, and in the order in which this device began them, whatever
// its clock said.
//
// stream: next_seq = records committed; sealed_to = of these in chunks. open_row holds [sealed_to, next_seq).
//
// item: everything that travels, so that one outbox and one kind of receipt serve births, chunks and seals.
//   kind 1 birth; 2 chunk: stream, first = from, past = to, version; 3 seal: first = revision.
//   outcome NULL = pending; 0 stored, 1 duplicate (both with server_seq: the receipt); 2 mismatch, 3 rejected (with
//   detail). Numbers of wire::Outcome. epoch: of the server that said so.
// body is apart so that looking at items does not read them.
constexpr std::array<db::Migration, 1> kMigrations{{{1, R"sql(
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
)sql"}}};

constexpr db::Schema kSchema{"device store", 0x42686456, kMigrations};  // "BhdV"

}  // namespace

const db::Schema& schema() { return kSchema; }

}  // namespace boathouse::store
