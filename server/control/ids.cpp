#include "server/control/ids.hpp"

namespace boathouse::control {

std::string format_id(std::string_view prefix, const base::Uuid& id) { return std::string(prefix) + id.text(); }

base::Result<base::Uuid> parse_id(std::string_view prefix, std::string_view text) {
  if (text.starts_with(prefix)) {
    if (auto id = base::Uuid::parse(text.substr(prefix.size()))) {
      return id;
    }
  }
  return base::Error{base::ErrorCode::invalid_input, "not an id of this kind: it is " + std::string(prefix) +
                                                         " and 32 lower-case hex digits as 8-4-4-4-12"};
}

}  // namespace boathouse::control
