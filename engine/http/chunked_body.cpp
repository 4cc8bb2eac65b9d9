#include "engine/http/chunked_body.hpp"

#include <algorithm>

#include "engine/http/exception.hpp"

namespace boathouse::engine_http {
namespace {

constexpr std::size_t kMaxLine = 1024;
constexpr std::size_t kMaxTrailers = 16 * 1024;

base::Error malformed_chunks() { return exception(kBadRequestParameter, "the chunks of the body are malformed"); }

int size_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

base::Status ChunkedBody::end_of_line() {
  switch (state_) {
    case State::size:
      if (line_length_ == 0) {
        return malformed_chunks();
      }
      state_ = chunk_left_ == 0 ? State::trailer : State::data;
      break;
    case State::data_end:
      if (line_length_ != 0) {
        return malformed_chunks();
      }
      state_ = State::size;
      break;
    default:  // a trailer
      state_ = line_length_ == 0 ? State::ended : State::trailer;
      break;
  }
  line_length_ = 0;
  digits_ = true;
  return base::Done{};
}

base::Result<ChunkedBody::Step> ChunkedBody::next(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size() && state_ != State::ended) {
    if (state_ == State::data) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, input.size() - at));
      chunk_left_ -= count;
      if (chunk_left_ == 0) {
        state_ = State::data_end;
      }
      return Step{at + count, input.substr(at, count)};
    }
    const char c = input[at++];
    if (carriage_return_) {
      carriage_return_ = false;
      if (c != '\n') {
        return malformed_chunks();
      }
      BOATHOUSE_TRY(end_of_line());
      continue;
    }
    if (c == '\r') {
      carriage_return_ = true;
      continue;
    }
    if (++line_length_ > kMaxLine || c == '\n') {
      return malformed_chunks();
    }
    if (state_ == State::trailer && ++trailer_bytes_ > kMaxTrailers) {
      return malformed_chunks();
    }
    if (state_ == State::size && digits_) {
      const int digit = size_digit(c);
      if (digit < 0) {
        // An extension or blanks may follow a number, never stand in its place.
        if (line_length_ == 1 || (c != ';' && c != ' ' && c != '\t')) {
          return malformed_chunks();
        }
        digits_ = false;
      } else if (line_length_ > 15) {
        return malformed_chunks();
      } else {
        chunk_left_ = chunk_left_ * 16 + static_cast<std::uint64_t>(digit);
      }
    }
  }
  return Step{at, {}};
}

}  // namespace boathouse::engine_http
