// A device that has no key gets one for a short code. The code's 40 bits are kept as a keyed hash, live for minutes,
// and are used once; how often somebody may guess is the route's to limit.
#include <algorithm>
#include <string>
#include <utility>

#include "server/control/accounts.hpp"
#include "server/control/ids.hpp"
#include "server/control/rows.hpp"
#include "server/control/short_code.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

base::Digest pairing_hash(const Pepper& pepper, const std::string& code) {
  return keyed_hash(pepper, "pairing\n" + code);
}

}  // namespace

Status Accounts::remove_pairings(const base::Uuid& athlete) {
  auto remove = connection_.prepare("DELETE FROM pairing WHERE athlete = ?1 OR expires_ms <= ?2");
  return remove ? remove->bind(1, athlete.bytes).bind(2, clock_.utc_ms()).run() : Status(remove.error());
}

Result<PairingCode> Accounts::start_pairing(const base::Uuid& athlete, std::optional<std::int64_t> key_expires_ms,
                                            AuditedAct* act) {
  return without_call(start_pairing(std::nullopt, athlete, key_expires_ms, act));
}

Result<std::optional<PairingCode>> Accounts::start_pairing(const std::optional<IdempotentCall>& call,
                                                           const base::Uuid& athlete,
                                                           std::optional<std::int64_t> key_expires_ms,
                                                           AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto once = done_calls_.look(call);
  if (!once) {
    return once.error();
  }
  // A call that names somebody may mean another athlete now.
  if (once->is_others() || (once->made() && *once->made() != athlete)) {
    return std::optional<PairingCode>();
  }
  PairingCode code{make_short_code(kPairingCodeLength, once->secret()), clock_.utc_ms() + kPairingLifeMs};
  code.expires_ms = std::min(code.expires_ms, key_expires_ms.value_or(code.expires_ms));
  const auto plain = read_short_code(code.text, kPairingCodeLength);
  if (!plain) {
    return plain.error();
  }
  if (once->made()) {
    const auto there = find_pairing(pairing_hash(pepper_, *plain));
    if (!there) {
      return there.error().code == ErrorCode::not_found ? code_has_ended() : there.error();
    }
    return std::optional(PairingCode{std::move(code.text), there->expires_ms});
  }
  if (const auto found = find_athlete(athlete); !found) {
    return found.error();
  }
  BOATHOUSE_TRY(check_room_for_key(athlete));  // whoever can make room hears it, not the device
  BOATHOUSE_TRY(remove_pairings(athlete));
  auto insert =
      connection_.prepare("INSERT INTO pairing (hash, athlete, expires_ms, key_expires_ms) VALUES (?1, ?2, ?3, ?4)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, pairing_hash(pepper_, *plain)).bind(2, athlete.bytes).bind(3, code.expires_ms);
  BOATHOUSE_TRY(insert->bind(4, key_expires_ms).run());
  BOATHOUSE_TRY(done_calls_.note(*once, athlete));
  BOATHOUSE_TRY(commit(*transaction, connection_, act));
  return std::optional(std::move(code));
}

Result<Accounts::Pairing> Accounts::find_pairing(const base::Digest& hash) {
  auto select = connection_.prepare(
      "SELECT athlete, expires_ms, key_expires_ms FROM pairing WHERE hash = ?1 AND expires_ms > ?2");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, hash).bind(2, clock_.utc_ms()).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return Error{ErrorCode::not_found,
                 "this code is not known here: a code is good for ten minutes and for one device; make a new one"};
  }
  return Pairing{uuid_of(select->blob(0)), select->integer(1), select->optional_integer(2)};
}

Result<base::Uuid> Accounts::athlete_of_pairing(std::string_view code) {
  const auto plain = read_short_code(code, kPairingCodeLength);
  if (!plain) {
    return plain.error();
  }
  const std::lock_guard lock(mutex_);
  const auto pairing = find_pairing(pairing_hash(pepper_, *plain));
  return pairing ? Result<base::Uuid>(pairing->athlete) : pairing.error();
}

Result<NewKey> Accounts::finish_pairing(std::string_view code, std::string_view device_name, AuditedAct* act) {
  const auto plain = read_short_code(code, kPairingCodeLength);
  if (!plain) {
    return plain.error();
  }
  BOATHOUSE_TRY(check_name(device_name, "a device's name"));
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  const auto pairing = find_pairing(pairing_hash(pepper_, *plain));
  if (!pairing) {
    return pairing.error();
  }
  const auto owner = find_athlete(pairing->athlete);
  if (!owner) {
    return owner.error();
  }
  BOATHOUSE_TRY(remove_pairings(pairing->athlete));
  auto key = insert_key(
      Role::athlete, KeyOwner{owner->id, owner->name, owner->created_ms},
      {.scopes = kDeviceScopes, .label = std::string(device_name), .expires_ms = pairing->key_expires_ms}, random_);
  if (!key) {
    return key.error();
  }
  BOATHOUSE_TRY(commit(*transaction, connection_, act, {owner->id, "key=" + format_id(kKeyPrefix, key->key.id)}));
  BOATHOUSE_TRY(load_key(key->key.id));
  return key;
}

}  // namespace boathouse::control
