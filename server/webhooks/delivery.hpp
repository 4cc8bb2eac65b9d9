// The job of one endpoint: takes its deliveries that are due one after another, builds and signs the call, sends it,
// notes how it ended and when the next attempt is. Retry table, signatures and what an answer means: Standard Webhooks.
//
// An endpoint has one living job, however much waits for it: the queue is as long as there are endpoints to call, and
// they take turns.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "server/jobs/runner.hpp"
#include "server/webhooks/lookup.hpp"
#include "server/webhooks/sender.hpp"
#include "server/webhooks/store.hpp"
#include "server/webhooks/target.hpp"

namespace boathouse::webhooks {

inline constexpr std::string_view kDeliveryJob = "webhook.delivery";

// After each failed attempt, up to a tenth more: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h. The tenth
// attempt is the last.
inline constexpr std::array<std::int64_t, 9> kRetryAfterMs{5'000,      300'000,    1'800'000,  7'200'000, 18'000'000,
                                                           36'000'000, 50'400'000, 72'000'000, 86'400'000};
// What is farther off than this was set by a clock that was ahead: it is due.
inline constexpr std::int64_t kLongestWaitMs = 2 * kRetryAfterMs.back();
// A delivery that fails for good disables an endpoint that has taken nothing for so long.
inline constexpr std::int64_t kDisableAfterMs = std::int64_t{5} * 86'400'000;
// Endpoints that are called at a time, of this process: what does not answer holds neither an athlete's other endpoints
// nor other athletes'. From kCallsOfAny on only athletes with no call under way get another, so that two whose
// endpoints hang hold four places at most, however much of theirs is overdue.
inline constexpr int kCallPlaces = 6;
inline constexpr int kCallsOfAthlete = 3;
inline constexpr int kCallsOfAny = kCallPlaces / 2;
// An endpoint's turn: after so long no other call begins, nor after so many; the rest waits until the others had
// theirs.
inline constexpr std::int64_t kTurnMs = 2'000;
inline constexpr int kTurnCalls = 100;

// What the answer (status 0: none, for the reason `error`) to the attempt with this number (from 1) means. `jitter` is
// from 0 to 1. `retry_after_ms` of the answer: the next attempt is not before it. Pure.
Attempt judge(int status, std::string error, int attempt, std::optional<std::int64_t> failing_since_ms,
              std::int64_t now_ms, double jitter, std::int64_t retry_after_ms = 0);

// How a call ended, for the operator's numbers: a 2xx, another status, or none (also when the host may not be called).
enum class CallResult : std::uint8_t { taken, refused, unanswered };
inline constexpr std::array kCallResults{CallResult::taken, CallResult::refused, CallResult::unanswered};
std::string_view name(CallResult result);

class Deliverer {
 public:
  // All must outlive the object. `on_call` hears of every call that was made, from the threads that make them.
  Deliverer(Store& store, base::Clock& clock, base::RandomSource& random, Policy policy, LookUp look_up, Send send,
            std::function<void(CallResult)> on_call)
      : store_(store),
        clock_(clock),
        random_(random),
        policy_(policy),
        look_up_(std::move(look_up)),
        send_(std::move(send)),
        on_call_(std::move(on_call)) {}

  // Something waits for this endpoint, from then on. After the delivery is in the store: a job that runs looks again.
  static jobs::Order order(const base::Uuid& endpoint, std::int64_t due_ms);
  // The handler of kDeliveryJob. Any thread.
  jobs::Outcome run(jobs::Runner::Context& context);

 private:
  bool begin_turn(const Endpoint& endpoint);
  void end_turn(const Endpoint& endpoint);
  jobs::Outcome turn(Store::Next next, const jobs::Runner::Context& context);
  // Of a delivery that is due. nullopt: none was made, for its host could not be looked up yet.
  std::optional<Attempt> attempt(const Endpoint& endpoint, const Delivery& delivery);
  base::Result<Answer> call(const Endpoint& endpoint, const Delivery& delivery, bool& no_place);
  double jitter();

  Store& store_;
  base::Clock& clock_;
  base::RandomSource& random_;
  const Policy policy_;
  const LookUp look_up_;
  const Send send_;
  const std::function<void(CallResult)> on_call_;
  std::mutex mutex_;                 // of what is below, and of random_
  std::map<base::Uuid, int> turns_;  // by endpoint and by athlete
  int under_way_ = 0;                // of all
};

}  // namespace boathouse::webhooks
