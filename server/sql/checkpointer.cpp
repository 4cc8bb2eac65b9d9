#include "server/sql/checkpointer.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace boathouse::sql {

using base::Result;

Result<std::unique_ptr<Checkpointer>> Checkpointer::start(const std::string& path, const db::Options& options,
                                                          const Bounds& bounds) {
  db::Options own = options;
  own.must_checkpoint = {};
  auto connection = db::Connection::open(path, own);
  if (!connection) return connection.error();
  return std::unique_ptr<Checkpointer>(new Checkpointer(std::move(*connection), bounds));
}

Checkpointer::Checkpointer(db::Connection connection, const Bounds& bounds)
    : bounds_(bounds), connection_(std::move(connection)), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool Checkpointer::after_commit(int wal_pages) {
  const std::lock_guard lock(mutex_);
  if (wal_pages < pages_) {
    copied_ = 0;  // the WAL has begun anew
    tried_ = 0;
  }
  pages_ = wal_pages;
  if (pages_ < bounds_.begin) return false;
  if (pages_ >= bounds_.most) return true;
  if (has_work()) changed_.notify_one();
  return !copying_ && pages_ - copied_ <= bounds_.few;
}

// What could not be copied, because somebody still reads what was there before, or the disk failed, is tried again
// when some more has come.
bool Checkpointer::has_work() const {
  return pages_ >= bounds_.begin && pages_ > std::max(copied_, tried_) + bounds_.few;
}

int Checkpointer::copy() {
  try {
    const auto done = connection_.checkpoint();
    return done ? done->copied : 0;
  } catch (const std::bad_alloc&) {
    return 0;  // nobody catches it above a thread
  }
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || has_work(); });
    if (stopping_) return;
    tried_ = pages_;
    copying_ = true;
    lock.unlock();
    const int copied = copy();
    lock.lock();
    copying_ = false;
    // Otherwise it was of a WAL that has begun anew meanwhile.
    if (tried_ > 0) copied_ = std::max(copied_, copied);
  }
}

}  // namespace boathouse::sql
