#include "server/control/schema.hpp"

#include <array>

namespace boathouse::control {
namespace {

constexpr std::array kMigrations{sql::Migration{1, R"sql(
CREATE TABLE pepper (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  check_hash BLOB NOT NULL
) STRICT;

CREATE TABLE athlete (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  name TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX athlete_name ON athlete (name);

CREATE TABLE api_key (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  role INTEGER NOT NULL CHECK (role IN (1, 2)),
  athlete BLOB REFERENCES athlete (id),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  created_ms INTEGER NOT NULL,
  last_used_ms INTEGER,
  revoked_ms INTEGER,
  CHECK ((role = 2) = (athlete IS NOT NULL))
) STRICT, WITHOUT ROWID;
)sql"},
                                 // `changes` grows with every key that is made or revoked, so that other nodes notice.
                                 sql::Migration{2, R"sql(
CREATE TABLE key_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  changes INTEGER NOT NULL
) STRICT;
INSERT INTO key_state (id, changes) VALUES (1, 0);
)sql"},
                                 // Keys of before keep what their role may do: 7423 = all scopes of an athlete, 8191 =
                                 // all that there are. A rotated key has two secrets for a while.
                                 sql::Migration{3, R"sql(
ALTER TABLE api_key ADD COLUMN scopes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN expires_ms INTEGER;
ALTER TABLE api_key ADD COLUMN previous_hash BLOB;
ALTER TABLE api_key ADD COLUMN previous_until_ms INTEGER;
UPDATE api_key SET scopes = CASE role WHEN 1 THEN 8191 ELSE 7423 END;
)sql"},
                                 // Webhooks came with two scopes (24576 = both): who had all has all.
                                 sql::Migration{4, R"sql(
UPDATE api_key SET scopes = scopes + 24576 WHERE scopes IN (7423, 8191);
)sql"},
                                 sql::Migration{5, R"sql(
ALTER TABLE athlete ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE athlete ADD COLUMN locale TEXT NOT NULL DEFAULT '';
ALTER TABLE athlete ADD COLUMN time_zone TEXT NOT NULL DEFAULT '';
ALTER TABLE athlete ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
)sql"},
                                 // role: 1 = coach, 2 = member. Who left has no row; the audit knows when that was.
                                 sql::Migration{6, R"sql(
CREATE TABLE team (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  name TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  archived_ms INTEGER,
  version INTEGER NOT NULL DEFAULT 1,
  invitation_hash BLOB UNIQUE CHECK (length(invitation_hash) = 32),
  invitation_until_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE team_person (
  team BLOB NOT NULL REFERENCES team (id),
  athlete BLOB NOT NULL REFERENCES athlete (id),
  role INTEGER NOT NULL CHECK (role IN (1, 2)),
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (team, athlete, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_person_athlete ON team_person (athlete);

ALTER TABLE key_state ADD COLUMN team_changes INTEGER NOT NULL DEFAULT 0;
)sql"},
                                 sql::Migration{7, R"sql(
CREATE TABLE pairing (
  hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
  athlete BLOB NOT NULL UNIQUE REFERENCES athlete (id),
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql"},
                                 // Who is suspended is let in with none of their keys: they are to be erased.
                                 sql::Migration{8, R"sql(
ALTER TABLE athlete ADD COLUMN suspended_ms INTEGER;
)sql"},
                                 // The device's key ends with the key that made its code.
                                 sql::Migration{9, R"sql(
ALTER TABLE pairing ADD COLUMN key_expires_ms INTEGER;
)sql"},
                                 // outcomes.hpp; without a kind: an intent that was given up.
                                 sql::Migration{10, R"sql(
CREATE TABLE act_outcome (
  intent INTEGER PRIMARY KEY,
  kind TEXT,
  key_id BLOB CHECK (length(key_id) = 16),
  athlete BLOB CHECK (length(athlete) = 16),
  what TEXT
) STRICT;
)sql"},
                                 // done_calls.hpp. made: an athlete, a key or a team. No foreign key: who is forgotten
                                 // takes the rows along (accounts_erasure.cpp).
                                 sql::Migration{11, R"sql(
CREATE TABLE account_call (
  name BLOB PRIMARY KEY CHECK (length(name) = 32),
  caller BLOB NOT NULL CHECK (length(caller) = 16),
  asked BLOB NOT NULL CHECK (length(asked) = 32),
  made BLOB NOT NULL CHECK (length(made) = 16),
  salt BLOB NOT NULL CHECK (length(salt) = 32),
  at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX account_call_of_caller ON account_call (caller, at_ms);
CREATE INDEX account_call_age ON account_call (at_ms);
CREATE INDEX api_key_of_athlete ON api_key (athlete);
)sql"}};
}  // namespace

const sql::Schema kSchema{"control database", 0x42684374, kMigrations};  // "BhCt"

}  // namespace boathouse::control
