#include "server/jobs/schema.hpp"

#include <array>

namespace boathouse::jobs {
namespace {

// due_ms: when a waiting job is to run, when the lease of a running one ends. state: queue.hpp; up to 2 a job lives.
// failures: attempts that asked for another; lost: attempts in a row whose worker was not heard of until its
// lease ended.
// again_ms: it was asked for again while it ran, and is due then once it has ended.
constexpr std::array kMigrations{sql::Migration{1, R"sql(
CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  dedupe TEXT,
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5),
  due_ms INTEGER NOT NULL,
  owner TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  finished_ms INTEGER
) STRICT;
CREATE INDEX job_due ON job (due_ms, id) WHERE state <= 2;
CREATE UNIQUE INDEX job_dedupe ON job (kind, dedupe) WHERE state <= 2;
CREATE INDEX job_finished ON job (finished_ms, id) WHERE state > 2;
)sql"},
                                 sql::Migration{2, R"sql(
ALTER TABLE job ADD COLUMN again_ms INTEGER;
)sql"}};

}  // namespace

const sql::Schema kSchema{"jobs", 0x42684a62, kMigrations};  // "BhJb"

}  // namespace boathouse::jobs
