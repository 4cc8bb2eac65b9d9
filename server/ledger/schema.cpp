#include "server/ledger/schema.hpp"

#include <array>

#include "server/ledger/schema_dropping.hpp"

namespace boathouse::ledger {
namespace {

// chunk, the directory, lies in the order of a recording's streams, so that ranges and hashes are read without passing
// a body; chunk_body grows at its end, and what has left for a segment is no more in it. What waits for ClickHouse is
// in `unloaded` alone, a table as long as the backlog. session_mark has one row a recording: the last change that its
// session row must show, and since when it waits to be written (NULL: it is).
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

CREATE TABLE load_block (
  block_id INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  token TEXT NOT NULL
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

CREATE TABLE session_mark (
  rec_id BLOB PRIMARY KEY,
  seq INTEGER NOT NULL,
  dirty_since INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX session_mark_dirty ON session_mark (dirty_since) WHERE dirty_since IS NOT NULL;
)sql";

// feed: what was committed to an athlete's data, in order, for the devices' cursor: one row for each birth, chunk,
// seal, edit and tombstone, naming the row that has the content, so that a page costs what it shows. kind: rows.hpp.
//
// edit: server_seq comes first because edits are read in that order; op_id is the identity. effective_*: the stamp that
// counts where the server did not take the maker's. `field` is there to find a session's edits of one field.
//
// gone: what a purge (stream NULL: the whole recording) or retention (a range) removed. started_ms stays because it is
// part of the key of the recording's rows in ClickHouse; NULL: there never was a birth.
//
// replica: one row for each store that said hello; id counts them in order of their first, so that of two with the same
// replica_id the copy is the later one whatever the clocks say.
constexpr std::string_view kVersion2 = R"sql(
CREATE TABLE feed (
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  server_seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  rec_id BLOB NOT NULL CHECK (length(rec_id) = 16),
  stream INTEGER,
  from_seq INTEGER,
  revision INTEGER,
  PRIMARY KEY (athlete, server_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE edit (
  server_seq INTEGER PRIMARY KEY,
  op_id BLOB NOT NULL UNIQUE CHECK (length(op_id) = 16),
  session BLOB NOT NULL CHECK (length(session) = 16),
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  replica BLOB NOT NULL CHECK (length(replica) = 16),
  op_seq INTEGER NOT NULL,
  field TEXT NOT NULL,
  received_ms INTEGER NOT NULL,
  effective_ms INTEGER,
  effective_count INTEGER,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  json BLOB NOT NULL
) STRICT;
CREATE INDEX edit_session ON edit (session, athlete, field);

CREATE TABLE gone (
  server_seq INTEGER PRIMARY KEY,
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  rec_id BLOB NOT NULL CHECK (length(rec_id) = 16),
  started_ms INTEGER,
  stream INTEGER,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER NOT NULL CHECK (to_seq >= from_seq),
  removed_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX gone_recording ON gone (rec_id, stream, from_seq);
CREATE UNIQUE INDEX gone_whole ON gone (rec_id) WHERE stream IS NULL;

CREATE TABLE replica (
  id INTEGER PRIMARY KEY,
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  replica_id BLOB NOT NULL CHECK (length(replica_id) = 16),
  salt BLOB NOT NULL CHECK (length(salt) = 8),
  hello_ms INTEGER NOT NULL,
  recordings INTEGER NOT NULL,
  items INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  oldest_age_s INTEGER NOT NULL,
  UNIQUE (athlete, replica_id, salt)
) STRICT;
)sql";

// outbox: what others are to be told of (events.hpp), until it was handed on; ids are never used twice. completed: the
// seal's revision that was told of. replica_news: what was told of a store last.
constexpr std::string_view kOutbox = R"sql(
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  kind TEXT NOT NULL,
  data TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE completed (
  rec_id BLOB PRIMARY KEY CHECK (length(rec_id) = 16),
  revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replica_news (
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  replica_id BLOB NOT NULL CHECK (length(replica_id) = 16),
  owes INTEGER NOT NULL,
  stuck INTEGER NOT NULL,
  PRIMARY KEY (athlete, replica_id)
) STRICT, WITHOUT ROWID;
)sql";

// What a ledger of version 1 has stored; none was on PostgreSQL.
constexpr std::string_view kFeedOfVersion1 = R"sql(
INSERT INTO feed (athlete, server_seq, kind, rec_id, stream, from_seq, revision)
SELECT athlete, server_seq, 1, rec_id, NULL, NULL, NULL FROM recording
UNION ALL
SELECT athlete, chunk.server_seq, 2, rec_id, stream, from_seq, NULL FROM chunk JOIN recording USING (rec_id)
UNION ALL
SELECT athlete, seal.server_seq, 3, rec_id, NULL, NULL, revision FROM seal JOIN recording USING (rec_id)
ORDER BY 1, 2;
)sql";

// audit: audit.hpp. Its end is kept in `state`, so that a record costs one INSERT; audit_hash NULL: there is none yet.
constexpr std::string_view kAudit = R"sql(
CREATE TABLE audit (
  n INTEGER PRIMARY KEY CHECK (n >= 1),
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key_id BLOB CHECK (length(key_id) = 16),
  athlete BLOB CHECK (length(athlete) = 16),
  replica BLOB CHECK (length(replica) = 16),
  what TEXT NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_athlete ON audit (athlete, n) WHERE athlete IS NOT NULL;
CREATE INDEX audit_kind ON audit (kind, n);

ALTER TABLE state ADD COLUMN audit_n INTEGER NOT NULL DEFAULT 0;
ALTER TABLE state ADD COLUMN audit_hash BLOB;
)sql";

// Against mistakes, ours and the operator's; whoever means to change a record can drop them, and the hashes tell.
constexpr std::string_view kAuditGuardsSqlite = R"sql(
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit is append-only'); END;
)sql";
constexpr std::string_view kAuditGuardsPostgres = R"sql(
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
)sql";

// A link is found from both its ends: from the one that its edit names, too.
constexpr std::string_view kLinkIndex = R"sql(
CREATE INDEX edit_link ON edit (athlete, field) WHERE substr(field, 1, 5) = 'link:';
)sql";

// backup_mark: how far a verified backup reaches (backup_mark.hpp).
constexpr std::string_view kBackupMark = R"sql(
CREATE TABLE backup_mark (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  name TEXT NOT NULL,
  up_to_seq INTEGER NOT NULL,
  made_ms INTEGER NOT NULL
) STRICT;
)sql";

