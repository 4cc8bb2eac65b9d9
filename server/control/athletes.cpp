// The athletes' part of Accounts.
#include <string>
#include <utility>

#include "server/control/accounts.hpp"
#include "server/control/ids.hpp"
#include "server/control/rows.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::string_view kAthleteColumns =
    "SELECT id, name, created_ms, email, locale, time_zone, version FROM athlete";

Athlete athlete_of(const sql::Statement& row) {
  return Athlete{uuid_of(row.blob(0)), std::string(row.text(1)), row.integer(2),
                 Profile{std::string(row.text(3)), std::string(row.text(4)), std::string(row.text(5))}, row.integer(6)};
}

Result<std::vector<Athlete>> athletes_of(sql::Statement& select) {
  std::vector<Athlete> athletes;
  while (true) {
    const auto row = select.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return athletes;
    }
    athletes.push_back(athlete_of(select));
  }
}

}  // namespace

Result<Athlete> Accounts::create_athlete(std::string_view name, const Profile& profile, AuditedAct* act) {
  return without_call(create_athlete(std::nullopt, name, profile, act));
}

Result<std::optional<Athlete>> Accounts::create_athlete(const std::optional<IdempotentCall>& call,
                                                        std::string_view name, const Profile& profile,
                                                        AuditedAct* act) {
  ProfileChange wanted{std::string(name), profile.email, profile.locale, profile.time_zone};
  if (const auto wrong = tidy(wanted)) {
    return wrong->error;
  }
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  const auto once = done_calls_.look(call);
  if (!once) {
    return once.error();
  }
  if (once->is_others()) {
    return std::optional<Athlete>();
  }
  auto athlete = once->made() ? find_athlete(*once->made())
                              : insert_athlete(name, {*wanted.email, *wanted.locale, *wanted.time_zone});
  if (!athlete) {
    return athlete.error();
  }
  if (!once->made()) {
    BOATHOUSE_TRY(done_calls_.note(*once, athlete->id));
    BOATHOUSE_TRY(commit(*transaction, connection_, act, {athlete->id}));
  }
  return std::optional(std::move(*athlete));
}

Result<Athlete> Accounts::athlete(const base::Uuid& id) {
  const std::lock_guard lock(mutex_);
  return find_athlete(id);
}

Result<std::vector<Athlete>> Accounts::athletes(const std::optional<base::Uuid>& after, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  auto select = connection_.prepare(std::string(kAthleteColumns) + " WHERE id > ?1 ORDER BY id LIMIT ?2");
  if (!select) {
    return select.error();
  }
  return athletes_of(select->bind(1, start_of(after)).bind(2, limit_of(limit)));
}

Result<Athlete> Accounts::update_athlete(const base::Uuid& id, ProfileChange change,
                                         std::optional<std::int64_t> version, AuditedAct* act) {
  if (const auto wrong = tidy(change)) {
    return wrong->error;
  }
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto found = find_athlete(id);
  if (!found) {
    return found;
  }
  if (version && *version != found->version) {
    return Error{ErrorCode::conflict, "the profile was changed since: read it again"};
  }
  Athlete athlete = std::move(*found);
  const auto take = [](std::string& field, std::optional<std::string>& wanted) {
    if (wanted) {
      field = std::move(*wanted);
    }
  };
  take(athlete.name, change.name);
  take(athlete.profile.email, change.email);
  take(athlete.profile.locale, change.locale);
  take(athlete.profile.time_zone, change.time_zone);
  ++athlete.version;
  auto update = connection_.prepare(
      "UPDATE athlete SET name = ?2, email = ?3, locale = ?4, time_zone = ?5, version = ?6 WHERE id = ?1");
  if (!update) {
    return update.error();
  }
  BOATHOUSE_TRY(update->bind(1, id.bytes)
                    .bind(2, athlete.name)
                    .bind(3, athlete.profile.email)
                    .bind(4, athlete.profile.locale)
                    .bind(5, athlete.profile.time_zone)
                    .bind(6, athlete.version)
                    .run());
  BOATHOUSE_TRY(commit(*transaction, connection_, act));
  return athlete;
}

Result<Athlete> Accounts::athlete_named(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return only_athlete(name);
}

Result<Athlete> Accounts::only_athlete(std::string_view name) {
  auto select = connection_.prepare(std::string(kAthleteColumns) + " WHERE name = ?1 ORDER BY id LIMIT 2");
  if (!select) {
    return select.error();
  }
  auto found = athletes_of(select->bind(1, name));
  if (!found) {
    return found.error();
  }
  if (found->empty()) {
    return Error{ErrorCode::not_found, "no athlete has that name"};
  }
  if (found->size() > 1) {
    return Error{ErrorCode::conflict, "several athletes have that name: give the id of the one that is meant, e.g. " +
                                          format_id(kAthletePrefix, found->front().id)};
  }
  return std::move(found->front());
}

Result<Athlete> Accounts::insert_athlete(std::string_view name, const Profile& profile) {
  Athlete athlete{ids_.next(), std::string(name), clock_.utc_ms(), profile, 1};
  auto insert = connection_.prepare(
      "INSERT INTO athlete (id, name, created_ms, email, locale, time_zone) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  if (!insert) {
    return insert.error();
  }
  BOATHOUSE_TRY(insert->bind(1, athlete.id.bytes)
                    .bind(2, athlete.name)
                    .bind(3, athlete.created_ms)
                    .bind(4, profile.email)
                    .bind(5, profile.locale)
                    .bind(6, profile.time_zone)
                    .run());
  return athlete;
}

Result<Athlete> Accounts::find_athlete(const base::Uuid& id) {
  auto select = connection_.prepare(std::string(kAthleteColumns) + " WHERE id = ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, id.bytes).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return Error{ErrorCode::not_found, "there is no athlete " + format_id(kAthletePrefix, id)};
  }
  return athlete_of(*select);
}

}  // namespace boathouse::control
