#include "engine/http/content_decoder.hpp"

#define ZLIB_CONST  // its input pointer is const then
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <limits>
#include <new>
#include <string>

#include "engine/http/exception.hpp"
#include "engine/http/http_request.hpp"

namespace boathouse::engine_http {
namespace {

constexpr int kMaxZstdWindowLog = 23;

base::Error damaged(std::string_view codec, std::string_view why) {
  return exception(kCannotDecompress, "the " + std::string(codec) + " body is damaged: " + std::string(why));
}

class ZstdDecoder final : public ContentDecoder {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) {
      throw std::bad_alloc();
    }
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  }

  base::Result<Step> decode(std::string_view input, std::span<char> out) override {
    ZSTD_inBuffer in{input.data(), input.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t hint = ZSTD_decompressStream(stream_.get(), &to, &in);
    if (ZSTD_isError(hint) != 0) {
      return damaged("zstd", ZSTD_getErrorName(hint));
    }
    // 0 = a frame is whole; a body may hold several, one behind the other.
    between_frames_ = hint == 0 || (between_frames_ && in.pos == 0);
    return Step{in.pos, to.pos};
  }

  base::Status finish() override {
    return between_frames_ ? base::Status(base::Done{}) : damaged("zstd", "it ends inside a frame");
  }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool between_frames_ = false;  // an empty body is no zstd frame
};

class GzipDecoder final : public ContentDecoder {
 public:
  GzipDecoder() {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;

  base::Result<Step> decode(std::string_view input, std::span<char> out) override {
    if (ended_ && !input.empty()) {  // a body may hold several members, one behind the other
      inflateReset(&stream_);
      ended_ = false;
    }
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    const auto in_size = static_cast<uInt>(std::min(input.size(), kMost));
    const auto out_size = static_cast<uInt>(std::min(out.size(), kMost));
    stream_.next_in = reinterpret_cast<const Bytef*>(input.data());
    stream_.avail_in = in_size;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = out_size;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      ended_ = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return damaged("gzip", stream_.msg != nullptr ? stream_.msg : "not gzip");
    }
    return Step{in_size - stream_.avail_in, out_size - stream_.avail_out};
  }

  base::Status finish() override {
    return ended_ ? base::Status(base::Done{}) : damaged("gzip", "it ends inside a member");
  }

 private:
  z_stream stream_{};
  bool ended_ = false;  // an empty body is no gzip member
};

}  // namespace

base::Result<std::unique_ptr<ContentDecoder>> make_content_decoder(std::string_view content_encoding) {
  if (content_encoding.empty() || same_word(content_encoding, "identity")) {
    return std::unique_ptr<ContentDecoder>();
  }
  if (same_word(content_encoding, "zstd")) {
    return std::unique_ptr<ContentDecoder>(std::make_unique<ZstdDecoder>());
  }
  if (same_word(content_encoding, "gzip")) {
    return std::unique_ptr<ContentDecoder>(std::make_unique<GzipDecoder>());
  }
  return exception(kUnsupportedMediaType,
                   "Content-Encoding " + std::string(content_encoding) + " is not known here; zstd and gzip are");
}

}  // namespace boathouse::engine_http
