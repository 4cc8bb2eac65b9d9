// Endpoints of athletes, and the log of what they were told. Kept in DIR/webhooks.db or in the ledger's PostgreSQL.
//
// Whoever asks names the athlete: what is another's is not_found. Times are UTC ms and come from the caller.
// Thread rule: every call from any thread. Errors besides those named: as of server/sql.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/control/audit_log.hpp"
#include "server/control/idempotent_call.hpp"
#include "server/control/outcomes.hpp"
#include "server/sql/sql.hpp"
#include "server/webhooks/schema.hpp"
#include "server/webhooks/signature.hpp"

namespace boathouse::webhooks {

inline constexpr std::size_t kMaxEndpoints = 10;                          // of an athlete
inline constexpr std::int64_t kOverlapMs = std::int64_t{24} * 3'600'000;  // a rotated secret goes on signing
inline constexpr std::size_t kMaxCallsKept = 20;                          // of an endpoint, the newest
inline constexpr std::int64_t kMaxWaiting = 10'000;                       // deliveries of an endpoint; more have failed
inline constexpr std::size_t kMaxReplayed = 1000;                         // failed deliveries at a time
// Of an endpoint's deliveries that have ended, the last to do so stay, for kKeptMs from then on. Those that failed may
// be replayed: nothing that was delivered takes their place.
inline constexpr std::int64_t kKeptDelivered = 1000;
inline constexpr std::int64_t kKeptFailed = 20'000;
inline constexpr std::int64_t kKeptMs = std::int64_t{30} * 24 * 3'600'000;

struct Endpoint {
  base::Uuid id;
  base::Uuid athlete;
  std::string url;
  std::vector<std::string> events;  // names; empty = all
  Secret secret{};
  std::optional<Secret> previous_secret;
  std::optional<std::int64_t> previous_until_ms;
  bool enabled = true;
  std::string disabled_why;  // "" if nobody but the athlete did it
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> failing_since_ms;
  std::int64_t version = 1;  // counts the changes of what is shown of it

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// The numbers are in the database: never change one.
enum class DeliveryState : std::uint8_t { waiting = 1, delivered = 2, failed = 3 };
std::string_view name(DeliveryState state);

struct Delivery {
  base::Uuid id;
  base::Uuid endpoint;
  std::string event_id;  // the header webhook-id: the same in every attempt
  std::string type;
  std::string body;
  DeliveryState state = DeliveryState::waiting;
  int attempts = 0;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> next_ms;  // waiting: not before
  std::optional<std::int64_t> last_ms;  // of the last attempt; so are the others
  std::optional<int> status;            // of its answer
  std::string error;
  std::optional<std::int64_t> duration_ms;
};

// What an endpoint is told.
struct Message {
  std::string event_id;
  std::string type;
  std::string body;
};

// What may be changed of an endpoint.
struct Change {
  std::optional<std::string> url = {};
  std::optional<std::vector<std::string>> events = {};
  std::optional<bool> enabled = {};
};

// How an attempt ended and what follows.
struct Attempt {
  DeliveryState state = DeliveryState::delivered;
  std::optional<std::int64_t> next_ms;  // waiting
  std::optional<int> status;
  std::string error;
  std::int64_t duration_ms = 0;
  std::string disable_why;  // not empty: the endpoint is disabled
};

class Store {
 public:
  // `clock` and `random` (fit for secrets) must outlive the store.
  static base::Result<std::unique_ptr<Store>> open(const sql::Place& place, base::Clock& clock,
                                                   base::RandomSource& random);

  // What takes an act commits its outcome with what it changes (control/audit_log.hpp), and leaves it alone when
  // nothing is to be changed.

  // `url` and `events` were checked. conflict: kMaxEndpoints are there, or one with this URL.
  base::Result<Endpoint> create(const base::Uuid& athlete, const std::string& url,
                                const std::vector<std::string>& events);
  // The same, or, when the call comes again, what it has made, as that is now. nullopt: its key is another call's. Its
  // caller is the athlete.
  base::Result<std::optional<Endpoint>> create(const std::optional<control::IdempotentCall>& call,
                                               const base::Uuid& athlete, const std::string& url,
                                               const std::vector<std::string>& events,
                                               control::AuditedAct* act = nullptr);
  base::Result<std::vector<Endpoint>> endpoints(const base::Uuid& athlete);
  base::Result<Endpoint> endpoint(const base::Uuid& athlete, const base::Uuid& id);
  // Enabling it forgives what has failed. conflict: another has this URL. nullopt: it has not this version (any, if it
  // is not named).
  base::Result<std::optional<Endpoint>> change(const base::Uuid& athlete, const base::Uuid& id, const Change& change,
                                               const std::optional<std::int64_t>& version = {},
                                               control::AuditedAct* act = nullptr);
  // A new secret; the one of now goes on signing for kOverlapMs, an earlier one no longer.
  base::Result<Endpoint> rotate(const base::Uuid& athlete, const base::Uuid& id);
  base::Result<std::optional<Endpoint>> rotate(const std::optional<control::IdempotentCall>& call,
                                               const base::Uuid& athlete, const base::Uuid& id,
                                               control::AuditedAct* act = nullptr);
  // With its log.
  base::Status remove(const base::Uuid& athlete, const base::Uuid& id, control::AuditedAct* act = nullptr);
  [[nodiscard]] control::Outcomes& outcomes() { return outcomes_; }

