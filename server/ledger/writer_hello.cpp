// The stores that sync, as they report themselves.
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {

using base::Result;

Result<HelloState> Writer::hello(const Hello& hello) {
  auto note = connection_->prepare(
      "INSERT INTO replica (athlete, replica_id, salt, hello_ms, recordings, items, bytes, oldest_age_s) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (athlete, replica_id, salt) DO UPDATE SET "
      "hello_ms = ?4, recordings = ?5, items = ?6, bytes = ?7, oldest_age_s = ?8");
  if (!note) {
    return note.error();
  }
  note->bind(1, hello.athlete.bytes).bind(2, hello.replica.bytes).bind(3, hello.salt).bind(4, now_ms_);
  note->bind(5, hello.pending_recordings).bind(6, hello.pending_items).bind(7, hello.pending_bytes);
  BOATHOUSE_TRY(note->bind(8, hello.oldest_age_s).run());
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

}  // namespace boathouse::ledger
