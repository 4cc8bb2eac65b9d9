#include "server/webhooks/store.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "server/sql/migrations.hpp"
#include "server/webhooks/schema.hpp"

namespace boathouse::webhooks {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::size_t kMaxError = 300;  // bytes

base::Uuid uuid_of(base::ByteView blob) {
  base::Uuid uuid;
  std::copy_n(blob.begin(), std::min(blob.size(), uuid.bytes.size()), uuid.bytes.begin());
  return uuid;
}

Secret secret_of(base::ByteView blob) {
  Secret secret{};
  std::copy_n(blob.begin(), std::min(blob.size(), secret.size()), secret.begin());
  return secret;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& one : names) {
    text += (text.empty() ? "" : ",") + one;
  }
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    names.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return names;
}

constexpr std::string_view kEndpoints =
    "SELECT id, athlete, url, events, secret, previous_secret, previous_until_ms, enabled, disabled_why, created_ms, "
    "failing_since_ms FROM endpoint ";

Endpoint endpoint_of(const sql::Statement& row) {
  Endpoint endpoint;
  endpoint.id = uuid_of(row.blob(0));
  endpoint.athlete = uuid_of(row.blob(1));
  endpoint.url = row.text(2);
  endpoint.events = split(row.text(3));
  endpoint.secret = secret_of(row.blob(4));
  if (!row.is_null(5)) {
    endpoint.previous_secret = secret_of(row.blob(5));
  }
  endpoint.previous_until_ms = row.optional_integer(6);
  endpoint.enabled = row.integer(7) != 0;
  endpoint.disabled_why = row.text(8);
  endpoint.created_ms = row.integer(9);
  endpoint.failing_since_ms = row.optional_integer(10);
  return endpoint;
}

constexpr std::string_view kDeliveries =
    "SELECT id, endpoint, event_id, type, body, state, attempts, created_ms, next_ms, last_ms, status, error, "
    "duration_ms FROM delivery ";

Delivery delivery_of(const sql::Statement& row) {
  Delivery delivery;
  delivery.id = uuid_of(row.blob(0));
  delivery.endpoint = uuid_of(row.blob(1));
  delivery.event_id = row.text(2);
  delivery.type = row.text(3);
  delivery.body = row.text(4);
  delivery.state = static_cast<DeliveryState>(row.integer(5));
  delivery.attempts = static_cast<int>(row.integer(6));
  delivery.created_ms = row.integer(7);
  delivery.next_ms = row.optional_integer(8);
  delivery.last_ms = row.optional_integer(9);
  if (!row.is_null(10)) {
    delivery.status = static_cast<int>(row.integer(10));
  }
  delivery.error = row.text(11);
  delivery.duration_ms = row.optional_integer(12);
  return delivery;
}

template <typename Make>
auto rows_of(sql::Statement& select, Make make) -> Result<std::vector<decltype(make(select))>> {
  std::vector<decltype(make(select))> rows;
  while (true) {
    const auto row = select.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return rows;
    }
    rows.push_back(make(select));
  }
}

template <typename T>
Result<std::optional<T>> first_of(Result<std::vector<T>> rows) {
  if (!rows) {
    return rows.error();
  }
  return rows->empty() ? std::optional<T>() : std::optional<T>(std::move(rows->front()));
}

Error not_there(std::string_view what) { return {ErrorCode::not_found, "there is no such " + std::string(what)}; }

Error has_url() { return {ErrorCode::conflict, "another webhook has this url: change or delete that one"}; }

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

Result<std::unique_ptr<Store>> Store::open(const sql::Place& place, base::Clock& clock, base::RandomSource& random) {
  auto connection = sql::Connection::open(place);
  if (!connection) {
    return connection.error();
  }
  BOATHOUSE_TRY(sql::migrate(*connection, kSchema));
  return std::unique_ptr<Store>(new Store(std::move(*connection), clock, random));
}

// ---- endpoints ----

// All of the athlete's, or the one.
Result<std::vector<Endpoint>> Store::select_endpoints(const base::Uuid& athlete, const base::Uuid* id) {
  auto select = connection_.prepare(std::string(kEndpoints) + "WHERE athlete = ?1" +
                                    (id != nullptr ? " AND id = ?2" : "") + " ORDER BY id");
  if (!select) {
    return select.error();
  }
  select->bind(1, athlete.bytes);
  if (id != nullptr) {
    select->bind(2, id->bytes);
  }
  return rows_of(*select, endpoint_of);
}

