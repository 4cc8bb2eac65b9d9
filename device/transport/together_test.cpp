// Engine, transport and page on one store at once, as `boathouse device run` has them: what is recorded while people
// look and press arrives whole, and every answer is one. TSan watches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/json.hpp"
#include "device/page/page.hpp"
#include "device/transport/sync_runner.hpp"
#include "device/transport/test_ledger.hpp"

namespace boathouse::transport {
namespace {

constexpr int kRecordings = 3;
constexpr std::size_t kSamples = 400;
constexpr std::size_t kGroup = 20;

class TogetherTest : public testing::Test {
 protected:
  void open() {
    SyncRunnerOptions options;
    options.server = server.url();
    options.key = "key";
    options.on_status = [this](const sync::Status& status) {
      const std::lock_guard lock(mutex);
      state = status.state;
      changed.notify_all();
    };
    auto made = SyncRunner::create(*store, store.clock, random, std::move(options));
    ASSERT_TRUE(ok(made));
    runner.emplace(std::move(*made));
    page::Controls controls;
    controls.status = [this] { return runner->status(); };
    controls.sync_now = [this] { runner->wake(true); };
    controls.pause = [this](bool paused) { runner->pause(paused); };
    controls.data_added = [this] { runner->wake(); };
    controls.sign_in = [this](const std::string& key) { return runner->sign_in(key); };
    controls.rowing = [this] {
      const std::lock_guard lock(mutex);
      return rowing;
    };
    controls.disk_free_bytes = [] { return std::uint64_t{1} << 40; };
    page.emplace(page::Tools{*store, store.clock, store.ids}, controls);
  }

  void record() {
    for (int i = 0; i < kRecordings; ++i) {
      const rowing::Birth birth = store::make_birth(store.ids);
      EXPECT_TRUE(ok(store->begin(birth, "")));
      {
        const std::lock_guard lock(mutex);
        rowing = birth.rec_id;
      }
      for (std::size_t seq = 0; seq < kSamples; seq += kGroup) {
        EXPECT_TRUE(ok(store->append(birth.rec_id, store::make_samples(seq, kGroup))));
        EXPECT_TRUE(ok(store->seal(birth.rec_id, false)));
        runner->wake();
      }
      EXPECT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::logged)));
    }
  }

  // Everything that the page can be asked, as often as it can be until the recording is done.
  void look(const std::string& title) {
    do {
      page::Question question;
      {
        const std::lock_guard lock(mutex);
        if (rowing) question.id = "ses_" + rowing->text();
      }
      for (const page::Endpoint& endpoint : page::Page::endpoints()) {
        const bool of_session = endpoint.pattern.find("{id}") != std::string_view::npos;
        if ((of_session && question.id.empty()) || endpoint.name == "answerConflict") continue;
        question.query = {{"stream", "sample"}, {"fields", "at_s,distance_m"}};
        question.body = endpoint.changes ? "{}" : "";
        if (endpoint.name == "signIn") question.body = R"({"key":"key"})";
        if (endpoint.name == "editSession") question.body = R"({"title":")" + title + "\"}";
        const auto answer = page->answer(endpoint, question);
        EXPECT_TRUE(ok(answer)) << endpoint.name;
        EXPECT_TRUE(answer && (endpoint.content_type != "application/json" || base::parse_json(*answer)))
            << endpoint.name;
      }
    } while (!recorded);
  }

  store::TestStore store;
  base::SeededRandom random{1};
  Ledger ledger{store->identity().replica_id};
  TestServer server{[this](const SeenRequest& request) { return ledger.take(request); }};
  std::mutex mutex;
  std::condition_variable changed;
  sync::State state = sync::State::waiting;  // under mutex
  std::optional<base::Uuid> rowing;          // under mutex
  std::atomic<bool> recorded{false};
  std::optional<SyncRunner> runner;
  std::optional<page::Page> page;
};

TEST_F(TogetherTest, WhatIsRecordedWhilePeopleLookAndPressArrivesWhole) {
  open();
  std::thread syncing([this] { runner->run(); });
  std::thread one([this] { look("one"); });
  std::thread other([this] { look("other"); });
  record();
  recorded = true;
  one.join();
  other.join();
  runner->pause(false);
  runner->wake(true);
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return state == sync::State::up_to_date && store->status()->pending_items == 0; });
  }
  runner->stop();
  syncing.join();
  const auto recordings = store->recordings();
  ASSERT_TRUE(ok(recordings));
  ASSERT_EQ(recordings->size(), static_cast<std::size_t>(kRecordings));
  for (const store::RecordingInfo& info : *recordings) {
    EXPECT_TRUE(info.safe());
    EXPECT_EQ(info.streams.at(rowing::Stream::sample).acknowledged, kSamples);
    EXPECT_THAT(store->verify(info.birth.rec_id)->problems, testing::IsEmpty());
  }
}

}  // namespace
}  // namespace boathouse::transport
