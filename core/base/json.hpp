// JSON (RFC 8259): a writer that streams and a strict reader into a tree, small enough for a phone.
// Thread rule: an object belongs to one thread at a time; a const JsonValue may be read from several.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/result.hpp"

namespace boathouse::base {

// Appends compact JSON to a string that the caller owns and may empty between calls (to send a long answer in pieces).
// The caller opens and closes in the right order; commas come by themselves. One writer makes one document.
//   writer.begin_object().key("rate").value(24).key("pace_s").number("118.42").end_object();
class JsonWriter {
 public:
  // `out` must outlive the writer.
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& null();
  // Text is escaped; what is not valid UTF-8 in it becomes U+FFFD.
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  template <typename T>
  requires std::integral<T> JsonWriter& value(T number) {
    static_assert(!std::is_same_v<T, char> && !std::is_same_v<T, wchar_t>, "a character is neither number nor text");
    if constexpr (std::is_same_v<T, bool>) {
      return boolean(number);
    } else if constexpr (std::is_signed_v<T>) {
      return signed_integer(number);
    } else {
      return unsigned_integer(number);
    }
  }
  // Floating point would show digits that nobody measured: give exact decimal text to number().
  template <typename T>
  requires std::floating_point<T> JsonWriter& value(T) = delete;
  // `decimal` goes out as it is and must be a JSON number, e.g. from format_scaled().
  JsonWriter& number(std::string_view decimal);

 private:
  JsonWriter& boolean(bool value);
  JsonWriter& signed_integer(std::int64_t value);
  JsonWriter& unsigned_integer(std::uint64_t value);
  void separate();
  void quoted(std::string_view text);

  std::string& out_;
  bool comma_due_ = false;  // the next key or value is not the first of its container
};

// One value of a parsed document. A getter of another kind than the value has gives nullopt or nullptr.
class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::vector<std::pair<std::string, JsonValue>>;  // in the document's order, keys unique
  using Data = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object>;

  JsonValue() = default;  // null
  explicit JsonValue(Data data) : data_(std::move(data)) {}

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
  [[nodiscard]] std::optional<bool> boolean() const;
  // Numbers written without point and exponent that int64 holds, exact; other numbers are doubles only.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  // Any number, as the nearest double.
  [[nodiscard]] std::optional<double> number() const;
  [[nodiscard]] const std::string* text() const { return std::get_if<std::string>(&data_); }
  [[nodiscard]] const Array* array() const { return std::get_if<Array>(&data_); }
  [[nodiscard]] const Object* object() const { return std::get_if<Object>(&data_); }

  // The value of an object's key; nullptr if there is none or this is no object. Time grows with the object's size.
  [[nodiscard]] const JsonValue* find(std::string_view key) const;

 private:
  Data data_ = nullptr;
};

struct JsonLimits {
  std::size_t max_depth = 64;           // arrays and objects inside each other; the parser's stack grows with it
  std::size_t max_bytes = 1024 * 1024;  // of the text; the tree takes up to about 60 times as much memory
};

// One whole document, nothing but JSON white space around it. Refused, with line and column (in code points, from 1):
// whatever RFC 8259 does not allow, invalid UTF-8 (a byte order mark too), half surrogate pairs, duplicate keys,
// numbers beyond a double's range (all invalid_input); too_large over a limit. Time is n log n in the worst case,
// whatever the text.
Result<JsonValue> parse_json(std::string_view text, JsonLimits limits = {});

}  // namespace boathouse::base
