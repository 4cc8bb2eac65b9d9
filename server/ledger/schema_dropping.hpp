// Of the ledger's schema: what a purge leaves behind for a while, so that nobody waits for its removal (versions 15,
// 17).
#pragma once

#include <string_view>

namespace boathouse::ledger {

// dropping: recordings that are purged and whose chunks (since version 17 also seals, ranges that retention removed and
// what is in quarantine) are still there: nobody is given them, nothing waits for them, and they go some at a time
// (Writer::drop_some). So a chunk may be there longer than its recording. server_seq: of the tombstone.
inline constexpr std::string_view kDropping = R"sql(
CREATE TABLE dropping (
  rec_id BLOB PRIMARY KEY CHECK (length(rec_id) = 16),
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  server_seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";
inline constexpr std::string_view kChunksAloneSqlite = R"sql(
CREATE TABLE chunk_alone (
  rec_id BLOB NOT NULL,
  stream INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER NOT NULL CHECK (to_seq > from_seq),
  version INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  server_seq INTEGER NOT NULL,
  received_ms INTEGER NOT NULL DEFAULT 0,
  gap_before INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (rec_id, stream, from_seq)
) STRICT, WITHOUT ROWID;
INSERT INTO chunk_alone
(rec_id, stream, from_seq, to_seq, version, size, sha256, server_seq, received_ms, gap_before)
SELECT rec_id, stream, from_seq, to_seq, version, size, sha256, server_seq, received_ms, gap_before FROM chunk
ORDER BY rec_id, stream, from_seq;
DROP TABLE chunk;
ALTER TABLE chunk_alone RENAME TO chunk;
CREATE INDEX chunk_server_seq ON chunk (server_seq);
CREATE INDEX chunk_gap ON chunk (rec_id, stream, from_seq) WHERE gap_before = 1;
)sql";
inline constexpr std::string_view kChunksAlonePostgres = R"sql(
ALTER TABLE chunk DROP CONSTRAINT chunk_rec_id_fkey;
)sql";

// A seal, too, may be there longer than its recording.
inline constexpr std::string_view kSealsAloneSqlite = R"sql(
CREATE TABLE seal_alone (
  rec_id BLOB NOT NULL,
  revision INTEGER NOT NULL CHECK (revision >= 1),
  received_ms INTEGER NOT NULL,
  server_seq INTEGER NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  seal BLOB NOT NULL,
  PRIMARY KEY (rec_id, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO seal_alone (rec_id, revision, received_ms, server_seq, sha256, seal)
SELECT rec_id, revision, received_ms, server_seq, sha256, seal FROM seal ORDER BY rec_id, revision;
DROP TABLE seal;
ALTER TABLE seal_alone RENAME TO seal;
)sql";
inline constexpr std::string_view kSealsAlonePostgres = R"sql(
ALTER TABLE seal DROP CONSTRAINT seal_rec_id_fkey;
)sql";

}  // namespace boathouse::ledger
