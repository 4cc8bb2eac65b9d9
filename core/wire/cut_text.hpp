// The longest front part of a text that has at most `max_code_points` code points; what is not UTF-8 counts as the
// U+FFFD that will stand for it. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/base/utf8.hpp"

namespace boathouse::wire {

inline std::string_view cut_text(std::string_view text, std::size_t max_code_points) {
  std::size_t end = 0;
  for (std::size_t n = 0; n < max_code_points && end < text.size(); ++n) {
    end += base::utf8_step(text.substr(end)).length;
  }
  return text.substr(0, end);
}

}  // namespace boathouse::wire
