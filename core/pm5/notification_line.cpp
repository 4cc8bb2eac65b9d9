#include "core/pm5/notification_line.hpp"

#include <algorithm>
#include <charconv>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"

namespace boathouse::pm5 {
namespace {

constexpr std::size_t kMaxShown = 60;  // of a foreign text in a message

base::Error invalid_line(std::string text) { return {base::ErrorCode::invalid_input, std::move(text)}; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

// nullopt unless `text` is exactly four hex digits.
std::optional<std::uint16_t> four_digits(std::string_view text) {
  std::uint16_t value = 0;
  if (text.size() != 4) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct CharName {
  std::uint16_t id = 0;
  bool foreign = false;  // a characteristic, but of another service, e.g. the Bluetooth SIG's fitness machine (FTMS)
};

// nullopt: no name of a characteristic at all.
std::optional<CharName> parse_char(std::string_view name) {
  constexpr std::string_view kConcept2Tail = "-43e5-11e4-916c-0800200c9a66";
  constexpr std::string_view kSigTail = "-0000-1000-8000-00805f9b34fb";
  const std::string text = lower_case(name);
  std::string_view rest = text;
  if (rest.starts_with("ftms-") && four_digits(rest.substr(5))) return CharName{0, true};
  if (rest.size() == 8 + kConcept2Tail.size() && rest.ends_with(kConcept2Tail)) rest = rest.substr(0, 8);
  if (rest.size() == 8 && rest.starts_with("ce06")) {
    const auto id = four_digits(rest.substr(4));
    return id ? std::optional(CharName{*id, false}) : std::nullopt;
  }
  if (rest.size() == 36 && rest.ends_with(kSigTail)) return CharName{0, true};
  if (rest.starts_with("0x")) rest.remove_prefix(2);
  const auto id = four_digits(rest);
  if (!id) return std::nullopt;
  // The monitor's own short ids are 0x00xx; the SIG's begin at 0x1800.
  return CharName{*id, *id > 0xFF};
}

std::string shown(std::string_view text) {
  return std::string(text.substr(0, kMaxShown)) + (text.size() > kMaxShown ? "..." : "");
}

}  // namespace

base::Result<ParsedLine> parse_notification_line(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return ParsedLine(SkippedLine{"blank"});
  base::JsonLimits limits;
  limits.max_bytes = kMaxLine;
  const auto parsed = base::parse_json(line, limits);
  if (!parsed) return parsed.error();
  if (parsed->object() == nullptr) return invalid_line("the line is not a JSON object");

  const base::JsonValue* const name = parsed->find("char");
  if (name == nullptr) {
    if (parsed->find("meta") != nullptr) return ParsedLine(SkippedLine{"meta"});
    return invalid_line("the line has no \"char\"");
  }
  if (name->text() == nullptr) return invalid_line("\"char\" must be text such as \"0031\"");
  const auto id = parse_char(*name->text());
  if (!id)
    return invalid_line("\"char\" is no characteristic: " + shown(*name->text()) + " (0x0031, 0031 or CE060031)");
  if (id->foreign) return ParsedLine(SkippedLine{"foreign characteristic " + shown(*name->text())});

  NotificationLine result;
  result.characteristic = id->id;
  const base::JsonValue* const hex = parsed->find("hex");
  if (hex == nullptr || hex->text() == nullptr) return invalid_line("the line has no \"hex\" text");
  auto payload = base::from_hex(*hex->text());
  if (!payload) return payload.error();
  result.payload = std::move(*payload);

  if (const base::JsonValue* const at_ms = parsed->find("at_ms"); at_ms != nullptr && !at_ms->is_null()) {
    result.at_ms = at_ms->integer();
    if (!result.at_ms || *result.at_ms < 0)
      return invalid_line("\"at_ms\" must be a whole number of milliseconds from 0");
  }
  return ParsedLine(std::move(result));
}

}  // namespace boathouse::pm5
