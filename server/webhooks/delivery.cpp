#include "server/webhooks/delivery.hpp"

#include <algorithm>
#include <utility>

#include "core/base/json.hpp"

namespace boathouse::webhooks {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using jobs::Outcome;

constexpr std::int64_t kBusyMs = 2'000;
constexpr std::int64_t kStoreAwayMs = 5'000;

// nullopt: an older version's, which had a job for every delivery. The endpoint's own job has that one, too.
Result<std::optional<base::Uuid>> endpoint_in(const std::string& payload) {
  const Error bad{ErrorCode::invalid_input, "the job names no endpoint"};
  const auto json = base::parse_json(payload);
  if (!json) {
    return bad;
  }
  const base::JsonValue* id = json->find("endpoint");
  if (id == nullptr) {
    return json->find("delivery") != nullptr ? Result(std::optional<base::Uuid>()) : bad;
  }
  const auto endpoint = id->text() != nullptr ? base::Uuid::parse(*id->text()) : bad;
  return endpoint ? Result(std::optional(*endpoint)) : bad;
}

// Nothing is due.
Outcome rest(const Store::Next& next, std::int64_t now_ms) {
  return next.next_ms ? Outcome::retry("what waits has its time later", *next.next_ms - now_ms) : Outcome::done();
}

}  // namespace

Attempt judge(int status, std::string error, int attempt, std::optional<std::int64_t> failing_since_ms,
              std::int64_t now_ms, double jitter, std::int64_t retry_after_ms) {
  Attempt verdict;
  if (status != 0) {
    verdict.status = status;
  }
  if (status >= 200 && status <= 299) {
    return verdict;
  }
  verdict.error = status == 0 ? std::move(error) : "the endpoint answered " + std::to_string(status);
  verdict.state = DeliveryState::failed;
  if (status == 410) {
    verdict.disable_why = "the endpoint answered 410 (Gone)";
    return verdict;
  }
  const auto done = static_cast<std::size_t>(attempt);
  if (done <= kRetryAfterMs.size()) {
    const std::int64_t wait_ms = std::max(kRetryAfterMs[done - 1], retry_after_ms);
    verdict.state = DeliveryState::waiting;
    verdict.next_ms = now_ms + wait_ms + static_cast<std::int64_t>(jitter * static_cast<double>(wait_ms) / 10);
  } else if (failing_since_ms && now_ms - *failing_since_ms >= kDisableAfterMs) {
    verdict.disable_why = "nothing was taken for five days";
  }
  return verdict;
}

std::string_view name(CallResult result) {
  switch (result) {
    case CallResult::taken:
      return "taken";
    case CallResult::refused:
      return "refused";
    case CallResult::unanswered:
      break;
  }
  return "unanswered";
}

jobs::Order Deliverer::order(const base::Uuid& endpoint, std::int64_t due_ms) {
  std::string payload;
  base::JsonWriter(payload).begin_object().key("endpoint").value(endpoint.text()).end_object();
  return {std::string(kDeliveryJob), std::move(payload), endpoint.text(), due_ms, true};
}

Outcome Deliverer::run(jobs::Runner::Context& context) {
  const auto id = endpoint_in(context.job().payload);
  if (!id) {
    return Outcome::failed(id.error().text);
  }
  if (!*id) {
    return Outcome::done();
  }
  auto next = store_.next(**id, kLongestWaitMs);
  if (!next) {
    return Outcome::retry(next.error().text, kStoreAwayMs);
  }
  if (!*next) {
    return Outcome::done();  // deleted
  }
  if (!(*next)->due) {
    return rest(**next, clock_.utc_ms());
  }
  const Endpoint endpoint = (*next)->endpoint;
  if (!begin_turn(endpoint)) {
    return Outcome::retry("others of this athlete are on their way", kBusyMs);
  }
  const Outcome outcome = turn(std::move(**next), context);
  end_turn(endpoint);
  return outcome;
}

// False: there are as many as may be, or a run that has lost its lease still calls this endpoint.
bool Deliverer::begin_turn(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  const auto under_way = [this](const base::Uuid& id) { return turns_.contains(id) ? turns_.at(id) : 0; };
  const int most = under_way_ < kCallsOfAny ? kCallsOfAthlete : 1;
  if (under_way(endpoint.id) > 0 || under_way(endpoint.athlete) >= most) {
    return false;
  }
  ++under_way_;
  ++turns_[endpoint.id];
  ++turns_[endpoint.athlete];
  return true;
}

