// Numbers that a report shows.
#pragma once

#include <string>
#include <vector>

namespace boathouse::app {

// The value below which `share` (0 to 1) of them lie; 0 of none. Sorts them.
double percentile(std::vector<double>& values, double share);
// With one decimal.
std::string tenths(double value);

}  // namespace boathouse::app
