#include <algorithm>
#include <charconv>
#include <optional>

#if defined(__APPLE__)
#include <xlocale.h>

#include <cmath>
#include <cstdlib>
#endif

#include "core/base/digit.hpp"
#include "core/base/json.hpp"
#include "core/base/utf8.hpp"

namespace boathouse::base {
namespace {

// `text` is a number by JSON's grammar. Nullopt when it is beyond a double's range, towards infinity or towards zero.
std::optional<double> to_double(std::string_view text) {
#if defined(__APPLE__)
  // Apple's library reads no floating point with from_chars; its strtod_l takes a null locale as "C".
  const std::string terminated(text);
  const double value = strtod_l(terminated.c_str(), nullptr, nullptr);
  const std::string_view mantissa = text.substr(0, text.find_first_of("eE"));
  const bool vanished = value == 0 && mantissa.find_first_of("123456789") != std::string_view::npos;
  return std::isinf(value) || vanished ? std::nullopt : std::optional(value);
#else
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc{} ? std::optional(value) : std::nullopt;
#endif
}

int hex_value(char c) {
  if (is_digit(c)) {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Recursive descent. A function that returns false has set the error, and everybody above returns at once.
class Parser {
 public:
  Parser(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  Result<JsonValue> document() {
    const std::size_t valid = valid_utf8_prefix(text_);
    if (valid != text_.size()) {
      fail(valid, "not valid UTF-8");
      return error_;
    }
    if (text_.starts_with("\xef\xbb\xbf")) {
      fail(0, "a byte order mark; save the text without it");
      return error_;
    }
    JsonValue::Data root;
    skip_blanks();
    if (!value(root)) {
      return error_;
    }
    skip_blanks();
    if (at_ != text_.size()) {
      fail(at_, "nothing but white space may follow the value");
      return error_;
    }
    return JsonValue(std::move(root));
  }

 private:
  bool fail(std::size_t offset, std::string_view what, ErrorCode code = ErrorCode::invalid_input) {
    const std::string_view before = text_.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    const std::size_t column = 1 + code_point_count(before.substr(line_start));
    error_ = Error{
        code, "JSON line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + std::string(what)};
    return false;
  }

  [[nodiscard]] bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }

  bool take(char c) {
    if (!next_is(c)) {
      return false;
    }
    ++at_;
    return true;
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  bool value(JsonValue::Data& out) {
    if (at_ == text_.size()) {
      return fail(at_, "the text ends where a value should be");
    }
    switch (text_[at_]) {
      case '{':
        return object(out);
      case '[':
        return array(out);
      case '"':
        return string(out.emplace<std::string>());
      case 't':
        out = true;
        return word("true");
      case 'f':
        out = false;
        return word("false");
      case 'n':
        out = nullptr;
        return word("null");
      default:
        return number(out);
    }
  }

  bool word(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) {
      return fail(at_, "not a value; a word can only be true, false or null");
    }
    at_ += expected.size();
    return true;
  }

  bool enter() {
    if (depth_ == max_depth_) {
      return fail(at_, "more than " + std::to_string(max_depth_) + " arrays and objects inside each other",
                  ErrorCode::too_large);
    }
    ++depth_;
    ++at_;
    skip_blanks();
    return true;
  }

  bool array(JsonValue::Data& out) {
    if (!enter()) {
      return false;
    }
    auto& elements = out.emplace<JsonValue::Array>();
    if (!take(']')) {
      do {
        skip_blanks();
        JsonValue::Data element;
        if (!value(element)) {
          return false;
        }
        elements.emplace_back(std::move(element));
        skip_blanks();
      } while (take(','));
      if (!take(']')) {
        return fail(at_, "expected ',' or ']' here");
      }
    }
    --depth_;
    return true;
  }

  bool object(JsonValue::Data& out) {
    if (!enter()) {
      return false;
    }
    auto& members = out.emplace<JsonValue::Object>();
    const std::size_t first_key = key_offsets_.size();
    if (!take('}')) {
      do {
        skip_blanks();
        if (!next_is('"')) {
          return fail(at_, "expected a key in double quotes here");
        }
        key_offsets_.push_back(at_);
        std::string key;
        JsonValue::Data member;
        if (!string(key)) {
          return false;
        }
        skip_blanks();
        if (!take(':')) {
          return fail(at_, "expected ':' after the key");
        }
        skip_blanks();
        if (!value(member)) {
          return false;
        }
        members.emplace_back(std::move(key), JsonValue(std::move(member)));
        skip_blanks();
      } while (take(','));
      if (!take('}')) {
        return fail(at_, "expected ',' or '}' here");
      }
    }
    --depth_;
    return keys_are_unique(members, first_key);
  }

  // By sorting: a hash table with a known hash function could be driven to quadratic time.
  bool keys_are_unique(const JsonValue::Object& members, std::size_t first_key) {
    std::vector<std::size_t> order(members.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = i;
    }
    std::sort(order.begin(), order.end(), [&members](std::size_t a, std::size_t b) {
      const int compared = members[a].first.compare(members[b].first);
      return compared != 0 ? compared < 0 : a < b;
    });
    const auto twin = std::adjacent_find(order.begin(), order.end(), [&members](std::size_t a, std::size_t b) {
      return members[a].first == members[b].first;
    });
    if (twin != order.end()) {
      return fail(key_offsets_[first_key + *(twin + 1)], "this key stands twice in the same object");
    }
    key_offsets_.resize(first_key);
    return true;
  }

  bool string(std::string& out) {
    ++at_;
    for (;;) {
      const std::size_t start = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        ++at_;
      }
      out += text_.substr(start, at_ - start);
      if (at_ == text_.size()) {
        return fail(at_, "the text ends inside a string");
      }
      if (take('"')) {
        return true;
      }
      if (text_[at_] != '\\') {
        return fail(at_, "a control character in a string must be escaped");
      }
      if (!escape(out)) {
        return false;
      }
    }
  }

  bool escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const std::size_t start = at_;
    ++at_;
    if (take('u')) {
      return unicode_escape(out, start);
    }
    const std::size_t which = at_ < text_.size() ? kNames.find(text_[at_]) : std::string_view::npos;
    if (which == std::string_view::npos) {
      return fail(start, "not an escape that JSON knows");
    }
    ++at_;
    out += kMeanings[which];
    return true;
  }

  // After "\u", whose backslash stands at `start`.
  bool unicode_escape(std::string& out, std::size_t start) {
    const std::optional<char32_t> first = four_hex_digits();
    if (!first) {
      return fail(start, "\\u needs four hex digits");
    }
    char32_t code_point = *first;
    if (code_point >= 0xd800 && code_point <= 0xdfff) {
      std::optional<char32_t> second;
      if (code_point <= 0xdbff && take('\\') && take('u')) {
        second = four_hex_digits();
      }
      if (!second || *second < 0xdc00 || *second > 0xdfff) {
        return fail(start, "half of a surrogate pair");
      }
      code_point = 0x10000 + ((code_point - 0xd800) << 10) + (*second - 0xdc00);
    }
    append_utf8(out, code_point);
    return true;
  }

  std::optional<char32_t> four_hex_digits() {
    char32_t value = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = at_ < text_.size() ? hex_value(text_[at_]) : -1;
      if (digit < 0) {
        return std::nullopt;
      }
      value = value * 16 + static_cast<char32_t>(digit);
      ++at_;
    }
    return value;
  }

  bool digits() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) {
      ++at_;
    }
    return at_ != start;
  }

