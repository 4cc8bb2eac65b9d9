#include "tests/support/paths.hpp"

namespace boathouse::test_support {

std::filesystem::path source_dir() { return BOATHOUSE_SOURCE_DIR; }

std::filesystem::path programs_dir() { return BOATHOUSE_PROGRAMS; }

std::filesystem::path engine_binary() { return BOATHOUSE_ENGINE_BINARY; }

}  // namespace boathouse::test_support
