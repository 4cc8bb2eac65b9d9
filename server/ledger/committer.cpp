#include "server/ledger/committer.hpp"

#include <future>
#include <utility>

#include "core/base/planted.hpp"

namespace boathouse::ledger {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

// Failures that belong to one job's statements, not to the disk or the file: they must not take the others along.
bool is_of_one_job(ErrorCode code) {
  return code != ErrorCode::io && code != ErrorCode::no_room && code != ErrorCode::corrupt &&
         code != ErrorCode::unavailable;
}

}  // namespace

Committer::Committer(sql::Connection connection, base::Clock& clock, std::size_t max_queued_bytes)
    : connection_(std::move(connection)),
      clock_(clock),
      max_queued_bytes_(max_queued_bytes),
      thread_([this] { loop(); }) {}

Committer::~Committer() { stop(); }

Status Committer::post(Work work, Done done, std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return Error{ErrorCode::unavailable, "the ledger has stopped; try again when the server is back"};
    }
    if (queued_bytes_ > 0 && queued_bytes_ + bytes > max_queued_bytes_) {
      return Error{ErrorCode::unavailable, "the ledger's queue is full; try again in some seconds"};
    }
    queued_bytes_ += bytes;
    queue_.push_back(Job{std::move(work), std::move(done), bytes});
  }
  ready_.notify_one();
  return {};
}

Status Committer::run(Work work) {
  std::promise<Status> promise;
  auto answer = promise.get_future();
  BOATHOUSE_TRY(post(
      std::move(work), [&promise](const Status& status) { promise.set_value(status); }, 0));
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
  std::vector<Job> group;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) {
        return;
      }
      group.swap(queue_);
    }
    std::size_t bytes = 0;
    for (const Job& job : group) {
      bytes += job.bytes;
    }
    commit(group);
    group.clear();
    const std::lock_guard lock(mutex_);
    queued_bytes_ -= bytes;
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
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto writer = Writer::begin(connection_, clock_.utc_ms());
  if (!writer) {
    return writer.error();
  }
  for (Job& job : jobs) {
    BOATHOUSE_TRY(job.work(*writer));
  }
  BOATHOUSE_TRY(writer->finish());
  const Status committed = transaction->commit();
  if (!committed && !base::planted(base::Plant::ack_before_commit)) {
    return committed;
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
