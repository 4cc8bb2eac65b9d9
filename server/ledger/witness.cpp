#include "server/ledger/witness.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "server/segments/files.hpp"

namespace boathouse::ledger {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

std::string seen_line(const Seen& seen) {
  const std::string line = "boathouse-witness 1 " + seen.epoch + " " + std::to_string(seen.server_seq) + " ";
  return line + base::to_hex(base::sha256(base::as_bytes(line))) + "\n";
}

}  // namespace

Result<std::optional<Seen>> read_witness(const std::string& path) {
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  if (error) {
    return Error{ErrorCode::io, path + " cannot be read: " + error.message()};
  }
  if (!exists) {
    return std::optional<Seen>();
  }
  std::ifstream file(path, std::ios::binary);
  std::string content(300, '\0');  // of which the line has less
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.is_open() || file.bad()) {
    return Error{ErrorCode::io, path + " cannot be read"};
  }
  content.resize(static_cast<std::size_t>(file.gcount()));
  std::istringstream words(content);
  std::string name;
  std::string version;
  Seen seen;
  words >> name >> version >> seen.epoch >> seen.server_seq;
  // Whatever else is there, or is not, makes another line.
  if (words.fail() || content != seen_line(seen)) {
    return Error{ErrorCode::corrupt, path + " is damaged"};
  }
  return std::optional(std::move(seen));
}

Status write_witness(const std::string& path, const Seen& seen) {
  return segments::write_whole_file(path, base::as_bytes(seen_line(seen)));
}

WitnessKeeper::WitnessKeeper(std::string path, std::function<Seen()> seen, std::function<void(std::string_view)> log,
                             std::chrono::milliseconds every)
    : path_(std::move(path)), seen_(std::move(seen)), log_(std::move(log)), every_(every), thread_([this] { run(); }) {}

WitnessKeeper::~WitnessKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void WitnessKeeper::run() {
  std::unique_lock lock(mutex_);
  do {
    lock.unlock();
    write();
    lock.lock();
  } while (!wake_.wait_for(lock, every_, [this] { return stopping_; }));
  lock.unlock();
  write();
}

void WitnessKeeper::write() {
  Seen seen = seen_();
  if (written_ == seen) {
    return;
  }
  const Status status = write_witness(path_, seen);
  if (status.ok() != std::exchange(well_, status.ok())) {
    log_(status ? "the ledger's witness is written again"
                : "the ledger's witness cannot be written: " + status.error().text);
  }
  if (status) {
    written_ = std::move(seen);
  }
}

}  // namespace boathouse::ledger
