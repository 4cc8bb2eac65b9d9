// What an answer that is no success says, for a person.
#pragma once

#include <string>

#include "device/sync/engine.hpp"

namespace boathouse::sync {

// "403 (this key may not write)": the status and, from a problem document (RFC 9457), its detail or title. Never longer
// than 300 bytes; other bodies (HTML of a proxy) are not repeated.
std::string describe_error(const HttpResponse& response);

}  // namespace boathouse::sync
