#include "apps/boathouse/pm5_command.hpp"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "apps/boathouse/output.hpp"
#include "core/pm5/decode_line.hpp"

namespace boathouse::app {

int pm5_decode(const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    if (!opened) return fail("cannot read " + file);
  }
  std::istream& in = file == "-" ? std::cin : opened;
  std::string line;
  std::uint64_t number = 0;
  bool all_good = true;
  while (std::getline(in, line)) {
    const pm5::DecodedLine decoded = pm5::decode_line(++number, line);
    all_good = all_good && !decoded.is_error;
    std::fwrite(decoded.json.data(), 1, decoded.json.size(), stdout);
    std::fputc('\n', stdout);
  }
  return all_good ? kDone : kFailed;
}

}  // namespace boathouse::app
