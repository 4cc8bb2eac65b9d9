// Whether the backups that devices remove by still lie where `serve` makes them: a disk may be lost after the ledger
// was told of a backup. Looks when it is made, each minute on a thread of its own until its end, and when the ledger
// was told something new. Thread rule: any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>

#include "core/base/clock.hpp"
#include "server/ledger/ledger.hpp"

namespace boathouse::app {

class BackupWatch {
 public:
  // `log` gets a line when the backups are not there, and one when they are again. All must outlive the watch.
  BackupWatch(std::filesystem::path destination, ledger::Ledger& ledger, base::Clock& clock,
              std::function<void(std::string_view)> log);
  ~BackupWatch();
  BackupWatch(const BackupWatch&) = delete;
  BackupWatch& operator=(const BackupWatch&) = delete;

  // Of what the ledger was told, the server_seq up to which verified backups are there. 0 also when nobody knows any
  // more, because the last look has not come back for minutes: so a disk on a network hangs.
  std::int64_t there_of(std::int64_t told_seq);
  // Up to where the verified backups reached at the last look.
  [[nodiscard]] std::int64_t reach() const;
  // Leaves it to another thread that is looking.
  void look();

 private:
  void run();

  const std::filesystem::path destination_;
  ledger::Ledger& ledger_;
  base::Clock& clock_;
  const std::function<void(std::string_view)> log_;
  std::mutex looking_;
  bool well_ = true;                    // under looking_
  std::atomic<std::int64_t> told_ = 0;  // by the ledger, at the last look
  std::atomic<std::int64_t> reach_ = 0;
  std::atomic<std::int64_t> looked_ms_ = 0;  // on the monotonic clock
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace boathouse::app
