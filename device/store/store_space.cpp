// Room on the device: what the bodies take, which of them may go (docs/protocol.md 6.1 purge_safe_seq, 6.6), removing
// them, and fetching them again.
#include <array>
#include <string>
#include <utility>

#include "core/base/planted.hpp"
#include "core/wire/chunk.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

// The one place that says when a body may be removed: the server's receipt under its current epoch, a verified backup
// that covers it and that retention has not emptied, and a recording that is complete and was compared. Splits,
// summaries and events are small and stay.
constexpr std::string_view kBodies =
    " FROM item AS i JOIN recording AS r ON r.id = i.recording CROSS JOIN replica AS s "
    "LEFT JOIN account AS a ON a.athlete = r.athlete AND a.epoch = s.server_epoch "
    "WHERE i.kind = 2 AND i.here = 1 AND i.stream IN (1, 2, 3, 7)";
constexpr std::string_view kSent = "(i.outcome IS NOT NULL AND i.outcome < 2 AND i.epoch = s.server_epoch)";
constexpr std::string_view kVerified =
    "(r.ended = 1 AND r.verified_revision = r.revision AND r.verified_epoch = s.server_epoch)";
constexpr std::string_view kBackedUp = "(i.server_seq <= coalesce(a.purge_safe_seq, 0))";

constexpr std::size_t kDropTogether = 64;  // bodies a transaction, so that a recorder beside it never waits long

std::string join(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text += part;
  return text;
}

base::Result<std::int64_t> ask(db::Connection& connection, std::string_view sql) {
  auto select = connection.prepare(sql);
  if (!select) return select.error();
  auto row = select->step();
  if (!row) return row.error();
  return *row ? select->integer(0) : 0;
}

struct Body {
  std::int64_t item = 0;
  std::uint64_t bytes = 0;
};

// Oldest recording first: a UUIDv7 begins with its time.
base::Result<std::vector<Body>> next_freeable(db::Connection& connection) {
  std::string rule = join({" AND ", kSent, " AND ", kVerified, " AND ", kBackedUp, " AND NOT ", kRetired});
  if (base::planted(base::Plant::purge_on_200)) rule = join({" AND ", kSent});
  auto select = connection.prepare(join({"SELECT i.id, i.bytes", kBodies, rule, " ORDER BY r.rec_id, i.id LIMIT ?1"}));
  if (!select) return select.error();
  select->bind(1, kDropTogether);
  std::vector<Body> bodies;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return bodies;
    bodies.push_back({select->integer(0), static_cast<std::uint64_t>(select->integer(1))});
  }
}

base::Status drop_body(db::Connection& connection, std::int64_t item) {
  auto remove = connection.prepare("DELETE FROM body WHERE item = ?1");
  if (!remove) return remove.error();
  BOATHOUSE_TRY(remove->bind(1, item).run());
  auto update = connection.prepare("UPDATE item SET here = 0, wanted = 0 WHERE id = ?1");
  if (!update) return update.error();
  return update->bind(1, item).run();
}

base::Status run_for(db::Connection& connection, std::string_view sql, std::int64_t recording) {
  auto statement = connection.prepare(sql);
  if (!statement) return statement.error();
  return statement->bind(1, recording).run();
}

// Room for a workout besides what always stays, in whole megabytes.
std::uint64_t smallest_cap(const Space& space) {
  constexpr std::uint64_t kMegabyte = 1'000'000;
  return (space.always_here() / kMegabyte + 2) * kMegabyte;
}

// Each body under the first reason that keeps it here.
base::Status sum_bodies(db::Connection& connection, Space& space) {
  const std::array sums{&space.freeable,   &space.running,       &space.unsent,
                        &space.unverified, &space.not_backed_up, &space.no_backup};
  auto select =
      connection.prepare(join({"SELECT CASE WHEN ", kSent, " AND ", kVerified, " AND ", kBackedUp,
                               " THEN 0 WHEN r.ended = 0 THEN 1 WHEN ", kSent, " IS NOT TRUE THEN 2 WHEN ", kVerified,
                               " IS NOT TRUE THEN 3 WHEN coalesce(a.purge_safe_seq, 0) = 0 THEN 5 ELSE 4 END",
                               ", sum(i.bytes)", kBodies, " GROUP BY 1"}));
  if (!select) return select.error();
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    *sums.at(static_cast<std::size_t>(select->integer(0))) = static_cast<std::uint64_t>(select->integer(1));
  }
  space.not_backed_up += space.no_backup;
  return {};
}

// `used` and `cap` alone.
base::Result<Space> used_of_cap(db::Connection& connection) {
  auto cap = ask(connection, "SELECT value FROM setting WHERE name = 'cap_bytes'");
  if (!cap) return cap.error();
  auto used = ask(connection,
                  "SELECT (p.page_count - f.freelist_count) * s.page_size FROM pragma_page_count AS p, "
                  "pragma_freelist_count AS f, pragma_page_size AS s");
  if (!used) return used.error();
  Space space;
  space.cap = static_cast<std::uint64_t>(*cap);
  space.used = static_cast<std::uint64_t>(*used);
  return space;
}

}  // namespace

