#include "device/store/store.hpp"

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "core/base/planted.hpp"
#include "core/pm5/assembler.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/enumerations.hpp"
#include "device/store/emptied.hpp"
#include "device/store/identity.hpp"
#include "device/store/row_codec.hpp"
#include "device/store/schema.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

// Whether nobody works with the store. A call that does ends as soon as SQLite sees the interrupt, within a step; the
// pause only keeps suspend() from asking without end, nothing depends on its length.
bool nobody_works(std::mutex& mutex) {
  if (mutex.try_lock()) {
    mutex.unlock();
    return true;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return false;
}

// Files of before version 3 have edits of which nothing was derived.
base::Status settle_once(db::Connection& connection) {
  {
    auto select = connection.prepare("SELECT EXISTS(SELECT 1 FROM setting WHERE name = 'settled')");
    if (!select) return select.error();
    auto row = select->step();
    if (!row) return row.error();
    if (select->integer(0) != 0) return {};
  }
  return in_transaction(connection, [&]() -> base::Status {
    BOATHOUSE_TRY(settle_all(connection));
    return connection.execute("INSERT INTO setting(name, value) VALUES ('settled', 1)");
  });
}

base::Result<std::vector<base::Uuid>> open_recordings(db::Connection& connection) {
  auto select = connection.prepare("SELECT rec_id FROM recording WHERE ended = 0 ORDER BY id");
  if (!select) return select.error();
  std::vector<base::Uuid> open;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return open;
    if (!copy_exact(select->blob(0), open.emplace_back().bytes)) return damaged("a recording without an id");
  }
}

base::Result<std::vector<rowing::Record>> read_tail(db::Connection& connection, std::int64_t recording) {
  auto select =
      connection.prepare("SELECT stream, record, position, sum FROM tail WHERE recording = ?1 ORDER BY position");
  if (!select) return select.error();
  select->bind(1, recording);
  std::vector<rowing::Record> tail;
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return tail;
    const auto stream = rowing::stream_from_number(static_cast<std::uint64_t>(select->integer(0)));
    if (!stream) return damaged("an unknown stream number");
    auto record = checked_row(recording, *stream, static_cast<std::uint64_t>(select->integer(2)), select->blob(1),
                              select->optional_integer(3));
    if (!record) return record.error();
    tail.push_back(std::move(*record));
  }
}

// What only a planted bug needs: the second part.
base::Status queue_later(db::Connection& connection, const base::Uuid& rec_id) {
  auto recording = get_recording(connection, rec_id);
  if (!recording) return recording.error();
  return connection.execute("UPDATE item SET outcome = NULL WHERE outcome = 1 AND epoch IS NULL AND recording = " +
                            std::to_string(recording->id));
}

struct OpenDatabase {
  db::Connection connection;
  Identity identity;
};
base::Result<OpenDatabase> open_database(const std::string& folder, base::UuidV7Source& ids, base::RandomSource& random,
                                         const StoreOptions& options) {
  db::Options database = options.database;
  database.if_corrupt =
      "what can be read of it is saved by `boathouse device salvage --data " + folder + " --output NEWFOLDER`";
  auto connection = db::Connection::open(folder + "/device.db", database);
  if (!connection) return connection.error();
  BOATHOUSE_TRY(db::migrate(*connection, schema()));
  BOATHOUSE_TRY(settle_once(*connection));
  auto identity = identify(*connection, ids, random, options.nonce ? options.nonce() : std::string());
  if (!identity) return identity.error();
  return OpenDatabase{std::move(*connection), *identity};
}

std::uint64_t free_bytes(const std::string& folder) {
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  return error ? ~std::uint64_t{0} : std::uint64_t{space.available};
}

}  // namespace

base::Result<Store> Store::open(const std::string& folder, base::UuidV7Source& ids, base::RandomSource& random,
                                const StoreOptions& options) {
  FolderLock lock;
  if (options.take_lock) {
    auto taken = FolderLock::take(folder);
    if (!taken) return taken.error();
    lock = std::move(*taken);
    BOATHOUSE_TRY(look_for_emptied(folder));
  }
  auto disk_free = options.disk_free_bytes;
  if (!disk_free) disk_free = [folder] { return free_bytes(folder); };
  Ballast ballast(folder + "/ballast", options.database.vfs, options.ballast_bytes, std::move(disk_free));
  auto opened = open_database(folder, ids, random, options);
  // Recordings that a full disk has left open want to be ended.
  while (!opened && opened.error().code == base::ErrorCode::no_room && ballast.give()) {
    opened = open_database(folder, ids, random, options);
  }
  if (!opened) return opened.error();
  std::optional<FileNumber> file;
  if (options.take_lock) {
    note_made(folder);
    file = number_of_file(opened->connection.path());
  }
  ballast.fill();
  // Not make_unique: the mutex makes the aggregate immovable.
  return Store(std::unique_ptr<Impl>(
      new Impl{std::move(lock), std::move(opened->connection), opened->identity, &ids, std::move(ballast), file, {}}));
}

std::optional<FileNumber> number_of_file(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return FileNumber{static_cast<std::uint64_t>(found.st_dev), static_cast<std::uint64_t>(found.st_ino)};
}

base::Status Store::Impl::check_there() const {
  if (!file || number_of_file(connection.path()) == file) return {};
  return base::Error{base::ErrorCode::io, connection.path() +
                                              " was removed or replaced while it was in use: nothing more can be saved "
                                              "in it; put the folder back or name another, and begin again"};
}

