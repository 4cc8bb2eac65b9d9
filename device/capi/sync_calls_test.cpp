// The C ABI's syncing where a phone is unkind: callbacks that call back, many threads, answers that are late or wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "device/capi/boathouse_device.h"
#include "device/capi/test_peer.h"
#include "device/store/test_store.hpp"

namespace boathouse::capi {
namespace {

// A host that answers inside of the callback, or keeps the requests for its test.
struct Host {
  ~Host() { test_server_free(server); }

  static void send(void* context, const boathouse_request* request) { static_cast<Host*>(context)->take(*request); }
  static void wake(void* context, std::int64_t in_ms) { static_cast<Host*>(context)->wakes.push_back(in_ms); }
  static void changed(void* context) { ++static_cast<Host*>(context)->changes; }

  void take(const boathouse_request& request) {
    EXPECT_FALSE(inside.exchange(true)) << "callbacks come one at a time";
    ids.push_back(request.id);
    if (answers) {
      std::string replica;
      for (std::size_t i = 0; i < request.header_count; ++i) {
        if (std::string_view(request.headers[i].name) == "Boathouse-Replica") replica = request.headers[i].value;
      }
      const char* answer = nullptr;
      std::size_t size = 0;
      const int status =
          test_server_answer(server, request.path, replica.c_str(), request.body, request.body_size, &answer, &size);
      const boathouse_code code = boathouse_sync_http_response(
          sync, request.id, status, nullptr, 0, reinterpret_cast<const std::uint8_t*>(answer), size, nullptr);
      EXPECT_EQ(code, BOATHOUSE_OK);
    }
    inside = false;
  }

  test_server* server = test_server_new();
  boathouse_sync* sync = nullptr;
  bool answers = true;
  std::vector<std::uint64_t> ids;
  std::vector<std::int64_t> wakes;
  std::atomic<int> changes = 0;
  std::atomic<bool> inside = false;
};

class SyncCallsTest : public testing::Test {
 protected:
  SyncCallsTest() {
    EXPECT_EQ(boathouse_store_open(folder.path().c_str(), &opened, &error), BOATHOUSE_OK) << error.text;
    boathouse_callbacks callbacks = BOATHOUSE_INIT(boathouse_callbacks);
    callbacks.context = &host;
    callbacks.send = Host::send;
    callbacks.wake = Host::wake;
    callbacks.status_changed = Host::changed;
    EXPECT_EQ(boathouse_sync_new(opened, "key", "anna", &callbacks, &host.sync, &error), BOATHOUSE_OK) << error.text;
  }
  ~SyncCallsTest() override {
    boathouse_sync_free(host.sync);
    boathouse_store_free(opened);
  }

  void tell(boathouse_event event) {
    EXPECT_EQ(boathouse_sync_tell(host.sync, event, &error), BOATHOUSE_OK) << error.text;
  }
  void row(int seconds) {
    boathouse_recorder_options options = BOATHOUSE_INIT(boathouse_recorder_options);
    options.athlete = "anna";
    boathouse_recorder* recorder = nullptr;
    ASSERT_EQ(boathouse_recorder_new(opened, &options, &recorder, &error), BOATHOUSE_OK) << error.text;
    test_monitor* monitor = test_monitor_new(seconds);
    test_notification one;
    while (test_monitor_next(monitor, &one)) {
      EXPECT_EQ(boathouse_recorder_feed(recorder, one.characteristic, one.bytes, one.size, one.at_ms, &error),
                BOATHOUSE_OK);
    }
    EXPECT_EQ(boathouse_recorder_stop(recorder, &error), BOATHOUSE_OK);
    test_monitor_free(monitor);
    boathouse_recorder_free(recorder);
  }
  boathouse_device_status status() {
    boathouse_device_status now = BOATHOUSE_INIT(boathouse_device_status);
    EXPECT_EQ(boathouse_store_status(opened, host.sync, UINT64_MAX, &now, &error), BOATHOUSE_OK) << error.text;
    return now;
  }

  boathouse_error error = BOATHOUSE_INIT(boathouse_error);
  store::TemporaryFolder folder;
  Host host;
  boathouse_store* opened = nullptr;
};

TEST_F(SyncCallsTest, AHostMayAnswerInsideOfTheCallback) {
  row(30);
  tell(BOATHOUSE_START);
  const boathouse_device_status now = status();
  EXPECT_EQ(now.state, BOATHOUSE_STATE_UP_TO_DATE) << now.reason;
  EXPECT_GT(now.stored_items, 0u);
  EXPECT_EQ(host.changes, 1) << "one call of the host, one change told";
  EXPECT_GT(host.wakes.back(), 0) << "the next hello";
}

TEST_F(SyncCallsTest, ManyThreadsMayTellAtOnce) {
  tell(BOATHOUSE_START);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 25; ++n)
        boathouse_sync_tell(host.sync, i % 2 == 0 ? BOATHOUSE_DATA_ADDED : BOATHOUSE_FOREGROUND, nullptr);
    });
  }
  row(20);
  for (std::thread& thread : threads) thread.join();
  tell(BOATHOUSE_DATA_ADDED);
  EXPECT_EQ(status().state, BOATHOUSE_STATE_UP_TO_DATE);
  EXPECT_EQ(status().pending_items, 0u);
}

