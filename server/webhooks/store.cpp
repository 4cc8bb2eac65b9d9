#include "server/webhooks/store.hpp"

#include <algorithm>
#include <utility>

#include "server/sql/migrations.hpp"
#include "server/webhooks/rows.hpp"
#include "server/webhooks/schema.hpp"

namespace boathouse::webhooks {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& one : names) {
    text += (text.empty() ? "" : ",") + one;
  }
  return text;
}

Error has_url() { return {ErrorCode::conflict, "another webhook has this url: change or delete that one"}; }

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const sql::Place& place, base::Clock& clock, base::RandomSource& random) {
  auto connection = sql::Connection::open(place);
  if (!connection) {
    return connection.error();
  }
  BOATHOUSE_TRY(sql::migrate(*connection, kSchema));
  return std::unique_ptr<Store>(new Store(std::move(*connection), clock, random));
}

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
      "disabled_why, created_ms, failing_since_ms, version) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
      "ON CONFLICT (id) DO UPDATE SET url = ?3, events = ?4, secret = ?5, previous_secret = ?6, "
      "previous_until_ms = ?7, enabled = ?8, disabled_why = ?9, failing_since_ms = ?11, version = ?12");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, endpoint.id.bytes).bind(2, endpoint.athlete.bytes).bind(3, endpoint.url);
  insert->bind(4, joined(endpoint.events)).bind(5, endpoint.secret).bind(6, endpoint.previous_secret);
  insert->bind(7, endpoint.previous_until_ms).bind(8, endpoint.enabled).bind(9, endpoint.disabled_why);
  insert->bind(10, endpoint.created_ms).bind(11, endpoint.failing_since_ms);
  return insert->bind(12, endpoint.version).run();
}

template <typename Work>
Result<Endpoint> Store::in_transaction(control::AuditedAct* act, Work work) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  Result<Worked> worked = work();
  if (!worked) {
    return worked.error();
  }
  if (worked->changed) {
    BOATHOUSE_TRY(control::commit(*transaction, connection_, act, {{}, worked->learnt}));
  }
  return std::move(worked->endpoint);
}

// Of two at the same time, on whatever node, the second waits for the first's transaction and finds its call there.
template <typename Work>
Result<std::optional<Endpoint>> Store::once(const std::optional<control::IdempotentCall>& call,
                                            const base::Uuid& athlete, control::AuditedAct* act, Work work) {
  bool is_others = false;
  auto endpoint = in_transaction(act, [&]() -> Result<Worked> {
    if (!call) {
      return work();
    }
    auto select =
        connection_.prepare("SELECT asked, endpoint FROM call WHERE athlete = ?1 AND key = ?2 AND at_ms > ?3");
    if (!select) {
      return select.error();
    }
    const auto found =
        select->bind(1, athlete.bytes).bind(2, call->key).bind(3, clock_.utc_ms() - control::kCallKeptMs).step();
    if (!found) {
      return found.error();
    }
    if (*found) {
      is_others = !std::ranges::equal(select->blob(0), call->asked);
      auto made = one_endpoint(athlete, uuid_of(select->blob(1)));
      return made ? Result<Worked>({std::move(*made), false}) : made.error();
    }
    auto made = work();
    if (made) {
      BOATHOUSE_TRY(remember(*call, made->endpoint));
    }
    return made;
  });
  if (!endpoint) {
    return endpoint.error();
  }
  return is_others ? std::nullopt : std::optional(std::move(*endpoint));
}

