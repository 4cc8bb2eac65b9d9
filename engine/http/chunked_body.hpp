// Takes the chunk framing (RFC 9112 7.1) off a body as its bytes come in, without copying the data.
// Chunk extensions and trailers are read over. Errors: code 408. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::engine_http {

class ChunkedBody {
 public:
  struct Step {
    std::size_t consumed;   // of the input; 0 only for an empty input or when the body has ended
    std::string_view data;  // a part of the input, may be empty
  };

  // Stops after the first piece of data; call again with what is left. After an error the body is lost.
  base::Result<Step> next(std::string_view input);

  // The last chunk and the empty line after the trailers are through; bytes behind them are the next request's.
  [[nodiscard]] bool ended() const { return state_ == State::ended; }

 private:
  enum class State : std::uint8_t { size, data, data_end, trailer, ended };

  base::Status end_of_line();

  State state_ = State::size;
  std::uint64_t chunk_left_ = 0;
  std::size_t line_length_ = 0;  // of the size or trailer line so far, without its CR LF
  std::size_t trailer_bytes_ = 0;
  bool digits_ = true;  // in a size line: still in the number
  bool carriage_return_ = false;
};

}  // namespace boathouse::engine_http
