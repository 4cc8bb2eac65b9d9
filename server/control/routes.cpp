#include "server/control/routes.hpp"

#include "server/control/route_parts.hpp"

namespace boathouse::control {

base::Status add_routes(http::RouteTable& routes, Accounts& accounts, AuditLog& audit, const PairingLimits& limits) {
  const RouteParts parts{accounts, audit};
  BOATHOUSE_TRY(add_athlete_routes(routes, parts));
  BOATHOUSE_TRY(add_key_routes(routes, parts));
  BOATHOUSE_TRY(add_team_routes(routes, parts));
  return add_pairing_routes(routes, parts, limits);
}

}  // namespace boathouse::control
