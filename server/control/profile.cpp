#include "server/control/profile.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "core/base/digit.hpp"
#include "core/base/utf8.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::is_digit;
using base::Result;
using base::Status;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alphanumeric(char c) { return is_letter(c) || is_digit(c); }
bool is_beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

bool is_domain_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-' || is_beyond_ascii(c); });
}

// The parts of a language tag, taken one after the other (RFC 5646 2.1).
class TagReader {
 public:
  explicit TagReader(std::string_view tag) : parts_(split(tag, '-')) {}

  // The canonical text; "" = not well-formed.
  std::string read() {
    const auto fits = [](std::string_view part) {
      return !part.empty() && part.size() <= 8 && std::ranges::all_of(part, is_alphanumeric);
    };
    if (!std::ranges::all_of(parts_, fits)) {
      return "";
    }
    const std::size_t language = parts_[0].size();
    if (parts_[0] == "x" || parts_[0] == "X") {
      return read_private() && at_end() ? text_ : "";
    }
    if (!all_letters(parts_[0]) || language < 2 || language == 4) {
      return "";
    }
    take(lower);
    for (int i = 0; i < 3 && language <= 3 && next_is(3, all_letters); ++i) {
      take(lower);  // extended languages
    }
    if (next_is(4, all_letters)) {
      take(lower);
      char& first = text_[text_.size() - 4];
      first = upper(first);
    }
    if (next_is(2, all_letters) || next_is(3, all_digits)) {
      take(upper);
    }
    while (is_variant()) {
      take(lower);
    }
    while (at_ < parts_.size() && parts_[at_].size() == 1 && lower(parts_[at_][0]) != 'x') {
      take(lower);
      if (at_end() || parts_[at_].size() < 2) {
        return "";
      }
      while (!at_end() && parts_[at_].size() >= 2) {
        take(lower);
      }
    }
    return (at_end() || read_private()) && at_end() ? text_ : "";
  }

 private:
  static bool all_letters(std::string_view part) { return std::ranges::all_of(part, is_letter); }
  static bool all_digits(std::string_view part) { return std::ranges::all_of(part, is_digit); }

  [[nodiscard]] bool at_end() const { return at_ == parts_.size(); }
  [[nodiscard]] bool next_is(std::size_t length, bool (*kind)(std::string_view)) const {
    return !at_end() && parts_[at_].size() == length && kind(parts_[at_]);
  }
  [[nodiscard]] bool is_variant() const {
    return !at_end() && (parts_[at_].size() >= 5 || (parts_[at_].size() == 4 && is_digit(parts_[at_][0])));
  }
  void take(char (*change)(char)) {
    text_ += text_.empty() ? "" : "-";
    for (const char c : parts_[at_]) {
      text_ += change(c);
    }
    ++at_;
  }
  bool read_private() {
    if (lower(parts_[at_][0]) != 'x' || parts_[at_].size() != 1 || at_ + 1 == parts_.size()) {
      return false;
    }
    while (!at_end()) {
      take(lower);
    }
    return true;
  }

  std::vector<std::string_view> parts_;
  std::size_t at_ = 0;
  std::string text_;
};

// A name that can only be below the zone folder, and that is not one of the folder's own files ("tzdata.zi", "posix/").
bool is_zone_name(std::string_view name) {
  const auto allowed = [](char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '+' || c == '/'; };
  return !name.empty() && name.size() <= 64 && name.front() >= 'A' && name.front() <= 'Z' && name.back() != '/' &&
         std::ranges::all_of(name, allowed);
}

}  // namespace

Status check_name(std::string_view name, std::string_view what) {
  const auto invalid_name = [what](std::string_view why) {
    return Error{ErrorCode::invalid_input, std::string(what) + " " + std::string(why)};
  };
  if (name.empty()) {
    return invalid_name("must not be empty");
  }
  if (!base::is_valid_utf8(name)) {
    return invalid_name("must be UTF-8");
  }
  if (base::code_point_count(name) > kMaxNameCodePoints) {
    return invalid_name("has at most " + std::to_string(kMaxNameCodePoints) + " characters, this one has " +
                        std::to_string(base::code_point_count(name)));
  }
  if (name.front() == ' ' || name.back() == ' ') {
    return invalid_name("must not begin or end with a blank");
  }
  if (base::has_control(name)) {
    return invalid_name("must not hold control characters such as line ends");
  }
  return {};
}

Status check_email(std::string_view email) {
  const auto wrong = [](std::string_view why) {
    return Error{ErrorCode::invalid_input, "this is no e-mail address such as anna@example.org: " + std::string(why)};
  };
  if (email.size() > kMaxEmailBytes) {
    return wrong("it is longer than 254 bytes");
  }
  if (!base::is_valid_utf8(email) || base::has_control(email) ||
      email.find_first_of(" <>()[]\\,;:\"") != std::string_view::npos) {
    return wrong("it holds a blank, a bracket or another character that an address does not have");
  }
  const std::size_t at = email.find('@');
  if (at == std::string_view::npos || email.find('@', at + 1) != std::string_view::npos) {
    return wrong("it has one @");
  }
  const std::string_view mailbox = email.substr(0, at);
  if (mailbox.empty() || mailbox.size() > 64 || mailbox.front() == '.' || mailbox.back() == '.' ||
      mailbox.find("..") != std::string_view::npos) {
    return wrong("what stands before the @ is not right");
  }
  const auto labels = split(email.substr(at + 1), '.');
  if (labels.size() < 2 || !std::ranges::all_of(labels, is_domain_label)) {
    return wrong("what stands after the @ is no domain");
  }
  return {};
}

Result<std::string> canonical_locale(std::string_view tag) {
  std::string canonical = tag.size() > kMaxLocaleBytes ? "" : TagReader(tag).read();
  if (canonical.empty()) {
    return Error{ErrorCode::invalid_input, "this is no language tag (BCP 47) such as en, de-AT or zh-Hant-TW"};
  }
  return canonical;
}

Status check_time_zone(std::string_view name, std::string_view folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return Error{ErrorCode::unavailable, "this server has no list of time zones: its operator installs tzdata"};
  }
  char magic[4] = {};
  if (is_zone_name(name)) {
    std::ifstream(std::string(folder) + "/" + std::string(name), std::ios::binary).read(magic, sizeof magic);
  }
  if (std::string_view(magic, sizeof magic) != "TZif") {
    return Error{ErrorCode::invalid_input, "this is no time zone: give an IANA name such as Europe/Berlin"};
  }
  return {};
}

std::optional<WrongField> tidy(ProfileChange& change) {
  if (change.name) {
    if (auto status = check_name(*change.name, "an athlete's name"); !status) {
      return WrongField{"name", status.error()};
    }
  }
  if (change.email && !change.email->empty()) {
    if (auto status = check_email(*change.email); !status) {
      return WrongField{"email", status.error()};
    }
  }
  if (change.locale && !change.locale->empty()) {
    auto locale = canonical_locale(*change.locale);
    if (!locale) {
      return WrongField{"locale", locale.error()};
    }
    change.locale = std::move(*locale);
  }
  if (change.time_zone && !change.time_zone->empty()) {
    if (auto status = check_time_zone(*change.time_zone); !status) {
      return WrongField{"time_zone", status.error()};
    }
  }
  return std::nullopt;
}

}  // namespace boathouse::control
