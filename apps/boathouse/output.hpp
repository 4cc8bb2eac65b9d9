// What every command shares: exit codes, and how errors are said.
#pragma once

#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::app {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;  // the work failed, or a check found a difference
inline constexpr int kWrongUse = 2;

// "boathouse: text" on stderr.
void say(std::string_view text);
// The same. Returns kFailed.
int fail(const base::Error& error);
int fail(std::string_view text);
// The same for wrong use. Returns kWrongUse.
int wrong_use(std::string_view text);

}  // namespace boathouse::app
