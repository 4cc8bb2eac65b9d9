#include "tests/simulation/fleet/plan.hpp"

namespace boathouse::simulation {

namespace {

// One device or two, so that a run with more athletes costs about what another does.
void share(Plan& plan, base::SeededRandom random) {
  if (random.below(100) >= 20) return;
  plan.athletes = 2 + random.below(100) / 80;
  plan.guests = random.below(100) < 60;
  plan.devices = 1 + random.below(2);
}

}  // namespace

Plan Plan::draw(base::SeededRandom& random, std::uint64_t seed) {
  const auto chance = [&](std::uint64_t percent) { return random.below(100) < percent; };
  Plan plan;
  plan.devices = 1 + random.below(3);
  plan.stranger = chance(20);
  plan.turns = 60 + random.below(120);
  plan.lossy_network = chance(60);
  plan.hostile_front = chance(40);
  plan.flapping = chance(30);
  plan.kills = chance(50);
  plan.power_cuts = chance(40);
  plan.bad_disks = chance(25);
  plan.clock_jumps = chance(35);
  plan.server_crashes = chance(40);
  plan.restores = chance(20);
  plan.loader_trouble = chance(40);
  plan.small_cap = chance(40);
  plan.erasing = chance(25);
  plan.people = chance(30);
  plan.copies = chance(25);
  plan.links = chance(30);
  share(plan, base::SeededRandom(seed ^ 0x7461626c6574));                   // "tablet"
  plan.webhooks = base::SeededRandom(seed ^ 0x7765626873).below(100) < 15;  // "webhs"
  return plan;
}

}  // namespace boathouse::simulation
