#include "device/sync/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>

#include "core/base/json.hpp"
#include "device/sync/test_engine.hpp"

namespace boathouse::sync {
namespace {

// Like the system's, but sometimes there is no memory.
struct FailingRandom final : base::RandomSource {
  void fill(std::span<std::uint8_t> out) override {
    if (fail_in > 0 && --fail_in == 0) throw std::bad_alloc();
    good.fill(out);
  }
  base::SeededRandom good{3};
  int fail_in = 0;
};

class SessionTest : public EngineTest {
 protected:
  // The server of the fixture; batches are stored.
  HttpResponse answer(const Send& request) {
    if (auto known = server_answers(request)) return *known;
    batch = *store->pending({});
    sent.push_back(request);
    return reply_all(Outcome::stored, server_epoch);
  }
  // Answers everything until the session rests.
  void converse(Event event) {
    auto request = session.take(std::move(event));
    while (request) request = session.take(answer(*request));
  }

  FailingRandom source;
  Session session{*store, store.clock, source, "secret-key", ""};
};

TEST_F(SessionTest, DoesEverythingButTheRequests) {
  add_recording();
  auto request = session.take(Start{});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->path, "/v1/sync/hello");
  EXPECT_FALSE(session.take(DataAdded{})) << "one request at a time";
  while (request) request = session.take(answer(*request));
  EXPECT_EQ(session.status().state, State::up_to_date) << session.status().reason;
  EXPECT_EQ(session.status().last_success_utc_ms, store.clock.utc_ms());
  EXPECT_EQ(session.status().done_bytes, session.status().total_bytes);
  EXPECT_EQ(pending(), 0u);
}

TEST_F(SessionTest, EachRunIsInTheLogWithItsCause) {
  const base::Uuid rec_id = add_recording();
  rowing::Edit edit;
  edit.op_id = store.ids.next();
  edit.session = rec_id;
  edit.text = "Private title";
  ASSERT_TRUE(ok(store->edit(edit, store.clock.utc_ms())));
  const std::int64_t started = store.clock.utc_ms();
  converse(Start{});
  store.clock.advance_ms(60'000);
  auto request = session.take(SyncNow{});
  ASSERT_TRUE(request);
  store.clock.advance_ms(2000);
  session.take(HttpResponse{request->request_id, 503, {}, "Private body"});
  auto runs = *store->runs();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[1].started_ms, started);
  EXPECT_EQ(runs[0].ended_ms, started + 62'000);

  const auto log = base::parse_json(runs_json(runs));
  ASSERT_TRUE(ok(log));
  const base::JsonValue& failed = log->array()->at(0);
  const base::JsonValue& good = log->array()->at(1);
  EXPECT_EQ(*good.find("cause")->text(), "start");
  EXPECT_EQ(*good.find("state")->text(), "up_to_date");
  EXPECT_EQ(good.find("stored_items")->integer(), 5);
  EXPECT_EQ(good.find("requests")->integer(), 4);
  EXPECT_EQ(good.find("error")->text()->size(), 0u);
  EXPECT_EQ(*failed.find("cause")->text(), "person");
  EXPECT_EQ(failed.find("requests")->integer(), 1) << "of this run alone";
  EXPECT_EQ(*failed.find("error")->text(), "http 503");
  EXPECT_EQ(failed.find("transient")->boolean(), true);
  EXPECT_EQ(last_success_ms(runs), started);

  // The next try goes on with the run that failed.
  store.clock.advance_ms(600'000);
  converse(Tick{});
  EXPECT_EQ(session.status().state, State::up_to_date);
  runs = *store->runs();
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].started_ms, started + 60'000);
  EXPECT_EQ(last_success_ms(runs), started + 662'000);

  const std::string text = runs_text(runs);
  EXPECT_THAT(text, testing::HasSubstr("cause=person state=up_to_date"));
  for (const char* const secret : {"secret-key", "Private", "503 (", "/tmp"}) {
    EXPECT_THAT(text, testing::Not(testing::HasSubstr(secret)));
    EXPECT_THAT(runs_json(runs), testing::Not(testing::HasSubstr(secret)));
  }
}

TEST_F(SessionTest, ALogThatCannotBeReadIsSaidSo) {
  const std::vector<store::Run> runs{{1, 0, 1000, "{not json"}};
  EXPECT_THAT(runs_text(runs), testing::HasSubstr("unreadable entry"));
  EXPECT_TRUE(ok(base::parse_json(runs_json(runs))));
  EXPECT_EQ(last_success_ms(runs), std::nullopt);
}

TEST_F(SessionTest, AfterAnExceptionAtAnyStepItGoesOn) {
  for (int step = 1; step < 12; ++step) {
    add_recording();
    Session fresh(*store, store.clock, source, "key", "");
    source.fail_in = step;
    std::optional<Send> request;
    Event event = Start{};
    for (int tries = 0; tries < 40 && !(fresh.status().state == State::up_to_date && pending() == 0); ++tries) {
      try {
        request = fresh.take(event);
        event = request ? Event(answer(*request)) : Event(Tick{});
      } catch (const std::bad_alloc&) {
        request.reset();  // the event is given once more
      }
      if (!request) store.clock.advance_ms(400'000);
    }
    EXPECT_EQ(fresh.status().state, State::up_to_date) << step << ": " << fresh.status().reason;
    EXPECT_EQ(source.fail_in, 0) << "the exception came";
    EXPECT_EQ(pending(), 0u) << step;
  }
}

// Seed 28392 of the simulation: what the other one had the store forget, this one called up to date until its next
// poll.
TEST_F(SessionTest, WhatAnotherAthletesSessionHearsOfARestoredServerIsHeardAtTheNextEvent) {
  add_recording();
  converse(Start{});
  ASSERT_EQ(session.status().state, State::up_to_date);
  ASSERT_TRUE(session.status().next_try_ms > store.clock.monotonic_ms());

  server_epoch = "another";
  Session bens{*store, store.clock, source, "key-2", "Ben"};
  const auto hello = bens.take(Start{});
  ASSERT_TRUE(hello);
  bens.take(answer(*hello));
  ASSERT_EQ(pending(), 4u) << "all of this one's receipts were of the other history";

  auto request = session.take(Tick{});
  std::vector<std::string> paths;
  for (; request; request = session.take(answer(*request))) paths.push_back(request->path);
  ASSERT_GE(paths.size(), 2U);
  EXPECT_EQ(paths[0], "/v1/sync/hello");
  EXPECT_EQ(paths[1], "/v1/sync/offer");
  EXPECT_EQ(session.status().state, State::up_to_date) << session.status().reason;
  EXPECT_EQ(pending(), 0u);
  store.clock.advance_ms(1);
  EXPECT_FALSE(session.take(Tick{})) << "there is nothing more to hear";
}

TEST_F(SessionTest, ASuspendedStoreIsATransientFailure) {
  add_recording();
  store->suspend();
  EXPECT_FALSE(session.take(Start{}));
  EXPECT_EQ(session.status().failure.domain, ErrorDomain::store);
  EXPECT_TRUE(session.status().failure.transient);
  store->resume();
  converse(Foreground{});
  EXPECT_EQ(session.status().state, State::up_to_date) << session.status().reason;
}

TEST(Key, MustFitIntoAHeader) {
  EXPECT_TRUE(check_key("key-1"));
  for (const char* const key : {"", "a b", "a\r\nX: y", "\xc3\xa4"}) EXPECT_FALSE(check_key(key)) << key;
}

}  // namespace
}  // namespace boathouse::sync
