#include "device/transport/sync_runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "device/store/test_store.hpp"
#include "device/transport/test_ledger.hpp"
#include "device/transport/test_server.hpp"

namespace boathouse::transport {
namespace {

using store::ok;

base::Uuid add_recording(store::TestStore& store, std::size_t samples) {
  const rowing::Birth birth = store::make_birth(store.ids);
  EXPECT_TRUE(ok(store->begin(birth, "")));
  EXPECT_TRUE(ok(store->append(birth.rec_id, store::make_samples(0, samples))));
  EXPECT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::logged)));
  return birth.rec_id;
}

class SyncRunnerTest : public testing::Test {
 protected:
  SyncRunner make(const std::string& url, std::string key = "key-1") {
    SyncRunnerOptions options;
    options.server = url;
    options.key = std::move(key);
    auto runner = SyncRunner::create(*store, clock, random, std::move(options));
    EXPECT_TRUE(ok(runner));
    return std::move(*runner);
  }

  store::TestStore store;
  base::SystemClock clock;
  base::SeededRandom random{1};
  Ledger ledger{store->identity().replica_id};
};

TEST_F(SyncRunnerTest, DrainsTheOutbox) {
  add_recording(store, 300);
  const base::Uuid id = add_recording(store, 600);
  TestServer server([this](const SeenRequest& request) { return ledger.take(request); });
  SyncRunner runner = make(server.url() + "/");
  const sync::Status status = runner.drain();
  EXPECT_EQ(status.state, sync::State::up_to_date) << status.reason;
  EXPECT_EQ(status.stored_items, 9u);
  EXPECT_EQ(ledger.held.size(), 9u);
  EXPECT_TRUE(store->recording(id)->safe());
  EXPECT_THAT(server.seen()[0].head, testing::StartsWith("POST /v1/sync/hello HTTP/1.1"));
  EXPECT_EQ(server.seen().size(), 4u) << "hello, changes, one batch, verify";
  EXPECT_EQ(status.verified_recordings, 2u);
  EXPECT_EQ(runner.status(), status);

  add_recording(store, 1);
  EXPECT_EQ(runner.drain().stored_items, 12u) << "again, with the same runner";
}

