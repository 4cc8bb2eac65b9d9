#include "device/store/identity.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/planted.hpp"
#include "core/base/sha256.hpp"
#include "core/wire/facts.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

// In `setting`.
constexpr std::string_view kNonce = "nonce";
constexpr std::string_view kIsCopy = "is_copy";

base::Result<std::optional<std::int64_t>> read_setting(db::Connection& connection, std::string_view name) {
  auto select = connection.prepare("SELECT value FROM setting WHERE name = ?1");
  if (!select) return select.error();
  auto there = select->bind(1, name).step();
  if (!there) return there.error();
  return *there ? std::optional(select->integer(0)) : std::nullopt;
}

// As much of its hash as a setting holds.
std::int64_t sum_of(std::string_view nonce) {
  const base::Digest hash = base::sha256(base::as_bytes(nonce));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < sizeof sum; ++i) sum = sum << 8 | hash[i];
  return static_cast<std::int64_t>(sum);
}

base::Status write_nonce(db::Connection& connection, std::int64_t sum) {
  auto put =
      connection.prepare("INSERT INTO setting(name, value) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2");
  if (!put) return put.error();
  return put->bind(1, kNonce).bind(2, sum).run();
}

base::Result<std::optional<Identity>> read_identity(db::Connection& connection) {
  auto select = connection.prepare("SELECT replica_id, salt FROM replica");
  if (!select) return select.error();
  auto there = select->step();
  if (!there) return there.error();
  if (!*there) return std::optional<Identity>();
  Identity identity;
  if (!copy_exact(select->blob(0), identity.replica_id.bytes) || !copy_exact(select->blob(1), identity.salt)) {
    return damaged("its own identity cannot be read");
  }
  return std::optional(identity);
}

base::Status write_identity(db::Connection& connection, const Identity& identity) {
  auto put = connection.prepare(
      "INSERT INTO replica(id, replica_id, salt) VALUES (1, ?1, ?2) ON CONFLICT(id) DO UPDATE SET replica_id = ?1, "
      "salt = ?2");
  if (!put) return put.error();
  BOATHOUSE_TRY(put->bind(1, base::ByteView(identity.replica_id.bytes)).bind(2, base::ByteView(identity.salt)).run());
  auto remove = connection.prepare("DELETE FROM setting WHERE name = ?1");
  if (!remove) return remove.error();
  return remove->bind(1, kIsCopy).run();
}

struct Running {
  std::int64_t id = 0;
  base::Uuid rec_id;
  std::string athlete;
};

base::Result<std::vector<Running>> running_recordings(db::Connection& connection) {
  auto select = connection.prepare("SELECT id, rec_id, athlete FROM recording WHERE ended = 0 ORDER BY id");
  if (!select) return select.error();
  std::vector<Running> running;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return running;
    Running& one = running.emplace_back(Running{select->integer(0), {}, std::string(select->text(2))});
    if (!copy_exact(select->blob(1), one.rec_id.bytes)) return damaged("a recording without an id");
  }
}

struct BirthItem {
  std::int64_t id = 0;
  rowing::Birth birth;
};

base::Result<BirthItem> read_birth(db::Connection& connection, std::int64_t recording) {
  auto select = connection.prepare(
      "SELECT i.id, b.body FROM item AS i JOIN body AS b ON b.item = i.id WHERE i.recording = ?1 AND i.kind = 1");
  if (!select) return select.error();
  auto there = select->bind(1, recording).step();
  if (!there) return there.error();
  if (!*there) return damaged("a recording without its birth");
  auto birth = wire::decode_birth(base::as_text(select->blob(1)));
  if (!birth) return birth.error();
  return BirthItem{select->integer(0), std::move(*birth)};
}

base::Status write_birth(db::Connection& connection, const BirthItem& item) {
  const std::string json = wire::encode_birth(item.birth);
  auto facts = connection.prepare("UPDATE item SET sha256 = ?2, bytes = ?3 WHERE id = ?1");
  if (!facts) return facts.error();
  const base::Digest sha256 = base::sha256(base::as_bytes(json));
  BOATHOUSE_TRY(facts->bind(1, item.id).bind(2, base::ByteView(sha256)).bind(3, json.size()).run());
  auto body = connection.prepare("UPDATE body SET body = ?2 WHERE item = ?1");
  if (!body) return body.error();
  return body->bind(1, item.id).bind(2, base::as_bytes(json)).run();
}

// Nobody else knows of a recording without a receipt or an edit: nothing is left behind.
base::Result<bool> is_known(db::Connection& connection, std::int64_t recording) {
  auto select =
      connection.prepare("SELECT EXISTS(SELECT 1 FROM item WHERE recording = ?1 AND (outcome < 2 OR kind = 4))");
  if (!select) return select.error();
  auto row = select->bind(1, recording).step();
  if (!row) return row.error();
  return select->integer(0) != 0;
}

