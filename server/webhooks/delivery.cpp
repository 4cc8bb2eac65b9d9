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

Result<base::Uuid> delivery_of(const std::string& payload) {
  const auto json = base::parse_json(payload);
  const base::JsonValue* id = json ? json->find("delivery") : nullptr;
  if (id == nullptr || id->text() == nullptr) {
    return Error{ErrorCode::invalid_input, "the job names no delivery"};
  }
  return base::Uuid::parse(*id->text());
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

jobs::Order Deliverer::order(const base::Uuid& delivery, std::int64_t due_ms) {
  std::string payload;
  base::JsonWriter(payload).begin_object().key("delivery").value(delivery.text()).end_object();
  return {std::string(kDeliveryJob), std::move(payload), delivery.text(), due_ms};
}

Outcome Deliverer::run(const jobs::Job& job) {
  const auto id = delivery_of(job.payload);
  if (!id) {
    return Outcome::failed(id.error().text);
  }
  const auto due = store_.due(*id);
  if (!due) {
    return Outcome::retry(due.error().text, kStoreAwayMs);
  }
  if (!*due || (*due)->delivery.state != DeliveryState::waiting) {
    return Outcome::done();  // deleted, or an earlier run has ended it
  }
  // An earlier run has noted its attempt, but died before its job had the time of the next.
  const std::int64_t now_ms = clock_.utc_ms();
  const std::int64_t wait_ms = (*due)->delivery.next_ms.value_or(now_ms) - now_ms;
  if (wait_ms > 0 && wait_ms <= kLongestWaitMs) {
    return Outcome::retry("before its time", wait_ms);
  }
  if (!begin_call((*due)->endpoint)) {
    return Outcome::retry("others of this athlete are on their way", kBusyMs);
  }
  const Outcome outcome = deliver(**due);
  end_call((*due)->endpoint);
  return outcome;
}

// False: there are as many as may be.
bool Deliverer::begin_call(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  const auto under_way = [this](const base::Uuid& id) { return calls_.contains(id) ? calls_.at(id) : 0; };
  const int most = under_way_ < kCallsOfAny ? kCallsOfAthlete : 1;
  if (under_way(endpoint.id) >= kCallsToEndpoint || under_way(endpoint.athlete) >= most) {
    return false;
  }
  ++under_way_;
  ++calls_[endpoint.id];
  ++calls_[endpoint.athlete];
  return true;
}

void Deliverer::end_call(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  --under_way_;
  for (const base::Uuid& id : {endpoint.id, endpoint.athlete}) {
    if (--calls_[id] == 0) {
      calls_.erase(id);
    }
  }
}

Outcome Deliverer::deliver(const Store::Due& due) {
  const Attempt made = attempt(due);
  // Not noted: the endpoint is told again, under the same id.
  if (const auto noted = store_.note(due.delivery, made); !noted) {
    return Outcome::retry(noted.error().text, kStoreAwayMs);
  }
  switch (made.state) {
    case DeliveryState::delivered:
      return Outcome::done();
    case DeliveryState::failed:
      return Outcome::failed(made.error);
    case DeliveryState::waiting:
      break;
  }
  return Outcome::retry(made.error, *made.next_ms - clock_.utc_ms());
}

Attempt Deliverer::attempt(const Store::Due& due) {
  if (!due.endpoint.enabled) {
    Attempt refused;
    refused.state = DeliveryState::failed;
    refused.error = "the webhook is disabled";
    return refused;
  }
  const auto answer = call(due);
  Attempt made = judge(answer ? answer->status : 0, answer ? "" : answer.error().text, due.delivery.attempts + 1,
                       due.endpoint.failing_since_ms, clock_.utc_ms(), jitter(), answer ? answer->retry_after_ms : 0);
  made.duration_ms = answer ? answer->duration_ms : 0;
  on_call_(!answer                                  ? CallResult::unanswered
           : made.state == DeliveryState::delivered ? CallResult::taken
                                                    : CallResult::refused);
  return made;
}

Result<Answer> Deliverer::call(const Store::Due& due) {
  // What was a good URL may not be one any more: the policy is today's.
  auto target = parse_target(due.endpoint.url, policy_);
  if (!target) {
    return target.error();
  }
  const std::int64_t begun_ms = clock_.monotonic_ms();
  auto addresses = allowed_addresses(*target, policy_, resolve_);
  if (!addresses) {
    return addresses.error();
  }
  const std::int64_t now_ms = clock_.utc_ms();
  std::vector<Secret> secrets{due.endpoint.secret};
  if (due.endpoint.previous_secret && now_ms < due.endpoint.previous_until_ms.value_or(0)) {
    secrets.push_back(*due.endpoint.previous_secret);
  }
  Post post;
  post.target = std::move(*target);
  post.addresses = std::move(*addresses);
  post.timeout_ms = std::max(kSendTimeoutMs - (clock_.monotonic_ms() - begun_ms), std::int64_t{1});  // 0 = none
  post.body = due.delivery.body;
  post.headers = {{"webhook-id", due.delivery.event_id},
                  {"webhook-timestamp", std::to_string(now_ms / 1000)},
                  {"webhook-signature", signatures(secrets, due.delivery.event_id, now_ms / 1000, post.body)}};
  return send_(post);
}

double Deliverer::jitter() {
  std::array<std::uint8_t, 2> bytes{};
  const std::lock_guard lock(mutex_);
  random_.fill(bytes);
  return (bytes[0] * 256 + bytes[1]) / 65'536.0;
}

}  // namespace boathouse::webhooks
