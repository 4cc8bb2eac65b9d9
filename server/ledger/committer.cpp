#include "server/ledger/committer.hpp"

#include <chrono>
#include <future>
#include <map>
#include <utility>

#include "core/base/planted.hpp"

namespace boathouse::ledger {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

// Large enough that the fsync costs little beside the writing, small enough that nobody waits long for others' data.
constexpr std::size_t kGroupBytes = std::size_t{8} << 20;
// Of one key: a backlog's batches are heavy, and whoever comes meanwhile waits for the group that runs and for its own.
// So one of them is enough, and keys with at most kLightBytes waiting go first, but not for ever.
constexpr std::size_t kKeyBytes = std::size_t{128} << 10;
constexpr std::size_t kLightBytes = std::size_t{64} << 10;
constexpr int kMostLightGroups = 8;

// Failures that belong to one job's statements, not to the disk or the file: they must not take the others along.
bool is_of_one_job(ErrorCode code) {
  return code != ErrorCode::io && code != ErrorCode::no_room && code != ErrorCode::corrupt &&
         code != ErrorCode::unavailable;
}

}  // namespace

Committer::Committer(sql::Connection connection, Epoch& epoch, base::Clock& clock, Queue::Most most, Hooks hooks,
                     std::function<HeavyKeys::Time()> steady_now)
    : connection_(std::move(connection)),
      epoch_(epoch),
      clock_(clock),
      hooks_(std::move(hooks)),
      steady_now_(std::move(steady_now)),
      queue_(most),
      thread_([this] { loop(); }) {}

Committer::~Committer() { stop(); }

Status Committer::post(const base::Uuid& key, Work work, Done done, std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return Error{ErrorCode::unavailable, "the ledger has stopped; try again when the server is back"};
    }
    switch (queue_.push(key, Job{std::move(work), std::move(done), key}, bytes)) {
      case Queue::Push::taken:
        break;
      case Queue::Push::full:
        return Error{ErrorCode::unavailable, "the ledger's queue is full; try again in some seconds"};
      case Queue::Push::share_full:
        return Error{ErrorCode::unavailable,
                     "too much from this key waits for the ledger; send less at a time, try again in some seconds"};
    }
  }
  ready_.notify_one();
  return {};
}

std::size_t Committer::queued_bytes() const {
  const std::lock_guard lock(mutex_);
  return queue_.weight();
}

Status Committer::run(Work work) {
  std::promise<Status> promise;
  auto answer = promise.get_future();
  BOATHOUSE_TRY(post(
      base::Uuid{}, std::move(work), [&promise](const Status& status) { promise.set_value(status); }, 0));
  return answer.get();
}

void Committer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_one();
  std::call_once(joined_, [this] { thread_.join(); });
}

void Committer::on_commit(std::function<void()> wake) {
  const std::lock_guard lock(wake_mutex_);
  wake_ = std::move(wake);
}

void Committer::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) {
      return;
    }
    const HeavyKeys::Time begun = steady_now_();
    Group group = take_group(begun);
    if (group.jobs.empty()) {
      ready_.wait_for(lock, heavy_keys_.next_end(begun) - begun);
      continue;
    }
    lock.unlock();
    commit(group.jobs);
    note(group, begun);
    lock.lock();
  }
}

Committer::Group Committer::take_group(HeavyKeys::Time now) {
  const auto is_light = [this](const base::Uuid& key) { return queue_.weight_of(key) <= kLightBytes; };
  const auto may_go = [&](const base::Uuid& key) { return stopping_ || !heavy_keys_.rests(key, now); };
  // The ledger's own work weighs nothing and puts nobody off.
  const bool only_light = light_groups_ < kMostLightGroups && queue_.any_of([&](const base::Uuid& key) {
    return queue_.weight_of(key) > 0 && is_light(key) && may_go(key);
  });
  light_groups_ = only_light ? light_groups_ + 1 : 0;
  Group group;
  std::size_t bytes = 0;
  while (bytes < kGroupBytes) {
    base::Uuid taken;
    auto next = queue_.pop_if([&](const base::Uuid& key) {
      taken = key;
      return (!only_light || is_light(key)) && may_go(key) && group.bytes_of[key] < kKeyBytes;
    });
    if (!next) {
      break;
    }
    bytes += next->weight;
    group.bytes_of[taken] += next->weight;
    group.jobs.push_back(std::move(next->value));
  }
  return group;
}

void Committer::note(const Group& group, HeavyKeys::Time begun) {
  const HeavyKeys::Time now = steady_now_();
  std::map<base::Uuid, HeavyKeys::Duration> own;
  for (const Job& job : group.jobs) {
    own[job.key] += job.took;
  }
  // The light ones first: they are the others' company.
  for (const auto& [key, bytes] : group.bytes_of) {
    if (bytes > 0 && bytes <= kLightBytes) {
      heavy_keys_.served_light(key, now);
    }
  }
  for (const auto& [key, bytes] : group.bytes_of) {
    if (bytes > kLightBytes) {
      heavy_keys_.served_heavy(key, now, now - begun);
    }
    if (bytes > 0) {
      heavy_keys_.served(key, now, own[key]);
    }
  }
}

void Committer::commit(std::span<Job> jobs) {
  const Status status = transact(jobs);
  if (!status && jobs.size() > 1 && is_of_one_job(status.error().code)) {
    for (Job& job : jobs) {
      commit({&job, 1});
    }
    return;
  }
  for (Job& job : jobs) {
    job.done(status);
  }
}

Status Committer::transact(std::span<Job> jobs) {
  ++commits_;
  const auto begun = std::chrono::steady_clock::now();
  const std::int64_t known_seq = epoch_.seen_seq();
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto writer = Writer::begin(connection_, clock_.utc_ms(), epoch_, known_seq);
  if (!writer) {
    return writer.error();
  }
  for (Job& job : jobs) {
    const HeavyKeys::Time job_begun = steady_now_();
    const Status done = job.work(*writer);
    job.took += steady_now_() - job_begun;
    BOATHOUSE_TRY(done);
  }
  BOATHOUSE_TRY(writer->finish());
  const Status committed = transaction->commit();
  if (!committed && !base::planted(base::Plant::ack_before_commit)) {
    return committed;
  }
  // Of a commit whose outcome is not known the next reader finds what became of it.
  if (committed) {
    epoch_.saw(writer->last_seq());
  }
  if (hooks_.on_commit_time) {
    hooks_.on_commit_time(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  }
  if (writer->forgotten_events() > 0 && hooks_.on_forgotten_events) {
    hooks_.on_forgotten_events(writer->forgotten_events());
  }
  if (writer->stored()) {
    const std::lock_guard lock(wake_mutex_);
    if (wake_) {
      wake_();
    }
  }
  return {};
}

}  // namespace boathouse::ledger