base::Status retire(db::Connection& connection, std::int64_t recording, std::string_view epoch,
                    const wire::Change& gone) {
  auto put = connection.prepare(
      "INSERT INTO retired(recording, stream, first, past) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT(recording, stream, first) DO UPDATE SET past = max(past, ?4)");
  if (!put) return put.error();
  put->bind(1, recording).bind(2, static_cast<int>(*gone.stream)).bind(3, gone.from).bind(4, gone.to);
  BOATHOUSE_TRY(put->run());
  BOATHOUSE_TRY(run_for(connection,
                        join({"UPDATE item AS i SET wanted = 0 WHERE recording = ?1 AND here = 0 AND ", kRetired}),
                        recording));
  auto owe = connection.prepare(
      join({"UPDATE item AS i SET outcome = 1, server_seq = ?2, epoch = ?3, detail = NULL WHERE recording = ?1 AND ",
            kRetired}));
  if (!owe) return owe.error();
  return owe->bind(1, recording).bind(2, gone.seq).bind(3, epoch).run();
}

base::Status erase_recording(db::Connection& connection, std::int64_t recording) {
  for (const std::string_view sql : {
           "DELETE FROM edit WHERE recording = ?1 AND field NOT IN ('deleted', 'purged')",
           "DELETE FROM body WHERE item IN (SELECT id FROM item WHERE recording = ?1 EXCEPT SELECT item FROM edit)",
           "DELETE FROM item WHERE recording = ?1 AND id NOT IN (SELECT item FROM edit WHERE recording = ?1)",
           "DELETE FROM conflict WHERE recording = ?1 OR other = ?1",
           "DELETE FROM overlap WHERE recording = ?1",
           "DELETE FROM overlap_key WHERE recording = ?1",
           "DELETE FROM open_row WHERE recording = ?1",
           "DELETE FROM tail WHERE recording = ?1",
           "DELETE FROM stream WHERE recording = ?1",
           "DELETE FROM retired WHERE recording = ?1",
           "UPDATE recording SET purged = 1, ended = 1 WHERE id = ?1",
       }) {
    BOATHOUSE_TRY(run_for(connection, sql, recording));
  }
  return {};
}

base::Result<Space> Store::space() {
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  auto room = used_of_cap(connection);
  if (!room) return room.error();
  Space space = *room;
  space.disk_low = !impl_->ballast.fill();
  BOATHOUSE_TRY(sum_bodies(connection, space));
  return space;
}

base::Status Store::set_cap(std::uint64_t bytes) {
  const std::lock_guard guard(impl_->mutex);
  auto room = used_of_cap(impl_->connection);
  if (!room) return room.error();
  BOATHOUSE_TRY(sum_bodies(impl_->connection, *room));
  if (bytes > 0 && bytes <= room->always_here()) {
    return base::Error{base::ErrorCode::invalid_input, "a cap of " + std::to_string(bytes) +
                                                           " bytes can never be kept: without a single stroke the "
                                                           "store here takes " +
                                                           std::to_string(room->always_here()) +
                                                           " bytes; the smallest cap that makes sense is " +
                                                           std::to_string(smallest_cap(*room)) + " bytes, 0 is none"};
  }
  auto put = impl_->connection.prepare(
      "INSERT INTO setting(name, value) VALUES ('cap_bytes', ?1) ON CONFLICT(name) DO UPDATE SET value = ?1");
  if (!put) return put.error();
  return put->bind(1, bytes).run();
}

base::Status Store::Impl::make_room() {
  if (!ballast.fill()) {
    return base::Error{base::ErrorCode::no_room,
                       "this device's disk is nearly full, so nothing new is begun: free disk space until " +
                           std::to_string(kLowDiskBytes >> 20) +
                           " MB and the ballast are free; nothing that is here is "
                           "lost"};
  }
  for (;;) {
    auto room = used_of_cap(connection);
    if (!room) return room.error();
    if (!room->full()) return {};
    auto dropped = drop_freeable(room->used - room->cap + 1);
    if (!dropped) return dropped.error();
    if (*dropped > 0) continue;
    return base::Error{base::ErrorCode::no_room,
                       "the sessions here have reached their cap of " + std::to_string(room->cap) +
                           " bytes and none of them may be removed yet, so nothing new is begun: raise the cap, or "
                           "sync, so that older sessions are safe in the cloud and can go (device storage says what "
                           "keeps them)"};
  }
}

base::Result<std::uint64_t> Store::free_space(std::uint64_t wanted_bytes) {
  const std::lock_guard guard(impl_->mutex);
  return impl_->drop_freeable(wanted_bytes);
}

