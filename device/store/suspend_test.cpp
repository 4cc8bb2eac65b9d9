// The host sends the app to sleep: what runs is rolled back, nothing begins, and nothing is lost.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/pm5/simulated_monitor.hpp"
#include "device/store/recorder.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

TEST(Suspend, EveryCallIsRefusedUntilItResumes) {
  TestStore store;
  const rowing::Birth birth = make_birth(store.ids);
  ASSERT_TRUE(ok(store->begin(birth, "")));
  store->suspend();
  EXPECT_TRUE(store->suspended());
  const base::Status refused = store->append(birth.rec_id, make_samples(0, 5));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::ErrorCode::unavailable) << refused.error().text;
  EXPECT_EQ(store->status().error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(store->begin_import({}).error().code, base::ErrorCode::unavailable);
  store->resume();
  EXPECT_EQ(store->status()->records, 0u);
  EXPECT_TRUE(ok(store->append(birth.rec_id, make_samples(0, 5))));
}

TEST(Suspend, AnImportThatRunsIsRolledBack) {
  TestStore store;
  std::atomic<bool> running = false;
  base::Status ended;
  std::thread worker([&] {
    auto import = store->begin_import({});
    ASSERT_TRUE(ok(import));
    ASSERT_TRUE(ok(import->begin(make_birth(store.ids), "")));
    for (std::size_t i = 0; ended; ++i) {
      ended = import->append(make_samples(i, 1).front());
      if (i == 1000) {
        running = true;
        running.notify_one();
      }
    }
  });
  running.wait(false);
  store->suspend();
  EXPECT_TRUE(store->suspended());
  worker.join();
  EXPECT_EQ(ended.error().code, base::ErrorCode::unavailable);
  store->resume();
  EXPECT_TRUE(store->recordings()->empty());
  EXPECT_TRUE(ok(store->begin_import({}))) << "no transaction is left open";
}

TEST(Suspend, TheRecorderKeepsWhatComesAndCommitsItAfterwards) {
  TestStore store;
  Recorder recorder(*store, store.clock, store.ids, {});
  auto monitor = pm5::SimulatedMonitor::create(pm5::sample_workout(5, 3000), {});
  ASSERT_TRUE(ok(monitor));
  std::size_t refused = 0;
  pm5::TimedNotification one;
  while (monitor->next(one)) {
    if (one.at_ms > 15'000 && !store->suspended()) store->suspend();
    const base::Status status = recorder.feed(one.characteristic, one.payload, one.at_ms);
    if (status) continue;
    EXPECT_EQ(status.error().code, base::ErrorCode::unavailable) << status.error().text;
    ++refused;
  }
  EXPECT_GT(refused, 0u);
  EXPECT_FALSE(recorder.stop(rowing::EndReason::stopped));
  EXPECT_GT(recorder.unsaved(), 0u);
  store->resume();
  ASSERT_TRUE(ok(recorder.stop(rowing::EndReason::stopped)));
  EXPECT_EQ(recorder.unsaved(), 0u);
  const auto report = store->verify(recorder.recordings().front());
  ASSERT_TRUE(ok(report));
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->streams.at(rowing::Stream::sample).records, monitor->truth().samples.size());
}

}  // namespace
}  // namespace boathouse::store
