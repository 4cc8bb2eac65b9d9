// What a node remembers outside of the database: how far its ledger had come. A ledger that was put back while the node
// was down is noticed by it.
//
// One line: "boathouse-witness 1 EPOCH SERVER_SEQ SHA256", the hash (hex) of what is before it. It may be behind the
// ledger, then it notices less; it is never ahead of what was committed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/base/result.hpp"
#include "server/ledger/seen.hpp"

namespace boathouse::ledger {

inline constexpr std::chrono::milliseconds kWitnessEvery{1000};

// nullopt: there is no such file. corrupt: it is not as it was written; io.
base::Result<std::optional<Seen>> read_witness(const std::string& path);
// Durable. no_room, io.
base::Status write_witness(const std::string& path, const Seen& seen);

// Writes the witness on a thread of its own: at once, then when something new was seen, at most so often, and at its
// end. `log` gets a line when it cannot be written, and one when it can again.
class WitnessKeeper {
 public:
  // `seen` is asked from the keeper's thread.
  WitnessKeeper(std::string path, std::function<Seen()> seen, std::function<void(std::string_view)> log,
                std::chrono::milliseconds every = kWitnessEvery);
  ~WitnessKeeper();
  WitnessKeeper(const WitnessKeeper&) = delete;
  WitnessKeeper& operator=(const WitnessKeeper&) = delete;

 private:
  void run();
  void write();

  const std::string path_;
  const std::function<Seen()> seen_;
  const std::function<void(std::string_view)> log_;
  const std::chrono::milliseconds every_;
  std::optional<Seen> written_;  // of the keeper's thread alone, as is the next
  bool well_ = true;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace boathouse::ledger
