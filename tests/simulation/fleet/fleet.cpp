#include "tests/simulation/fleet/fleet.hpp"

#include <stdexcept>

#include "core/pm5/simulated_monitor.hpp"
#include "tests/simulation/fleet/world.hpp"

namespace boathouse::simulation {
namespace {

std::vector<pm5::TimedNotification> workout_of(std::uint64_t seed) {
  pm5::SimulatedWorkout plan;
  plan.type = 5;  // a time with splits
  plan.goal = pm5::Goal::time;
  plan.length = static_cast<std::int64_t>(20 + 15 * seed) * 100;
  plan.split = plan.length / 2;
  pm5::SimulationOptions options;
  options.seed = seed;
  options.sample_hz = 1;
  options.rower.has_belt = seed % 2 == 0;
  options.air = {.lost = 0.02, .repeated = 0.01, .late = 0.02};
  auto monitor = pm5::SimulatedMonitor::create(plan, options);
  if (!monitor) throw std::runtime_error(monitor.error().text);
  std::vector<pm5::TimedNotification> heard;
  pm5::TimedNotification next;
  while (monitor->next(next)) heard.push_back(next);
  return heard;
}

}  // namespace

Stage::Stage(Home home) {
  if (home == Home::postgres) postgres.emplace();
  for (std::uint64_t seed = 1; seed <= 4; ++seed) workouts.push_back(workout_of(seed));
}

std::unique_ptr<Databases> Stage::databases(std::uint64_t seed) const {
  return postgres ? postgres->copy() : make_disk(seed);
}

Outcome simulate(std::uint64_t seed, Stage& stage, const std::function<void(const std::string&)>& tell) {
  return World(seed, stage, tell).run();
}

}  // namespace boathouse::simulation
