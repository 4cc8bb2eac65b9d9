#include "tests/simulation/fleet/device.hpp"

#include <algorithm>
#include <utility>

#include "core/base/sha256.hpp"
#include "core/rowing/catalogue.hpp"
#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {
namespace {

using rowing::Stream;

constexpr std::uint64_t kSamplesTogether = 100;

}  // namespace

std::vector<rowing::Record> handmade_samples(const base::Uuid& rec_id, std::uint64_t from, std::uint64_t count) {
  const std::size_t at = rowing::column_index(Stream::sample, "at_ms");
  const std::size_t elapsed = rowing::column_index(Stream::sample, "elapsed_cs");
  const std::size_t distance = rowing::column_index(Stream::sample, "distance_dm");
  const std::int64_t pace = 15 + rec_id.bytes[15] % 16;
  std::vector<rowing::Record> records;
  for (std::uint64_t seq = from; seq < from + count; ++seq) {
    const auto n = static_cast<std::int64_t>(seq);
    rowing::Record& record = records.emplace_back();
    record.stream = Stream::sample;
    record.values.assign(rowing::metrics(Stream::sample).size(), rowing::kNull);
    record.values[at] = n * 500;
    record.values[elapsed] = n * 50;
    record.values[distance] = n * pace;
  }
  return records;
}

Device::Device(std::uint64_t seed, Athletes athletes, Deliver deliver)
    : disk_(seed),
      athletes_(std::move(athletes)),
      deliver_(std::move(deliver)),
      clock_(1'700'000'000'000, static_cast<std::int64_t>(seed % 1'000'000)),
      random_(seed),
      ids_(clock_, random_),
      nonce_(std::to_string(seed)) {}

base::Status Device::boot() {
  store::StoreOptions options;
  options.database.vfs = disk_.name();
  options.take_lock = false;
  options.nonce = [this] { return nonce_; };
  auto opened = store::Store::open("/sim", ids_, random_, options);
  if (!opened) return opened.error();
  if (auto ended = opened->end_crashed(); !ended) return ended.error();
  store_.emplace(std::move(*opened));
  ++process_;
  for (const Tenants::Tenant* athlete : athletes_) {
    sessions_.emplace_back(*store_, clock_, random_, athlete->key, athlete->label);
  }
  give_all(sync::Start{});
  return {};
}

void Device::kill() {
  recorder_.reset();
  by_hand_.reset();
  sessions_.clear();
  store_.reset();
  ++process_;
}

bool Device::dies_if_powerless(std::uint64_t seed) {
  if (disk_.powered()) return false;
  kill();
  disk_.power_on(seed);
  return true;
}

void Device::give(std::size_t athlete, sync::Event event) {
  if (!running()) return;
  const bool is_tick = std::holds_alternative<sync::Tick>(event);
  const sync::Status before = status(athlete);
  if (auto request = sessions_[athlete].take(std::move(event))) deliver_(athlete, std::move(*request));
  if (!is_tick || !(before == status(athlete))) check_status(athlete);
}

void Device::give_all(const sync::Event& event) {
  for (std::size_t athlete = 0; athlete < sessions_.size(); ++athlete) give(athlete, event);
}

void Device::tick() {
  if (!running()) return;
  if (recorder_) {
    if (const auto done = recorder_->tick(clock_.monotonic_ms() - rowing_since_ms_); done) note_promise();
    give_all(sync::DataAdded{});
  }
  give_all(sync::Tick{});
}