Result<Endpoint> Store::one_endpoint(const base::Uuid& athlete, const base::Uuid& id) {
  auto found = first_of(select_endpoints(athlete, &id));
  if (!found) {
    return found.error();
  }
  if (!*found) {
    return not_there("webhook");
  }
  return std::move(**found);
}

// Of an endpoint that is there already, what may change.
Status Store::put(const Endpoint& endpoint) {
  auto insert = connection_.prepare(
      "INSERT INTO endpoint (id, athlete, url, events, secret, previous_secret, previous_until_ms, enabled, "
      "disabled_why, created_ms, failing_since_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
      "ON CONFLICT (id) DO UPDATE SET url = ?3, events = ?4, secret = ?5, previous_secret = ?6, previous_until_ms = "
      "?7, "
      "enabled = ?8, disabled_why = ?9, failing_since_ms = ?11");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, endpoint.id.bytes).bind(2, endpoint.athlete.bytes).bind(3, endpoint.url);
  insert->bind(4, joined(endpoint.events)).bind(5, endpoint.secret).bind(6, endpoint.previous_secret);
  insert->bind(7, endpoint.previous_until_ms).bind(8, endpoint.enabled).bind(9, endpoint.disabled_why);
  return insert->bind(10, endpoint.created_ms).bind(11, endpoint.failing_since_ms).run();
}

Result<Endpoint> Store::create(const base::Uuid& athlete, const std::string& url,
                               const std::vector<std::string>& events) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  const auto others = select_endpoints(athlete, nullptr);
  if (!others) {
    return others.error();
  }
  if (std::any_of(others->begin(), others->end(), [&url](const Endpoint& other) { return other.url == url; })) {
    return has_url();
  }
  if (others->size() >= kMaxEndpoints) {
    return Error{ErrorCode::conflict,
                 "an athlete has at most " + std::to_string(kMaxEndpoints) + " webhooks: delete one first"};
  }
  Endpoint endpoint;
  endpoint.id = ids_.next();
  endpoint.athlete = athlete;
  endpoint.url = url;
  endpoint.events = events;
  endpoint.secret = new_secret(random_);
  endpoint.created_ms = clock_.utc_ms();
  BOATHOUSE_TRY(put(endpoint));
  BOATHOUSE_TRY(transaction->commit());
  return endpoint;
}

Result<std::vector<Endpoint>> Store::endpoints(const base::Uuid& athlete) {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  return select_endpoints(athlete, nullptr);
}

Result<Endpoint> Store::endpoint(const base::Uuid& athlete, const base::Uuid& id) {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  return one_endpoint(athlete, id);
}

Result<Endpoint> Store::change(const base::Uuid& athlete, const base::Uuid& id, const Change& change) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto endpoint = one_endpoint(athlete, id);
  if (!endpoint) {
    return endpoint;
  }
  if (change.url && *change.url != endpoint->url) {
    const auto others = select_endpoints(athlete, nullptr);
    if (!others) {
      return others.error();
    }
    if (std::any_of(others->begin(), others->end(), [&](const Endpoint& other) { return other.url == *change.url; })) {
      return has_url();
    }
    endpoint->url = *change.url;
    endpoint->failing_since_ms.reset();
  }
  if (change.events) {
    endpoint->events = *change.events;
  }
  if (change.enabled && *change.enabled != endpoint->enabled) {
    endpoint->enabled = *change.enabled;
    endpoint->disabled_why.clear();
    endpoint->failing_since_ms.reset();
  }
  BOATHOUSE_TRY(put(*endpoint));
  BOATHOUSE_TRY(transaction->commit());
  return endpoint;
}

Result<Endpoint> Store::rotate(const base::Uuid& athlete, const base::Uuid& id) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto endpoint = one_endpoint(athlete, id);
  if (!endpoint) {
    return endpoint;
  }
  endpoint->previous_secret = endpoint->secret;
  endpoint->previous_until_ms = clock_.utc_ms() + kOverlapMs;
  endpoint->secret = new_secret(random_);
  BOATHOUSE_TRY(put(*endpoint));
  BOATHOUSE_TRY(transaction->commit());
  return endpoint;
}

Status Store::remove(const base::Uuid& athlete, const base::Uuid& id) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  if (const auto endpoint = one_endpoint(athlete, id); !endpoint) {
    return endpoint.error();
  }
  for (const std::string_view sql :
       {"DELETE FROM delivery WHERE endpoint = ?1", "DELETE FROM endpoint WHERE id = ?1"}) {
    auto statement = connection_.prepare(sql);
    if (!statement) {
      return statement.error();
    }
    BOATHOUSE_TRY(statement->bind(1, id.bytes).run());
  }
  return transaction->commit();
}

