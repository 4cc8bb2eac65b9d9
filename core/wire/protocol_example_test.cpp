// docs/protocol.md section 8 against the code: who follows the page makes what this library reads, and the other way.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/base/hex.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/facts.hpp"
#include "tests/support/paths.hpp"

namespace boathouse::wire {
namespace {

using base::Bytes;
using rowing::kNull;
using rowing::Record;
using rowing::Stream;

// The text between "```<fence>" and "```".
std::string block(const std::string& fence) {
  std::ifstream file(test_support::source_dir() / "docs" / "protocol.md");
  std::string line;
  std::string text;
  while (std::getline(file, line) && line != "```" + fence) {
  }
  while (std::getline(file, line) && line != "```") {
    text += line + "\n";
  }
  EXPECT_FALSE(text.empty()) << "no block " << fence << " in docs/protocol.md";
  return text;
}

Bytes hex_block(const std::string& fence) {
  std::istringstream lines(block(fence));
  std::string digits;
  for (std::string line; std::getline(lines, line);) {
    digits += line.substr(0, line.find('#'));
  }
  const auto bytes = base::from_hex(digits);
  EXPECT_TRUE(bytes.ok()) << bytes.error().text;
  return bytes.ok() ? *bytes : Bytes();
}

std::string json_block(const std::string& fence) {
  const std::string text = block(fence);
  return text.substr(0, text.find('\n'));
}

const std::vector<Record>& curves() {
  static const std::vector<Record> kCurves = {
      {Stream::force_curve, {2310, 0, 1, 2, 0}, {12, 95, 130, 60}, ""},
      {Stream::force_curve, {4720, 0, 2, 2, 0}, {14, 97, 128}, ""},
      {Stream::force_curve, {7100, 0, kNull, 2, 2}, {13}, ""},
  };
  return kCurves;
}

TEST(ProtocolExample, TheCanonicalBytesAreThoseOfTheTable) {
  const Bytes canonical = hex_block("hex canonical");
  const auto decoded = decode_columns(canonical);
  ASSERT_TRUE(decoded.ok()) << decoded.error().text;
  EXPECT_EQ(records_of(*decoded), curves());

  const auto sealed = seal_chunk(Stream::force_curve, 0, curves());
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(base::to_hex(sealed->sha256), base::to_hex(hex_block("hex sha256")));
  EXPECT_EQ(base::to_hex(base::sha256(canonical)), base::to_hex(sealed->sha256));
  EXPECT_EQ(encode_columns(decoded->stream, decoded->version, decoded->from, decoded->columns), canonical);
}

TEST(ProtocolExample, TheBatchHoldsBirthChunkAndSeal) {
  const Bytes body = hex_block("hex batch");
  const auto items = parse_batch(body);
  ASSERT_TRUE(items.ok()) << items.error().text;
  ASSERT_EQ(items->size(), 3U);

  const Item& birth = (*items)[0];
  EXPECT_EQ(birth.kind, ItemKind::birth);
  EXPECT_EQ(base::as_text(birth.body), json_block("json birth"));
  EXPECT_EQ(birth.sha256, base::sha256(birth.body));
  const auto born = decode_birth(base::as_text(birth.body));
  ASSERT_TRUE(born.ok()) << born.error().text;
  EXPECT_EQ(born->rec_id, birth.rec_id);
  EXPECT_EQ(encode_birth(*born), json_block("json birth"));

  const Item& chunk = (*items)[1];
  EXPECT_EQ(chunk.kind, ItemKind::chunk);
  EXPECT_EQ(chunk.stream, Stream::force_curve);
  EXPECT_EQ(chunk.from, 0U);
  EXPECT_EQ(chunk.to, 3U);
  EXPECT_EQ(chunk.version, 1U);
  const auto opened = open_chunk(chunk.body, chunk.sha256);
  ASSERT_TRUE(opened.ok()) << opened.error().text;
  EXPECT_EQ(records_of(*opened), curves());

  const Item& seal = (*items)[2];
  EXPECT_EQ(seal.kind, ItemKind::seal);
  EXPECT_EQ(seal.revision, 1U);
  EXPECT_EQ(base::as_text(seal.body), json_block("json seal"));
  EXPECT_EQ(seal.sha256, base::sha256(seal.body));
  const auto sealed = decode_seal(base::as_text(seal.body));
  ASSERT_TRUE(sealed.ok()) << sealed.error().text;
  EXPECT_EQ(encode_seal(*sealed), json_block("json seal"));
  const std::vector<base::Digest> hashes{chunk.sha256};
  EXPECT_EQ(sealed->streams.at(Stream::force_curve).root, stream_root(hashes));
  EXPECT_EQ(sealed->streams.at(Stream::force_curve).count, 3U);

  BatchWriter writer;
  for (const Item& item : *items) {
    writer.add(item);
  }
  EXPECT_EQ(writer.take(), body);
}

TEST(ProtocolExample, TheReplyOfThePageIsRead) {
  const auto reply = decode_reply(block("json"), 1);
  ASSERT_TRUE(reply.ok()) << reply.error().text;
  EXPECT_EQ(reply->results[0].outcome, Outcome::stored);
  EXPECT_EQ(reply->results[0].server_seq, 4711);
  EXPECT_EQ(reply->results[0].have, (std::vector<Range>{{0, 256}}));
}

}  // namespace
}  // namespace boathouse::wire
