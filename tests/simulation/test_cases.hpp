// One case of the fault loops: an act, a fault at one I/O point, then the same questions whatever happened.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/test_app.hpp"

namespace boathouse::simulation {

enum class Planted : std::uint8_t {
  nothing,
  early_belief,  // records count as durable before they are committed
  lying_disk     // syncs do nothing
};

struct Variant {
  std::string_view name;
  bool power_off = false;
  FaultPlan fault;  // `at` is the case's
};
// Each kind of fault: power off; an error once, from then on; as I/O error, as full disk; of reading.
const std::vector<Variant>& variants();

// Text: ACT/VARIANT/POINT/SEED, e.g. "row/power_off/123/5".
struct Case {
  std::string act;
  std::string variant;
  std::uint64_t point = 0;
  std::uint64_t seed = 0;  // of what fails half, and of what a power cut leaves: 0 nothing unsynced, 1 all, else chosen

  [[nodiscard]] std::string text() const;
  static std::optional<Case> parse(const std::string& text);
};

struct Outcome {
  Problems problems;
  bool struck = false;  // the fault came about
};

Outcome run(const Case& that, Planted planted = Planted::nothing);

}  // namespace boathouse::simulation