std::optional<std::int64_t> Device::next_ms() const {
  std::optional<std::int64_t> next;
  for (const sync::Session& session : sessions_) {
    const auto due = session.status().next_try_ms;
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

bool Device::awaits_reply() const {
  return std::ranges::any_of(sessions_, [](const sync::Session& session) { return session.busy(); });
}

// I12: what the status says is true, and what is pending has a time or a reason.
void Device::check_status(std::size_t athlete) {
  if (sessions_[athlete].busy()) return;
  const sync::Status& said = status(athlete);
  if (said.state == sync::State::up_to_date) {
    // Of other athletes' doings this one's engine hears later.
    store::PendingQuery own;
    own.athlete = athletes_[athlete]->label;
    own.max_items = 1;
    auto now = store_->status();
    auto pending = store_->pending(own);
    if (!now || !pending) return;
    if (!pending->empty() || (athletes_.size() == 1 && now->pending_items != 0)) {
      throw Violation("I12: " + own.athlete + " is up to date with " + std::to_string(now->pending_items) +
                      " items pending");
    }
    return;
  }
  const bool by_people =
      said.state == sync::State::paused || said.state == sync::State::needs_auth || said.state == sync::State::offline;
  if (!by_people && !said.next_try_ms) {
    throw Violation("I12: " + std::string(sync::name(said.state)) + " without a next try: " + said.reason);
  }
  if (said.reason.empty() && said.state != sync::State::syncing) {
    throw Violation("I12: " + std::string(sync::name(said.state)) + " without a reason");
  }
}

void Device::note_promise() {
  if (!recorder_) return;
  rowing_promise_->recordings = recorder_->recordings();
  const auto& committed = recorder_->counters().records;
  for (std::size_t i = 0; i < committed.size(); ++i) {
    if (const auto stream = rowing::stream_from_number(i); stream && committed[i] > 0) {
      rowing_promise_->records[*stream] = committed[i];
    }
  }
}

Promise& Device::promise(Who who) {
  Promise& made = promises_.emplace_back();
  made.owner = who ? athletes_[*who] : athletes_.back();
  made.guest = !who;
  return made;
}

base::Status Device::row(Who who, const std::vector<pm5::TimedNotification>& workout, std::size_t notifications) {
  if (!recorder_) {
    store::RecorderOptions options;
    options.origin = rowing::Origin::simulated;
    options.athlete = label(who);
    recorder_.emplace(*store_, clock_, ids_, std::move(options));
    heard_ = 0;
    rowing_since_ms_ = clock_.monotonic_ms();
    rowing_promise_ = &promise(who);
  }
  base::Status last;
  const std::size_t until = std::min(workout.size(), heard_ + notifications);
  for (; heard_ < until && disk_.powered(); ++heard_) {
    const pm5::TimedNotification& heard = workout[heard_];
    if (auto fed = recorder_->feed(heard.characteristic, heard.payload, heard.at_ms); !fed) last = fed;
    note_promise();
  }
  if (last && heard_ == workout.size()) return stop_rowing();
  return last;
}

base::Status Device::stop_rowing() {
  if (!recorder_) return {};
  BOATHOUSE_TRY(recorder_->stop(rowing::EndReason::stopped));
  note_promise();
  recorder_.reset();
  return {};
}

base::Status Device::begin_by_hand(Who who, std::int64_t started_ms) {
  if (by_hand_) return {};
  rowing::Birth birth;
  birth.rec_id = ids_.next();
  birth.started_ms = started_ms;
  birth.origin = rowing::Origin::simulated;
  BOATHOUSE_TRY(store_->begin(birth, label(who)));
  Promise& made = promise(who);
  made.recordings = {birth.rec_id};
  made.handmade = true;
  by_hand_ = ByHand{birth.rec_id, 0, &made};
  return {};
}

base::Status Device::append_by_hand(std::uint64_t count) {
  if (!by_hand_) return {};
  // What an append that failed has done is told by the store.
  auto info = store_->recording(by_hand_->rec_id);
  if (!info) return info.error();
  by_hand_->appended = info->streams[Stream::sample].records;
  BOATHOUSE_TRY(store_->append(by_hand_->rec_id, handmade_samples(by_hand_->rec_id, by_hand_->appended, count)));
  by_hand_->appended += count;
  by_hand_->promise->records[Stream::sample] = by_hand_->appended;
  if (by_hand_->appended % kSamplesTogether < count) {
    BOATHOUSE_TRY(store_->seal(by_hand_->rec_id, true));
  }
  return {};
}

base::Status Device::end_by_hand() {
  if (!by_hand_) return {};
  BOATHOUSE_TRY(store_->end(by_hand_->rec_id, rowing::EndReason::stopped));
  by_hand_.reset();
  return {};
}

base::Status Device::import(Who who, std::int64_t started_ms, std::uint64_t samples) {
  rowing::Birth birth;
  birth.rec_id = ids_.next();
  birth.started_ms = started_ms;
  birth.origin = rowing::Origin::import;
  auto import = store_->begin_import(base::sha256(birth.rec_id.bytes));
  if (!import) return import.error();
  BOATHOUSE_TRY(import->begin(birth, label(who)));
  for (rowing::Record& record : handmade_samples(birth.rec_id, 0, samples)) {
    BOATHOUSE_TRY(import->append(std::move(record)));
  }
  BOATHOUSE_TRY(import->commit());
  Promise& made = promise(who);
  made.recordings = {birth.rec_id};
  made.handmade = true;
  made.records[Stream::sample] = samples;
  return {};
}

base::Status Device::claim_guests() {
  auto claimed = store_->claim_guests(athletes_.back()->label);
  return claimed ? base::Status() : base::Status(claimed.error());
}

base::Status Device::edit(rowing::Edit edit) {
  edit.op_id = ids_.next();
  auto made = store_->edit(std::move(edit), clock_.utc_ms());
  if (!made) return made.error();
  edits_[made->op_id] = made->session;
  return {};
}

}  // namespace boathouse::simulation
