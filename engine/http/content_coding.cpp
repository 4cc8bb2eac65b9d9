#include "engine/http/content_coding.hpp"

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

// http_zlib_compression_level, as ClickHouse has it by default; of both codecs.
constexpr int kLevel = 3;

class ZstdEncoder final : public ContentEncoder {
 public:
  ZstdEncoder() : stream_(ZSTD_createCStream()) {
    if (stream_ == nullptr) {
      throw std::bad_alloc();
    }
    ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_compressionLevel, kLevel);
  }

  [[nodiscard]] std::string_view name() const override { return "zstd"; }

  std::string encode(std::string_view piece, bool last) override {
    std::string out;
    std::size_t filled = 0;
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    while (true) {
      out.resize(filled + ZSTD_CStreamOutSize());
      ZSTD_outBuffer to{out.data(), out.size(), filled};
      const std::size_t left = ZSTD_compressStream2(stream_.get(), &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0) {
        throw std::bad_alloc();  // with good parameters it knows no other error
      }
      filled = to.pos;
      if (last ? left == 0 : in.pos == in.size) {
        break;
      }
    }
    out.resize(filled);
    return out;
  }

 private:
  struct Free {
    void operator()(ZSTD_CStream* stream) const { ZSTD_freeCStream(stream); }
  };
  std::unique_ptr<ZSTD_CStream, Free> stream_;
};

class GzipEncoder final : public ContentEncoder {
 public:
  GzipEncoder() {
    constexpr int kGzip = 16;
    constexpr int kMemory = 8;
    if (deflateInit2(&stream_, kLevel, Z_DEFLATED, MAX_WBITS + kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~GzipEncoder() override { deflateEnd(&stream_); }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;

  [[nodiscard]] std::string_view name() const override { return "gzip"; }

  std::string encode(std::string_view piece, bool last) override {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    constexpr std::size_t kRoom = 64 * 1024;
    std::string out;
    std::size_t filled = 0;
    while (true) {
      const auto in_size = static_cast<uInt>(std::min(piece.size(), kMost));
      const bool ends = last && in_size == piece.size();
      out.resize(filled + kRoom);
      stream_.next_in = reinterpret_cast<const Bytef*>(piece.data());
      stream_.avail_in = in_size;
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
      stream_.avail_out = static_cast<uInt>(kRoom);
      const int result = deflate(&stream_, ends ? Z_FINISH : Z_NO_FLUSH);
      piece.remove_prefix(in_size - stream_.avail_in);
      filled += kRoom - stream_.avail_out;
      if (last ? result == Z_STREAM_END : piece.empty() && stream_.avail_out > 0) {
        break;
      }
    }
    out.resize(filled);
    return out;
  }

 private:
  z_stream stream_{};
};

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  return begin == std::string_view::npos ? "" : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

// `list`: "gzip, zstd;q=0.5"; a quality of 0 is a refusal.
bool accepts(std::string_view list, std::string_view encoding) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view one = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    const std::size_t semicolon = std::min(one.find(';'), one.size());
    if (!same_word(trimmed(one.substr(0, semicolon)), encoding)) {
      continue;
    }
    const std::string_view quality = trimmed(one.substr(std::min(semicolon + 1, one.size())));
    return !quality.starts_with("q=0") || quality.find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

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

std::unique_ptr<ContentEncoder> choose_content_encoder(std::string_view accept_encoding) {
  if (accepts(accept_encoding, "zstd")) {
    return std::make_unique<ZstdEncoder>();
  }
  if (accepts(accept_encoding, "gzip")) {
    return std::make_unique<GzipEncoder>();
  }
  return nullptr;
}

}  // namespace boathouse::engine_http
