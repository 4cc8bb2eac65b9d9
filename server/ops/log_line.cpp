#include "server/ops/log_line.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"

namespace boathouse::ops {
namespace {

constexpr std::string_view kHidden = "***";

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return std::tolower(static_cast<unsigned char>(x)) == y; });
}

bool is_of_key(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_of_base64(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '/' || c == '=';
}
bool is_of_word(char c) { return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '\'' && c != '&'; }

// A secret is what comes after `mark` and consists of such characters.
struct Secret {
  std::string_view mark;  // in lower case
  bool (*is_part)(char);
};
constexpr std::array kSecrets{Secret{"rk_live_", is_of_key}, Secret{"whsec_", is_of_base64},
                              Secret{"bearer ", is_of_word}, Secret{"password=", is_of_word}};

// Where the user and password of a URL whose authority begins at `from` end (their '@'); `from` if it has none.
std::size_t end_of_user(std::string_view text, std::size_t from) {
  const std::string_view authority = text.substr(from, text.find_first_of("/?# \t\r\n\"'", from) - from);
  const std::size_t at = authority.rfind('@');
  return at == std::string_view::npos ? from : from + at;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      out += '?';
    } else {
      out += c;
    }
  }
  return out;
}

bool is_left_out(const LogField& field) {
  const auto* text = std::get_if<std::string_view>(&field.value);
  return text != nullptr && text->empty();
}

void write(base::JsonWriter& json, const LogField& field) {
  json.key(field.name);
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    json.value(redact(*text));
  } else if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
    json.value(*integer);
  } else if (const auto* truth = std::get_if<bool>(&field.value)) {
    json.value(*truth);
  } else {
    json.number(std::get<LogNumber>(field.value).decimal);
  }
}

std::string text_of(const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    return printable(redact(*text));
  }
  if (const auto* integer = std::get_if<std::int64_t>(&field.value)) {
    return std::to_string(*integer);
  }
  if (const auto* truth = std::get_if<bool>(&field.value)) {
    return *truth ? "true" : "false";
  }
  return std::get<LogNumber>(field.value).decimal;
}

}  // namespace

std::string redact(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (text.substr(i, 3) == "://") {
      out += "://";
      i += 3;
      const std::size_t end = end_of_user(text, i);
      out += end > i ? kHidden : "";
      i = end;
      continue;
    }
    const auto secret = std::find_if(kSecrets.begin(), kSecrets.end(), [&](const Secret& one) {
      return equals_ignoring_case(text.substr(i, one.mark.size()), one.mark);
    });
    if (secret == kSecrets.end()) {
      out += text[i++];
      continue;
    }
    out += text.substr(i, secret->mark.size());
    i += secret->mark.size();
    const std::size_t from = i;
    while (i < text.size() && secret->is_part(text[i])) {
      ++i;
    }
    out += i > from ? kHidden : "";
  }
  return out;
}

std::string log_line(LogFormat format, std::int64_t utc_ms, const LogEntry& entry) {
  std::string line;
  if (format == LogFormat::json) {
    base::JsonWriter json(line);
    json.begin_object().key("ts").value(base::format_utc_ms(utc_ms)).key("level").value(entry.level);
    json.key("event").value(entry.event);
    for (const LogField& field : entry.fields) {
      if (!is_left_out(field)) {
        write(json, field);
      }
    }
    if (!entry.text.empty()) {
      json.key("text").value(redact(entry.text));
    }
    json.end_object();
    return line + "\n";
  }
  line = base::format_utc_ms(utc_ms) + " " + std::string(entry.level) + " " + std::string(entry.event);
  for (const LogField& field : entry.fields) {
    if (!is_left_out(field)) {
      line += " " + std::string(field.name) + "=" + text_of(field);
    }
  }
  if (!entry.text.empty()) {
    line += ": " + printable(redact(entry.text));
  }
  return line + "\n";
}

}  // namespace boathouse::ops