// ---- deliveries ----

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

Result<Delivery> Store::replay(const base::Uuid& athlete, const base::Uuid& endpoint, const base::Uuid& delivery) {
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
  BOATHOUSE_TRY(transaction->commit());
  (*found)->state = DeliveryState::waiting;
  (*found)->attempts = 0;
  (*found)->next_ms.reset();
  return std::move(**found);
}

Result<Delivery> Store::add(const base::Uuid& athlete, const base::Uuid& endpoint, const Message& message) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
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
  Delivery delivery = made(endpoint, message);
  BOATHOUSE_TRY(insert(delivery));
  BOATHOUSE_TRY(forget_old(endpoint));
  BOATHOUSE_TRY(transaction->commit());
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

Status Store::forget_old(const base::Uuid& endpoint) {
  auto remove = connection_.prepare(
      "DELETE FROM delivery WHERE endpoint = ?1 AND state <> 1 AND (created_ms < ?2 OR id IN (SELECT id FROM delivery "
      "WHERE endpoint = ?1 AND state <> 1 ORDER BY id DESC LIMIT 9223372036854775807 OFFSET ?3))");
  if (!remove) {
    return remove.error();
  }
  return remove->bind(1, endpoint.bytes).bind(2, clock_.utc_ms() - kKeptMs).bind(3, kKeptDeliveries).run();
}

Result<std::vector<base::Uuid>> Store::fan_out(std::span<const News> news) {
  const std::lock_guard lock(mutex_);
  // Most servers have events all day and hardly a webhook: seen without the lock of the writers.
  const auto anybody = has_endpoints();
  if (!anybody) {
    return anybody.error();
  }
  std::vector<base::Uuid> to_send;
  if (!*anybody) {
    return to_send;
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
          to_send.push_back((*before)->id);
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
        to_send.push_back(delivery.id);
      }
      BOATHOUSE_TRY(insert(delivery));
    }
  }
  for (const auto& [endpoint, count] : waiting) {
    BOATHOUSE_TRY(forget_old(endpoint));
  }
  BOATHOUSE_TRY(transaction->commit());
  return to_send;
}

Result<std::vector<Delivery>> Store::waiting(const std::optional<base::Uuid>& after, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto select = connection_.prepare(std::string(kDeliveries) + "WHERE state = 1 AND id > ?1 ORDER BY id LIMIT ?2");
  if (!select) {
    return select.error();
  }
  const base::ByteView start = after ? base::ByteView(after->bytes) : base::ByteView();  // before every id
  return rows_of(select->bind(1, start).bind(2, limit), delivery_of);
}

Result<std::optional<Store::Due>> Store::due(const base::Uuid& delivery) {
  const std::lock_guard lock(mutex_);
  const auto snapshot = sql::Snapshot::begin(connection_);
  if (!snapshot) {
    return snapshot.error();
  }
  auto found = one_delivery(delivery);
  if (!found) {
    return found.error();
  }
  if (!*found) {
    return std::optional<Due>();
  }
  auto select = connection_.prepare(std::string(kEndpoints) + "WHERE id = ?1");
  if (!select) {
    return select.error();
  }
  auto endpoint = first_of(rows_of(select->bind(1, (*found)->endpoint.bytes), endpoint_of));
  if (!endpoint) {
    return endpoint.error();
  }
  return *endpoint ? std::optional(Due{std::move(**found), std::move(**endpoint)}) : std::nullopt;
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
        "UPDATE endpoint SET failing_since_ms = NULL WHERE id = ?1 AND failing_since_ms IS NOT NULL");
    if (!well) {
      return well.error();
    }
    BOATHOUSE_TRY(well->bind(1, delivery.endpoint.bytes).run());
  } else {
    auto unwell =
        connection_.prepare("UPDATE endpoint SET failing_since_ms = ?2 WHERE id = ?1 AND failing_since_ms IS NULL");
    if (!unwell) {
      return unwell.error();
    }
    BOATHOUSE_TRY(unwell->bind(1, delivery.endpoint.bytes).bind(2, now_ms).run());
  }
  if (!attempt.disable_why.empty()) {
    auto disable =
        connection_.prepare("UPDATE endpoint SET enabled = 0, disabled_why = ?2 WHERE id = ?1 AND enabled <> 0");
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
