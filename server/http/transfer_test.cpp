#include "server/http/transfer.hpp"

#include <gtest/gtest.h>

namespace boathouse::http {
namespace {

using namespace std::chrono_literals;

TEST(Incoming, EarnsTimeByBytes) {
  Timeouts timeouts;
  timeouts.body = 30s;
  timeouts.body_bytes_per_second = 1000;
  Incoming incoming;
  incoming.begin(1 << 20);
  const auto first = incoming.deadline(timeouts);
  incoming.add(999);
  EXPECT_EQ(incoming.deadline(timeouts) - first, 0s);
  incoming.add(1);
  EXPECT_EQ(incoming.deadline(timeouts) - first, 1s);
  incoming.add(59'000);
  EXPECT_EQ(incoming.deadline(timeouts) - first, 60s);
}

TEST(Incoming, TellsPaddingFromChunks) {
  Incoming incoming;
  incoming.begin(100'000);
  incoming.add(6 * 100'000 + 5);  // one byte a chunk
  EXPECT_FALSE(incoming.is_padded());
  incoming.add(300'000);
  EXPECT_TRUE(incoming.is_padded());
  incoming.begin(100'000);
  EXPECT_FALSE(incoming.is_padded());
}

WireResponse part(std::string head, std::string body) {
  WireResponse response;
  response.status = 200;
  response.head = std::move(head);
  response.body = std::move(body);
  response.keep_alive = true;
  return response;
}

TEST(Outgoing, CutsABodyIntoPieces) {
  Outgoing outgoing;
  outgoing.load(part("H\r\n", std::string(Outgoing::kPieceBytes + 10, 'b')), true);
  EXPECT_EQ(outgoing.head(), "H\r\n\r\n");
  EXPECT_EQ(outgoing.piece().size(), Outgoing::kPieceBytes);
  outgoing.sent(5 + Outgoing::kPieceBytes);
  EXPECT_EQ(outgoing.head(), "");
  EXPECT_EQ(outgoing.piece().size(), 10U);
  EXPECT_FALSE(outgoing.part_is_done());
  outgoing.sent(10);
  EXPECT_TRUE(outgoing.part_is_done());
  EXPECT_FALSE(outgoing.has_more_parts());
  EXPECT_EQ(outgoing.bytes(), 15 + Outgoing::kPieceBytes);
  EXPECT_TRUE(outgoing.keep_alive());
}

TEST(Outgoing, SaysWhenTheConnectionEnds) {
  Outgoing outgoing;
  outgoing.load(part("H\r\n", ""), false);
  EXPECT_EQ(outgoing.head(), "H\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(outgoing.keep_alive());
  // A later part has no head and changes neither status nor the promise made.
  outgoing.sent(outgoing.head().size());
  WireResponse next = part("", "more");
  next.status = 0;
  outgoing.load(std::move(next), true);
  EXPECT_EQ(outgoing.head(), "");
  EXPECT_EQ(outgoing.status(), 200);
  EXPECT_FALSE(outgoing.keep_alive());
}

}  // namespace
}  // namespace boathouse::http