// Of an endpoint's calls the newest are kept, for a day.
Status Store::remember(const control::IdempotentCall& call, const Endpoint& endpoint) {
  const std::int64_t now = clock_.utc_ms();
  auto forget = connection_.prepare(
      "DELETE FROM call WHERE (athlete = ?1 AND key = ?2) OR (endpoint = ?3 AND (at_ms <= ?4 OR key IN "
      "(SELECT key FROM call WHERE endpoint = ?3 ORDER BY at_ms DESC LIMIT 1000 OFFSET ?5)))");
  if (!forget) {
    return forget.error();
  }
  forget->bind(1, endpoint.athlete.bytes)
      .bind(2, call.key)
      .bind(3, endpoint.id.bytes)
      .bind(4, now - control::kCallKeptMs);
  BOATHOUSE_TRY(forget->bind(5, static_cast<std::int64_t>(kMaxCallsKept - 1)).run());
  auto insert =
      connection_.prepare("INSERT INTO call (athlete, key, asked, endpoint, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, endpoint.athlete.bytes).bind(2, call.key).bind(3, call.asked).bind(4, endpoint.id.bytes);
  return insert->bind(5, now).run();
}

// In a transaction, like renew_secret().
Result<Store::Worked> Store::add_endpoint(const base::Uuid& athlete, const std::string& url,
                                          const std::vector<std::string>& events) {
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
  std::string learnt = "webhook=" + endpoint.id.text();
  return Worked{std::move(endpoint), true, std::move(learnt)};
}

Result<Endpoint> Store::create(const base::Uuid& athlete, const std::string& url,
                               const std::vector<std::string>& events) {
  return in_transaction(nullptr, [&] { return add_endpoint(athlete, url, events); });
}

Result<std::optional<Endpoint>> Store::create(const std::optional<control::IdempotentCall>& call,
                                              const base::Uuid& athlete, const std::string& url,
                                              const std::vector<std::string>& events, control::AuditedAct* act) {
  return once(call, athlete, act, [&] { return add_endpoint(athlete, url, events); });
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

Result<std::optional<Endpoint>> Store::change(const base::Uuid& athlete, const base::Uuid& id, const Change& change,
                                              const std::optional<std::int64_t>& version, control::AuditedAct* act) {
  bool is_another = false;
  auto changed = in_transaction(act, [&]() -> Result<Worked> {
    const auto before = one_endpoint(athlete, id);
    if (!before) {
      return before.error();
    }
    is_another = version && *version != before->version;
    if (is_another) {
      return Worked{*before, false};
    }
    Worked worked{*before};
    Endpoint& endpoint = worked.endpoint;
    if (change.url && *change.url != endpoint.url) {
      const auto others = select_endpoints(athlete, nullptr);
      if (!others) {
        return others.error();
      }
      if (std::any_of(others->begin(), others->end(),
                      [&](const Endpoint& other) { return other.url == *change.url; })) {
        return has_url();
      }
      endpoint.url = *change.url;
      endpoint.failing_since_ms.reset();
    }
    if (change.events) {
      endpoint.events = *change.events;
    }
    if (change.enabled && *change.enabled != endpoint.enabled) {
      endpoint.enabled = *change.enabled;
      endpoint.disabled_why.clear();
      endpoint.failing_since_ms.reset();
    }
    worked.changed = endpoint != *before;
    if (worked.changed) {
      ++endpoint.version;
      BOATHOUSE_TRY(put(endpoint));
    }
    return worked;
  });
  if (!changed) {
    return changed.error();
  }
  return is_another ? std::nullopt : std::optional(std::move(*changed));
}

Result<Store::Worked> Store::renew_secret(const base::Uuid& athlete, const base::Uuid& id) {
  auto endpoint = one_endpoint(athlete, id);
  if (!endpoint) {
    return endpoint.error();
  }
  endpoint->previous_secret = endpoint->secret;
  endpoint->previous_until_ms = clock_.utc_ms() + kOverlapMs;
  endpoint->secret = new_secret(random_);
  ++endpoint->version;
  BOATHOUSE_TRY(put(*endpoint));
  return Worked{std::move(*endpoint)};
}

Result<Endpoint> Store::rotate(const base::Uuid& athlete, const base::Uuid& id) {
  return in_transaction(nullptr, [&] { return renew_secret(athlete, id); });
}

Result<std::optional<Endpoint>> Store::rotate(const std::optional<control::IdempotentCall>& call,
                                              const base::Uuid& athlete, const base::Uuid& id,
                                              control::AuditedAct* act) {
  return once(call, athlete, act, [&] { return renew_secret(athlete, id); });
}

Status Store::remove(const base::Uuid& athlete, const base::Uuid& id, control::AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  if (const auto endpoint = one_endpoint(athlete, id); !endpoint) {
    return endpoint.error();
  }
  for (const std::string_view sql : {"DELETE FROM delivery WHERE endpoint = ?1", "DELETE FROM call WHERE endpoint = ?1",
                                     "DELETE FROM endpoint WHERE id = ?1"}) {
    auto statement = connection_.prepare(sql);
    if (!statement) {
      return statement.error();
    }
    BOATHOUSE_TRY(statement->bind(1, id.bytes).run());
  }
  return control::commit(*transaction, connection_, act);
}

Status Store::forget(const base::Uuid& athlete) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  for (const std::string_view sql :
       {"DELETE FROM delivery WHERE endpoint IN (SELECT id FROM endpoint WHERE athlete = ?1)",
        "DELETE FROM call WHERE athlete = ?1", "DELETE FROM endpoint WHERE athlete = ?1"}) {
    auto statement = connection_.prepare(sql);
    if (!statement) {
      return statement.error();
    }
    BOATHOUSE_TRY(statement->bind(1, athlete.bytes).run());
  }
  return transaction->commit();
}

Result<Store::Rows> Store::count_of(const base::Uuid& athlete) {
  const std::lock_guard lock(mutex_);
  auto select = connection_.prepare(
      "SELECT (SELECT count(*) FROM endpoint WHERE athlete = ?1), "
      "(SELECT count(*) FROM delivery JOIN endpoint ON endpoint.id = delivery.endpoint WHERE athlete = ?1)");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->bind(1, athlete.bytes).step(); !row) {
    return row.error();
  }
  return Rows{static_cast<std::uint64_t>(select->integer(0)), static_cast<std::uint64_t>(select->integer(1))};
}

}  // namespace boathouse::webhooks
