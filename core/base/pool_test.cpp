#include "core/base/pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace boathouse::base {
namespace {

TEST(Pool, EachThingIsOneThreadsAtATime) {
  Pool<int> pool({1, 2});
  {
    const auto first = pool.take();
    const auto second = pool.take();
    EXPECT_EQ(*first + *second, 3);
  }
  Pool<int> counted(std::vector<int>(3, 0));
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&counted] {
      for (int n = 0; n < 1000; ++n) ++*counted.take();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto a = counted.take();
  const auto b = counted.take();
  const auto c = counted.take();
  EXPECT_EQ(*a + *b + *c, 8000);
  EXPECT_EQ(counted.waiting(), 0U);
}

TEST(Pool, WhoTakesAgainAtOnceComesAfterThoseThatWait) {
  Pool<std::string> pool({""});
  std::optional<Pool<std::string>::Lease> greedy = pool.take();
  std::vector<std::thread> others;
  for (const char name : {'a', 'b', 'c'}) {
    others.emplace_back([&pool, name] { *pool.take() += name; });
    while (pool.waiting() != others.size()) std::this_thread::yield();
  }
  greedy.reset();
  greedy.emplace(pool.take());
  EXPECT_EQ(**greedy, "abc");
  for (std::thread& other : others) other.join();
}

}  // namespace
}  // namespace boathouse::base
