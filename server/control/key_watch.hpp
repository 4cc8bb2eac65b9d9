// Keeps a node's keys as the other nodes have them: asks the database for changes a few times a second, on a thread of
// its own, from its making to its end.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>

#include "server/control/accounts.hpp"

namespace boathouse::control {

class KeyWatch {
 public:
  // `log` gets a line when the database cannot be asked, and one when it can again. Both must outlive the watch.
  KeyWatch(Accounts& accounts, std::function<void(std::string_view)> log);
  ~KeyWatch();
  KeyWatch(const KeyWatch&) = delete;
  KeyWatch& operator=(const KeyWatch&) = delete;

 private:
  void run();

  Accounts& accounts_;
  const std::function<void(std::string_view)> log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace boathouse::control
