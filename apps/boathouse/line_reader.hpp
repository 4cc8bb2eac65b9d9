// Lines of a pipe or file as they come, without waiting for one longer than asked. One thread.
#pragma once

#include <cstddef>
#include <string>

namespace boathouse::app {

class LineReader {
 public:
  static constexpr std::size_t kMaxLine = std::size_t{1} << 20;  // a longer one is handed out in pieces

  enum class Next { line, nothing_yet, end };

  // Does not own `fd`.
  explicit LineReader(int fd) : fd_(fd) {}
  // At most `timeout_ms`, less if a signal comes (then: nothing_yet). The last line needs no newline.
  Next next(std::string& line, int timeout_ms);

 private:
  bool take_line(std::string& line);

  int fd_;
  std::string buffer_;
  std::size_t looked_at_ = 0;  // no newline before this
  bool ended_ = false;
};

}  // namespace boathouse::app
