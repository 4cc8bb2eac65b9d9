// A code on one screen, a key on another: how a device without a key gets one.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "core/base/utc_time.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/route_parts.hpp"
#include "server/control/scopes.hpp"
#include "server/http/client_network.hpp"
#include "server/http/problem.hpp"
#include "server/http/rate_limit.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::JsonWriter;
using base::Result;
using http::Request;
using http::Response;

constexpr std::int64_t kWindowS = 600;
constexpr std::size_t kMaxAddresses = 65'536;

// Wrong codes, of one address and of all. Counted before the look, so that nobody gets more of them by asking at once;
// a right code gives its count back.
class Guesses {
 public:
  Guesses(const PairingLimits& limits, base::Clock& clock)
      : of_an_address_({"pairing-address", limits.of_an_address, 0, kWindowS}, kMaxAddresses, clock),
        of_all_({"pairing", limits.of_all, 0, kWindowS}, 1, clock) {}

  // An answer refuses the guess.
  std::optional<Response> count(const Request& request) {
    const std::string address = http::client_network(request.remote_address);
    if (auto refusal = charge(of_an_address_, address, request)) {
      return refusal;
    }
    auto refusal = charge(of_all_, "", request);
    if (refusal) {
      of_an_address_.give_back(address, 1, 0);
    }
    return refusal;
  }
  void was_right(const Request& request) {
    of_an_address_.give_back(http::client_network(request.remote_address), 1, 0);
    of_all_.give_back("", 1, 0);
  }

 private:
  static std::optional<Response> charge(http::RateLimit& limit, const std::string& key, const Request& request) {
    if (limit.policy().requests == 0) {
      return std::nullopt;
    }
    const http::Verdict verdict = limit.charge(key, 0);
    if (verdict.refusal == http::Verdict::Refusal::none) {
      return std::nullopt;
    }
    http::Problem problem;
    problem.status = 429;
    problem.id = http::kQuotaExceeded;
    problem.title = "The quota is used up";
    problem.detail = "too many wrong codes came in the last minutes: wait, then make a new code";
    problem.violated_policies = {limit.policy().name};
    problem.retry_after_s = static_cast<int>(std::clamp<std::int64_t>(verdict.requests.t_s, 1, kWindowS));
    return http::problem_response(request, problem);
  }

  http::RateLimit of_an_address_;
  http::RateLimit of_all_;
};

// Whose device it shall be: the caller's own, or for the operator the one that the body names.
Result<base::Uuid> athlete_to_pair(const RouteParts& parts, const Request& request) {
  const auto body = body_of(request);
  if (!body) {
    return body.error();
  }
  const auto& own = identity_of(request)->athlete;
  if (own && body->empty()) {
    return *own;
  }
  const bool names_one = body->size() == 1 && body->front().second.text() != nullptr;
  if (!own && names_one && body->front().first == "athlete") {
    return parse_id(kAthletePrefix, *body->front().second.text());
  }
  if (!own && names_one && body->front().first == "athlete_name") {
    const auto athlete = parts.accounts.athlete_named(*body->front().second.text());
    return athlete ? Result<base::Uuid>(athlete->id) : athlete.error();
  }
  return Error{ErrorCode::invalid_input, own ? "the body must be {}: the code is for your own device"
                                             : "the body must be {\"athlete\" or \"athlete_name\": \"...\"}"};
}

// Nobody gives a device what they do not have: the code is worth a key.
base::Status may_give_device_key(const Identity& maker) {
  for (int i = 0; i < kScopeCount; ++i) {
    const auto scope = static_cast<Scope>(i);
    if (kDeviceScopes.has(scope) && !maker.scopes.has(scope)) {
      return Error{ErrorCode::forbidden, "the key lacks the scope " + std::string(name(scope)) +
                                             ", which the device's key will have: use one that has it"};
    }
  }
  return base::Done{};
}

Response start(const RouteParts& parts, const Request& request) {
  const Identity& maker = *identity_of(request);
  if (const auto may = may_give_device_key(maker); !may) {
    return http::problem_response(request, may.error());
  }
  const auto athlete = athlete_to_pair(parts, request);
  if (!athlete) {
    return http::problem_response(request, athlete.error());
  }
  // The code ends with the maker's key: from another key that ends at another time it is another call.
  const auto call = call_of(request, "expires_ms " + std::to_string(maker.expires_ms.value_or(-1)));
  if (!call) {
    return bad_call_key(request, call.error());
  }
  auto act = begin_act(parts, act_of(request, "pairing.create", *athlete, ""));
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto code = parts.accounts.start_pairing(*call, *athlete, maker.expires_ms, &*act);
  act->ended(end_of(code));
  if (!code) {
    return http::problem_response(request, code.error());
  }
  if (!*code) {
    return reused_call_key(request);
  }
  std::string text;
  JsonWriter json(text);
  json.begin_object().key("code").value((*code)->text);
  json.key("expires_at").value(base::format_utc_ms((*code)->expires_ms));
  json.key("athlete").value(format_id(kAthletePrefix, *athlete)).end_object();
  return json_response(201, std::move(text));
}

struct Claim {
  std::string code;
  std::string device_name;
};

Result<Claim> read_claim(const Request& request) {
  const auto body = body_of(request);
  if (!body) {
    return body.error();
  }
  Claim claim;
  bool is_good = body->size() == 2;
  for (const auto& [name, value] : *body) {
    std::string* const field = name == "code" ? &claim.code : name == "device_name" ? &claim.device_name : nullptr;
    is_good = is_good && field != nullptr && value.text() != nullptr;
    if (is_good) {
      *field = *value.text();
    }
  }
  if (!is_good) {
    return Error{ErrorCode::invalid_input, "the body must be {\"code\": \"...\", \"device_name\": \"...\"}"};
  }
  BOATHOUSE_TRY(check_name(claim.device_name, "a device's name"));
  return claim;
}

Response claim(const RouteParts& parts, Guesses& guesses, const Request& request) {
  const auto wanted = read_claim(request);
  if (!wanted) {
    return http::problem_response(request, wanted.error());
  }
  if (auto refusal = guesses.count(request)) {
    return std::move(*refusal);
  }
  const auto athlete = parts.accounts.athlete_of_pairing(wanted->code);
  if (!athlete) {
    return http::field_problem(request, "/code", athlete.error());
  }
  guesses.was_right(request);
  auto act = begin_act(parts, {"pairing.claim", std::nullopt, *athlete, ""});
  if (!act) {
    return http::problem_response(request, act.error());
  }
  const auto made = parts.accounts.finish_pairing(wanted->code, wanted->device_name, &*act);
  act->ended(made);
  if (!made) {
    return http::field_problem(request, "/code", made.error());
  }
  std::string body;
  JsonWriter json(body);
  write_key(json, made->key, &made->text);
  return json_response(201, std::move(body));
}

}  // namespace

base::Status add_pairing_routes(http::RouteTable& routes, const RouteParts& parts, const PairingLimits& limits) {
  const auto guesses = std::make_shared<Guesses>(limits, parts.accounts.clock());
  using enum http::Method;
  BOATHOUSE_TRY(add_route(
      routes, {post, "/v1/pairings", "createPairing", "A code with which a device gets a key; it is shown this once"},
      name(Scope::athletes_write), admit_any(parts.accounts),
      [parts](const Request& request) { return start(parts, request); }, kMaxBody));
  return add_route(
      routes, {post, "/v1/pairings/claim", "claimPairing", "A device's key for a code; it is shown this once"}, kPublic,
      {}, [parts, guesses](const Request& request) { return claim(parts, *guesses, request); }, kMaxBody);
}

}  // namespace boathouse::control