// segment, chunk_place: bodies.hpp. An id is never used twice. The place of a body in a segment, and the hash of its
// bytes there; a chunk has a row here or in chunk_body. lost_body: bodies that could not be read. unloaded.round: 0, or
// a number that no load block had before, of what must be loaded once more; since_ms 0: nobody knows. The indexes lead
// from a body to its chunk, and to the recordings that have changed since.
constexpr std::string_view kSegments = R"sql(
CREATE INDEX chunk_server_seq ON chunk (server_seq);

CREATE TABLE segment (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  state INTEGER NOT NULL,
  bodies INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  since_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE chunk_place (
  server_seq INTEGER PRIMARY KEY,
  segment_id INTEGER NOT NULL REFERENCES segment (id),
  position INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32)
) STRICT;
CREATE INDEX chunk_place_segment ON chunk_place (segment_id);

CREATE TABLE lost_body (
  server_seq INTEGER PRIMARY KEY,
  found_ms INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT;

ALTER TABLE unloaded ADD COLUMN round INTEGER NOT NULL DEFAULT 0;
ALTER TABLE unloaded ADD COLUMN since_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX session_mark_seq ON session_mark (seq, rec_id);

CREATE VIEW stored_body AS
SELECT server_seq, body, NULL AS name, NULL AS position, NULL AS size, NULL AS sha256 FROM chunk_body
UNION ALL
SELECT server_seq, NULL, name, position, size, sha256 FROM chunk_place JOIN segment ON segment.id = segment_id;
)sql";

// erasing: what is gone from here and may still have rows in ClickHouse; in the transaction of the removal, until
// somebody has seen that there are none. rec_id NULL: all that there is of the athlete; stream NULL: of the recording.
//
// gone.why: '' = its athlete, else the plan of retention that removed it.
//
// kept_figures: what a session came to before retention took the records that it was reckoned from, under each
// of its recordings; the read side's own form.
//
// retention_rule: scope is `all`, `team:UUID` or `athlete:UUID`; years NULL: for ever. legal_hold: `all` or
// `athlete:UUID`. retiring: what of an applied plan is still to be removed.
//
// erasure: athletes whose data is hidden and will be removed at due_ms; erasing_ms: since then there is no way back;
// erased_ms: since then nothing is left.
constexpr std::string_view kRetention = R"sql(
CREATE TABLE erasing (
  server_seq INTEGER PRIMARY KEY,
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  rec_id BLOB CHECK (length(rec_id) = 16),
  started_ms INTEGER,
  stream INTEGER,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER NOT NULL
) STRICT;
INSERT INTO erasing (server_seq, athlete, rec_id, started_ms, from_seq, to_seq)
SELECT server_seq, athlete, rec_id, started_ms, 0, 9007199254740992 FROM gone
WHERE stream IS NULL AND started_ms IS NOT NULL;
INSERT INTO erasing (server_seq, athlete, rec_id, started_ms, stream, from_seq, to_seq)
SELECT gone.server_seq, gone.athlete, rec_id, recording.started_ms, stream, from_seq, to_seq
FROM gone JOIN recording USING (rec_id) WHERE stream IS NOT NULL AND stream <> 7;

