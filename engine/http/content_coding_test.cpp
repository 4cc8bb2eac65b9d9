#include "engine/http/content_coding.hpp"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <optional>
#include <string>

#include "engine/http/exception.hpp"

namespace boathouse::engine_http {
namespace {

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string gzip(std::string text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string sample() {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(i * i) + "\n\n";
  return text;
}

// Nothing on an error, at the end of the input too.
std::optional<std::string> decode(std::string_view encoding, std::string_view input, std::size_t piece,
                                  std::size_t room) {
  auto decoder = make_content_decoder(encoding);
  EXPECT_TRUE(decoder);
  std::string out;
  std::string buffer(room, '\0');
  std::string_view shown = input.substr(0, piece);
  input.remove_prefix(shown.size());
  while (true) {
    const auto step = (*decoder)->decode(shown, buffer);
    if (!step) return std::nullopt;
    shown.remove_prefix(step->consumed);
    out.append(buffer, 0, step->produced);
    if (step->consumed != 0 || step->produced != 0) continue;
    EXPECT_TRUE(shown.empty()) << "a decoder with input and room must go on";
    if (input.empty()) break;
    shown = input.substr(0, piece);
    input.remove_prefix(shown.size());
  }
  return (*decoder)->finish() ? std::optional(out) : std::nullopt;
}

class Codec : public testing::TestWithParam<const char*> {
 protected:
  static std::string encode(const std::string& text) {
    return std::string_view(GetParam()) == "zstd" ? zstd(text) : gzip(text);
  }
};

TEST_P(Codec, GivesBackTheTextWhateverThePieces) {
  const std::string text = sample();
  const std::string encoded = encode(text);
  for (const auto& [piece, room] : {std::pair<std::size_t, std::size_t>{1, 1000}, {7, 13}, {1 << 20, 1 << 20}}) {
    EXPECT_EQ(decode(GetParam(), encoded, piece, room), text) << piece << " " << room;
  }
}

TEST_P(Codec, TakesSeveralFramesBehindOneAnother) {
  const std::string encoded = encode("one") + encode("") + encode("two");
  EXPECT_EQ(decode(GetParam(), encoded, 1 << 20, 100), "onetwo");
  EXPECT_EQ(decode(GetParam(), encoded, 1, 1), "onetwo");
}

TEST_P(Codec, RefusesEveryCutAndRubbish) {
  const std::string encoded = encode("hello, hello, hello");
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_FALSE(decode(GetParam(), std::string_view(encoded).substr(0, size), 100, 100)) << size;
  }
  EXPECT_FALSE(decode(GetParam(), "this is neither", 100, 100));
  EXPECT_FALSE(decode(GetParam(), encoded + "rubbish behind", 100, 100));
}

INSTANTIATE_TEST_SUITE_P(ContentDecoder, Codec, testing::Values("zstd", "gzip"));

TEST(ContentDecoder, ABigZstdWindowIsRefused) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 24);
  const std::string text(1 << 20, 'x');
  std::string out(1 << 20, '\0');
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  // Streamed, so that the frame does not know its size and names the window instead.
  ZSTD_compressStream2(context, &to, &in, ZSTD_e_flush);
  ASSERT_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  EXPECT_FALSE(decode("zstd", std::string_view(out.data(), to.pos), 1 << 20, 1 << 20));
}

TEST(ContentDecoder, KnowsItsNames) {
  EXPECT_EQ(*make_content_decoder(""), nullptr);
  EXPECT_EQ(*make_content_decoder("Identity"), nullptr);
  EXPECT_NE(*make_content_decoder("ZSTD"), nullptr);
  const auto unknown = make_content_decoder("br");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(exception_code(unknown.error().text), 779);
}

std::string chosen(std::string_view accept_encoding) {
  const auto encoder = choose_content_encoder(accept_encoding);
  return encoder == nullptr ? "" : std::string(encoder->name());
}

TEST(ContentEncoder, TheClientsWordDecides) {
  EXPECT_EQ(chosen(""), "");
  EXPECT_EQ(chosen("identity, br, deflate"), "");
  EXPECT_EQ(chosen("gzip"), "gzip");
  EXPECT_EQ(chosen("GZIP , deflate"), "gzip");
  EXPECT_EQ(chosen("gzip, deflate, br, zstd"), "zstd");
  EXPECT_EQ(chosen("zstd;q=0, gzip;q=0.3"), "gzip");
  EXPECT_EQ(chosen("gzip;q=0.0"), "");
  EXPECT_EQ(chosen("notgzip"), "");
}

TEST(ContentEncoder, ItComesBackWhole) {
  std::string text;
  for (unsigned i = 0; i < 50'000; ++i) text += std::to_string(i * 2654435761U) + "\n";
  for (const char* encoding : {"zstd", "gzip"}) {
    for (const std::size_t piece : {std::size_t{1000}, std::size_t{300'000}, text.size()}) {
      const auto encoder = choose_content_encoder(encoding);
      std::string sent;
      for (std::size_t at = 0; at < text.size(); at += piece) sent += encoder->encode(text.substr(at, piece), false);
      sent += encoder->encode("", true);
      EXPECT_LT(sent.size(), text.size() * 3 / 4) << encoding;
      EXPECT_TRUE(decode(encoding, sent, 10'000, 10'000) == text) << encoding << " in pieces of " << piece;
    }
    EXPECT_EQ(decode(encoding, choose_content_encoder(encoding)->encode("", true), 10'000, 10'000), "");
    EXPECT_TRUE(decode(encoding, choose_content_encoder(encoding)->encode(text, true), 10'000, 10'000) == text);
  }
}

}  // namespace
}  // namespace boathouse::engine_http
