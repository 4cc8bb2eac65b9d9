// An end to waiting for a socket that a library waits for without one, however it does so (TLS, a handshake of its
// own).
#pragma once

#include <chrono>

namespace boathouse::sql {

// While it lives: after `ms` the socket is shut down, so that whoever reads from it or writes to it finds the
// connection lost. The socket stays open and its owner's. Any thread.
class Deadline {
 public:
  Deadline(int socket, int ms);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline();

  [[nodiscard]] bool passed() const;

 private:
  friend class Watchman;
  const int socket_;
  const std::chrono::steady_clock::time_point end_;
  bool passed_ = false;  // the watchman's
};

}  // namespace boathouse::sql
