// What the tests of the protocol's JSON share.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::wire {

// "ok", or the error's code and text.
template <typename T>
std::string told(const base::Result<T>& result) {
  return result.ok() ? "ok" : std::string(name(result.error().code)) + ": " + result.error().text;
}

// The text with the first `from` replaced by `to`.
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// "yes" if the told error begins with `code`, then a colon, and holds `part`; otherwise what was told.
inline std::string tells(const std::string& told_text, std::string_view code, std::string_view part) {
  const bool holds = told_text.starts_with(std::string(code) + ": ") && told_text.find(part) != std::string::npos;
  return holds ? "yes" : told_text;
}

// Cut off after every byte, the text is refused. With any byte changed or left out it does no harm: what is accepted is
// written and read again as an equal value. Time grows with the square of the text.
template <typename Decode, typename Encode>
void expect_no_harm(const std::string& good, Decode decode, Encode encode) {
  const auto first = decode(good);
  ASSERT_TRUE(first.ok()) << first.error().text;
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_FALSE(decode(good.substr(0, size)).ok()) << size;
  }
  const auto check = [&](const std::string& text) {
    const auto value = decode(text);
    if (!value.ok()) {
      return;
    }
    const auto again = decode(encode(*value));
    ASSERT_TRUE(again.ok()) << text << "\n" << again.error().text;
    ASSERT_TRUE(*again == *value) << text;
  };
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string text = good;
    for (const unsigned bit : {0U, 5U, 7U}) {  // the next digit or letter, the other case, no ASCII
      text[at] = static_cast<char>(static_cast<unsigned char>(good[at]) ^ (1U << bit));
      check(text);
    }
    for (const char c : std::string_view("\"\\[:,-9")) {
      text[at] = c;
      check(text);
    }
    check(std::string(good).erase(at, 1));
  }
}

}  // namespace boathouse::wire