ALTER TABLE gone ADD COLUMN why TEXT NOT NULL DEFAULT '';

CREATE TABLE kept_figures (
  rec_id BLOB PRIMARY KEY CHECK (length(rec_id) = 16),
  figures BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE retention_rule (
  scope TEXT NOT NULL,
  stream INTEGER NOT NULL,
  years INTEGER,
  set_ms INTEGER NOT NULL,
  PRIMARY KEY (scope, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE legal_hold (
  scope TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  set_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE retiring (
  rec_id BLOB NOT NULL CHECK (length(rec_id) = 16),
  stream INTEGER NOT NULL,
  to_seq INTEGER NOT NULL,
  plan TEXT NOT NULL,
  key_id BLOB CHECK (length(key_id) = 16),
  PRIMARY KEY (rec_id, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE erasure (
  athlete BLOB PRIMARY KEY CHECK (length(athlete) = 16),
  key_id BLOB CHECK (length(key_id) = 16),
  asked_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  erasing_ms INTEGER,
  erased_ms INTEGER
) STRICT, WITHOUT ROWID;
)sql";

// load_block: the chunks of its stream and round that wait in `unloaded` from first_seq to last_seq; no two of them
// overlap. A block that is made is one row so, not one for each chunk, for acknowledgements wait meanwhile. Blocks of
// before whose chunks do not lie together are dissolved: they had chunks back from a block that was.
constexpr std::string_view kBlockRanges = R"sql(
DELETE FROM load_block WHERE NOT EXISTS (SELECT 1 FROM unloaded WHERE unloaded.block_id = load_block.block_id);
ALTER TABLE load_block ADD COLUMN round INTEGER NOT NULL DEFAULT 0;
ALTER TABLE load_block ADD COLUMN first_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE load_block ADD COLUMN last_seq INTEGER NOT NULL DEFAULT 0;
UPDATE load_block SET
  round = (SELECT max(unloaded.round) FROM unloaded WHERE unloaded.block_id = load_block.block_id),
  first_seq = (SELECT min(server_seq) FROM unloaded WHERE unloaded.block_id = load_block.block_id),
  last_seq = (SELECT max(server_seq) FROM unloaded WHERE unloaded.block_id = load_block.block_id);
UPDATE load_block SET last_seq = 0 WHERE EXISTS (
  SELECT 1 FROM unloaded WHERE unloaded.stream = load_block.stream AND unloaded.round = load_block.round
  AND server_seq BETWEEN first_seq AND last_seq AND coalesce(unloaded.block_id, 0) <> load_block.block_id);

CREATE TABLE unloaded_in_ranges (
  server_seq INTEGER PRIMARY KEY,
  rec_id BLOB NOT NULL,
  stream INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  records INTEGER NOT NULL,
  size INTEGER NOT NULL,
  round INTEGER NOT NULL DEFAULT 0,
  since_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO unloaded_in_ranges (server_seq, rec_id, stream, from_seq, records, size, round, since_ms)
SELECT server_seq, rec_id, stream, from_seq, records, size, round, since_ms FROM unloaded;
DROP TABLE unloaded;
ALTER TABLE unloaded_in_ranges RENAME TO unloaded;
CREATE INDEX unloaded_waiting ON unloaded (stream, round, server_seq);
DELETE FROM load_block WHERE last_seq = 0;
)sql";

// chunk.received_ms: 0 = before this version, nobody knows. retiring.newest_seq: of the chunks that the plan showed, so
// that one which comes after it stays; of plans from before, any.
constexpr std::string_view kReceipts = R"sql(
ALTER TABLE chunk ADD COLUMN received_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE retiring ADD COLUMN newest_seq INTEGER NOT NULL DEFAULT 9007199254740992;
)sql";

// Intents of acts up to that number are settled: each has its outcome, or is of a time when nobody looked after that.
constexpr std::string_view kActs = R"sql(
ALTER TABLE state ADD COLUMN acts_settled INTEGER NOT NULL DEFAULT 0;
UPDATE state SET acts_settled = audit_n;
)sql";

// Of an edit of `deleted`: whether it deletes (1) or restores (0), and the stamp that it is ordered by. The index is in
// the order of rowing::is_before(), so that what a new one leads to is found without reading all that there were.
constexpr std::string_view kDeletions = R"sql(
ALTER TABLE edit ADD COLUMN deletes INTEGER;
ALTER TABLE edit ADD COLUMN placed_ms INTEGER;
ALTER TABLE edit ADD COLUMN placed_count INTEGER;
CREATE INDEX edit_deletion ON edit (session, athlete, deletes, placed_ms, placed_count, replica, op_id)
WHERE deletes IS NOT NULL;
)sql";
constexpr std::string_view kDeletionsSqlite = R"sql(
UPDATE edit SET
  deletes = coalesce(json_extract(CAST(json AS TEXT), '$.value') = 1, 0),
  placed_ms = coalesce(effective_ms, json_extract(CAST(json AS TEXT), '$.stamp[0]')),
  placed_count = coalesce(effective_count, json_extract(CAST(json AS TEXT), '$.stamp[1]'))
WHERE field = 'deleted';
)sql";
constexpr std::string_view kDeletionsPostgres = R"sql(
UPDATE edit SET
  deletes = CASE WHEN convert_from(json, 'UTF8')::json ->> 'value' = 'true' THEN 1 ELSE 0 END,
  placed_ms = coalesce(effective_ms, (convert_from(json, 'UTF8')::json -> 'stamp' ->> 0)::bigint),
  placed_count = coalesce(effective_count, (convert_from(json, 'UTF8')::json -> 'stamp' ->> 1)::bigint)
WHERE field = 'deleted';
)sql";

