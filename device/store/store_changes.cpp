// The way down: what the server says in its changes feed, bodies that are fetched, and what verify proved.
#include <string>
#include <utility>

#include "core/base/planted.hpp"
#include "core/wire/edit.hpp"
#include "core/wire/facts.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

using wire::Change;
using wire::ChangeKind;

base::Error wrong_feed(std::string text) { return {base::ErrorCode::corrupt, std::move(text)}; }

// The feed may name a session by an edit before its birth comes: the row waits for it.
base::Result<RecordingRow> find_or_add(db::Connection& connection, const base::Uuid& rec_id, std::string_view athlete) {
  auto found = find_recording(connection, rec_id);
  if (!found) return found.error();
  if (*found) return std::move(**found);
  return add_recording(connection, rec_id, athlete, Begun::elsewhere);
}

struct StoredItem {
  std::int64_t id = 0;
  std::uint64_t past = 0;
  base::Digest sha256{};
};

base::Result<std::optional<StoredItem>> find_item(db::Connection& connection, std::int64_t recording,
                                                  wire::ItemKind kind, int stream, std::uint64_t first) {
  auto select = connection.prepare(
      "SELECT id, past, sha256 FROM item WHERE recording = ?1 AND kind = ?2 AND stream = ?3 AND first = ?4");
  if (!select) return select.error();
  auto there = select->bind(1, recording).bind(2, static_cast<int>(kind)).bind(3, stream).bind(4, first).step();
  if (!there) return there.error();
  if (!*there) return std::optional<StoredItem>();
  StoredItem item;
  item.id = select->integer(0);
  item.past = static_cast<std::uint64_t>(select->integer(1));
  if (!copy_exact(select->blob(2), item.sha256)) return damaged("an item without a hash");
  return std::optional<StoredItem>(item);
}

// What the feed says of an item that is here: its receipt, or that the server holds another one under the same key.
base::Status confirm(db::Connection& connection, std::string_view epoch, const StoredItem& item, std::uint64_t past,
                     const Change& change) {
  Acknowledgement word;
  word.id = item.id;
  word.server_seq = change.seq;
  if (item.sha256 == change.sha256 && item.past == past) {
    word.outcome = wire::Outcome::duplicate;
  } else {
    word.outcome = wire::Outcome::mismatch;
    word.detail = "the server holds other data under the same key";
  }
  return acknowledge_item(connection, epoch, word);
}

base::Status add_confirmed(db::Connection& connection, std::string_view epoch, NewItem item, const Change& change) {
  item.sha256 = change.sha256;
  auto id = put_item(connection, item);
  if (!id) return id.error();
  Acknowledgement receipt;
  receipt.id = *id;
  receipt.outcome = wire::Outcome::duplicate;
  receipt.server_seq = change.seq;
  return acknowledge_item(connection, epoch, receipt);
}

base::Status take_birth(db::Connection& connection, std::string_view athlete, std::string_view epoch,
                        const Change& change) {
  auto birth = wire::decode_birth(change.json);
  if (!birth) return birth.error();
  if (birth->rec_id != change.rec_id) return wrong_feed("the feed's birth is another recording's");
  auto recording = find_or_add(connection, change.rec_id, athlete);
  if (!recording) return recording.error();
  if (recording->purged) return {};
  auto there = find_item(connection, recording->id, wire::ItemKind::birth, 0, 0);
  if (!there) return there.error();
  if (*there) return confirm(connection, epoch, **there, 0, change);
  NewItem item;
  item.recording = recording->id;
  item.kind = wire::ItemKind::birth;
  item.body = base::as_bytes(change.json);
  return add_confirmed(connection, epoch, item, change);
}

// Chunks of a feed come in the order in which they were stored, so those of one stream may leave holes for a while.
base::Result<bool> is_taken(db::Connection& connection, std::int64_t recording, const Change& change) {
  auto select = connection.prepare(
      "SELECT EXISTS(SELECT 1 FROM open_row WHERE recording = ?1 AND stream = ?2) OR EXISTS("
      "SELECT 1 FROM item WHERE recording = ?1 AND kind = 2 AND stream = ?2 AND first < ?4 AND past > ?3)");
  if (!select) return select.error();
  select->bind(1, recording).bind(2, static_cast<int>(*change.stream)).bind(3, change.from).bind(4, change.to);
  auto row = select->step();
  if (!row) return row.error();
  return select->integer(0) != 0;
}

