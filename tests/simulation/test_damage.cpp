#include "tests/simulation/test_damage.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/simulation/test_app.hpp"
#include "tests/support/sanitizers.hpp"

namespace boathouse::simulation {

Medium::Contents killed_before(std::string_view name, bool checkpointed) {
  const Act& act = act_named("more");
  World world(act.id_seed);
  world.disk.load(act.disk);
  App app(world, act.id_seed);
  for (const Step& step : act.steps) {
    if (step.name == name) break;
    EXPECT_TRUE(step.run(app).ok()) << step.name;
  }
  if (checkpointed) {
    EXPECT_TRUE(app.checkpoint().ok());
  }
  world.disk.power_off();
  app.close();
  world.disk.power_on(1);
  Medium::Contents contents = world.disk.contents();
  // The next process would read the pages out of the WAL as long as that lies there.
  if (checkpointed) contents.erase(kWal);
  return contents;
}

bool every_fault() {
  const char* const all = std::getenv("BOATHOUSE_DISK_FAULTS");
  return all != nullptr && std::string_view(all) == "all";
}

std::uint64_t stride(std::uint64_t usual) {
  if (every_fault()) return 16;
  return test_support::kSanitized ? usual * 8 : usual;
}

}  // namespace boathouse::simulation