base::Result<std::vector<rowing::Edit>> edits_in_force(db::Connection& connection, std::int64_t recording) {
  auto edits = read_edits(connection, recording, "");
  if (!edits) return edits.error();
  std::map<std::string, std::vector<rowing::PlacedEdit>> fields;
  for (rowing::PlacedEdit& edit : *edits) fields[rowing::field_key(edit.edit)].push_back(std::move(edit));
  std::vector<rowing::Edit> in_force;
  for (const auto& [key, of_field] : fields) {
    const rowing::FieldValue value = rowing::resolve(of_field);
    const rowing::Edit& winner = value.winner->edit;
    const bool is_text = winner.field == rowing::EditField::title || winner.field == rowing::EditField::notes;
    if (is_text || winner.field == rowing::EditField::tag) in_force.push_back(winner);
  }
  return in_force;
}

// What people wrote stays with the session that they wrote it about, and is written about the new one too: the device
// that went on with the old one may never come back. Both are one session.
base::Status leave_old(db::Connection& connection, base::UuidV7Source& ids, const Running& from,
                       const base::Uuid& rec_id) {
  const auto known = is_known(connection, from.id);
  if (!known) return known.error();
  if (!*known) return {};
  auto old = add_recording(connection, from.rec_id, from.athlete, Begun::elsewhere);
  if (!old) return old.error();
  for (const char* const sql : {"UPDATE item SET recording = ?2 WHERE recording = ?1 AND kind = 4",
                                "UPDATE edit SET recording = ?2 WHERE recording = ?1",
                                "UPDATE conflict SET recording = ?2 WHERE recording = ?1"}) {
    auto update = connection.prepare(sql);
    if (!update) return update.error();
    BOATHOUSE_TRY(update->bind(1, from.id).bind(2, old->id).run());
  }
  const std::int64_t now_utc_ms = made_ms(rec_id.bytes);
  auto written = edits_in_force(connection, old->id);
  if (!written) return written.error();
  for (rowing::Edit& edit : *written) {
    edit.op_id = ids.next();
    edit.session = rec_id;
    if (auto made = make_edit(connection, std::move(edit), now_utc_ms); !made) return made.error();
  }
  return write_link(connection, ids, rowing::Pair::of(from.rec_id, rec_id), true, now_utc_ms);
}

// The rows stay as they are, under another rec_id that the server has never heard of. Chunks do not hold the rec_id.
base::Status give_new_id(db::Connection& connection, base::UuidV7Source& ids, const Running& running) {
  const base::Uuid rec_id = ids.next();
  auto item = read_birth(connection, running.id);
  if (!item) return item.error();
  item->birth.rec_id = rec_id;
  BOATHOUSE_TRY(write_birth(connection, *item));
  auto rename = connection.prepare("UPDATE recording SET rec_id = ?2 WHERE id = ?1");
  if (!rename) return rename.error();
  BOATHOUSE_TRY(rename->bind(1, running.id).bind(2, base::ByteView(rec_id.bytes)).run());
  BOATHOUSE_TRY(leave_old(connection, ids, running, rec_id));
  auto pending = connection.prepare(
      "UPDATE item SET outcome = NULL, server_seq = NULL, epoch = NULL, detail = NULL WHERE recording = ?1");
  if (!pending) return pending.error();
  return pending->bind(1, running.id).run();
}

// What the server has of the recordings that were renamed is known here no more: the feed tells it once more.
base::Status rename_running(db::Connection& connection, base::UuidV7Source& ids) {
  auto running = running_recordings(connection);
  if (!running) return running.error();
  for (const Running& one : *running) BOATHOUSE_TRY(give_new_id(connection, ids, one));
  return running->empty() ? base::Status() : connection.execute("UPDATE account SET cursor = 0");
}

}  // namespace

base::Result<Identity> identify(db::Connection& connection, base::UuidV7Source& ids, base::RandomSource& random,
                                std::string_view nonce) {
  auto known = read_identity(connection);
  if (!known) return known.error();
  auto forked = read_setting(connection, kIsCopy);
  if (!forked) return forked.error();
  auto stored = read_setting(connection, kNonce);
  if (!stored) return stored.error();
  const auto own = nonce.empty() || base::planted(base::Plant::copy_unnoticed) ? *stored : std::optional(sum_of(nonce));
  const bool is_copy = *known && (*forked || (*stored && *stored != own));
  if (*known && !is_copy && *stored == own) return **known;

  Identity identity;
  if (*known && !is_copy) {
    identity = **known;
  } else {
    identity.replica_id = ids.next();
    random.fill(identity.salt);
  }
  const base::Status done = in_transaction(connection, [&]() -> base::Status {
    if (own) BOATHOUSE_TRY(write_nonce(connection, *own));
    BOATHOUSE_TRY(write_identity(connection, identity));
    return is_copy ? rename_running(connection, ids) : base::Status();
  });
  if (!done) return done.error();
  return identity;
}

}  // namespace boathouse::store