TEST_F(SyncCallsTest, LateRepeatedAndWrongAnswersDoNoHarm) {
  host.answers = false;
  row(20);
  tell(BOATHOUSE_START);
  ASSERT_EQ(host.ids.size(), 1u);
  const std::uint64_t id = host.ids[0];
  const auto answer = [&](std::uint64_t request, std::int32_t code, const std::string& body) {
    return boathouse_sync_http_response(host.sync, request, code, nullptr, 0,
                                        reinterpret_cast<const std::uint8_t*>(body.data()), body.size(), &error);
  };
  EXPECT_EQ(answer(id + 5, 200, "{}"), BOATHOUSE_OK) << "nobody waits for it";
  EXPECT_EQ(status().busy, 1);
  EXPECT_EQ(answer(id, 0, ""), BOATHOUSE_INVALID_INPUT);
  EXPECT_EQ(answer(id, 200, std::string((std::size_t{4} << 20) + 1, 'x')), BOATHOUSE_TOO_LARGE);
  EXPECT_EQ(status().busy, 1) << "still to be answered";
  EXPECT_EQ(answer(id, 200, "<html>"), BOATHOUSE_OK);
  EXPECT_EQ(status().error_domain, BOATHOUSE_DOMAIN_PROTOCOL);
  EXPECT_EQ(boathouse_sync_http_failed(host.sync, id, "again", &error), BOATHOUSE_OK);
  EXPECT_EQ(status().error_domain, BOATHOUSE_DOMAIN_PROTOCOL) << "the second answer counts for nothing";
  EXPECT_GT(status().pending_items, 0u);
}

TEST_F(SyncCallsTest, ATickThatComesTooEarlySetsTheTimerAgain) {
  host.answers = false;
  row(20);
  tell(BOATHOUSE_START);
  // Several times, so that the back-off is not by chance over at once.
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(boathouse_sync_http_failed(host.sync, host.ids.back(), nullptr, &error), BOATHOUSE_OK);
    if (i < 5) tell(BOATHOUSE_SYNC_NOW);
  }
  const std::size_t wakes = host.wakes.size();
  const std::size_t requests = host.ids.size();
  tell(BOATHOUSE_TICK);
  EXPECT_TRUE(host.wakes.size() > wakes || host.ids.size() > requests) << "never without timer and request";
}

TEST_F(SyncCallsTest, PauseAndKeyAreAPersons) {
  row(20);
  tell(BOATHOUSE_PAUSE);
  tell(BOATHOUSE_START);
  EXPECT_EQ(status().word, BOATHOUSE_WORD_PAUSED);
  EXPECT_TRUE(host.ids.empty());
  EXPECT_EQ(boathouse_sync_set_key(host.sync, "", &error), BOATHOUSE_OK);
  tell(BOATHOUSE_RESUME);
  EXPECT_EQ(status().word, BOATHOUSE_WORD_SIGN_IN_NEEDED);
  EXPECT_EQ(boathouse_sync_set_key(host.sync, "two words", &error), BOATHOUSE_INVALID_INPUT);
  EXPECT_EQ(boathouse_sync_set_key(host.sync, "key-2", &error), BOATHOUSE_OK);
  EXPECT_EQ(status().word, BOATHOUSE_WORD_SYNCED);
  EXPECT_EQ(boathouse_sync_tell(host.sync, 99, &error), BOATHOUSE_INVALID_INPUT);
}

TEST_F(SyncCallsTest, AfterASleepItGoesOn) {
  row(20);
  ASSERT_EQ(boathouse_store_suspend(opened, &error), BOATHOUSE_OK);
  tell(BOATHOUSE_START);
  EXPECT_TRUE(host.ids.empty());
  ASSERT_EQ(boathouse_store_resume(opened, &error), BOATHOUSE_OK);
  EXPECT_EQ(status().error_domain, BOATHOUSE_DOMAIN_STORE);
  EXPECT_EQ(status().error_code, BOATHOUSE_UNAVAILABLE);
  EXPECT_EQ(status().error_transient, 1);
  tell(BOATHOUSE_FOREGROUND);
  EXPECT_EQ(status().word, BOATHOUSE_WORD_SYNCED) << status().reason;
}

}  // namespace
}  // namespace boathouse::capi
