// The log of deliveries: what of it a call or an attempt changes.
#include <algorithm>
#include <map>
#include <utility>

#include "server/webhooks/rows.hpp"
#include "server/webhooks/store.hpp"

namespace boathouse::webhooks {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::size_t kMaxError = 300;  // bytes

Error disabled() { return {ErrorCode::conflict, "the webhook is disabled: enable it first"}; }

bool wants(const Endpoint& endpoint, const std::string& type) {
  return endpoint.enabled && (endpoint.events.empty() ||
                              std::find(endpoint.events.begin(), endpoint.events.end(), type) != endpoint.events.end());
}

}  // namespace

std::string_view name(DeliveryState state) {
  switch (state) {
    case DeliveryState::waiting:
      return "waiting";
    case DeliveryState::delivered:
      return "delivered";
    case DeliveryState::failed:
      return "failed";
  }
  return "failed";
}

Result<std::optional<Delivery>> Store::one_delivery(const base::Uuid& id) {
  auto select = connection_.prepare(std::string(kDeliveries) + "WHERE id = ?1");
  if (!select) {
    return select.error();
  }
  return first_of(rows_of(select->bind(1, id.bytes), delivery_of));
}

Result<std::optional<Delivery>> Store::delivery_of_event(const base::Uuid& endpoint, const std::string& event_id) {
  auto select = connection_.prepare(std::string(kDeliveries) + "WHERE endpoint = ?1 AND event_id = ?2");
  if (!select) {
    return select.error();
  }
  return first_of(rows_of(select->bind(1, endpoint.bytes).bind(2, event_id), delivery_of));
}

Delivery Store::made(const base::Uuid& endpoint, const Message& message) {
  Delivery delivery;
  delivery.id = ids_.next();
  delivery.endpoint = endpoint;
  delivery.event_id = message.event_id;
  delivery.type = message.type;
  delivery.body = message.body;
  delivery.created_ms = clock_.utc_ms();
  return delivery;
}

