#include "server/http/throttle.hpp"

#include <algorithm>
#include <utility>

#include "server/http/client_network.hpp"
#include "server/http/problem.hpp"

namespace boathouse::http {
namespace {

constexpr std::int64_t kMinuteS = 60;
constexpr int kNotModified = 304;

void append(std::string& list, const std::string& member) { list += (list.empty() ? "" : ", ") + member; }

std::string bytes_name(const RatePolicy& policy) { return policy.name + "-bytes"; }

// The members of RateLimit-Policy and of RateLimit (structured fields, RFC 9651) that speak of one policy.
void describe(const RatePolicy& policy, const Verdict& verdict, std::string& policies, std::string& standings) {
  const auto add = [&](const std::string& name, std::uint64_t quota, const char* unit, const Standing& standing) {
    if (quota > 0) {
      append(policies, "\"" + name + "\";q=" + std::to_string(quota) + ";w=" + std::to_string(policy.window_s) + unit);
      append(standings, "\"" + name + "\";r=" + std::to_string(standing.left) + ";t=" + std::to_string(standing.t_s));
    }
  };
  add(policy.name, policy.requests, "", verdict.requests);
  add(bytes_name(policy), policy.bytes, ";qu=\"content-bytes\"", verdict.bytes);
}

Response refusal(const RequestHead& head, const RatePolicy& policy, const Verdict& verdict) {
  const bool by_bytes = verdict.refusal == Verdict::Refusal::bytes;
  const std::string name = by_bytes ? bytes_name(policy) : policy.name;
  const std::int64_t wait_s = std::max<std::int64_t>(1, (by_bytes ? verdict.bytes : verdict.requests).t_s);
  Problem problem;
  problem.status = 429;
  problem.id = kQuotaExceeded;
  problem.title = "The quota is used up";
  problem.detail = "The quota \"" + name + "\" allows " + std::to_string(by_bytes ? policy.bytes : policy.requests) +
                   (by_bytes ? " bytes of request bodies" : " requests") + " in " + std::to_string(policy.window_s) +
                   " s: send the same request again in " + std::to_string(wait_s) + " s, as Retry-After says.";
  problem.violated_policies = {name};
  problem.retry_after_s = static_cast<int>(std::min<std::int64_t>(wait_s, 24 * 3600));
  return problem_response(head, problem);
}

}  // namespace

Throttle::Throttle(const Options& options, base::Clock& clock)
    : sync_({"sync", options.requests, options.bytes, kMinuteS}, options.max_keys, clock),
      replica_({"replica", (options.requests + 1) / 2, (options.bytes + 1) / 2, kMinuteS}, options.max_keys, clock),
      api_({"api", options.requests, 0, kMinuteS}, options.max_keys, clock),
      address_({"address", options.requests_of_an_address, 0, kMinuteS}, options.max_keys, clock) {}

std::optional<Response> Throttle::charge(const RequestHead& head, std::uint64_t announced_bytes, Charge& charge) {
  std::vector<std::pair<RateLimit*, std::string>> wanted;
  if (head.caller.empty()) {
    wanted.emplace_back(&address_, client_network(head.remote_address));
  } else if (head.is_unlimited) {
    return std::nullopt;
  } else if (head.replica.empty()) {
    wanted.emplace_back(&api_, head.caller);
  } else {
    wanted.emplace_back(&sync_, head.caller);
    wanted.emplace_back(&replica_, head.caller + "/" + head.replica);
  }

  charge.bytes = announced_bytes;
  charge.of_a_key = !head.caller.empty();
  std::string policies;
  std::string standings;
  std::optional<Response> refused;
  for (auto& [limit, key] : wanted) {
    const RatePolicy& policy = limit->policy();
    if (policy.requests == 0 && policy.bytes == 0) {
      continue;
    }
    const Verdict verdict = limit->charge(key, announced_bytes);
    describe(policy, verdict, policies, standings);
    if (verdict.refusal != Verdict::Refusal::none) {
      for (const auto& [charged, its_key] : std::exchange(charge.of, {})) {
        charged->give_back(its_key, 1, announced_bytes);
      }
      charge.refused_by = policy.name;
      refused = refusal(head, policy, verdict);
      break;
    }
    charge.of.emplace_back(limit, std::move(key));
  }
  if (!policies.empty()) {
    charge.fields.set("RateLimit-Policy", policies);
    charge.fields.set("RateLimit", standings);
  }
  return refused;
}

void Throttle::settle(Charge& charge, std::uint64_t body_bytes, int status) {
  const std::uint64_t requests = status == kNotModified && charge.of_a_key ? 1 : 0;
  const std::uint64_t bytes = charge.bytes - std::min(charge.bytes, body_bytes);
  for (const auto& [limit, key] : std::exchange(charge.of, {})) {
    if (requests > 0 || bytes > 0) {
      limit->give_back(key, requests, bytes);
    }
  }
}

}  // namespace boathouse::http
