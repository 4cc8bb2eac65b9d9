#include "server/webhooks/schema.hpp"

#include <array>

namespace boathouse::webhooks {
namespace {

// endpoint.events: names with commas between, "" = all. failing_since_ms: the first failure after the last success.
// delivery: one row for each event that an endpoint is told of; (endpoint, event_id) is what makes a second one of the
// same event impossible. The secrets must be had in clear to sign: the file is as precious as they are.
// call: by which Idempotency-Key an endpoint was made or got its secret, and the SHA-256 of what that call asked.
constexpr std::array kMigrations{sql::Migration{1, R"sql(
CREATE TABLE endpoint (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  url TEXT NOT NULL,
  events TEXT NOT NULL,
  secret BLOB NOT NULL CHECK (length(secret) = 32),
  previous_secret BLOB,
  previous_until_ms INTEGER,
  enabled INTEGER NOT NULL,
  disabled_why TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  failing_since_ms INTEGER,
  UNIQUE (athlete, url)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
  id BLOB PRIMARY KEY CHECK (length(id) = 16),
  endpoint BLOB NOT NULL REFERENCES endpoint (id),
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  body TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
  attempts INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  next_ms INTEGER,
  last_ms INTEGER,
  status INTEGER,
  error TEXT NOT NULL,
  duration_ms INTEGER,
  UNIQUE (endpoint, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_log ON delivery (endpoint, id);
CREATE INDEX delivery_waiting ON delivery (endpoint) WHERE state = 1;
)sql"},
                                 sql::Migration{2, R"sql(
CREATE TABLE call (
  athlete BLOB NOT NULL CHECK (length(athlete) = 16),
  key TEXT NOT NULL,
  asked BLOB NOT NULL CHECK (length(asked) = 32),
  endpoint BLOB NOT NULL REFERENCES endpoint (id),
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (athlete, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX call_of_endpoint ON call (endpoint, at_ms);
)sql"},
                                 // control/outcomes.hpp; its own name, for PostgreSQL has the accounts' beside it.
                                 sql::Migration{3, R"sql(
CREATE TABLE webhook_outcome (
  intent INTEGER PRIMARY KEY,
  kind TEXT,
  key_id BLOB CHECK (length(key_id) = 16),
  athlete BLOB CHECK (length(athlete) = 16),
  what TEXT
) STRICT;
)sql"},
                                 // What of an endpoint's is due the longest, and what has ended the longest ago.
                                 sql::Migration{4, R"sql(
ALTER TABLE endpoint ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
DROP INDEX delivery_waiting;
CREATE INDEX delivery_due ON delivery (endpoint, (coalesce(next_ms, created_ms)), id) WHERE state = 1;
CREATE INDEX delivery_ended ON delivery (endpoint, state, (coalesce(last_ms, created_ms)), id);
)sql"}};

}  // namespace

const sql::Schema kSchema{"webhooks", 0x42685768, kMigrations};  // "BhWh"

}  // namespace boathouse::webhooks
