// `boathouse pm5 decode`.
#pragma once

#include <string>

namespace boathouse::app {

// One JSON line out per line in; "-" = standard input. Goes on after an error; exit 1 at the end if there was any.
int pm5_decode(const std::string& file);

}  // namespace boathouse::app
