// What a postgresql:// URL says, as libpq reads it.
#include <libpq-fe.h>

#include <memory>
#include <optional>

#include "server/sql/drivers.hpp"

namespace boathouse::sql {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

// What messages may show of a URL; "" = not there. Nothing: libpq does not understand it.
struct Shown {
  std::string user, host, port, database;
};
std::optional<Shown> take_apart(const std::string& url) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(url.c_str(), nullptr),
                                                                             &PQconninfoFree);
  if (!options) {
    return std::nullopt;
  }
  Shown shown;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    const std::string_view keyword = option->keyword;
    std::string* const place = keyword == "user"     ? &shown.user
                               : keyword == "host"   ? &shown.host
                               : keyword == "port"   ? &shown.port
                               : keyword == "dbname" ? &shown.database
                                                     : nullptr;
    if (place != nullptr && option->val != nullptr) {
      *place = option->val;
    }
  }
  return shown;
}

}  // namespace

// A password with / or @ in it that is not written %2F or %40 ends up in the port, the host or the database's name.
Status check_postgres(const std::string& url) {
  const auto shown = take_apart(url);
  const bool whole = shown && shown->port.find_first_not_of("0123456789,") == std::string::npos &&
                     shown->host.find('@', 1) == std::string::npos && shown->database.find('@') == std::string::npos;
  return whole ? Status()
               : Status(Error{ErrorCode::invalid_input,
                              "the postgresql:// URL is not understood: it must be postgresql://USER@HOST/DATABASE, "
                              "with special characters as %XX; a password belongs into a .pgpass file"});
}

std::string postgres_text(const std::string& url) {
  const auto shown = take_apart(url);
  if (!shown) {
    return "PostgreSQL";
  }
  const bool socket = shown->host.starts_with('/');
  return "postgresql://" + (shown->user.empty() ? "" : shown->user + "@") + (socket ? "" : shown->host) +
         (shown->port.empty() ? "" : ":" + shown->port) + "/" + shown->database +
         (socket ? "?host=" + shown->host : "");
}

}  // namespace boathouse::sql
