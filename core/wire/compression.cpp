#include "core/wire/compression.hpp"

#include <zstd.h>

#include <algorithm>
#include <memory>
#include <new>
#include <string>

namespace boathouse::wire {
namespace {

using base::Bytes;
using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;

constexpr int kLevel = 3;
constexpr int kMaxWindowLog = 23;  // 8 MiB

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// Making a context costs more than compressing a chunk.
ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context = [] {
    std::unique_ptr<ZSTD_CCtx, FreeContext> made(ZSTD_createCCtx());
    if (!made) {
      throw std::bad_alloc();
    }
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_contentSizeFlag, 1);
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_checksumFlag, 0);
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_dictIDFlag, 0);
    return made;
  }();
  return context.get();
}

ZSTD_DCtx* decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context = [] {
    std::unique_ptr<ZSTD_DCtx, FreeContext> made(ZSTD_createDCtx());
    if (!made) {
      throw std::bad_alloc();
    }
    ZSTD_DCtx_setParameter(made.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
    return made;
  }();
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  return context.get();
}

Error corrupt_frame(std::string_view what) { return {ErrorCode::corrupt, "zstd: " + std::string(what)}; }

Error over(std::size_t max_bytes) {
  return {ErrorCode::too_large, "zstd: the content is larger than " + std::to_string(max_bytes) + " bytes"};
}

}  // namespace

Bytes compress(ByteView content) {
  Bytes frame(ZSTD_compressBound(content.size()));
  const std::size_t size = ZSTD_compress2(compressor(), frame.data(), frame.size(), content.data(), content.size());
  if (ZSTD_isError(size) != 0) {
    throw std::bad_alloc();  // with room for the bound and fixed parameters nothing else can fail
  }
  frame.resize(size);
  frame.shrink_to_fit();
  return frame;
}

Result<Bytes> decompress(ByteView frame, std::size_t max_bytes) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) {
    return corrupt_frame("this is no zstd frame");
  }
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return corrupt_frame("the frame does not state its content size");
  }
  if (size > max_bytes) {
    return over(max_bytes);
  }
  const std::size_t frame_size = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(frame_size) != 0) {
    return corrupt_frame("the frame is cut off or damaged");
  }
  if (frame_size != frame.size()) {
    return corrupt_frame(std::to_string(frame.size() - frame_size) + " bytes follow the frame");
  }
  Bytes content(static_cast<std::size_t>(size));
  const std::size_t made =
      ZSTD_decompressDCtx(decompressor(), content.data(), content.size(), frame.data(), frame.size());
  if (ZSTD_isError(made) != 0) {
    return corrupt_frame(ZSTD_getErrorName(made));
  }
  if (made != content.size()) {
    return corrupt_frame("the content is shorter than the frame states");
  }
  return content;
}

std::size_t stated_size(ByteView frame) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  return size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ? 0 : static_cast<std::size_t>(size);
}

Result<Bytes> decompress_content(ByteView content, std::size_t max_bytes) {
  ZSTD_DCtx* context = decompressor();
  ZSTD_inBuffer in{content.data(), content.size(), 0};
  Bytes out;
  std::size_t wanted = 1;  // 0: a frame has just ended
  while (in.pos < in.size || wanted != 0) {
    // One byte more than is allowed tells "too large" from "just fits".
    const std::size_t room = std::min(std::max(out.size(), std::size_t{64} << 10), max_bytes + 1 - out.size());
    const std::size_t used = out.size();
    out.resize(used + room);
    ZSTD_outBuffer piece{out.data() + used, room, 0};
    const std::size_t before = in.pos;
    wanted = ZSTD_decompressStream(context, &piece, &in);
    out.resize(used + piece.pos);
    if (ZSTD_isError(wanted) != 0) {
      return corrupt_frame(ZSTD_getErrorName(wanted));
    }
    if (out.size() > max_bytes) {
      return over(max_bytes);
    }
    if (wanted != 0 && in.pos == before && piece.pos == 0) {
      return corrupt_frame("the content is cut off");
    }
  }
  return out;
}

}  // namespace boathouse::wire
