#include "device/sync/word.hpp"

namespace boathouse::sync {
namespace {

bool is_storage_low(const Facts& facts) {
  return facts.disk_free_bytes < store::kLowDiskBytes || facts.space.disk_low ||
         (facts.space.full() && facts.space.freeable == 0);
}

}  // namespace

Word word_of(const Facts& facts) {
  const Status& sync = facts.sync;
  const store::StoreStatus& outbox = facts.outbox;
  const bool something_waits = outbox.pending_items > 0 || outbox.open_rows > 0;
  if (is_storage_low(facts)) return Word::storage_low;
  if (!facts.engine_runs) return something_waits ? Word::saved_locally : Word::synced;
  if (sync.state == State::needs_auth) return Word::sign_in_needed;
  if (sync.state == State::paused) return Word::paused;
  if (sync.state == State::offline || sync.obstacle == Obstacle::no_network) return Word::offline;
  // A try after a failure is no syncing yet: what was true before stays true until there is a good answer.
  const bool tries_again = sync.obstacle == Obstacle::away || sync.obstacle == Obstacle::limited;
  if (sync.state == State::syncing && !tries_again) return Word::syncing;
  if (outbox.open_conflicts > 0) return Word::conflict;
  if (outbox.refused_items > 0) return Word::rejected;
  if (sync.obstacle == Obstacle::limited) return Word::limited;
  if (sync.obstacle == Obstacle::away) return Word::server_away;
  if (sync.state == State::blocked || outbox.unconfirmed_items > 0) return Word::partial;
  if (outbox.pending_items > 0) return Word::pending_online;
  if (outbox.open_rows > 0) return Word::saved_locally;
  return Word::synced;
}

Safety safety_of(const store::RecordingInfo& recording) {
  if (recording.safe()) return recording.verified ? Safety::verified : Safety::safe;
  const bool some = recording.items > recording.pending_items + recording.refused_items;
  return some ? Safety::partly : Safety::on_this_device;
}

std::string_view name(Word word) {
  switch (word) {
    case Word::storage_low:
      return "storage_low";
    case Word::sign_in_needed:
      return "sign_in_needed";
    case Word::paused:
      return "paused";
    case Word::offline:
      return "offline";
    case Word::syncing:
      return "syncing";
    case Word::conflict:
      return "conflict";
    case Word::rejected:
      return "rejected";
    case Word::partial:
      return "partial";
    case Word::limited:
      return "limited";
    case Word::server_away:
      return "server_away";
    case Word::saved_locally:
      return "saved_locally";
    case Word::pending_online:
      return "pending_online";
    case Word::synced:
      return "synced";
  }
  return "";
}

std::string_view name(Safety safety) {
  switch (safety) {
    case Safety::on_this_device:
      return "on_this_device";
    case Safety::partly:
      return "partly";
    case Safety::safe:
      return "safe";
    case Safety::verified:
      return "verified";
  }
  return "";
}

}  // namespace boathouse::sync
