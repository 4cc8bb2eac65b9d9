#include "core/base/uuid.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <unordered_set>
#include <vector>

namespace boathouse::base {
namespace {

constexpr std::int64_t kNow = 0x017F22E279B0;  // the time of RFC 9562's example (appendix A.6)

std::int64_t time_ms(const Uuid& uuid) {
  std::int64_t ms = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    ms = ms << 8 | uuid.bytes[i];
  }
  return ms;
}

void expect_version_7(const Uuid& uuid) {
  EXPECT_EQ(uuid.bytes[6] >> 4, 7);
  EXPECT_EQ(uuid.bytes[8] >> 6, 2);
}

// Only ones, but for `zeros` zero bytes at first: drives the counter to its ends.
struct OnesRandom final : RandomSource {
  explicit OnesRandom(int first_zeros) : zeros(first_zeros) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) {
      byte = zeros-- > 0 ? 0 : 0xff;
    }
  }
  int zeros;
};

TEST(Uuid, TextAndBack) {
  const std::string_view text = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
  const Result<Uuid> uuid = Uuid::parse(text);
  ASSERT_TRUE(uuid.ok());
  EXPECT_EQ(uuid->bytes[0], 0x01);
  EXPECT_EQ(uuid->bytes[7], 0xc3);
  EXPECT_EQ(uuid->bytes[15], 0x8f);
  EXPECT_EQ(uuid->text(), text);
  EXPECT_EQ(Uuid{}.text(), "00000000-0000-0000-0000-000000000000");
}

TEST(Uuid, RefusesEveryOtherSpelling) {
  for (const char* text : {"", "017f22e279b07cc398c4dc0c0c07398f", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
                           "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}", "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                           "017f22e2-79b0-7cc3-98c4-dc0c0c07398f ", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                           "017f22e27-9b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c0-398f"}) {
    const Result<Uuid> uuid = Uuid::parse(text);
    ASSERT_FALSE(uuid.ok()) << text;
    EXPECT_EQ(uuid.error().code, ErrorCode::invalid_input);
  }
  EXPECT_NE(Uuid::parse("017f22e2-79b0-7cc3-98c4-dc0c0c07398G").error().text.find("character 36 "), std::string::npos);
  EXPECT_NE(Uuid::parse("017f22e2+79b0-7cc3-98c4-dc0c0c07398f").error().text.find("character 9 "), std::string::npos);
}

TEST(Uuid, ComparesAsItsTextDoes) {
  SeededRandom random(1);
  for (int i = 0; i < 200; ++i) {
    Uuid a;
    Uuid b;
    random.fill(a.bytes);
    random.fill(b.bytes);
    EXPECT_EQ(a < b, a.text() < b.text());
    EXPECT_NE(a, b);
    EXPECT_EQ(*Uuid::parse(a.text()), a);
  }
}

TEST(Uuid, HashSpreadsIdsOfOneMillisecond) {
  ManualClock clock(kNow);
  SeededRandom random(2);
  UuidV7Source source(clock, random);
  std::vector<int> low(64);
  std::vector<int> high(64);
  std::unordered_set<Uuid> ids;
  for (int i = 0; i < 6'400; ++i) {
    const Uuid uuid = source.next();
    ids.insert(uuid);
    const std::size_t hash = std::hash<Uuid>{}(uuid);
    ++low[hash % 64];
    ++high[hash >> 58];
  }
  EXPECT_EQ(ids.size(), 6'400U);
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_GT(low[i], 50) << i;
    EXPECT_GT(high[i], 50) << i;
  }
}

TEST(UuidV7Source, HasTheClocksTime) {
  ManualClock clock(kNow);
  SeededRandom random(1);
  UuidV7Source source(clock, random);
  const Uuid first = source.next();
  expect_version_7(first);
  EXPECT_EQ(time_ms(first), kNow);
  clock.advance_ms(5);
  const Uuid second = source.next();
  EXPECT_EQ(time_ms(second), kNow + 5);
  EXPECT_NE(first.bytes[15], second.bytes[15]) << "fresh random bits";
}

TEST(UuidV7Source, GrowsWithinAMillisecondAndWhenTheClockStepsBack) {
  ManualClock clock(kNow);
  SeededRandom random(1);
  UuidV7Source source(clock, random);
  Uuid last = source.next();
  for (int i = 0; i < 20'000; ++i) {
    if (i == 5'000) {
      clock.set_utc_ms(kNow - 3'600'000);
    } else if (i == 10'000) {
      clock.set_utc_ms(-1);
    } else if (i == 15'000) {
      clock.set_utc_ms(kNow + 1);
    }
    const Uuid uuid = source.next();
    ASSERT_LT(last, uuid) << i;
    expect_version_7(uuid);
    ASSERT_EQ(time_ms(uuid), i < 15'000 ? kNow : kNow + 1);
    last = uuid;
  }
}

TEST(UuidV7Source, CarriesFromRandBToRandA) {
  ManualClock clock(kNow);
  OnesRandom random(2);
  UuidV7Source source(clock, random);
  EXPECT_EQ(source.next().text(), "017f22e2-79b0-7000-bfff-ffffffffffff");
  EXPECT_EQ(source.next().text(), "017f22e2-79b0-7001-8000-0000ffffffff");
}

TEST(UuidV7Source, AFullCounterGoesOverIntoTheTime) {
  ManualClock clock(kNow);
  OnesRandom random(0);
  UuidV7Source source(clock, random);
  EXPECT_EQ(source.next().text(), "017f22e2-79b0-7fff-bfff-ffffffffffff");
  EXPECT_EQ(source.next().text(), "017f22e2-79b1-7fff-bfff-ffffffffffff");
  clock.advance_ms(1);
  EXPECT_EQ(time_ms(source.next()), kNow + 2) << "the clock has only come up to the last id's time";
}

TEST(UuidV7Source, ClockBeyond48BitsIsClamped) {
  ManualClock clock(-7);
  SeededRandom random(1);
  UuidV7Source source(clock, random);
  const Uuid low = source.next();
  EXPECT_EQ(time_ms(low), 0);
  clock.set_utc_ms(std::int64_t{1} << 60);
  const Uuid high = source.next();
  EXPECT_EQ(time_ms(high), (std::int64_t{1} << 48) - 1);
  expect_version_7(high);
  EXPECT_LT(high, source.next());
}

TEST(UuidV7Source, ManyThreadsGetDifferentIds) {
  ManualClock clock(kNow);
  SystemRandom random;
  UuidV7Source source(clock, random);
  std::vector<std::vector<Uuid>> made(4);
  std::vector<std::thread> threads;
  for (std::vector<Uuid>& mine : made) {
    threads.emplace_back([&source, &mine] {
      for (int i = 0; i < 2'000; ++i) {
        mine.push_back(source.next());
      }
    });
  }
  std::unordered_set<Uuid> all;
  for (std::size_t i = 0; i < made.size(); ++i) {
    threads[i].join();
    EXPECT_TRUE(std::is_sorted(made[i].begin(), made[i].end()));
    all.insert(made[i].begin(), made[i].end());
  }
  EXPECT_EQ(all.size(), 8'000U);
}

}  // namespace
}  // namespace boathouse::base
