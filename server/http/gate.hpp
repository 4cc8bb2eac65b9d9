// Stands between what may outlive the server (a Reply that some other part still holds) and the server. Any thread.
#pragma once

#include <mutex>

namespace boathouse::http {

class Gate {
 public:
  // Runs `pass` if the gate is open; close() waits for it. `pass` must be short and must not use the gate.
  template <typename Pass>
  void run(Pass pass) {
    const std::lock_guard lock(mutex_);
    if (open_) {
      pass();
    }
  }

  // After this nothing passes, and nothing is passing.
  void close() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  std::mutex mutex_;
  bool open_ = true;
};

}  // namespace boathouse::http
