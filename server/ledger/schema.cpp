#include "server/ledger/schema.hpp"

#include <array>

namespace boathouse::ledger {
namespace {

// chunk, the directory, lies in the order of a recording's streams, so that ranges and hashes are read without passing
// a body; chunk_body grows at its end. Neither is ever changed: what waits for ClickHouse is in `unloaded` alone, a
// table as long as the backlog. session_mark has one row a recording: the last change that its session row must show,
// and since when it waits to be written (NULL: it is).
constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch TEXT NOT NULL,
  last_seq INTEGER NOT NULL,
  recordings INTEGER NOT NULL,
  chunks INTEGER NOT NULL,
  unloaded INTEGER NOT NULL,
  quarantined INTEGER NOT NULL,
  checks INTEGER NOT NULL
) STRICT;

CREATE TABLE recording (
  rec_id BLOB PRIMARY KEY CHECK (length(rec_id) = 16),
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  replica BLOB NOT NULL,
  started_ms INTEGER NOT NULL,
  received_ms INTEGER NOT NULL,
  server_seq INTEGER NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  birth BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX recording_athlete ON recording (athlete, rec_id);

CREATE TABLE chunk (
  rec_id BLOB NOT NULL REFERENCES recording (rec_id),
  stream INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER NOT NULL CHECK (to_seq > from_seq),
  version INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  server_seq INTEGER NOT NULL,
  PRIMARY KEY (rec_id, stream, from_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE chunk_body (
  server_seq INTEGER PRIMARY KEY,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE seal (
  rec_id BLOB NOT NULL REFERENCES recording (rec_id),
  revision INTEGER NOT NULL CHECK (revision >= 1),
  received_ms INTEGER NOT NULL,
  server_seq INTEGER NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  seal BLOB NOT NULL,
  PRIMARY KEY (rec_id, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  rec_id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER NOT NULL,
  version INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  stored_sha256 BLOB NOT NULL,
  athlete BLOB NOT NULL,
  replica BLOB NOT NULL,
  received_ms INTEGER NOT NULL,
  reason TEXT NOT NULL,
  body BLOB NOT NULL,
  UNIQUE (rec_id, kind, stream, from_seq, to_seq, revision, sha256)
) STRICT;

CREATE TABLE unloaded (
  server_seq INTEGER PRIMARY KEY,
  rec_id BLOB NOT NULL,
  stream INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  records INTEGER NOT NULL,
  size INTEGER NOT NULL,
  block_id INTEGER REFERENCES load_block (block_id)
) STRICT;
CREATE INDEX unloaded_waiting ON unloaded (stream, server_seq) WHERE block_id IS NULL;
CREATE INDEX unloaded_block ON unloaded (block_id) WHERE block_id IS NOT NULL;

CREATE TABLE load_block (
  block_id INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  token TEXT NOT NULL
) STRICT;

CREATE TABLE session_mark (
  rec_id BLOB PRIMARY KEY,
  seq INTEGER NOT NULL,
  dirty_since INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX session_mark_dirty ON session_mark (dirty_since) WHERE dirty_since IS NOT NULL;
)sql";

constexpr std::array kMigrations{db::Migration{1, kVersion1}};

}  // namespace

const db::Schema kSchema{"ledger", 0x42684c64, kMigrations};  // "BhLd"

}  // namespace boathouse::ledger
