#include "device/import/values.hpp"

#include "core/base/decimal.hpp"
#include "core/base/utf8.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::import {
namespace {

constexpr int kNanoShift = 9;
constexpr std::int64_t kNano = 1'000'000'000;

base::Error not_a_number() { return {base::ErrorCode::invalid_input, "is not a number"}; }
base::Error not_a_time() { return {base::ErrorCode::invalid_input, "is not a time such as 2:05.1"}; }

std::int64_t power_of_ten(int exponent) {
  std::int64_t value = 1;
  for (int i = 0; i < exponent; ++i) value *= 10;
  return value;
}

// Nearest, half away from zero; the product needs more than 64 bits.
std::int64_t scale(std::int64_t value, std::int64_t multiply, std::int64_t divide) {
  using Wide = __int128;
  const Wide product = static_cast<Wide>(value) * multiply;
  const Wide half = divide / 2;
  return static_cast<std::int64_t>((product + (product < 0 ? -half : half)) / divide);
}

// Whole minutes or hours of a clock text: digits alone.
base::Result<std::int64_t> whole(std::string_view text, std::int64_t limit) {
  if (text.empty() || text.size() > 6 || text.find_first_not_of("0123456789") != std::string_view::npos)
    return not_a_time();
  const auto value = base::parse_scaled(text, 0);
  if (!value || value->value > limit) return not_a_time();
  return value->value;
}

base::Result<std::int64_t> clock_to_nano(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  const std::size_t last = text.rfind(':');
  if (last == std::string_view::npos) {
    const auto seconds = base::parse_scaled(text, kNanoShift);
    if (!seconds) return not_a_time();
    return seconds->value;
  }
  const std::string_view head = text.substr(0, last);
  const std::string_view tail = text.substr(last + 1);
  if (tail.empty() || tail.front() < '0' || tail.front() > '9') return not_a_time();
  const auto seconds = base::parse_scaled(tail, kNanoShift);
  if (!seconds || seconds->value >= 60 * kNano) return not_a_time();
  const std::size_t first = head.find(':');
  std::int64_t hours = 0;
  if (first != std::string_view::npos) {
    const auto value = whole(head.substr(0, first), 9999);
    if (!value) return value.error();
    hours = *value;
  }
  const auto minutes = whole(first == std::string_view::npos ? head : head.substr(first + 1),
                             first == std::string_view::npos ? 999'999 : 59);
  if (!minutes) return minutes.error();
  return (hours * 3600 + *minutes * 60) * kNano + seconds->value;
}

base::Result<std::int64_t> to_unit(std::string_view text, const rowing::Metric& metric, const Conversion& conversion) {
  if (!conversion.clock && conversion.multiply == 1 && conversion.divide == 1) {
    const auto value = base::parse_scaled(text, metric.shift);
    if (!value) return not_a_number();
    return value->value;
  }
  const auto nano = to_nano(text, conversion.clock);
  if (!nano) return nano.error();
  return scale(*nano, conversion.multiply * power_of_ten(metric.shift), conversion.divide * kNano);
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

base::Result<std::int64_t> to_nano(std::string_view text, bool clock) {
  if (clock) return clock_to_nano(text);
  const auto value = base::parse_scaled(text, kNanoShift);
  if (!value) return not_a_number();
  return value->value;
}

base::Result<std::int64_t> to_wire(std::string_view text, const rowing::Metric& metric, const Conversion& conversion) {
  text = trimmed(text);
  if (text.empty()) return rowing::kNull;
  const auto value = to_unit(text, metric, conversion);
  if (!value) return value.error();
  if (*value == rowing::kNull || !rowing::in_range(metric, *value)) {
    return base::Error{base::ErrorCode::invalid_input,
                       "is not within 0 and " + base::format_scaled(rowing::max_value(metric), metric.shift)};
  }
  return rowing::apply_null_rule(metric, *value);
}

std::string cut_text(std::string_view text, std::size_t code_points) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < code_points && end < text.size(); ++i) end += base::utf8_step(text.substr(end)).length;
  return std::string(text.substr(0, end));
}

}  // namespace boathouse::import
