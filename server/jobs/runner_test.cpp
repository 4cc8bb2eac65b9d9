// What the runner makes of a handler's word.
#include "server/jobs/runner.hpp"

#include <algorithm>
#include <future>
#include <stdexcept>

#include "server/jobs/test_jobs.hpp"

namespace boathouse::jobs {
namespace {

using base::ErrorCode;

class RunnerTest : public JobsTest {
 protected:
  void SetUp() override {
    JobsTest::SetUp();
    Runner::Options options;
    options.lease_ms = kLease;
    options.first_backoff_ms = 100;
    options.max_backoff_ms = 400;
    options.max_failures = 5;
    runner_ = std::make_unique<Runner>(*queue_, clock_, random_, options, [](std::string_view) {});
  }

  bool step() {
    const auto worked = runner_->step();
    EXPECT_TRUE(worked) << worked.error().text;
    return worked && *worked;
  }

  std::unique_ptr<Runner> runner_;
};
INSTANTIATE_TEST_SUITE_P(Both, RunnerTest, both_databases(), database_name);

TEST_P(RunnerTest, AHandlerGetsItsKindAndItsPayload) {
  std::vector<std::string> got;
  runner_->handle("test", [&](Runner::Context& context) {
    got.push_back(context.job().payload);
    return Outcome::done();
  });
  const auto id = add("a");
  EXPECT_TRUE(step());
  EXPECT_FALSE(step());
  EXPECT_EQ(got, std::vector<std::string>{"a"});
  EXPECT_EQ(job(id).state, State::done);
}

TEST_P(RunnerTest, AHandlersOwnTimesAreKeptWithoutLimit) {
  runner_->handle("test", [&](Runner::Context&) { return Outcome::retry("later", 5000); });
  const auto id = add("a");
  for (int i = 1; i <= 8; ++i) {
    EXPECT_TRUE(step());
    EXPECT_EQ(job(id).failures, i);
    EXPECT_EQ(job(id).due_ms, now() + 5000);
    clock_.advance_ms(5000);
  }
}

TEST_P(RunnerTest, TheBackOffGrowsWithinItsBoundsAndEnds) {
  runner_->handle("test", [&](Runner::Context&) { return Outcome::retry("no luck"); });
  const auto id = add("a");
  constexpr std::array<std::int64_t, 4> kMost{100, 200, 400, 400};
  for (const std::int64_t most : kMost) {
    EXPECT_TRUE(step());
    EXPECT_EQ(job(id).state, State::waiting);
    EXPECT_GE(job(id).due_ms, now());
    EXPECT_LE(job(id).due_ms, now() + most);
    clock_.advance_ms(most);
  }
  EXPECT_TRUE(step());
  EXPECT_EQ(job(id).state, State::failed);
  EXPECT_EQ(job(id).last_error, "no luck");
}

// Even over the whole of the wait, so that what failed together does not come again together.
TEST_P(RunnerTest, TheBackOffIsSpread) {
  runner_->handle("test", [&](Runner::Context&) { return Outcome::retry("no luck"); });
  int early = 0;
  for (int i = 0; i < 60; ++i) {
    const auto id = add("a");
    ASSERT_TRUE(step());
    early += job(id).due_ms < now() + 50 ? 1 : 0;
    ASSERT_TRUE(queue_->cancel(id, now()));
  }
  EXPECT_GT(early, 15);
  EXPECT_LT(early, 45);
}

TEST_P(RunnerTest, AFailureIsFinalAndAnExceptionIsNot) {
  const auto failing = add("fail");
  const auto throwing = add("throw");
  runner_->handle("test", [](Runner::Context& context) -> Outcome {
    if (context.job().payload == "throw") {
      throw std::runtime_error("oh");
    }
    return Outcome::failed("never");
  });
  EXPECT_TRUE(step());
  EXPECT_TRUE(step());
  EXPECT_EQ(job(failing).state, State::failed);
  EXPECT_EQ(job(failing).last_error, "never");
  EXPECT_EQ(job(throwing).state, State::waiting);
  EXPECT_EQ(job(throwing).last_error, "the handler threw: oh");
}

TEST_P(RunnerTest, AKindOfAnotherProgramWaitsAndStopsNobody) {
  const auto unknown = *queue_->add({"unheard", "{}", "", 0}, now());
  const auto known = add("a");
  runner_->handle("test", [](Runner::Context&) { return Outcome::done(); });
  EXPECT_TRUE(step());
  EXPECT_TRUE(step());
  EXPECT_EQ(job(unknown).state, State::waiting);
  EXPECT_EQ(job(unknown).last_error, "this program has no handler for unheard");
  EXPECT_EQ(job(known).state, State::done);
}

TEST_P(RunnerTest, AHandlerThatOutlivesItsLeaseIsToldAndFinishesNothing) {
  base::Status prolonged;
  const auto id = add("a");
  runner_->handle("test", [&](Runner::Context& context) {
    clock_.advance_ms(kLease);
    EXPECT_TRUE(*other_->take(now(), kLease));
    prolonged = context.prolong();
    return Outcome::done();
  });
  EXPECT_TRUE(step());
  ASSERT_FALSE(prolonged);
  EXPECT_EQ(prolonged.error().code, ErrorCode::conflict);
  EXPECT_EQ(job(id).state, State::running);
}

// From within a job, where its place is held: as from another thread.
TEST_P(RunnerTest, AKindThatHasItsThreadsLeavesTheOthersToOtherKinds) {
  int deepest = 0;
  int depth = 0;
  runner_->handle(
      "test",
      [&](Runner::Context&) {
        deepest = std::max(deepest, ++depth);
        step();
        --depth;
        return Outcome::done();
      },
      2);
  bool other_ran = false;
  runner_->handle("other", [&](Runner::Context&) {
    other_ran = depth == 2;
    return Outcome::done();
  });
  for (const char* name : {"a", "b", "c"}) add(name);
  ASSERT_TRUE(queue_->add({"other", "{}", "", 1}, now()));
  EXPECT_TRUE(step());
  EXPECT_EQ(deepest, 2);
  EXPECT_TRUE(other_ran) << "while both places of the first kind were held";
  EXPECT_TRUE(step()) << "a place is free again";
  EXPECT_FALSE(step());
}

TEST_P(RunnerTest, ThreadsDoWhatIsAddedAndEnd) {
  std::promise<void> ran;
  runner_->handle("test", [&](Runner::Context&) {
    ran.set_value();
    return Outcome::done();
  });
  runner_->start(2);
  const Order order{"test", "a", "", 0};
  ASSERT_TRUE(runner_->add({&order, 1}));
  ran.get_future().wait();
  runner_->stop();
  EXPECT_EQ(queue_->counts()->waiting, 0U);
  EXPECT_EQ(queue_->counts()->running, 0U);
  ASSERT_TRUE(runner_->add({&order, 1}));
  EXPECT_EQ(queue_->counts()->waiting, 1U);
}

}  // namespace
}  // namespace boathouse::jobs
