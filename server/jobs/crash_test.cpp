// A worker that is killed at any moment: each job's effect is there in the end, once.
#include <unistd.h>

#include <string>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "server/jobs/runner.hpp"
#include "server/jobs/test_jobs.hpp"
#include "tests/support/killed_child.hpp"

namespace boathouse::jobs {
namespace {

constexpr int kKills = 24;
constexpr int kJobsEach = 5;
constexpr std::int64_t kLease = 1000;
constexpr std::int64_t kStart = 1'700'000'000'000;

// What the jobs do: a row under the job's key, and a sum that would show a second time.
base::Status add_effect(sql::Connection& effects, const std::string& key) {
  auto transaction = sql::Transaction::begin(effects);
  if (!transaction) {
    return transaction.error();
  }
  {
    auto insert = effects.prepare("INSERT INTO effect (name) VALUES (?1) ON CONFLICT DO NOTHING");
    BOATHOUSE_TRY(insert->bind(1, key).run());
    if (effects.changes() == 1) {
      BOATHOUSE_TRY(effects.execute("UPDATE total SET n = n + 1"));
    }
  }
  return transaction->commit();
}

Outcome work(sql::Connection& effects, const Runner::Context& context, base::SeededRandom& dice) {
  if (dice.below(4) == 0) {
    return Outcome::retry("bad luck", 1);
  }
  const base::Status added = add_effect(effects, context.job().payload);
  return added ? Outcome::done() : Outcome::retry(added.error().text, 1);
}

// Works for ever, until it is killed, and says so at every step: before a job, within it, after it.
[[noreturn]] void run_child(const sql::Place& jobs, const sql::Place& effects_place, int pipe, int generation) {
  base::ManualClock clock{kStart + generation * 2 * kLease};  // the leases of the one before have ended
  base::SystemRandom random;
  base::SeededRandom dice(static_cast<std::uint64_t>(generation));
  auto queue = Queue::open(jobs, random);
  auto effects = sql::Connection::open(effects_place);
  if (!queue || !effects) {
    _exit(3);
  }
  const auto tell = [pipe] {
    if (write(pipe, "x", 1) != 1) {
      _exit(4);
    }
  };
  Runner::Options options;
  options.lease_ms = kLease;
  Runner runner(**queue, clock, random, options, [](std::string_view) {});
  runner.handle("test", [&](Runner::Context& context) {
    tell();
    const Outcome outcome = work(*effects, context, dice);
    tell();
    return outcome;
  });
  for (int i = 0;; ++i) {
    tell();
    if (i < kJobsEach) {
      const std::string name = std::to_string(generation) + "-" + std::to_string(i);
      const Order order{"test", name, name, 0};
      if (!runner.add({&order, 1})) {
        _exit(5);
      }
    }
    if (!runner.step()) {
      _exit(6);
    }
    clock.advance_ms(1);
  }
}

class JobsCrash : public testing::TestWithParam<sql::Dialect> {};
INSTANTIATE_TEST_SUITE_P(Both, JobsCrash, both_databases(), database_name);

TEST_P(JobsCrash, EachEffectHappensOnceWhateverIsKilled) {
  const test_support::TemporaryFolder folder;
  const sql::TestDatabase database(GetParam(), folder.file("jobs.db"));
  ASSERT_EQ(database.missing(), "");
  sql::Place effects_place;
  effects_place.sqlite_file = folder.file("effects.db");
  {
    auto effects = sql::Connection::open(effects_place);
    ASSERT_TRUE(
        effects->execute("CREATE TABLE effect (name TEXT PRIMARY KEY); CREATE TABLE total (n INTEGER); "
                         "INSERT INTO total VALUES (0)"));
  }
  base::SeededRandom dice(4711);
  for (int generation = 1; generation <= kKills; ++generation) {
    ASSERT_NO_FATAL_FAILURE(test_support::kill_after<char>(
        1 + dice.below(4 * kJobsEach), [&](int pipe) { run_child(database.place(), effects_place, pipe, generation); },
        [](char) {}));
  }

  base::ManualClock clock{kStart + (kKills + 1) * 2 * kLease};
  base::SystemRandom random;
  auto queue = Queue::open(database.place(), random);
  ASSERT_TRUE(queue) << queue.error().text;
  auto effects = sql::Connection::open(effects_place);
  Runner runner(**queue, clock, random, {}, [](std::string_view) {});
  runner.handle("test", [&](Runner::Context& context) { return work(*effects, context, dice); });
  for (int i = 0; (*queue)->counts()->waiting + (*queue)->counts()->running > 0; ++i) {
    ASSERT_LT(i, 10'000);
    ASSERT_TRUE(runner.step());
    clock.advance_ms(1);
  }
  auto jobs = sql::Connection::open(database.place());
  auto ended = jobs->prepare(
      "SELECT count(*), count(DISTINCT payload), CAST(sum(CASE WHEN state = 3 THEN 1 ELSE 0 END) AS BIGINT), "
      "CAST(sum(lost) AS BIGINT) FROM job");
  ASSERT_TRUE(*ended->step());
  EXPECT_GT(ended->integer(0), kKills);
  EXPECT_EQ(ended->integer(1), ended->integer(0));
  EXPECT_EQ(ended->integer(2), ended->integer(0)) << "a job was lost or given up";
  EXPECT_GT(ended->integer(3), 0) << "no worker was killed within a job";
  auto done = effects->prepare("SELECT (SELECT count(*) FROM effect), n FROM total");
  ASSERT_TRUE(*done->step());
  EXPECT_EQ(done->integer(0), ended->integer(0));
  EXPECT_EQ(done->integer(1), ended->integer(0));
}

}  // namespace
}  // namespace boathouse::jobs
