// Where things are for a test. Compiled into one file only, so that no test's object depends on the checkout's place.
#pragma once

#include <filesystem>

namespace boathouse::test_support {

// The project's root: test data is below tests/data.
std::filesystem::path source_dir();

// The folder with this build's programs (boathouse, ...).
std::filesystem::path programs_dir();

// The boathouse-engine to start: this build's own, but the release build's for sanitizer builds, where libchdb does
// not load. May not exist when it was not built.
std::filesystem::path engine_binary();

}  // namespace boathouse::test_support
