#include "server/control/authenticator.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "server/control/api_key.hpp"
#include "server/http/problem.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::string_view kHow = "send it in the header \"Authorization: Bearer KEY\"";

bool is_key_parameter(const http::Parameter& parameter) {
  constexpr std::array<std::string_view, 5> kNames{"api_key", "apikey", "key", "access_token", "x-api-key"};
  return parameter.value.find(kApiKeyPrefix) != std::string::npos ||
         std::any_of(kNames.begin(), kNames.end(),
                     [&parameter](std::string_view name) { return http::equals_ignoring_case(name, parameter.name); });
}

// "" if there is no such header.
Result<std::string_view> bearer_of(const http::Headers& headers) {
  const std::string* header = headers.find("Authorization");
  if (header == nullptr) {
    return std::string_view();
  }
  const std::string_view value = *header;
  const std::size_t blank = value.find(' ');
  if (!http::equals_ignoring_case(value.substr(0, blank), "Bearer") || blank == std::string_view::npos) {
    return Error{ErrorCode::unauthenticated, "only the scheme Bearer is known: " + std::string(kHow)};
  }
  std::string_view key = value.substr(blank);
  key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
  return key;
}

http::Admit admit(Accounts& accounts, bool operators, bool athletes) {
  return [&accounts, operators, athletes](http::RequestHead& head) -> std::optional<http::Response> {
    const auto identity = authenticate(accounts, head);
    if (!identity) {
      return http::problem_response(head, identity.error());
    }
    head.caller = identity->key_id.text();
    head.account = identity->athlete.value_or(identity->key_id).text();
    head.is_unlimited = identity->role == Role::operator_;
    if (identity->role == Role::operator_ && !operators) {
      return http::problem_response(head,
                                    Error{ErrorCode::forbidden,
                                          "the operator key owns no athlete: make an athlete's key with `boathouse key "
                                          "create --athlete NAME` and use that one"});
    }
    if (identity->role == Role::athlete && !athletes) {
      return http::problem_response(head, Error{ErrorCode::forbidden,
                                                "an athlete's key cannot do this: use the operator key "
                                                "that `boathouse serve` wrote to operator.key"});
    }
    const auto scope = scope_of(head.scope);
    if (!scope) {
      return http::problem_response(head, Error{ErrorCode::internal, "this route has no scope"});
    }
    if (!identity->scopes.has(*scope)) {
      return http::problem_response(
          head,
          Error{ErrorCode::forbidden, "the key lacks the scope " + std::string(head.scope) + ": use one that has it"});
    }
    head.identity = *identity;
    return std::nullopt;
  };
}

}  // namespace

Result<Identity> authenticate(Accounts& accounts, const http::RequestHead& head) {
  if (std::any_of(head.query.begin(), head.query.end(), is_key_parameter)) {
    return Error{ErrorCode::invalid_input, "a key in the address ends up in logs and histories: " + std::string(kHow) +
                                               ", and revoke this one if it was real"};
  }
  if (head.headers.count("Authorization") > 1 || head.headers.count("X-API-Key") > 1) {
    return Error{ErrorCode::unauthenticated, "the key is there twice: " + std::string(kHow) + " once"};
  }
  const auto bearer = bearer_of(head.headers);
  if (!bearer) {
    return bearer.error();
  }
  const std::string* header = head.headers.find("X-API-Key");
  const std::string_view key = header != nullptr ? std::string_view(*header) : *bearer;
  if (key.empty()) {
    return Error{ErrorCode::unauthenticated, "there is no key: " + std::string(kHow)};
  }
  if (!bearer->empty() && *bearer != key) {
    return Error{ErrorCode::unauthenticated, "Authorization and X-API-Key name different keys: send one of them"};
  }
  return accounts.authenticate(key);
}

http::Admit admit_any(Accounts& accounts) { return admit(accounts, true, true); }
http::Admit admit_athlete(Accounts& accounts) { return admit(accounts, false, true); }
http::Admit admit_operator(Accounts& accounts) { return admit(accounts, true, false); }

const Identity* identity_of(const http::RequestHead& head) { return std::any_cast<Identity>(&head.identity); }

}  // namespace boathouse::control
