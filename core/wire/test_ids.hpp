// The two ids that most tests of the protocol speak of.
#pragma once

#include <vector>

#include "core/base/uuid.hpp"

namespace boathouse::wire {

inline const base::Uuid kId = *base::Uuid::parse("018bcfe5-6800-7abc-8def-0123456789ab");
inline const base::Uuid kOther = *base::Uuid::parse("018bcfe5-6801-7abc-8def-0123456789ab");
inline const std::vector<base::Uuid> kAsked{kId, kOther};

}  // namespace boathouse::wire