  bool number(JsonValue::Data& out) {
    const std::size_t start = at_;
    take('-');
    const bool leading_zero = next_is('0');
    const std::size_t first_digit = at_;
    if (!digits()) {
      return fail(start, "not a JSON value");
    }
    if (leading_zero && at_ - first_digit > 1) {
      return fail(first_digit, "a number cannot begin with a needless 0");
    }
    bool whole = true;
    if (take('.')) {
      whole = false;
      if (!digits()) {
        return fail(at_, "expected a digit after the decimal point");
      }
    }
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) {
        take('-');
      }
      if (!digits()) {
        return fail(at_, "expected a digit in the exponent");
      }
    }
    const std::string_view written = text_.substr(start, at_ - start);
    if (whole) {
      std::int64_t integer = 0;
      if (std::from_chars(written.data(), written.data() + written.size(), integer).ec == std::errc{}) {
        out = integer;
        return true;
      }
    }
    const std::optional<double> number = to_double(written);
    if (!number) {
      return fail(start, "a number beyond the range of a double");
    }
    out = *number;
    return true;
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::vector<std::size_t> key_offsets_;  // of the objects that are open, for the error about a duplicate
  Error error_;
};

}  // namespace

std::optional<bool> JsonValue::boolean() const {
  const bool* value = std::get_if<bool>(&data_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<std::int64_t> JsonValue::integer() const {
  const std::int64_t* value = std::get_if<std::int64_t>(&data_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<double> JsonValue::number() const {
  if (const std::int64_t* whole = std::get_if<std::int64_t>(&data_)) {
    return static_cast<double>(*whole);
  }
  const double* value = std::get_if<double>(&data_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

const JsonValue* JsonValue::find(std::string_view key) const {
  const Object* members = object();
  if (members == nullptr) {
    return nullptr;
  }
  const auto found = std::find_if(members->begin(), members->end(),
                                  [key](const Object::value_type& member) { return member.first == key; });
  return found != members->end() ? &found->second : nullptr;
}

Result<JsonValue> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.max_bytes) {
    return Error{ErrorCode::too_large, "JSON of " + std::to_string(text.size()) + " bytes, but at most " +
                                           std::to_string(limits.max_bytes) + " are taken"};
  }
  return Parser(text, limits.max_depth).document();
}

}  // namespace boathouse::base