TEST_F(SyncRunnerTest, AnHourIsUploadedAndVerifiedInFiveRequestsAlthoughQueriesCountItLater) {
  add_recording(store, 36'000);
  ledger.uncounted_verifies = 1;
  TestServer server([this](const SeenRequest& request) { return ledger.take(request); });
  SyncRunner runner = make(server.url());
  const sync::Status status = runner.drain();
  EXPECT_EQ(status.state, sync::State::up_to_date) << status.reason;
  EXPECT_EQ(status.verified_recordings, 1u);
  EXPECT_EQ(status.uncounted, 0u);
  EXPECT_EQ(server.seen().size(), 5u) << "hello, changes, one batch, verify, verify";
}

TEST_F(SyncRunnerTest, ADrainThatDoesNotWaitForTheCountSaysWhatIsLeft) {
  add_recording(store, 10);
  ledger.uncounted_verifies = 1;
  TestServer server([this](const SeenRequest& request) { return ledger.take(request); });
  SyncRunner runner = make(server.url());
  DrainLimits limits;
  limits.count_ms = 0;
  const sync::Status status = runner.drain(limits);
  EXPECT_EQ(status.state, sync::State::up_to_date) << status.reason;
  EXPECT_EQ(status.verified_recordings, 0u);
  EXPECT_EQ(status.uncounted, 1u);
  EXPECT_EQ(server.seen().size(), 4u);
}

TEST_F(SyncRunnerTest, AReplyThatGotLostIsMadeGoodByTheNextTry) {
  add_recording(store, 10);
  int batches = 0;
  TestServer server([&](const SeenRequest& request) {
    const std::string answer = ledger.take(request);
    if (!request.head.starts_with("POST /v1/sync/batch ")) return answer;
    return ++batches == 1 ? answer.substr(0, answer.size() - 5) : answer;
  });
  SyncRunner runner = make(server.url());
  const sync::Status status = runner.drain();
  EXPECT_EQ(status.state, sync::State::up_to_date) << status.reason;
  EXPECT_EQ(status.duplicate_items, 3u);
  EXPECT_EQ(status.failed_requests, 1u);
}

TEST_F(SyncRunnerTest, AServerThatIsAwayIsSaidAndEverythingKept) {
  add_recording(store, 10);
  std::string url;
  {
    TestServer gone([](const SeenRequest&) { return std::string(); });
    url = gone.url();
  }
  SyncRunner runner = make(url);
  DrainLimits limits;
  limits.max_failures = 1;
  const sync::Status status = runner.drain(limits);
  EXPECT_EQ(status.state, sync::State::offline) << "nothing on this host shows that there is a network";
  EXPECT_THAT(status.reason, testing::HasSubstr("cannot be reached"));
  EXPECT_EQ(store->status()->pending_items, 3u);

  limits.max_failures = 100;
  limits.deadline_ms = 0;
  EXPECT_EQ(runner.drain(limits).state, sync::State::offline);
}

TEST_F(SyncRunnerTest, ARefusedKeyEndsTheDrain) {
  add_recording(store, 10);
  TestServer server([](const SeenRequest&) { return TestServer::reply("401 Unauthorized", ""); });
  SyncRunner runner = make(server.url());
  EXPECT_EQ(runner.drain().state, sync::State::needs_auth);
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST_F(SyncRunnerTest, RunsUntilItIsStoppedAndWakesForNewData) {
  TestServer server([this](const SeenRequest& request) { return ledger.take(request); });
  std::atomic<int> up_to_date = 0;
  SyncRunnerOptions options;
  options.server = server.url();
  options.key = "k";
  options.on_status = [&](const sync::Status& status) {
    if (status.state == sync::State::up_to_date) {
      ++up_to_date;
      up_to_date.notify_all();
    }
  };
  auto runner = SyncRunner::create(*store, clock, random, options);
  ASSERT_TRUE(ok(runner));
  std::thread thread([&] { runner->run(); });
  up_to_date.wait(0);
  add_recording(store, 10);
  runner->wake();
  up_to_date.wait(1);
  runner->stop();
  thread.join();
  EXPECT_EQ(store->status()->pending_items, 0u);
  EXPECT_EQ(runner->drain().stored_items, 3u) << "stopped is stopped";
}

TEST_F(SyncRunnerTest, APersonPausesItAndLetsItGoOnWithAnotherKey) {
  add_recording(store, 10);
  TestServer server([this](const SeenRequest& request) {
    if (request.head.find("Bearer right\r\n") == std::string::npos) return TestServer::reply("401 Unauthorized", "");
    return ledger.take(request);
  });
  std::mutex mutex;
  std::condition_variable changed;
  sync::State state = sync::State::waiting;
  SyncRunnerOptions options;
  options.server = server.url();
  options.key = "wrong";
  options.on_status = [&](const sync::Status& status) {
    const std::lock_guard lock(mutex);
    state = status.state;
    changed.notify_all();
  };
  const auto wait_for = [&](sync::State wanted) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return state == wanted; });
  };
  auto runner = SyncRunner::create(*store, clock, random, options);
  ASSERT_TRUE(ok(runner));
  std::thread thread([&] { runner->run(); });
  wait_for(sync::State::needs_auth);
  EXPECT_FALSE(runner->sign_in("no key"));
  runner->pause(true);
  wait_for(sync::State::paused);
  EXPECT_TRUE(ok(runner->sign_in("right")));
  EXPECT_EQ(store->status()->pending_items, 3u);
  runner->pause(false);
  wait_for(sync::State::up_to_date);
  runner->stop();
  thread.join();
  EXPECT_EQ(store->status()->pending_items, 0u);
}

TEST_F(SyncRunnerTest, RefusesAServerOrKeyThatCannotBeUsed) {
  for (const char* const server :
       {"", "localhost:8080", "ftp://x", "http://a b", "http://x?y", "http://x#y", "http://x\r\ny"}) {
    SyncRunnerOptions options;
    options.server = server;
    options.key = "k";
    EXPECT_FALSE(SyncRunner::create(*store, clock, random, options)) << server;
  }
  for (const char* const key : {"", "a b", "a\r\nX: y", "\xc3\xa4"}) {
    SyncRunnerOptions options;
    options.server = "http://127.0.0.1:1";
    options.key = key;
    EXPECT_FALSE(SyncRunner::create(*store, clock, random, options)) << key;
  }
}

}  // namespace
}  // namespace boathouse::transport
