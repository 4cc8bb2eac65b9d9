#include "apps/boathouse/output.hpp"

#include <cstdio>

namespace boathouse::app {

void say(std::string_view text) {
  std::fprintf(stderr, "boathouse: %.*s\n", static_cast<int>(text.size()), text.data());
}

int fail(std::string_view text) {
  say(text);
  return kFailed;
}

int fail(const base::Error& error) { return fail(error.text); }

int wrong_use(std::string_view text) {
  fail(text);
  return kWrongUse;
}

}  // namespace boathouse::app
