// Keeps a node's keys and the database together, on threads of its own, from its making to its end: asks a few times a
// second what other nodes have changed, where there may be others, and saves once a minute when keys were used. The
// one never waits for the other.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/control/accounts.hpp"

namespace boathouse::control {

class KeyWatch {
 public:
  // `log` gets a line when the database cannot be asked or written to, and one when it can again. Both must outlive
  // the watch.
  KeyWatch(Accounts& accounts, std::function<void(std::string_view)> log);
  ~KeyWatch();
  KeyWatch(const KeyWatch&) = delete;
  KeyWatch& operator=(const KeyWatch&) = delete;

 private:
  struct Duty {
    base::Status (Accounts::*call)();
    std::chrono::milliseconds every;
    std::string failed;
    std::string well_again;
  };
  void run(const Duty& duty);

  Accounts& accounts_;
  const std::function<void(std::string_view)> log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace boathouse::control
