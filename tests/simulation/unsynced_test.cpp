// What a process wrote and its failing disk never took, when the next process goes on behind it.
#include <gtest/gtest.h>

#include <optional>

#include "device/store/test_store.hpp"
#include "tests/simulation/simulated_disk.hpp"

namespace boathouse::simulation {
namespace {

using store::ok;

struct Host {
  explicit Host(std::uint64_t seed) : disk(seed) {}

  bool open() {
    store::StoreOptions options;
    options.database.vfs = disk.name();
    options.take_lock = false;
    auto opened = store::Store::open("/sim", ids, random, options);
    EXPECT_TRUE(ok(opened));
    if (opened) store.emplace(std::move(*opened));
    return store.has_value();
  }

  base::ManualClock clock{1'700'000'000'000, 0};
  base::SeededRandom random{5};
  base::UuidV7Source ids{clock, random};
  SimulatedDisk disk;
  std::optional<store::Store> store;
};

TEST(Unsynced, WhatFollowsACommitThatFailedInAnotherProcessSurvivesAPowerCut) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Host host(seed);
    ASSERT_TRUE(host.open());
    const rowing::Birth birth = store::make_birth(host.ids);
    ASSERT_TRUE(ok(host.store->begin(birth, "")));
    ASSERT_TRUE(ok(host.store->append(birth.rec_id, store::make_samples(0, 20))));

    // From now on no sync reaches the disk; the process dies of it, the machine runs on.
    host.disk.arm({.at = 1, .from_then_on = true, .kinds = bit(IoKind::sync)});
    EXPECT_FALSE(host.store->append(birth.rec_id, store::make_samples(20, 20)));
    host.store.reset();
    host.disk.disarm();

    ASSERT_TRUE(host.open());
    const std::uint64_t there = host.store->recording(birth.rec_id)->streams[rowing::Stream::sample].records;
    ASSERT_TRUE(ok(host.store->append(birth.rec_id, store::make_samples(there, 10))));
    host.disk.power_off();
    host.store.reset();
    host.disk.power_on(0);

    ASSERT_TRUE(host.open());
    EXPECT_EQ(host.store->recording(birth.rec_id)->streams[rowing::Stream::sample].records, there + 10) << seed;
  }
}

}  // namespace
}  // namespace boathouse::simulation
