// Every I/O point of the scripts in test_acts.cpp fails: an error once, an error from then on, and the power, each with
// one seed; the kind of error changes from point to point. BOATHOUSE_DISK_FAULTS=all takes every variant with several
// seeds (minutes), BOATHOUSE_DISK_CASE=ACT/VARIANT/POINT/SEED a single case. Under a sanitizer one point of seventeen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "device/store/test_store.hpp"
#include "tests/simulation/test_cases.hpp"
#include "tests/support/sanitizers.hpp"

namespace boathouse::simulation {
namespace {

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool all() { return environment("BOATHOUSE_DISK_FAULTS") == "all"; }

void expect_good(const Case& that, std::uint64_t& struck) {
  const Outcome outcome = run(that);
  if (outcome.struck) ++struck;
  if (outcome.problems.empty()) return;
  std::string text;
  for (const std::string& problem : outcome.problems) text += "\n  " + problem;
  ADD_FAILURE() << "BOATHOUSE_DISK_CASE=" << that.text() << text;
}

struct Family {
  std::string name;
  std::vector<std::string> variants;  // take turns, in the default run
  std::uint64_t seeds;                // for each point, with "all"
};
const std::vector<Family> kFamilies{{"once", {"io_once", "full_once"}, 4},
                                    {"from then on", {"io_from_then_on", "full_from_then_on"}, 4},
                                    {"power", {"power_off"}, 8}};
const Family kReads{"reads", {"read_once", "read_from_then_on"}, 2};

// By default every fourth drops and every fourth keeps all that was not synced.
std::uint64_t seed_of(std::uint64_t point) { return point % 4 < 2 ? point % 2 : point; }

// Which cases a point has.
std::vector<Case> cases_of(const Act& act, std::uint64_t point, const Family& family) {
  std::vector<Case> cases;
  if (!all()) {
    return {{act.name, family.variants[point % family.variants.size()], point, seed_of(point / 2)}};
  }
  for (const std::string& variant : family.variants) {
    for (std::uint64_t seed = 0; seed < family.seeds; ++seed) cases.push_back({act.name, variant, point, seed});
  }
  return cases;
}

class Loop {
 public:
  void add(const Act& act, std::uint64_t point, const Family& family) {
    if (testing::Test::HasFailure() && !all()) return;  // the first one says enough
    for (const Case& that : cases_of(act, point, family)) {
      expect_good(that, struck_);
      ++cases_;
    }
  }
  void finish(const Act& act, std::uint64_t points, std::string_view of) const {
    EXPECT_GE(struck_ * 20, cases_ * 19) << "the faults must come about";
    std::cout << "  " << act.name << ": " << points << " " << of << ", " << cases_ << " cases, " << struck_
              << " struck\n";
  }

 private:
  std::uint64_t cases_ = 0;
  std::uint64_t struck_ = 0;
};

// A number that the families' is no divisor of.
std::uint64_t point_step() { return test_support::kSanitized && !all() ? 17 : 1; }

TEST(DiskFault, NothingPromisedIsLostWhateverFailsAtWhichPoint) {
  for (const Act& act : acts()) {
    Loop loop;
    for (std::uint64_t point = 1; point <= act.points; point += point_step()) {
      for (const Family& family : kFamilies) loop.add(act, point, family);
    }
    loop.finish(act, act.points, "I/O points");
  }
}

TEST(DiskFault, NothingPromisedIsLostWhenReadingFails) {
  for (const Act& act : acts()) {
    Loop loop;
    for (std::uint64_t point = 1; point <= act.reads; point += point_step()) loop.add(act, point, kReads);
    loop.finish(act, act.reads, "reads");
  }
}

// Says all of one case's problems; without the variable it is some case.
TEST(DiskFault, TheCaseOfTheEnvironment) {
  const std::string text = environment("BOATHOUSE_DISK_CASE");
  const auto that = Case::parse(text.empty() ? "more/power_off/100/5" : text);
  ASSERT_TRUE(that.has_value()) << "BOATHOUSE_DISK_CASE=ACT/VARIANT/POINT/SEED";
  EXPECT_THAT(run(*that).problems, testing::IsEmpty());
}

// What an app does whose disk is full: it goes on with what it is fed. How many of its steps failed.
std::uint64_t row_on(const Act& act, App& app, const std::function<void(std::size_t)>& before_step) {
  std::uint64_t failed = 0;
  std::size_t number = 0;
  for (const Step& step : act.steps) {
    if (step.name == "upload" || step.name == "upload late parts" || step.name == "checkpoint") continue;
    before_step(++number);
    if (!step.run(app)) ++failed;
  }
  return failed;
}

void expect_all_there(const Act& act, World& world, App& app) {
  world.model.check(app.store(), act.truths, {}, false, world.problems);
  EXPECT_EQ(read_all(app.store(), world.problems).begin()->second.records, act.truths.begin()->second.records);
  EXPECT_THAT(world.problems, testing::IsEmpty());
}

constexpr std::uint64_t kEnoughBallast = std::uint64_t{1} << 20;

// By its size, not by a plan: in the midst of the workout nothing more fits, until somebody makes room.
TEST(DiskFault, WithoutBallastAWorkoutOutlivesAFullDiskInMemory) {
  const Act& act = act_named("row");
  World world(1);
  world.ballast_bytes = 0;
  App app(world, act.id_seed);
  const auto failed = row_on(act, app, [&](std::size_t number) {
    if (number == 40) world.disk.set_limit(world.disk.size(kDatabase).value() + world.disk.size(kWal).value());
    if (number == act.steps.size() - 3) world.disk.set_limit(std::nullopt);  // the stop
  });
  EXPECT_GT(failed, 10u);
  expect_all_there(act, world, app);
}

TEST(DiskFault, WithBallastAWorkoutGoesOnToItsEndOnAFullDiskAndNothingNewBegins) {
  const Act& act = act_named("row");
  World world(1);
  world.ballast_bytes = kEnoughBallast;
  App app(world, act.id_seed);
  const auto failed = row_on(act, app, [&](std::size_t number) {
    if (number == 40) world.disk.set_limit(world.disk.bytes());
  });
  EXPECT_EQ(failed, 0u);
  EXPECT_LT(world.disk.size(kBallast).value(), kEnoughBallast);
  EXPECT_TRUE(app.store().space()->disk_low);
  base::ManualClock clock(1'700'000'000'000, 1);
  base::SeededRandom random(99);
  base::UuidV7Source ids(clock, random);
  const rowing::Birth another = store::make_birth(ids);
  const auto refused = app.store().begin(another, kAthlete);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, base::ErrorCode::no_room);
  EXPECT_THAT(refused.error().text, testing::HasSubstr("free disk space"));

