#include "server/control/short_code.hpp"

#include <cstdint>
#include <vector>

namespace boathouse::control {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kGroup = 4;

char canonical(char c) {
  const char big = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return big == 'O' ? '0' : big == 'I' || big == 'L' ? '1' : big;
}

}  // namespace

std::string make_short_code(std::size_t length, base::RandomSource& random) {
  std::vector<std::uint8_t> bytes(length);
  random.fill(bytes);
  std::string code;
  for (std::size_t i = 0; i < length; ++i) {
    code += i > 0 && i % kGroup == 0 ? "-" : "";
    code += kAlphabet[bytes[i] % kAlphabet.size()];
  }
  return code;
}

base::Result<std::string> read_short_code(std::string_view text, std::size_t length) {
  std::string code;
  for (const char c : text.substr(0, 4 * length)) {
    if (c != '-' && c != ' ') {
      code += canonical(c);
    }
  }
  if (code.size() != length || code.find_first_not_of(kAlphabet) != std::string::npos) {
    return base::Error{base::ErrorCode::invalid_input, "a code has " + std::to_string(length) +
                                                           " digits and letters, without I, L, O and U; blanks and "
                                                           "hyphens do not count"};
  }
  return code;
}

}  // namespace boathouse::control
