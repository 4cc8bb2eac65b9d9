#include "apps/boathouse/line_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace boathouse::app {

bool LineReader::take_line(std::string& line) {
  const std::size_t end = buffer_.find('\n', looked_at_);
  if (end == std::string::npos && buffer_.size() < kMaxLine) {
    looked_at_ = buffer_.size();
    return false;
  }
  line = buffer_.substr(0, end);
  buffer_.erase(0, end == std::string::npos ? buffer_.size() : end + 1);
  looked_at_ = 0;
  return true;
}

LineReader::Next LineReader::next(std::string& line, int timeout_ms) {
  if (take_line(line)) return Next::line;
  while (!ended_) {
    pollfd waiting{fd_, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, timeout_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR)) return Next::nothing_yet;
    std::array<char, 65536> piece;
    const ssize_t size = ready < 0 ? -1 : ::read(fd_, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) return Next::nothing_yet;
    if (size <= 0) {
      ended_ = true;
      break;
    }
    buffer_.append(piece.data(), static_cast<std::size_t>(size));
    if (take_line(line)) return Next::line;
  }
  if (buffer_.empty()) return Next::end;
  line.swap(buffer_);
  buffer_.clear();
  return Next::line;
}

}  // namespace boathouse::app
