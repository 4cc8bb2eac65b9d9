// An invariant does not hold: ends the run of a seed.
#pragma once

#include <stdexcept>

namespace boathouse::simulation {

struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace boathouse::simulation
