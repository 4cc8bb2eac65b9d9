#include "server/sql/deadline.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace boathouse::sql {
namespace {

struct Pair {
  Pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    for (const int end : ends) ::close(end);
  }
  // What a reader gets: a byte, or 0 when the connection has ended.
  [[nodiscard]] ssize_t read() const {
    char byte = 0;
    return ::read(ends[0], &byte, 1);
  }
  std::array<int, 2> ends{};
};

TEST(Deadline, EndsWhoReadsForEver) {
  const Pair silent;
  const Pair other;
  const Deadline far(other.ends[0], 3'600'000);
  const Deadline near(silent.ends[0], 10);
  EXPECT_EQ(silent.read(), 0) << "otherwise this test never ends";
  EXPECT_TRUE(near.passed());
  EXPECT_FALSE(far.passed());
  EXPECT_EQ(::write(other.ends[1], "x", 1), 1);
  EXPECT_EQ(other.read(), 1) << "another connection is not touched";
}

}  // namespace
}  // namespace boathouse::sql
