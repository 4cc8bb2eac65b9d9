// What an athlete says of themselves, and the rules for it. Pure functions, but for the look at the system's zone
// files.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::control {

inline constexpr std::size_t kMaxNameCodePoints = 200;
inline constexpr std::size_t kMaxEmailBytes = 254;  // RFC 5321 4.5.3.1.3, without the brackets
inline constexpr std::size_t kMaxLocaleBytes = 35;  // RFC 5646 4.4.1
inline constexpr std::string_view kZoneinfoFolder = "/usr/share/zoneinfo";

// "" = not known.
struct Profile {
  std::string email{};      // where mail goes to; nobody signs in with it, so several athletes may have the same
  std::string locale{};     // BCP 47, in its usual case: "de-AT"
  std::string time_zone{};  // IANA: "Europe/Vienna"

  friend bool operator==(const Profile&, const Profile&) = default;
};

// What is not named stays as it is; "" takes away, but for the name.
struct ProfileChange {
  std::optional<std::string> name{};
  std::optional<std::string> email{};
  std::optional<std::string> locale{};
  std::optional<std::string> time_zone{};
};

struct WrongField {
  std::string name;  // "email"
  base::Error error;
};

// Puts the locale into its usual case. The first field that breaks its rule, if one does: invalid_input; unavailable:
// this machine has no zone files.
std::optional<WrongField> tidy(ProfileChange& change);

// 1 to kMaxNameCodePoints, UTF-8 as typed, no control characters, no blanks at an end. `what`: "an athlete's name".
base::Status check_name(std::string_view name, std::string_view what);
// One @, a domain with a dot, nothing that would need quoting: what a person's address looks like, not whether it
// works.
base::Status check_email(std::string_view email);
// A well-formed language tag in its usual case: "zh-hant-tw" gives "zh-Hant-TW".
base::Result<std::string> canonical_locale(std::string_view tag);
// The name of a file with rules in `folder`.
base::Status check_time_zone(std::string_view name, std::string_view folder = kZoneinfoFolder);

}  // namespace boathouse::control
