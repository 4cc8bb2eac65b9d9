// From a request's headers to the one who sent it, in the form that Route::admit takes.
#pragma once

#include <string_view>

#include "core/base/result.hpp"
#include "server/control/accounts.hpp"
#include "server/http/message.hpp"
#include "server/http/router.hpp"

namespace boathouse::control {

// Takes "Authorization: Bearer KEY" or "X-API-Key: KEY". unauthenticated: no key, or one that is not good;
// invalid_input: a key in the query string (URLs end up in logs), or two keys that differ. Any thread.
base::Result<Identity> authenticate(Accounts& accounts, const http::RequestHead& head);

// For Route::admit: lets in any good key, an athlete's only, the operator's only; and of those the ones that
// have the route's scope; the refusal is a 400, 401 or 403 that names the fix or the scope. Sets head.identity and
// those of its members that are set by `admit`.
// `accounts` must outlive the routes.
http::Admit admit_any(Accounts& accounts);
http::Admit admit_athlete(Accounts& accounts);
http::Admit admit_operator(Accounts& accounts);

// What the admission above found out; nullptr on a route without one.
const Identity* identity_of(const http::RequestHead& head);

}  // namespace boathouse::control
