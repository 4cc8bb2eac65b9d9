// Recordings of real monitors that do not lie in this repository. Tests that need one are skipped, with the reason,
// where it is missing.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "tests/support/paths.hpp"

namespace boathouse::test_support {

// The environment variable BOATHOUSE_SHARED_DATA, else ../shared/data beside the project's root.
inline std::filesystem::path shared_data_dir() {
  if (const char* const told = std::getenv("BOATHOUSE_SHARED_DATA"); told != nullptr && *told != '\0') return told;
  return source_dir() / ".." / "shared" / "data";
}

// The whole file; nullopt when it cannot be read.
inline std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace boathouse::test_support

// In a GoogleTest body: `variable` becomes the text of the recording, or the test is skipped.
#define BOATHOUSE_SHARED_DATA_OR_SKIP(variable, file)                                                       \
  const auto variable##_read =                                                                              \
      boathouse::test_support::read_file(boathouse::test_support::shared_data_dir() / (file));              \
  if (!variable##_read) {                                                                                   \
    GTEST_SKIP() << "no recording " << (file) << "; BOATHOUSE_SHARED_DATA can name the folder that has it"; \
  }                                                                                                         \
  const std::string& variable = *variable##_read