Status Store::insert(const Delivery& delivery) {
  auto insert = connection_.prepare(
      "INSERT INTO delivery (id, endpoint, event_id, type, body, state, attempts, created_ms, error) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, delivery.id.bytes).bind(2, delivery.endpoint.bytes).bind(3, delivery.event_id);
  insert->bind(4, delivery.type).bind(5, delivery.body).bind(6, static_cast<int>(delivery.state));
  return insert->bind(7, delivery.created_ms).bind(8, delivery.error).run();
}

Result<std::vector<Delivery>> Store::deliveries(const base::Uuid& athlete, const base::Uuid& endpoint,
                                                const std::optional<base::Uuid>& before, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  if (const auto found = one_endpoint(athlete, endpoint); !found) {
    return found.error();
  }
  auto select = connection_.prepare(std::string(kDeliveries) + "WHERE endpoint = ?1" + (before ? " AND id < ?3" : "") +
                                    " ORDER BY id DESC LIMIT ?2");
  if (!select) {
    return select.error();
  }
  select->bind(1, endpoint.bytes).bind(2, limit);
  if (before) {
    select->bind(3, before->bytes);
  }
  return rows_of(*select, delivery_of);
}

Result<Delivery> Store::replay(const base::Uuid& athlete, const base::Uuid& endpoint, const base::Uuid& delivery,
                               control::AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  const auto owner = one_endpoint(athlete, endpoint);
  if (!owner) {
    return owner.error();
  }
  auto found = one_delivery(delivery);
  if (!found) {
    return found.error();
  }
  if (!*found || (*found)->endpoint != endpoint) {
    return not_there("delivery of this webhook");
  }
  if (!owner->enabled) {
    return disabled();
  }
  if ((*found)->state == DeliveryState::waiting) {
    return std::move(**found);
  }
  {
    auto update = connection_.prepare("UPDATE delivery SET state = 1, attempts = 0, next_ms = NULL WHERE id = ?1");
    if (!update) {
      return update.error();
    }
    BOATHOUSE_TRY(update->bind(1, delivery.bytes).run());
  }
  BOATHOUSE_TRY(control::commit(*transaction, connection_, act));
  (*found)->state = DeliveryState::waiting;
  (*found)->attempts = 0;
  (*found)->next_ms.reset();
  return std::move(**found);
}

Result<Store::Replayed> Store::replay_failed(const base::Uuid& athlete, const base::Uuid& endpoint,
                                             std::int64_t since_ms, std::size_t limit, control::AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  const auto room = room_of(athlete, endpoint);
  if (!room) {
    return room.error();
  }
  const std::size_t most = std::min(limit, static_cast<std::size_t>(*room));
  Replayed replayed;
  {
    auto select = connection_.prepare(
        "SELECT id FROM delivery WHERE endpoint = ?1 AND state = 3 AND created_ms >= ?2 ORDER BY id LIMIT ?3");
    if (!select) {
      return select.error();
    }
    select->bind(1, endpoint.bytes).bind(2, since_ms).bind(3, most + 1);
    auto found = rows_of(*select, [](const sql::Statement& row) { return uuid_of(row.blob(0)); });
    if (!found) {
      return found.error();
    }
    replayed.deliveries = std::move(*found);
  }
  replayed.has_more = replayed.deliveries.size() > most;
  if (replayed.has_more) {
    replayed.deliveries.pop_back();
  }
  if (replayed.deliveries.empty()) {
    return replayed;
  }
  {
    auto update = connection_.prepare(
        "UPDATE delivery SET state = 1, attempts = 0, next_ms = NULL WHERE endpoint = ?1 AND state = 3 AND created_ms "
        ">= ?2 AND id <= ?3");
    if (!update) {
      return update.error();
    }
    update->bind(1, endpoint.bytes).bind(2, since_ms).bind(3, replayed.deliveries.back().bytes);
    BOATHOUSE_TRY(update->run());
  }
  const std::string number = "replayed=" + std::to_string(replayed.deliveries.size());
  BOATHOUSE_TRY(control::commit(*transaction, connection_, act, {{}, number}));
  return replayed;
}

Result<Delivery> Store::add(const base::Uuid& athlete, const base::Uuid& endpoint, const Message& message) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  if (const auto room = room_of(athlete, endpoint); !room) {
    return room.error();
  }
  Delivery delivery = made(endpoint, message);
  BOATHOUSE_TRY(insert(delivery));
  const auto forgotten = forget_old(endpoint);
  if (!forgotten) {
    return forgotten.error();
  }
  BOATHOUSE_TRY(transaction->commit());
  forgotten_ += *forgotten;
  return delivery;
}

Result<bool> Store::has_endpoints() {
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto select = connection_.prepare("SELECT 1 FROM endpoint LIMIT 1");
  if (!select) {
    return select.error();
  }
  return select->step();
}

Result<std::int64_t> Store::waiting_of(const base::Uuid& endpoint) {
  auto select = connection_.prepare("SELECT count(*) FROM delivery WHERE endpoint = ?1 AND state = 1");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->bind(1, endpoint.bytes).step(); !row) {
    return row.error();
  }
  return select->integer(0);
}

// How many more may wait. not_found; conflict: none, or it is disabled.
Result<std::int64_t> Store::room_of(const base::Uuid& athlete, const base::Uuid& endpoint) {
  const auto owner = one_endpoint(athlete, endpoint);
  if (!owner) {
    return owner.error();
  }
  if (!owner->enabled) {
    return disabled();
  }
  const auto waiting = waiting_of(endpoint);
  if (!waiting) {
    return waiting.error();
  }
  if (*waiting >= kMaxWaiting) {
    return Error{ErrorCode::conflict, "too many deliveries of this webhook wait already"};
  }
  return kMaxWaiting - *waiting;
}

