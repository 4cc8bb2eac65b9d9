#include "apps/boathouse/backup_watch.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "server/backup/backup.hpp"

namespace boathouse::app {
namespace {

constexpr std::chrono::minutes kEvery(1);
constexpr std::int64_t kStaleMs = std::chrono::milliseconds(5 * kEvery).count();

}  // namespace

BackupWatch::BackupWatch(std::filesystem::path destination, ledger::Ledger& ledger, base::Clock& clock,
                         std::function<void(std::string_view)> log)
    : destination_(std::move(destination)), ledger_(ledger), clock_(clock), log_(std::move(log)) {
  look();
  thread_ = std::thread([this] { run(); });
}

BackupWatch::~BackupWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void BackupWatch::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kEvery, [this] { return stopping_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

void BackupWatch::look() {
  const std::unique_lock looking(looking_, std::try_to_lock);
  if (!looking) return;
  const auto told = ledger_.backed_up_seq();
  if (!told) return;  // nor can hello() answer
  const std::int64_t reach = backup::verified_up_to(destination_, ledger_.epoch(), *told);
  reach_ = reach;
  told_ = *told;
  looked_ms_ = clock_.monotonic_ms();
  const bool well = reach >= *told;
  if (well == std::exchange(well_, well)) return;
  log_(well ? "the backups in " + destination_.string() + " are there again"
            : "the verified backups in " + destination_.string() + " reach to server_seq " + std::to_string(reach) +
                  ", and the ledger was told of one up to " + std::to_string(*told) +
                  ": devices may remove nothing beyond the former until it is there (docs/operations/backup.md)");
}

std::int64_t BackupWatch::there_of(std::int64_t told_seq) {
  if (told_seq != told_) look();
  const bool known = clock_.monotonic_ms() - looked_ms_ < kStaleMs;
  return known ? std::min(told_seq, reach()) : 0;
}

std::int64_t BackupWatch::reach() const { return reach_; }

}  // namespace boathouse::app
