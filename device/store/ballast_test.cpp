// The ballast by itself, and how much a recording needs of it.
#include "device/store/ballast.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>

#include "core/pm5/simulated_air.hpp"
#include "core/pm5/simulated_monitor.hpp"
#include "device/store/recorder.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBytes = 160'000;

class BallastTest : public testing::Test {
 protected:
  Ballast make(std::uint64_t bytes) {
    return {path(), "", bytes, [this] { return free_bytes; }};
  }
  [[nodiscard]] std::string path() const { return folder.path() + "/ballast"; }

  TemporaryFolder folder;
  std::uint64_t free_bytes = ~std::uint64_t{0};
};

TEST_F(BallastTest, IsGivenBackStepByStepAndMadeWholeAgain) {
  Ballast ballast = make(kBytes);
  EXPECT_FALSE(ballast.give()) << "there is none yet";
  EXPECT_TRUE(ballast.fill());
  EXPECT_EQ(fs::file_size(path()), kBytes);
  int steps = 0;
  for (std::uint64_t size = kBytes; ballast.give(); size = fs::file_size(path())) {
    ++steps;
    EXPECT_LT(fs::file_size(path()), size);
  }
  EXPECT_EQ(steps, 16);
  EXPECT_EQ(fs::file_size(path()), 0u);
  EXPECT_TRUE(ballast.fill());
  EXPECT_EQ(fs::file_size(path()), kBytes);
}

TEST_F(BallastTest, TakesNothingFromADiskThatIsNearlyFull) {
  Ballast ballast = make(kBytes);
  free_bytes = kLowDiskBytes + kBytes - 1;
  EXPECT_FALSE(ballast.fill());
  EXPECT_FALSE(fs::exists(path()));
  free_bytes = kLowDiskBytes + kBytes;
  EXPECT_TRUE(ballast.fill());
  free_bytes = kLowDiskBytes;
  EXPECT_TRUE(ballast.fill()) << "it is whole";
  free_bytes = kLowDiskBytes - 1;
  EXPECT_FALSE(ballast.fill()) << "whole, but the disk is nearly full";
}

TEST_F(BallastTest, ThatItCannotBeMadeIsNobodysError) {
  fs::create_directory(path());
  Ballast ballast = make(kBytes);
  EXPECT_TRUE(ballast.fill());
  EXPECT_FALSE(ballast.give());
  Ballast none = make(0);
  free_bytes = 0;
  EXPECT_TRUE(none.fill());
  EXPECT_FALSE(none.give());
}

TEST_F(BallastTest, AStoreKeepsItAndRefusesToBeginOnANearlyFullDisk) {
  base::ManualClock clock(1'700'000'000'000, 1);
  base::SeededRandom random(1);
  base::UuidV7Source ids(clock, random);
  StoreOptions options;
  options.ballast_bytes = kBytes;
  options.disk_free_bytes = [this] { return free_bytes; };
  auto store = Store::open(folder.path(), ids, random, options);
  ASSERT_TRUE(ok(store));
  EXPECT_EQ(fs::file_size(path()), kBytes);
  const rowing::Birth running = make_birth(ids);
  ASSERT_TRUE(ok(store->begin(running, "")));
  free_bytes = kLowDiskBytes - 1;
  EXPECT_TRUE(store->space()->disk_low);
  EXPECT_EQ(store->begin(make_birth(ids), "").error().code, base::ErrorCode::no_room);
  EXPECT_EQ(store->begin_import(base::Digest{1}).error().code, base::ErrorCode::no_room);
  EXPECT_TRUE(ok(store->begin(running, "")));
  EXPECT_TRUE(ok(store->append(running.rec_id, make_samples(0, 20))));
  EXPECT_TRUE(ok(store->end(running.rec_id, rowing::EndReason::stopped)));
  free_bytes = kLowDiskBytes;
  EXPECT_FALSE(store->space()->disk_low);
  EXPECT_TRUE(ok(store->begin(make_birth(ids), "")));
}

// An hour at the monitor's fastest, force curves and all, never sent: what it takes of the disk at most, beside what
// the store took before. The file of the log does not shrink while it is open, so its last size is its largest.
TEST_F(BallastTest, AnHourAtTenSamplesASecondFitsTwice) {
  TestStore store;
  const auto on_disk = [&] {
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::directory_iterator(store.folder())) bytes += entry.file_size();
    return bytes;
  };
  const std::uint64_t before = on_disk();
  pm5::SimulatedWorkout plan;
  plan.type = 5;
  plan.goal = pm5::Goal::time;
  plan.length = 3600 * 100;
  plan.split = 300 * 100;
  pm5::SimulationOptions simulation;
  simulation.sample_hz = 10;
  auto monitor = pm5::SimulatedMonitor::create(plan, simulation);
  ASSERT_TRUE(ok(monitor));
  Recorder recorder(*store, store.clock, store.ids, {});
  pm5::TimedNotification heard;
  std::uint64_t most = 0;
  for (std::uint64_t count = 0; monitor->next(heard); ++count) {
    ASSERT_TRUE(ok(recorder.feed(heard.characteristic, heard.payload, heard.at_ms)));
    if (count % 1000 == 0) most = std::max(most, on_disk());
  }
  ASSERT_TRUE(ok(recorder.stop(rowing::EndReason::stopped)));
  most = std::max(most, on_disk());
  const auto counts = store->recording(recorder.recordings().front())->streams;
  EXPECT_GE(counts.at(rowing::Stream::sample).records, 35'900u);
  EXPECT_GT(counts.at(rowing::Stream::force_curve).records, 1000u);
  std::cout << "  an hour takes " << (most - before) / 1024 << " KiB of disk\n";
  EXPECT_LT((most - before) * 2, kBallastBytes);
}

}  // namespace
}  // namespace boathouse::store