// The audit's records of refused items, to be found by recording. digest: of what was refused, of whom and why, so that
// the same refused again has no other record; NULL: the record is of before.
constexpr std::string_view kRefusals = R"sql(
CREATE TABLE refusal (
  n INTEGER PRIMARY KEY,
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  rec_id BLOB NOT NULL CHECK (length(rec_id) = 16),
  digest BLOB UNIQUE CHECK (length(digest) = 32)
) STRICT;
CREATE INDEX refusal_recording ON refusal (rec_id, athlete, n);
)sql";
// "outcome=OUTCOME item=KIND REC ...".
constexpr std::string_view kRefusalsSqlite = R"sql(
INSERT INTO refusal (n, athlete, rec_id)
SELECT n, athlete, unhex(substr(item, instr(item, ' ') + 1, 36), '-')
FROM (SELECT n, athlete, substr(what, instr(what, ' item=') + 6) AS item FROM audit
      WHERE kind = 'refused' AND what LIKE 'outcome=%');
)sql";
constexpr std::string_view kRefusalsPostgres = R"sql(
INSERT INTO refusal (n, athlete, rec_id)
SELECT n, athlete, decode(replace(split_part(split_part(what, ' item=', 2), ' ', 2), '-', ''), 'hex')
FROM audit WHERE kind = 'refused' AND what LIKE 'outcome=%';
)sql";

// chunk.gap_before: 1 = it is not the stream's first, and none is here that ends where it begins, so that it is found
// without reading all chunks whether all are there.
//
// edit.field_group: FieldGroup of edit_values.hpp. placed_*, now of every edit: the stamp that it is ordered by. Of a
// tag's edit: whether it puts the tag there (1) or takes it away (0), and the stamp that decides, where it stands or
// what its maker had seen. By these indexes the newest edit of each field is found without reading the others.
constexpr std::string_view kShortReads = R"sql(
ALTER TABLE chunk ADD COLUMN gap_before INTEGER NOT NULL DEFAULT 0;
UPDATE chunk SET gap_before = 1 WHERE from_seq > 0 AND coalesce((
  SELECT earlier.to_seq FROM chunk AS earlier WHERE earlier.rec_id = chunk.rec_id AND earlier.stream = chunk.stream
  AND earlier.from_seq < chunk.from_seq ORDER BY earlier.from_seq DESC LIMIT 1), 0) <> from_seq;
CREATE INDEX chunk_gap ON chunk (rec_id, stream, from_seq) WHERE gap_before = 1;

