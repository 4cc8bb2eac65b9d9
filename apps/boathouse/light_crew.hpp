// `boathouse simulate --light`: thousands of devices as the server sees them, without a store behind each: a connection
// of its own that stays open, and a batch each erg minute. For load alone; what a real device does, `simulate` does.
#pragma once

#include "apps/boathouse/simulate_command.hpp"

namespace boathouse::app {

// As simulate(). A device that is refused for a time (429, 503) comes again when it was told to.
int simulate_light(const SimulateOptions& options);

}  // namespace boathouse::app
