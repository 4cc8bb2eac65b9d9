// Takes zstd or gzip off a body in pieces. Memory is bounded: the caller's buffers and the codec's window (gzip 32 KiB;
// zstd at most 8 MiB, what `zstd -19` uses). Errors: code 271 damaged or cut short, 779 an encoding that is not here.
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
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

}  // namespace boathouse::engine_http
