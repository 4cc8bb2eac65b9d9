// Bytes as JSON: what is accepted is UTF-8 through and through, and its text, written and read again, is the same.
#include <cstdint>
#include <cstdlib>

#include "core/base/bytes.hpp"
#include "core/base/json.hpp"
#include "core/base/utf8.hpp"

using namespace boathouse;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void write(const base::JsonValue& value, base::JsonWriter& out) {
  if (const auto* object = value.object()) {
    out.begin_object();
    for (const auto& [key, member] : *object) {
      must(base::is_valid_utf8(key));
      must(value.find(key) == &member);
      write(member, out.key(key));
    }
    out.end_object();
  } else if (const auto* array = value.array()) {
    out.begin_array();
    for (const base::JsonValue& element : *array) {
      write(element, out);
    }
    out.end_array();
  } else if (const auto* text = value.text()) {
    must(base::is_valid_utf8(*text));
    out.value(*text);
  } else if (const auto flag = value.boolean()) {
    out.value(*flag);
  } else if (const auto integer = value.integer()) {
    out.value(*integer);
  } else {
    must(value.is_null() || value.number().has_value());
    out.null();  // a number with a fraction has no writer here
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  const auto parsed = base::parse_json(text, {.max_depth = 64, .max_bytes = 1 << 16});
  if (!parsed.ok()) return 0;
  std::string written;
  base::JsonWriter writer(written);
  write(*parsed, writer);
  const auto again = base::parse_json(written, {.max_depth = 64, .max_bytes = 1 << 20});
  must(again.ok());
  std::string twice;
  base::JsonWriter second(twice);
  write(*again, second);
  must(twice == written);
  return 0;
}
