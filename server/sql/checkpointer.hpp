// Copies a busy database's WAL into its file from a thread and a connection of its own, so that the connection that
// writes seldom waits for it, and in large pieces, so that a page that many commits write is copied once for all of
// them. The writer only copies the last few pages, between two commits, after which the WAL begins anew.
//
//   auto checkpointer = Checkpointer::start("ledger.db", options, {});   // check checkpointer.ok()
//   options.must_checkpoint = [&](int pages) { return (*checkpointer)->after_commit(pages); };
//   auto writing = db::Connection::open("ledger.db", options);           // the file's only writer
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/base/result.hpp"
#include "core/db/sqlite.hpp"

namespace boathouse::sql {

class Checkpointer {
 public:
  // Pages of the WAL, of 4,096 bytes.
  struct Bounds {
    int begin = 16'000;  // fewer are left where they are
    int few = 1'000;     // so many not copied yet are the writer's
    int most = 64'000;   // from here on the writer copies all: the thread cannot keep up, or somebody reads for long
  };

  // Errors as of db::Connection::open. A file that is not there is made.
  static base::Result<std::unique_ptr<Checkpointer>> start(const std::string& path, const db::Options& options,
                                                           const Bounds& bounds);
  // Waits for what it copies. The writer must not commit any more.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // db::Options::must_checkpoint of the one connection that writes.
  [[nodiscard]] bool after_commit(int wal_pages);

 private:
  Checkpointer(db::Connection connection, const Bounds& bounds);
  void run();
  int copy();                           // pages that are in the file now; 0 if that failed
  [[nodiscard]] bool has_work() const;  // under mutex_

  const Bounds bounds_;
  db::Connection connection_;  // of the thread
  std::mutex mutex_;
  std::condition_variable changed_;
  int pages_ = 0;   // in the WAL
  int copied_ = 0;  // of these, as far as the thread knows
  int tried_ = 0;   // as many there were when the thread last began
  bool copying_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace boathouse::sql