  // All of the athlete's, with their logs. Doing it again changes nothing.
  base::Status forget(const base::Uuid& athlete);
  struct Rows {
    std::uint64_t endpoints = 0;
    std::uint64_t deliveries = 0;
  };
  base::Result<Rows> count_of(const base::Uuid& athlete);

  // The newest first, those before `before`.
  base::Result<std::vector<Delivery>> deliveries(const base::Uuid& athlete, const base::Uuid& endpoint,
                                                 const std::optional<base::Uuid>& before, std::size_t limit);
  // A delivery that has ended waits again, with all its attempts; one that waits is as it was. conflict: the endpoint
  // is disabled.
  base::Result<Delivery> replay(const base::Uuid& athlete, const base::Uuid& endpoint, const base::Uuid& delivery,
                                control::AuditedAct* act = nullptr);
  struct Replayed {
    std::vector<base::Uuid> deliveries;  // those that wait again
    bool has_more = false;               // there are others like them
  };
  // The same of all that have failed of those made at `since_ms` or later, the oldest first: at most `limit`, and no
  // more than may wait. conflict: the endpoint is disabled, or too many wait already.
  base::Result<Replayed> replay_failed(const base::Uuid& athlete, const base::Uuid& endpoint, std::int64_t since_ms,
                                       std::size_t limit = kMaxReplayed, control::AuditedAct* act = nullptr);
  // One message for this endpoint, whatever it filters. conflict: it is disabled.
  base::Result<Delivery> add(const base::Uuid& athlete, const base::Uuid& endpoint, const Message& message);

  struct News {
    base::Uuid athlete;
    Message message;
  };
  // A delivery for each message and each enabled endpoint of its athlete that wants it, all in one transaction. The
  // endpoints for which one of them waits, also one that an earlier call has made of the same event.
  base::Result<std::set<base::Uuid>> fan_out(std::span<const News> news);

  // An endpoint for which deliveries wait, and when the first of them is due.
  struct Backlog {
    base::Uuid endpoint;
    std::int64_t due_ms = 0;
  };
  base::Result<std::vector<Backlog>> backlogs();

  struct Next {
    Endpoint endpoint;
    std::optional<Delivery> due;          // that has been due the longest
    std::optional<std::int64_t> next_ms;  // without one: when the first of those that wait is
  };
  // What this endpoint is to be told next. What is to wait for longer than `longest_wait_ms` is due: a clock that was
  // ahead has put it off. nullopt: there is no such endpoint any more.
  base::Result<std::optional<Next>> next(const base::Uuid& endpoint, std::int64_t longest_wait_ms);
  base::Status note(const Delivery& delivery, const Attempt& attempt);

  struct Lag {
    std::uint64_t waiting = 0;              // deliveries
    std::optional<std::int64_t> oldest_ms;  // since when the oldest of them waits
  };
  base::Result<Lag> lag();
  // Failed deliveries that were removed because there were kKeptFailed others, since open().
  [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }

 private:
  Store(sql::Connection connection, base::Clock& clock, base::RandomSource& random)
      : clock_(clock), random_(random), ids_(clock, random), connection_(std::move(connection)) {}

  // With mutex_ held.
  struct Worked {
    Endpoint endpoint;
    bool changed = true;
    std::string learnt = {};  // control::Learnt::what
  };
  base::Result<Worked> add_endpoint(const base::Uuid& athlete, const std::string& url,
                                    const std::vector<std::string>& events);
  base::Result<Worked> renew_secret(const base::Uuid& athlete, const base::Uuid& id);
  template <typename Work>
  base::Result<Endpoint> in_transaction(control::AuditedAct* act, Work work);
  template <typename Work>
  base::Result<std::optional<Endpoint>> once(const std::optional<control::IdempotentCall>& call,
                                             const base::Uuid& athlete, control::AuditedAct* act, Work work);
  base::Status remember(const control::IdempotentCall& call, const Endpoint& endpoint);
  base::Result<std::vector<Endpoint>> select_endpoints(const base::Uuid& athlete, const base::Uuid* id);
  base::Result<Endpoint> one_endpoint(const base::Uuid& athlete, const base::Uuid& id);
  base::Result<std::optional<Delivery>> one_delivery(const base::Uuid& id);
  base::Result<std::optional<Delivery>> first_due(const base::Uuid& endpoint, std::int64_t longest_wait_ms);
  base::Result<std::optional<Delivery>> delivery_of_event(const base::Uuid& endpoint, const std::string& event_id);
  base::Status put(const Endpoint& endpoint);
  base::Status insert(const Delivery& delivery);
  Delivery made(const base::Uuid& endpoint, const Message& message);
  base::Result<bool> has_endpoints();
  base::Result<std::int64_t> waiting_of(const base::Uuid& endpoint);
  base::Result<std::int64_t> room_of(const base::Uuid& athlete, const base::Uuid& endpoint);
  // The number of those that failed and of which there are too many.
  base::Result<std::uint64_t> forget_old(const base::Uuid& endpoint);
  base::Status forget_beyond(const base::Uuid& endpoint, DeliveryState state, std::int64_t kept);

  base::Clock& clock_;
  base::RandomSource& random_;
  base::UuidV7Source ids_;
  std::atomic<std::uint64_t> forgotten_ = 0;
  std::mutex mutex_;
  sql::Connection connection_;
  control::Outcomes outcomes_{std::string(kOutcomeTable), mutex_, connection_};
};

}  // namespace boathouse::webhooks