ALTER TABLE edit ADD COLUMN field_group INTEGER NOT NULL DEFAULT 0;
ALTER TABLE edit ADD COLUMN adds INTEGER;
ALTER TABLE edit ADD COLUMN tag_ms INTEGER;
ALTER TABLE edit ADD COLUMN tag_count INTEGER;
DROP INDEX edit_session;
DROP INDEX edit_link;
CREATE INDEX edit_newest ON edit
(session, athlete, field_group, field, placed_ms DESC, placed_count DESC, replica DESC, op_id DESC);
CREATE INDEX edit_link ON edit
(athlete, field, session, placed_ms DESC, placed_count DESC, replica DESC, op_id DESC) WHERE field_group = 2;
CREATE INDEX edit_tag ON edit (session, athlete, field, adds, tag_ms, tag_count) WHERE adds IS NOT NULL;
UPDATE edit SET field_group = CASE WHEN substr(field, 1, 4) = 'tag:' THEN 1 ELSE 2 END
WHERE substr(field, 1, 4) = 'tag:' OR substr(field, 1, 5) = 'link:';
)sql";
constexpr std::string_view kShortReadsSqlite = R"sql(
UPDATE edit SET
  placed_ms = coalesce(effective_ms, json_extract(CAST(json AS TEXT), '$.stamp[0]')),
  placed_count = coalesce(effective_count, json_extract(CAST(json AS TEXT), '$.stamp[1]'))
WHERE placed_ms IS NULL;
UPDATE edit SET adds = coalesce(json_extract(CAST(json AS TEXT), '$.value') = 1, 0) WHERE field_group = 1;
UPDATE edit SET
  tag_ms = CASE WHEN adds = 1 THEN placed_ms ELSE json_extract(CAST(json AS TEXT), '$.seen[0]') END,
  tag_count = CASE WHEN adds = 1 THEN placed_count ELSE json_extract(CAST(json AS TEXT), '$.seen[1]') END
WHERE field_group = 1;
)sql";
// What an edit's text may have in it and PostgreSQL's JSON may not, U+0000, is another character here.
constexpr std::string_view kShortReadsPostgres = R"sql(
CREATE FUNCTION json_of_edit(edit BYTEA) RETURNS json LANGUAGE sql AS
$$ SELECT replace(convert_from(edit, 'UTF8'), '\u0000', '\u0020')::json $$;
UPDATE edit SET
  placed_ms = coalesce(effective_ms, (json_of_edit(json) -> 'stamp' ->> 0)::bigint),
  placed_count = coalesce(effective_count, (json_of_edit(json) -> 'stamp' ->> 1)::bigint)
WHERE placed_ms IS NULL;
UPDATE edit SET adds = CASE WHEN json_of_edit(json) ->> 'value' = 'true' THEN 1 ELSE 0 END WHERE field_group = 1;
UPDATE edit SET
  tag_ms = CASE WHEN adds = 1 THEN placed_ms ELSE (json_of_edit(json) -> 'seen' ->> 0)::bigint END,
  tag_count = CASE WHEN adds = 1 THEN placed_count ELSE (json_of_edit(json) -> 'seen' ->> 1)::bigint END
WHERE field_group = 1;
DROP FUNCTION json_of_edit;
)sql";

// Chunks, by server_seq, whose bodies the backup of backup_mark lacks though it reaches so far (backup_mark.hpp).
constexpr std::string_view kNotInBackup = R"sql(
CREATE TABLE not_in_backup (server_seq INTEGER PRIMARY KEY) STRICT;
)sql";

// When a backup or another time's state was put back; 0: never.
constexpr std::string_view kRestored = R"sql(
ALTER TABLE state ADD COLUMN restored_ms INTEGER NOT NULL DEFAULT 0;
)sql";

constexpr std::array kMigrations{sql::Migration{1, kVersion1},
                                 sql::Migration{2, kVersion2, kFeedOfVersion1},
                                 sql::Migration{3, kAudit, kAuditGuardsSqlite, kAuditGuardsPostgres},
                                 sql::Migration{4, kOutbox},
                                 sql::Migration{5, kLinkIndex},
                                 sql::Migration{6, kBackupMark},
                                 sql::Migration{7, kSegments},
                                 sql::Migration{8, kRetention},
                                 sql::Migration{9, kBlockRanges},
                                 sql::Migration{10, kReceipts},
                                 sql::Migration{11, kActs},
                                 sql::Migration{12, kDeletions, kDeletionsSqlite, kDeletionsPostgres},
                                 sql::Migration{13, kRefusals, kRefusalsSqlite, kRefusalsPostgres},
                                 sql::Migration{14, kShortReads, kShortReadsSqlite, kShortReadsPostgres},
                                 sql::Migration{15, kDropping, kChunksAloneSqlite, kChunksAlonePostgres},
                                 sql::Migration{16, kNotInBackup},
                                 sql::Migration{17, "", kSealsAloneSqlite, kSealsAlonePostgres},
                                 sql::Migration{18, kRestored}};

}  // namespace

const sql::Schema kSchema{"ledger", 0x42684c64, kMigrations};  // "BhLd"

}  // namespace boathouse::ledger
