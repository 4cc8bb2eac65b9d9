// What the status says of a run: how far it is, what failed, and when a person comes back.
#include <gtest/gtest.h>

#include "device/sync/test_engine.hpp"

namespace boathouse::sync {
namespace {

TEST_F(EngineTest, ProgressNeverGoesBackAndEndsAtItsTotal) {
  engine.batch_items = 2;
  add_recording();
  add_recording();
  give(Start{});
  EXPECT_EQ(shown.runs, 1u);
  EXPECT_EQ(shown.done_bytes, 0u);
  const std::uint64_t first_total = shown.total_bytes;
  EXPECT_GT(first_total, 0u);
  std::uint64_t done = 0;
  for (int i = 0; shown.state == State::syncing; ++i) {
    if (i == 1) add_recording();
    give(reply_all(Outcome::stored));
    EXPECT_GE(shown.done_bytes, done);
    EXPECT_LE(shown.done_bytes, shown.total_bytes);
    done = shown.done_bytes;
  }
  EXPECT_EQ(shown.state, State::up_to_date);
  EXPECT_EQ(shown.done_bytes, shown.total_bytes);
  EXPECT_GT(shown.total_bytes, first_total) << "what was added meanwhile belongs to it";
  EXPECT_EQ(shown.runs, 1u);

  add_recording(10);
  give(DataAdded{});
  EXPECT_EQ(shown.runs, 2u);
  EXPECT_EQ(shown.done_bytes, 0u) << "a new run";
  EXPECT_LT(shown.total_bytes, first_total);
}

TEST_F(EngineTest, TriesThatFailBelongToOneRun) {
  add_recording();
  give(Start{});
  for (int i = 0; i < 5; ++i) {
    give(HttpFailed{sent.back().request_id, "no route"});
    run_timer();
  }
  EXPECT_EQ(shown.runs, 1u);
  EXPECT_EQ(shown.failed_requests, 5u);
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.state, State::up_to_date);
  EXPECT_EQ(shown.runs, 1u);
  EXPECT_EQ(shown.done_bytes, shown.total_bytes);
}

TEST_F(EngineTest, AFailureHasADomainACodeAndAWayOut) {
  add_recording();
  give(Start{});
  give(HttpFailed{sent.back().request_id, "no route"});
  EXPECT_EQ(shown.failure, (Failure{ErrorDomain::network, 0, true}));
  run_timer();
  give(status_reply(503));
  EXPECT_EQ(shown.failure, (Failure{ErrorDomain::http, 503, true}));
  run_timer();
  give(HttpResponse{sent.back().request_id, 200, {}, "<html>"});
  EXPECT_EQ(shown.failure, (Failure{ErrorDomain::protocol, 0, true}));
  run_timer();
  fail_acks = true;
  give(reply_all(Outcome::stored));
  EXPECT_EQ(shown.failure, (Failure{ErrorDomain::store, static_cast<int>(base::ErrorCode::io), true}));
  fail_acks = false;
  run_timer();
  give(status_reply(400));
  EXPECT_EQ(shown.failure, (Failure{ErrorDomain::http, 400, false}));
  run_timer();
  give(status_reply(401));
  EXPECT_EQ(shown.failure, (Failure{ErrorDomain::http, 401, false}));
  give(KeyChanged{"key-2"});
  give(reply_all(Outcome::duplicate));
  EXPECT_EQ(shown.failure, Failure{});
  EXPECT_EQ(shown.last_error, "");
}

TEST_F(EngineTest, APersonWhoLooksClearsTheBackOffButNotTheServersWish) {
  add_recording();
  give(Start{});
  for (int i = 0; i < 4; ++i) {
    give(HttpFailed{sent.back().request_id, "no route"});
    run_timer();
  }
  give(HttpFailed{sent.back().request_id, "no route"});
  const std::size_t tries = sent.size() + others.size();
  give(Foreground{});
  EXPECT_EQ(sent.size() + others.size(), tries) << "tries stay kMinTryMs apart";
  EXPECT_LE(*timer, now + kMinTryMs);
  run_timer();
  EXPECT_EQ(sent.size() + others.size(), tries + 1);

  give(status_reply(429, {{"Retry-After", "60"}}));
  const std::int64_t wish = now + 60'000;
  give(Foreground{});
  EXPECT_GE(*timer, wish);
}

}  // namespace
}  // namespace boathouse::sync