base::Status take_chunk(db::Connection& connection, std::string_view athlete, std::string_view epoch,
                        const Change& change) {
  auto recording = find_or_add(connection, change.rec_id, athlete);
  if (!recording) return recording.error();
  if (recording->purged) return {};
  auto there =
      find_item(connection, recording->id, wire::ItemKind::chunk, static_cast<int>(*change.stream), change.from);
  if (!there) return there.error();
  if (*there) return confirm(connection, epoch, **there, change.to, change);

  // Records of this device, and the server has others in their place: two stores wrote one recording (a copied phone).
  // Ours go up, are refused there and shown; theirs stay there.
  auto taken = is_taken(connection, recording->id, change);
  if (!taken) return taken.error();
  if (*taken) return {};
  auto streams = get_streams(connection, recording->id);
  if (!streams) return streams.error();
  StreamRow& stream = (*streams)[*change.stream];
  stream.next_seq = stream.sealed_to = std::max(stream.next_seq, change.to);
  BOATHOUSE_TRY(put_stream(connection, recording->id, *change.stream, stream));
  NewItem item;
  item.recording = recording->id;
  item.kind = wire::ItemKind::chunk;
  item.stream = static_cast<int>(*change.stream);
  item.first = change.from;
  item.past = change.to;
  item.version = change.version;
  item.away_bytes = change.bytes;
  return add_confirmed(connection, epoch, item, change);
}

base::Status take_seal(db::Connection& connection, std::string_view athlete, std::string_view epoch,
                       const Change& change) {
  auto seal = wire::decode_seal(change.json);
  if (!seal) return seal.error();
  if (seal->rec_id != change.rec_id || seal->revision != change.revision) {
    return wrong_feed("the feed's seal is another recording's");
  }
  auto recording = find_or_add(connection, change.rec_id, athlete);
  if (!recording) return recording.error();
  if (recording->purged) return {};
  auto there = find_item(connection, recording->id, wire::ItemKind::seal, 0, change.revision);
  if (!there) return there.error();
  if (*there) return confirm(connection, epoch, **there, 0, change);
  NewItem item;
  item.recording = recording->id;
  item.kind = wire::ItemKind::seal;
  item.first = change.revision;
  item.body = base::as_bytes(change.json);
  BOATHOUSE_TRY(add_confirmed(connection, epoch, item, change));
  if (change.revision <= recording->revision) return {};
  return set_sealed(connection, *recording, seal->reason, change.revision);
}

base::Status take_gone(db::Connection& connection, std::string_view athlete, std::string_view epoch,
                       const Change& change) {
  auto recording = find_or_add(connection, change.rec_id, athlete);
  if (!recording) return recording.error();
  if (change.stream) return retire(connection, recording->id, epoch, change);
  return erase_recording(connection, recording->id);
}

base::Status take_one(db::Connection& connection, std::string_view athlete, std::string_view epoch,
                      const Change& change) {
  switch (change.kind) {
    case ChangeKind::birth:
      return take_birth(connection, athlete, epoch, change);
    case ChangeKind::chunk:
      return take_chunk(connection, athlete, epoch, change);
    case ChangeKind::seal:
      return take_seal(connection, athlete, epoch, change);
    case ChangeKind::edit: {
      auto recording = find_or_add(connection, change.rec_id, athlete);
      if (!recording) return recording.error();
      return recording->purged ? base::Status() : take_edit(connection, epoch, *recording, change);
    }
    case ChangeKind::gone:
      return take_gone(connection, athlete, epoch, change);
  }
  return {};
}

base::Result<Account> read_account(db::Connection& connection, std::string_view athlete) {
  // Of the newest items, because all would be read for it; it is a sign of a server that was put back, no proof.
  auto select = connection.prepare(
      "SELECT athlete_id, epoch, cursor, purge_safe_seq, (SELECT max(server_seq) FROM (SELECT server_seq FROM item "
      "JOIN "
      "recording ON recording.id = item.recording WHERE recording.athlete = ?1 AND epoch = account.epoch "
      "ORDER BY item.id DESC LIMIT 256)) FROM account WHERE athlete = ?1");
  if (!select) return select.error();
  auto there = select->bind(1, athlete).step();
  if (!there) return there.error();
  Account account;
  account.athlete = athlete;
  if (!*there) return account;
  if (!copy_exact(select->blob(0), account.athlete_id.bytes)) return damaged("an account without its athlete");
  account.epoch = select->text(1);
  account.cursor = select->integer(2);
  account.purge_safe_seq = select->integer(3);
  account.newest_seq = std::max(account.cursor, select->integer(4));
  return account;
}

base::Status write_account(db::Connection& connection, const Account& account) {
  auto put = connection.prepare(
      "INSERT INTO account(athlete, athlete_id, epoch, cursor, purge_safe_seq) VALUES (?1, ?2, ?3, ?4, ?5) "
      "ON CONFLICT(athlete) DO UPDATE SET athlete_id = ?2, epoch = ?3, cursor = ?4, purge_safe_seq = ?5");
  if (!put) return put.error();
  return put->bind(1, account.athlete)
      .bind(2, base::ByteView(account.athlete_id.bytes))
      .bind(3, account.epoch)
      .bind(4, account.cursor)
      .bind(5, account.purge_safe_seq)
      .run();
}

}  // namespace

base::Result<Account> Store::account(std::string_view athlete) {
  const std::lock_guard guard(impl_->mutex);
  return read_account(impl_->connection, athlete);
}