void Deliverer::end_turn(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  --under_way_;
  for (const base::Uuid& id : {endpoint.id, endpoint.athlete}) {
    if (--turns_[id] == 0) {
      turns_.erase(id);
    }
  }
}

// Whatever dies in between: what was noted is noted, and the one on its way is told again under the same id.
Outcome Deliverer::turn(Store::Next next, const jobs::Runner::Context& context) {
  const std::int64_t begun_ms = clock_.monotonic_ms();
  for (int calls = 1;; ++calls) {
    const auto made = attempt(next.endpoint, *next.due);
    if (!made) {
      return Outcome::retry("its host's name cannot be looked up yet", kBusyMs);
    }
    if (const auto noted = store_.note(*next.due, *made); !noted) {
      return Outcome::retry(noted.error().text, kStoreAwayMs);
    }
    auto following = store_.next(next.endpoint.id, kLongestWaitMs);
    if (!following) {
      return Outcome::retry(following.error().text, kStoreAwayMs);
    }
    if (!*following) {
      return Outcome::done();
    }
    if (!(*following)->due) {
      return rest(**following, clock_.utc_ms());
    }
    if (calls == kTurnCalls || clock_.monotonic_ms() - begun_ms >= kTurnMs || context.stopping()) {
      return Outcome::retry("it is another's turn", 0);
    }
    next = std::move(**following);
  }
}

std::optional<Attempt> Deliverer::attempt(const Endpoint& endpoint, const Delivery& delivery) {
  if (!endpoint.enabled) {
    Attempt refused;
    refused.state = DeliveryState::failed;
    refused.error = "the webhook is disabled";
    return refused;
  }
  bool no_place = false;
  const auto answer = call(endpoint, delivery, no_place);
  if (no_place) {
    return std::nullopt;
  }
  Attempt made = judge(answer ? answer->status : 0, answer ? "" : answer.error().text, delivery.attempts + 1,
                       endpoint.failing_since_ms, clock_.utc_ms(), jitter(), answer ? answer->retry_after_ms : 0);
  made.duration_ms = answer ? answer->duration_ms : 0;
  on_call_(!answer                                  ? CallResult::unanswered
           : made.state == DeliveryState::delivered ? CallResult::taken
                                                    : CallResult::refused);
  return made;
}

// `no_place`: set when nobody could be asked for the host's name.
Result<Answer> Deliverer::call(const Endpoint& endpoint, const Delivery& delivery, bool& no_place) {
  // What was a good URL may not be one any more: the policy is today's.
  auto target = parse_target(endpoint.url, policy_);
  if (!target) {
    return target.error();
  }
  const std::int64_t begun_ms = clock_.monotonic_ms();
  auto addresses = allowed_addresses(*target, policy_, [&](const std::string& host) {
    auto found = look_up_(endpoint.athlete, host);
    no_place = !found && found.error().code == ErrorCode::no_room;
    return found;
  });
  if (!addresses) {
    return addresses.error();
  }
  const std::int64_t now_ms = clock_.utc_ms();
  std::vector<Secret> secrets{endpoint.secret};
  if (endpoint.previous_secret && now_ms < endpoint.previous_until_ms.value_or(0)) {
    secrets.push_back(*endpoint.previous_secret);
  }
  Post post;
  post.target = std::move(*target);
  post.addresses = std::move(*addresses);
  post.timeout_ms = std::max(kSendTimeoutMs - (clock_.monotonic_ms() - begun_ms), std::int64_t{1});  // 0 = none
  post.body = delivery.body;
  post.headers = {{"webhook-id", delivery.event_id},
                  {"webhook-timestamp", std::to_string(now_ms / 1000)},
                  {"webhook-signature", signatures(secrets, delivery.event_id, now_ms / 1000, post.body)}};
  return send_(post);
}

double Deliverer::jitter() {
  std::array<std::uint8_t, 2> bytes{};
  const std::lock_guard lock(mutex_);
  random_.fill(bytes);
  return (bytes[0] * 256 + bytes[1]) / 65'536.0;
}

}  // namespace boathouse::webhooks
