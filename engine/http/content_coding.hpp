// zstd and gzip, taken off a request's body and put onto a result, in pieces. Memory is bounded: the caller's buffers,
// one piece, and the codec's window (gzip 32 KiB; zstd at most 8 MiB, what `zstd -19` uses). Errors of decoding: code
// 271 damaged or cut short, 779 an encoding that is not here. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::engine_http {

class ContentDecoder {
 public:
  struct Step {
    std::size_t consumed;
    std::size_t produced;
  };

  virtual ~ContentDecoder() = default;
  // Goes as far as `input` and `out` allow; out.size() > 0. Both numbers 0 = more input is needed.
  virtual base::Result<Step> decode(std::string_view input, std::span<char> out) = 0;
  // Asked at the end of the body: an error if it ended inside a frame or member.
  virtual base::Status finish() = 0;
};

// nullptr for "" and "identity".
base::Result<std::unique_ptr<ContentDecoder>> make_content_decoder(std::string_view content_encoding);

class ContentEncoder {
 public:
  virtual ~ContentEncoder() = default;
  // For the header Content-Encoding.
  [[nodiscard]] virtual std::string_view name() const = 0;
  // What is ready to be sent after this piece; may be empty as long as it is not the last one.
  virtual std::string encode(std::string_view piece, bool last) = 0;
};

// By the header Accept-Encoding: zstd before gzip, as ClickHouse chooses. nullptr: neither is taken.
std::unique_ptr<ContentEncoder> choose_content_encoder(std::string_view accept_encoding);

}  // namespace boathouse::engine_http