// By when they ended: what has failed after days is newer than much that was made after it.
Result<std::uint64_t> Store::forget_old(const base::Uuid& endpoint) {
  auto remove = connection_.prepare(
      "DELETE FROM delivery WHERE endpoint = ?1 AND state IN (2, 3) AND coalesce(last_ms, created_ms) < ?2");
  if (!remove) {
    return remove.error();
  }
  BOATHOUSE_TRY(remove->bind(1, endpoint.bytes).bind(2, clock_.utc_ms() - kKeptMs).run());
  BOATHOUSE_TRY(forget_beyond(endpoint, DeliveryState::delivered, kKeptDelivered));
  BOATHOUSE_TRY(forget_beyond(endpoint, DeliveryState::failed, kKeptFailed));
  return static_cast<std::uint64_t>(connection_.changes());
}

Status Store::forget_beyond(const base::Uuid& endpoint, DeliveryState state, std::int64_t kept) {
  auto remove = connection_.prepare(
      "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE endpoint = ?1 AND state = ?2 "
      "ORDER BY coalesce(last_ms, created_ms) DESC, id DESC LIMIT 9223372036854775807 OFFSET ?3)");
  if (!remove) {
    return remove.error();
  }
  return remove->bind(1, endpoint.bytes).bind(2, static_cast<int>(state)).bind(3, kept).run();
}

Result<std::set<base::Uuid>> Store::fan_out(std::span<const News> news) {
  const std::lock_guard lock(mutex_);
  // Most servers have events all day and hardly a webhook: seen without the lock of the writers.
  const auto anybody = has_endpoints();
  if (!anybody) {
    return anybody.error();
  }
  std::set<base::Uuid> to_tell;
  if (!*anybody) {
    return to_tell;
  }
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  std::map<base::Uuid, std::vector<Endpoint>> of_athlete;
  std::map<base::Uuid, std::int64_t> waiting;
  for (const News& one : news) {
    if (!of_athlete.contains(one.athlete)) {
      auto endpoints = select_endpoints(one.athlete, nullptr);
      if (!endpoints) {
        return endpoints.error();
      }
      of_athlete[one.athlete] = std::move(*endpoints);
    }
    for (const Endpoint& endpoint : of_athlete[one.athlete]) {
      if (!wants(endpoint, one.message.type)) {
        continue;
      }
      const auto before = delivery_of_event(endpoint.id, one.message.event_id);
      if (!before) {
        return before.error();
      }
      if (*before) {
        if ((*before)->state == DeliveryState::waiting) {
          to_tell.insert(endpoint.id);
        }
        continue;
      }
      if (!waiting.contains(endpoint.id)) {
        const auto count = waiting_of(endpoint.id);
        if (!count) {
          return count.error();
        }
        waiting[endpoint.id] = *count;
      }
      Delivery delivery = made(endpoint.id, one.message);
      if (waiting[endpoint.id] >= kMaxWaiting) {
        delivery.state = DeliveryState::failed;
        delivery.error = "too many deliveries waited already";
      } else {
        ++waiting[endpoint.id];
        to_tell.insert(endpoint.id);
      }
      BOATHOUSE_TRY(insert(delivery));
    }
  }
  std::uint64_t forgotten = 0;
  for (const auto& [endpoint, count] : waiting) {
    const auto of_endpoint = forget_old(endpoint);
    if (!of_endpoint) {
      return of_endpoint.error();
    }
    forgotten += *of_endpoint;
  }
  BOATHOUSE_TRY(transaction->commit());
  forgotten_ += forgotten;
  return to_tell;
}

Result<std::vector<Store::Backlog>> Store::backlogs() {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto select = connection_.prepare(
      "SELECT endpoint, min(coalesce(next_ms, created_ms)) FROM delivery WHERE state = 1 GROUP BY endpoint");
  if (!select) {
    return select.error();
  }
  return rows_of(*select, [](const sql::Statement& row) { return Backlog{uuid_of(row.blob(0)), row.integer(1)}; });
}