base::Status Store::take_hello(std::string_view athlete, const wire::HelloReply& hello) {
  if (hello.replica_id != impl_->identity.replica_id) {
    return base::Error{base::ErrorCode::invalid_input, "the answer is for another device"};
  }
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  return in_transaction(connection, [&]() -> base::Status {
    auto account = read_account(connection, athlete);
    if (!account) return account.error();
    if (account->athlete_id != base::Uuid{} && account->athlete_id != hello.athlete) {
      return base::Error{
          base::ErrorCode::conflict,
          "the key belongs to another athlete than before (boathouse device sync --other-athlete, if that is meant)"};
    }
    BOATHOUSE_TRY(forget_other_epochs(connection, hello.epoch));
    if (account->epoch != hello.epoch) {
      account->epoch = hello.epoch;
      account->cursor = 0;
    }
    account->athlete_id = hello.athlete;
    if (hello.fork) {
      auto put = connection.prepare("INSERT INTO setting(name, value) VALUES ('is_copy', 1) ON CONFLICT DO NOTHING");
      if (!put) return put.error();
      BOATHOUSE_TRY(put->run());
    }
    account->purge_safe_seq = hello.purge_safe_seq;
    return write_account(connection, *account);
  });
}

base::Status Store::forget_account(std::string_view athlete) {
  const std::lock_guard guard(impl_->mutex);
  auto remove = impl_->connection.prepare("DELETE FROM account WHERE athlete = ?1");
  if (!remove) return remove.error();
  return remove->bind(1, athlete).run();
}

base::Status Store::take_changes(std::string_view athlete, std::int64_t since, const wire::ChangesReply& reply) {
  if (reply.replica_id != impl_->identity.replica_id) {
    return base::Error{base::ErrorCode::invalid_input, "the answer is for another device"};
  }
  {
    const std::lock_guard guard(impl_->mutex);
    db::Connection& connection = impl_->connection;
    auto account = read_account(connection, athlete);
    if (!account) return account.error();
    const auto receipts = read_epoch(connection);
    if (!receipts) return receipts.error();
    // Another athlete's session may have met another history meanwhile: receipts of this one prove nothing any more.
    if (account->epoch != reply.epoch || *receipts != reply.epoch || account->cursor != since) {
      return base::Error{base::ErrorCode::conflict, "the answer does not go on from where this device is"};
    }
    account->cursor = reply.next;
    if (base::planted(base::Plant::cursor_before_data)) BOATHOUSE_TRY(write_account(connection, *account));
    const base::Status taken = in_transaction(connection, [&]() -> base::Status {
      for (const Change& change : reply.changes) {
        BOATHOUSE_TRY(take_one(connection, athlete, reply.epoch, change));
      }
      return write_account(connection, *account);
    });
    if (!taken) return taken;
  }
  impl_->look();
  return {};
}

base::Status Store::take_verified(std::string_view epoch, std::span<const VerifiedRecording> verified,
                                  std::span<const base::Uuid> lacking) {
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  return in_transaction(connection, [&]() -> base::Status {
    auto update = connection.prepare(
        "UPDATE recording SET verified_revision = ?2, verified_epoch = ?3 WHERE rec_id = ?1 AND revision = ?2");
    if (!update) return update.error();
    for (const VerifiedRecording& one : verified) {
      BOATHOUSE_TRY(update->bind(1, base::ByteView(one.rec_id.bytes)).bind(2, one.revision).bind(3, epoch).run());
    }
    auto again = connection.prepare(
        "UPDATE item SET outcome = NULL, server_seq = NULL, epoch = NULL, detail = NULL WHERE here = 1 AND outcome < 2 "
        "AND recording = (SELECT id FROM recording WHERE rec_id = ?1)");
    if (!again) return again.error();
    for (const base::Uuid& rec_id : lacking) {
      BOATHOUSE_TRY(again->bind(1, base::ByteView(rec_id.bytes)).run());
    }
    return {};
  });
}

base::Result<std::vector<wire::VerifyQuestion>> Store::unverified(std::string_view athlete, std::size_t limit) {
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  auto select = connection.prepare(
      "SELECT r.rec_id, r.revision, b.body FROM recording AS r "
      "JOIN item AS i ON i.recording = r.id AND i.kind = 3 AND i.stream = 0 AND i.first = r.revision "
      "JOIN body AS b ON b.item = i.id CROSS JOIN replica AS s "
      "WHERE r.ended = 1 AND r.purged = 0 AND r.athlete = ?1 "
      "AND (r.verified_revision <> r.revision OR r.verified_epoch <> s.server_epoch) AND NOT EXISTS("
      "SELECT 1 FROM item AS o WHERE o.recording = r.id AND (o.outcome IS NULL OR o.outcome >= 2)) "
      // What retention took there cannot be compared any more.
      "AND NOT EXISTS(SELECT 1 FROM retired AS x WHERE x.recording = r.id) ORDER BY r.id DESC LIMIT ?2");
  if (!select) return select.error();
  select->bind(1, athlete).bind(2, limit);
  std::vector<wire::VerifyQuestion> questions;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return questions;
    auto seal = wire::decode_seal(base::as_text(select->blob(2)));
    if (!seal) return seal.error();
    questions.push_back({seal->rec_id, seal->revision, std::move(seal->streams)});
  }
}

}  // namespace boathouse::store