base::Result<std::uint64_t> Store::Impl::drop_freeable(std::uint64_t wanted_bytes) {
  std::uint64_t freed = 0;
  while (freed < wanted_bytes) {
    std::uint64_t dropped = 0;
    const base::Status done = save([&]() -> base::Status {
      dropped = 0;
      auto bodies = next_freeable(connection);
      if (!bodies) return bodies.error();
      for (const Body& body : *bodies) {
        if (freed + dropped >= wanted_bytes) break;
        BOATHOUSE_TRY(drop_body(connection, body.item));
        dropped += body.bytes;
      }
      return {};
    });
    if (!done) return done.error();
    if (dropped == 0) break;
    freed += dropped;
  }
  return freed;
}

base::Result<std::uint64_t> Store::fetch(const base::Uuid& rec_id) {
  const std::lock_guard guard(impl_->mutex);
  auto recording = get_recording(impl_->connection, rec_id);
  if (!recording) return recording.error();
  BOATHOUSE_TRY(run_for(
      impl_->connection,
      join({"UPDATE item AS i SET wanted = 1 WHERE recording = ?1 AND here = 0 AND kind = 2 AND NOT ", kRetired}),
      recording->id));
  return static_cast<std::uint64_t>(impl_->connection.changes());
}

base::Result<std::vector<AwayChunk>> Store::wanted(std::string_view athlete, std::size_t limit) {
  const std::lock_guard guard(impl_->mutex);
  auto select = impl_->connection.prepare(
      "SELECT i.id, r.rec_id, i.stream, i.first, i.past, i.bytes FROM item AS i INDEXED BY wanted JOIN recording AS r "
      "ON r.id = i.recording WHERE i.wanted = 1 AND i.here = 0 AND r.athlete = ?1 ORDER BY i.recording DESC, i.id "
      "LIMIT ?2");
  if (!select) return select.error();
  select->bind(1, athlete).bind(2, limit);
  std::vector<AwayChunk> chunks;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return chunks;
    AwayChunk& chunk = chunks.emplace_back();
    chunk.id = select->integer(0);
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(select->integer(2)));
    if (!stream || !copy_exact(select->blob(1), chunk.rec_id.bytes)) return damaged("a chunk without its recording");
    chunk.stream = *stream;
    chunk.from = static_cast<std::uint64_t>(select->integer(3));
    chunk.to = static_cast<std::uint64_t>(select->integer(4));
    chunk.bytes = static_cast<std::uint64_t>(select->integer(5));
  }
}

base::Status Store::take_body(std::int64_t id, base::ByteView body) {
  {
    const std::lock_guard guard(impl_->mutex);
    db::Connection& connection = impl_->connection;
    const base::Status taken = in_transaction(connection, [&]() -> base::Status {
      auto select =
          connection.prepare("SELECT sha256, stream, first, past FROM item WHERE id = ?1 AND kind = 2 AND here = 0");
      if (!select) return select.error();
      auto there = select->bind(1, id).step();
      if (!there) return there.error();
      if (!*there) return {};  // it came another way meanwhile, or was erased
      base::Digest sha256{};
      if (!copy_exact(select->blob(0), sha256)) return damaged("a chunk without a hash");
      auto chunk = wire::open_chunk(body, sha256);
      if (!chunk) return chunk.error();
      if (static_cast<std::int64_t>(chunk->stream) != select->integer(1) ||
          static_cast<std::int64_t>(chunk->from) != select->integer(2) ||
          static_cast<std::int64_t>(chunk->from + chunk->columns.rows) != select->integer(3)) {
        return base::Error{base::ErrorCode::invalid_input, "the chunk is another one than was asked for"};
      }
      auto insert = connection.prepare("INSERT INTO body(item, body) VALUES (?1, ?2)");
      if (!insert) return insert.error();
      BOATHOUSE_TRY(insert->bind(1, id).bind(2, body).run());
      BOATHOUSE_TRY(run_for(connection, "UPDATE item SET here = 1, wanted = 0 WHERE id = ?1", id));
      // A receipt of another epoch proves nothing; what is here again can be offered under this one.
      BOATHOUSE_TRY(run_for(connection,
                            "UPDATE item SET outcome = NULL, server_seq = NULL, epoch = NULL, detail = NULL "
                            "WHERE id = ?1 AND epoch <> (SELECT server_epoch FROM replica)",
                            id));
      // With all records at hand more can be said about overlap than without.
      return run_for(
          connection,
          "UPDATE recording SET examined = 0 WHERE id = (SELECT recording FROM item WHERE id = ?1 AND stream "
          "BETWEEN 1 AND 5) AND NOT EXISTS(SELECT 1 FROM item AS o WHERE o.recording = recording.id AND "
          "o.kind = 2 AND o.stream BETWEEN 1 AND 5 AND o.here = 0)",
          id);
    });
    if (!taken) return taken;
  }
  impl_->look();
  return {};
}

base::Status Store::give_up_fetching(std::int64_t id) {
  const std::lock_guard guard(impl_->mutex);
  return run_for(impl_->connection, "UPDATE item SET wanted = 0 WHERE id = ?1", id);
}

}  // namespace boathouse::store