// The index delivery_due has them in this order.
Result<std::optional<Delivery>> Store::first_due(const base::Uuid& endpoint, std::int64_t longest_wait_ms) {
  auto select =
      connection_.prepare(std::string(kDeliveries) +
                          "WHERE endpoint = ?1 AND state = 1 AND (next_ms IS NULL OR next_ms <= ?2 OR next_ms > ?3) "
                          "ORDER BY coalesce(next_ms, created_ms), id LIMIT 1");
  if (!select) {
    return select.error();
  }
  const std::int64_t now_ms = clock_.utc_ms();
  select->bind(1, endpoint.bytes).bind(2, now_ms).bind(3, now_ms + longest_wait_ms);
  return first_of(rows_of(*select, delivery_of));
}

Result<std::optional<Store::Next>> Store::next(const base::Uuid& endpoint, std::int64_t longest_wait_ms) {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto select = connection_.prepare(std::string(kEndpoints) + "WHERE id = ?1");
  if (!select) {
    return select.error();
  }
  auto found = first_of(rows_of(select->bind(1, endpoint.bytes), endpoint_of));
  if (!found) {
    return found.error();
  }
  if (!*found) {
    return std::optional<Next>();
  }
  auto due = first_due(endpoint, longest_wait_ms);
  if (!due) {
    return due.error();
  }
  Next next{std::move(**found), std::move(*due), {}};
  if (!next.due) {
    auto first = connection_.prepare("SELECT min(next_ms) FROM delivery WHERE endpoint = ?1 AND state = 1");
    if (!first) {
      return first.error();
    }
    if (const auto row = first->bind(1, endpoint.bytes).step(); !row) {
      return row.error();
    }
    next.next_ms = first->optional_integer(0);
  }
  return std::optional(std::move(next));
}

// An answer that comes after the endpoint was deleted changes nothing.
Status Store::note(const Delivery& delivery, const Attempt& attempt) {
  const std::int64_t now_ms = clock_.utc_ms();
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  {
    auto update = connection_.prepare(
        "UPDATE delivery SET state = ?2, attempts = ?3, next_ms = ?4, last_ms = ?5, status = ?6, error = ?7, "
        "duration_ms = ?8 WHERE id = ?1");
    if (!update) {
      return update.error();
    }
    update->bind(1, delivery.id.bytes).bind(2, static_cast<int>(attempt.state)).bind(3, delivery.attempts + 1);
    update->bind(4, attempt.next_ms).bind(5, now_ms).bind(6, attempt.status);
    update->bind(7, std::string_view(attempt.error).substr(0, kMaxError)).bind(8, attempt.duration_ms);
    BOATHOUSE_TRY(update->run());
  }
  if (attempt.state == DeliveryState::delivered) {
    auto well = connection_.prepare(
        "UPDATE endpoint SET failing_since_ms = NULL, version = version + 1 "
        "WHERE id = ?1 AND failing_since_ms IS NOT NULL");
    if (!well) {
      return well.error();
    }
    BOATHOUSE_TRY(well->bind(1, delivery.endpoint.bytes).run());
  } else {
    auto unwell = connection_.prepare(
        "UPDATE endpoint SET failing_since_ms = ?2, version = version + 1 WHERE id = ?1 AND failing_since_ms IS NULL");
    if (!unwell) {
      return unwell.error();
    }
    BOATHOUSE_TRY(unwell->bind(1, delivery.endpoint.bytes).bind(2, now_ms).run());
  }
  if (!attempt.disable_why.empty()) {
    auto disable = connection_.prepare(
        "UPDATE endpoint SET enabled = 0, disabled_why = ?2, version = version + 1 WHERE id = ?1 AND enabled <> 0");
    if (!disable) {
      return disable.error();
    }
    BOATHOUSE_TRY(disable->bind(1, delivery.endpoint.bytes).bind(2, attempt.disable_why).run());
  }
  return transaction->commit();
}

Result<Store::Lag> Store::lag() {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto select = connection_.prepare("SELECT count(*), min(created_ms) FROM delivery WHERE state = 1");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->step(); !row) {
    return row.error();
  }
  return Lag{static_cast<std::uint64_t>(select->integer(0)), select->optional_integer(1)};
}

}  // namespace boathouse::webhooks