  world.disk.set_limit(std::nullopt);
  EXPECT_FALSE(app.store().space()->disk_low);
  EXPECT_EQ(world.disk.size(kBallast), kEnoughBallast);
  expect_all_there(act, world, app);
  EXPECT_TRUE(app.store().begin(another, kAthlete).ok());
}

// What another program takes at any moment.
TEST(DiskFault, WhereverTheDiskFillsUpTheBallastCarriesTheWorkoutToItsEnd) {
  const Act& act = act_named("row");
  std::uint64_t cases = 0;
  std::uint64_t used = 0;
  for (std::uint64_t point = 1; point < act.points && !HasFailure(); point += 2 * point_step()) {
    World world(point);
    world.ballast_bytes = kEnoughBallast;
    App app(world, act.id_seed);
    bool armed = false;
    const auto failed = row_on(act, app, [&](std::size_t number) {
      if (number == 2) world.disk.fill_up_at(point), armed = true;
    });
    EXPECT_TRUE(armed);
    EXPECT_EQ(failed, 0u) << "full from I/O point " << point << " after the opening";
    expect_all_there(act, world, app);
    ++cases;
    if (world.disk.size(kBallast) < kEnoughBallast) ++used;
  }
  EXPECT_GT(used * 2, cases);
  std::cout << "  " << cases << " points, the ballast was used after " << used << "\n";
}

// The process dies on a full disk: the next one needs room for the recording that was left open.
TEST(DiskFault, AStoreOnAFullDiskOpensFromTheBallast) {
  const Act& act = act_named("row");
  for (const bool ballast : {false, true}) {
    World world(3);
    world.ballast_bytes = ballast ? kEnoughBallast : 0;
    {
      App app(world, act.id_seed);
      std::size_t left = 60;
      for (const Step& step : act.steps) {
        if (left-- == 0) break;
        ASSERT_TRUE(step.run(app).ok());
      }
      world.disk.power_off();
      app.close();
      world.disk.power_on(1);
    }
    // No room for taking the log back into the database.
    world.disk.set_limit(world.disk.bytes() - world.disk.size(kWal).value());
    App next(world, act.id_seed + 1);
    const auto opened = next.open();
    const bool ended = opened && next.store().end_crashed();
    EXPECT_EQ(ended, ballast) << (opened ? "" : opened.error().text);
  }
}

TEST(DiskFault, ACaseIsItsText) {
  const auto that = Case::parse("row/power_off/123/5");
  ASSERT_TRUE(that.has_value());
  EXPECT_EQ(that->text(), "row/power_off/123/5");
  EXPECT_FALSE(Case::parse("row/power_off/123").has_value());
  EXPECT_FALSE(Case::parse("row/power_off/x/5").has_value());
}

// ---- That the loop finds what it is for ----

std::uint64_t found(Planted planted) {
  const Act& act = act_named("row");
  std::uint64_t count = 0;
  for (std::uint64_t point = act.points / 3; point < act.points * 2 / 3; point += 7) {
    if (!run({act.name, "power_off", point, 0}, planted).problems.empty()) ++count;
  }
  return count;
}

TEST(DiskFault, TheLoopFindsARecorderThatPromisesBeforeItCommits) {
  EXPECT_EQ(found(Planted::nothing), 0u);
  EXPECT_GT(found(Planted::early_belief), 0u);
}

TEST(DiskFault, TheLoopFindsADiskThatDoesNotSync) { EXPECT_GT(found(Planted::lying_disk), 0u); }

TEST(DiskFault, TheSameCaseIsTheSameWorld) {
  const Act& act = act_named("row");
  Medium::Contents first;
  for (int i = 0; i < 2; ++i) {
    World world(5);
    App app(world, act.id_seed);
    world.disk.power_off_at(200);
    for (const Step& step : act.steps) {
      if (world.disk.powered()) static_cast<void>(step.run(app).ok());
    }
    app.close();
    world.disk.power_on(77);
    if (i == 0) {
      first = world.disk.contents();
    } else {
      EXPECT_EQ(world.disk.contents(), first);
    }
  }
}

}  // namespace
}  // namespace boathouse::simulation
