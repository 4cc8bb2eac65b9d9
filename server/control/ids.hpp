// Ids as the API shows them: a prefix that names the kind, then the UUID, e.g.
// "ath_018bcfe5-6800-7abc-8def-0123456789ab". Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::control {

inline constexpr std::string_view kAthletePrefix = "ath_";
inline constexpr std::string_view kKeyPrefix = "key_";
inline constexpr std::string_view kTeamPrefix = "team_";

std::string format_id(std::string_view prefix, const base::Uuid& id);

// Exactly what format_id() gives, else invalid_input that shows the right form.
base::Result<base::Uuid> parse_id(std::string_view prefix, std::string_view text);

}  // namespace boathouse::control
