#include "tests/simulation/test_app.hpp"

#include <utility>

#include "core/db/sqlite.hpp"

namespace boathouse::simulation {

using base::Status;

namespace {
constexpr const char* kFirstEpoch = "first epoch";
}

App::App(World& world, std::uint64_t seed)
    : world_(world),
      store_random_(seed + 1'000'000),
      store_ids_(clock_, store_random_),
      random_(seed),
      ids_(clock_, random_) {}

Status App::open() {
  store::StoreOptions options;
  options.database.vfs = world_.disk.name();
  options.take_lock = false;
  options.ballast_bytes = world_.ballast_bytes;
  auto opened = store::Store::open("/sim", store_ids_, store_random_, options);
  if (!opened) return opened.error();
  // Its user signs in: what an old store kept without a label is theirs.
  if (auto claimed = opened->claim_guests(kAthlete); !claimed) return claimed.error();
  store_.emplace(std::move(*opened));
  store::RecorderOptions recorder;
  recorder.origin = rowing::Origin::simulated;
  recorder.athlete = kAthlete;
  recorder_.emplace(*store_, clock_, ids_, std::move(recorder));
  return {};
}

void App::close() {
  recorder_.reset();
  store_.reset();
}

// What the recorder says is committed. An app of these tests has at most one recording by its recorder, so that its
// counters are that recording's.
void App::note_promises() {
  if (recorder_->recordings().empty()) return;
  Model::Promise& promise = world_.model.promise(recorder_->recordings().front());
  promise.records = recorder_->counters().records;
  promise.total = 0;
  for (const std::uint64_t count : promise.records) promise.total += count;
  if (promise.total > 0) promise.begun = true;
  if (world_.believes_early) promise.total += recorder_->unsaved();
}

Status App::feed(const pm5::TimedNotification& notification) {
  const Status status = recorder_->feed(notification.characteristic, notification.payload, notification.at_ms);
  note_promises();
  return status;
}

Status App::tick(std::int64_t at_ms) {
  const Status status = recorder_->tick(at_ms);
  note_promises();
  return status;
}

Status App::stop(rowing::EndReason reason) {
  const Status status = recorder_->stop(reason);
  note_promises();
  if (!status) return status;
  if (recorder_->unsaved() != 0) world_.problems.push_back("stop() was ok and left records in memory");
  if (!recorder_->recordings().empty()) world_.model.promise(recorder_->recordings().front()).ended = true;
  return {};
}

Status App::checkpoint() {
  db::Options options;
  options.vfs = world_.disk.name();
  auto connection = db::Connection::open(kDatabase, options);
  if (!connection) return connection.error();
  return connection->execute("PRAGMA wal_checkpoint(RESTART)");
}

Status App::upload(bool again) {
  if (again) {
    if (auto offered = store_->offer_refused_again(); !offered) return offered.error();
  }
  store::PendingQuery query;
  query.athlete = kAthlete;
  query.max_items = 8;
  for (;;) {
    auto items = store_->pending(query);
    if (!items) return items.error();
    if (items->empty()) return {};
    const auto answers = world_.server.take(*items, world_.problems);
    for (const store::Acknowledgement& answer : answers) {
      if (answer.outcome == wire::Outcome::later) query.skip_items.insert(answer.id);
    }
    world_.model.acknowledging(answers);
    BOATHOUSE_TRY(store_->acknowledge(kFirstEpoch, answers));
    world_.model.acknowledged(answers);
  }
}

Status App::begin(const rowing::Birth& birth) {
  BOATHOUSE_TRY(store_->begin(birth, kAthlete));
  world_.model.promise(birth.rec_id).begun = true;
  return {};
}

Status App::append(const base::Uuid& rec_id, std::size_t from, const std::vector<rowing::Record>& samples) {
  auto info = store_->recording(rec_id);
  if (!info) return info.error();
  if (info->streams[rowing::Stream::sample].records <= from) BOATHOUSE_TRY(store_->append(rec_id, samples));
  Model::Promise& promise = world_.model.promise(rec_id);
  promise.records[static_cast<std::size_t>(rowing::Stream::sample)] = from + samples.size();
  return {};
}

Status App::end(const base::Uuid& rec_id) {
  BOATHOUSE_TRY(store_->end(rec_id, rowing::EndReason::stopped));
  world_.model.promise(rec_id).ended = true;
  return {};
}

Status App::edit(const base::Uuid& session, const std::string& title) {
  const auto fields = store_->fields(session);
  if (!fields) return fields.error();
  if (fields->title == title) return {};
  rowing::Edit edit;
  edit.op_id = store_ids_.next();
  edit.session = session;
  edit.text = title;
  auto made = store_->edit(std::move(edit), clock_.utc_ms());
  return made ? Status() : Status(made.error());
}

Status App::hear() {
  wire::HelloReply hello;
  hello.epoch = kFirstEpoch;
  hello.replica_id = store_->identity().replica_id;
  hello.athlete.bytes[0] = 7;
  hello.purge_safe_seq = 1'000'000;
  BOATHOUSE_TRY(store_->take_hello(kAthlete, hello));
  const auto account = store_->account(kAthlete);
  if (!account) return account.error();
  wire::ChangesReply reply;
  reply.epoch = kFirstEpoch;
  reply.replica_id = hello.replica_id;
  for (const wire::Change& change : world_.server.feed()) {
    if (change.seq > account->cursor) reply.changes.push_back(change);
  }
  if (reply.changes.empty()) return {};
  reply.next = reply.changes.back().seq;
  world_.model.feeding(reply.changes.size());
  BOATHOUSE_TRY(store_->take_changes(kAthlete, account->cursor, reply));
  world_.model.fed(reply.changes.size());
  return {};
}

Status App::verified() {
  const auto questions = store_->unverified(kAthlete, 1000);
  if (!questions) return questions.error();
  std::vector<store::VerifiedRecording> answers;
  for (const wire::VerifyQuestion& question : *questions) answers.push_back({question.rec_id, question.revision});
  return store_->take_verified(kFirstEpoch, answers);
}

Status App::make_room() {
  auto freed = store_->free_space(std::uint64_t{1} << 40);
  return freed ? Status() : Status(freed.error());
}

Status App::fetch() {
  Problems problems;
  fetch_all(*store_, world_.server, problems);
  if (problems.empty()) return {};
  return base::Error{base::ErrorCode::io, problems.front()};
}

Status App::import(const base::Digest& source, const std::vector<ImportedRecording>& recordings) {
  auto before = store_->imported(source);
  if (!before) return before.error();
  std::vector<base::Uuid> rec_ids;
  for (const ImportedRecording& recording : recordings) rec_ids.push_back(recording.birth.rec_id);
  if (before->empty()) {
    auto import = store_->begin_import(source);
    if (!import) return import.error();
    for (const ImportedRecording& recording : recordings) {
      BOATHOUSE_TRY(import->begin(recording.birth, kAthlete));
      for (const rowing::Record& record : recording.records) BOATHOUSE_TRY(import->append(record));
    }
    BOATHOUSE_TRY(import->commit());
  }
  world_.model.promise_import(std::move(rec_ids));
  return {};
}

}  // namespace boathouse::simulation