base::Status Store::check_there() const { return impl_->check_there(); }

base::Status Store::Impl::end(const base::Uuid& rec_id, rowing::EndReason reason,
                              std::span<const rowing::Record> last) {
  const base::Status done = save([&]() -> base::Status {
    auto recording = get_own_recording(connection, rec_id);
    if (!recording) return recording.error();
    if (recording->ended) return {};
    if (reason == rowing::EndReason::crashed) {
      auto tail = read_tail(connection, recording->id);
      if (!tail) return tail.error();
      BOATHOUSE_TRY(append_rows(connection, recording->id, *tail));
    }
    BOATHOUSE_TRY(put_tail(connection, recording->id, {}));
    BOATHOUSE_TRY(append_rows(connection, recording->id, last));
    BOATHOUSE_TRY(seal_rows(connection, recording->id, true));
    return put_seal(connection, *recording, reason);
  });
  if (done && base::planted(base::Plant::two_part_queue)) return queue_later(connection, rec_id);
  return done;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

const Identity& Store::identity() const { return impl_->identity; }

void Store::suspend() {
  // Until whoever works has given up; again, because a statement that just begins forgets the first call.
  do {
    impl_->connection.suspend();
  } while (!nobody_works(impl_->mutex));
}

void Store::resume() { impl_->connection.resume(); }
bool Store::suspended() const { return impl_->connection.suspended(); }

base::Status Store::begin(const rowing::Birth& birth, std::string_view athlete) {
  const std::lock_guard guard(impl_->mutex);
  auto there = find_recording(impl_->connection, birth.rec_id);
  if (!there) return there.error();
  if (!*there) BOATHOUSE_TRY(impl_->make_room());
  return impl_->save([&]() -> base::Status {
    auto row = begin_recording(impl_->connection, birth, athlete);
    return row ? base::Status() : base::Status(row.error());
  });
}

base::Result<std::uint64_t> Store::claim_guests(std::string_view athlete) {
  if (athlete.empty() || athlete.size() > kMaxAthleteLabel) {
    return base::Error{base::ErrorCode::invalid_input,
                       "an athlete's label has 1 to " + std::to_string(kMaxAthleteLabel) + " bytes"};
  }
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  std::uint64_t claimed = 0;
  const base::Status done = in_transaction(connection, [&]() -> base::Status {
    auto select = connection.prepare("SELECT EXISTS(SELECT 1 FROM account WHERE athlete = '')");
    if (!select) return select.error();
    auto there = select->step();
    if (!there) return there.error();
    if (select->integer(0) != 0) {
      return base::Error{base::ErrorCode::conflict,
                         "the recordings without an athlete belong to the key that this device has synced with"};
    }
    auto update = connection.prepare("UPDATE recording SET athlete = ?1, examined = 0 WHERE athlete = ''");
    if (!update) return update.error();
    BOATHOUSE_TRY(update->bind(1, athlete).run());
    claimed = static_cast<std::uint64_t>(connection.changes());
    return {};
  });
  if (!done) return done.error();
  return claimed;
}

base::Status Store::append(const base::Uuid& rec_id, std::span<const rowing::Record> records,
                           std::span<const rowing::Record> tail) {
  if (records.empty() && tail.empty()) return {};
  bool late = false;
  {
    const std::lock_guard guard(impl_->mutex);
    db::Connection& connection = impl_->connection;
    const base::Status done = impl_->save([&]() -> base::Status {
      auto recording = get_own_recording(connection, rec_id);
      if (!recording) return recording.error();
      late = recording->ended;
      BOATHOUSE_TRY(append_rows(connection, recording->id, records));
      if (!late) return put_tail(connection, recording->id, tail);
      BOATHOUSE_TRY(seal_rows(connection, recording->id, true));
      return put_seal(connection, *recording, recording->reason);
    });
    if (!done) return done;
  }
  if (late) impl_->look();
  return {};
}

base::Status Store::seal(const base::Uuid& rec_id, bool all) {
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  const base::Status done = impl_->save([&]() -> base::Status {
    auto recording = get_own_recording(connection, rec_id);
    if (!recording) return recording.error();
    return seal_rows(connection, recording->id, all);
  });
  if (done && base::planted(base::Plant::two_part_queue)) return queue_later(connection, rec_id);
  return done;
}

base::Status Store::end(const base::Uuid& rec_id, rowing::EndReason reason) {
  {
    const std::lock_guard guard(impl_->mutex);
    BOATHOUSE_TRY(impl_->end(rec_id, reason, {}));
    impl_->ballast.fill();
  }
  impl_->look();
  return {};
}

base::Result<std::uint64_t> Store::end_crashed() {
  std::uint64_t ended = 0;
  {
    const std::lock_guard guard(impl_->mutex);
    auto open = open_recordings(impl_->connection);
    if (!open) return open.error();
    // The moment of the crash is not known, and the clock that at_ms counts by is gone.
    rowing::Record event = pm5::make_event(rowing::EventKind::reopened, 0, "{}");
    event.values[rowing::column_index(rowing::Stream::event, "at_ms")] = rowing::kNull;
    for (const base::Uuid& rec_id : *open) {
      BOATHOUSE_TRY(impl_->end(rec_id, rowing::EndReason::crashed, {&event, 1}));
    }
    ended = open->size();
  }
  impl_->look();
  return ended;
}

}  // namespace boathouse::store
