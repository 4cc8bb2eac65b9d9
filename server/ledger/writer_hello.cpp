// The stores that sync, as they report themselves.
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {
namespace {

using base::Result;
using base::Status;

// One that owes something and was silent for no longer is kept before those that owe nothing.
constexpr std::int64_t kKeptOwingMs = std::int64_t{30} * 86'400'000;
// In one transaction, of a ledger in which they were not counted yet.
constexpr std::int64_t kMostForgotten = 10'000;

}  // namespace

Result<HelloState> Writer::hello(const Hello& hello) {
  BOATHOUSE_TRY(note_replica(hello));
  BOATHOUSE_TRY(tell_of_hello(hello));

  // Only the later one is told, so that exactly one of two goes on under the old id.
  auto earlier = connection_->prepare(
      "SELECT 1 FROM replica WHERE athlete = ?1 AND replica_id = ?2 AND id < "
      "(SELECT id FROM replica WHERE athlete = ?1 AND replica_id = ?2 AND salt = ?3) LIMIT 1");
  if (!earlier) {
    return earlier.error();
  }
  const auto fork = earlier->bind(1, hello.athlete.bytes).bind(2, hello.replica.bytes).bind(3, hello.salt).step();
  if (!fork) {
    return fork.error();
  }
  return HelloState{*fork, counters_.last_seq, now_ms_};
}

Status Writer::note_replica(const Hello& hello) {
  const auto note = [&](const char* sql) -> Status {
    auto statement = connection_->prepare(sql);
    if (!statement) {
      return statement.error();
    }
    statement->bind(1, hello.athlete.bytes).bind(2, hello.replica.bytes).bind(3, hello.salt).bind(4, now_ms_);
    statement->bind(5, hello.pending_recordings).bind(6, hello.pending_items).bind(7, hello.pending_bytes);
    return statement->bind(8, hello.oldest_age_s).run();
  };
  BOATHOUSE_TRY(
      note("UPDATE replica SET hello_ms = ?4, recordings = ?5, items = ?6, bytes = ?7, oldest_age_s = ?8 "
           "WHERE athlete = ?1 AND replica_id = ?2 AND salt = ?3"));
  if (connection_->changes() > 0) {
    return {};
  }
  BOATHOUSE_TRY(
      note("INSERT INTO replica (athlete, replica_id, salt, hello_ms, recordings, items, bytes, oldest_age_s) "
           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
  return forget_silent_replicas(hello.athlete);
}

// The new one has the largest id, and stays.
Status Writer::forget_silent_replicas(const base::Uuid& athlete) {
  auto forget = connection_->prepare(
      "DELETE FROM replica WHERE id IN (SELECT id FROM replica WHERE athlete = ?1 "
      "AND id < (SELECT max(id) FROM replica WHERE athlete = ?1) "
      "ORDER BY CASE WHEN (items > 0 OR recordings > 0) AND hello_ms > ?2 THEN 0 ELSE 1 END, hello_ms DESC, id DESC "
      "LIMIT ?3 OFFSET ?4)");
  if (!forget) {
    return forget.error();
  }
  forget->bind(1, athlete.bytes).bind(2, now_ms_ - kKeptOwingMs).bind(3, kMostForgotten);
  return forget->bind(4, kMaxReplicas - 1).run();
}

}  // namespace boathouse::ledger
