#include "server/control/accounts.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "server/control/api_key.hpp"
#include "server/control/ids.hpp"
#include "server/control/pepper.hpp"
#include "server/control/rows.hpp"
#include "server/control/schema.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

// Those that let somebody in.
constexpr std::string_view kForRing =
    "SELECT id, role, athlete, hash, last_used_ms, scopes, expires_ms, previous_hash, previous_until_ms "
    "FROM api_key WHERE revoked_ms IS NULL";
// A key that expired longer ago is not read again. So long that a clock which is wrong for some days hides none.
constexpr std::int64_t kExpiredForMs = 30 * kDayMs;
constexpr std::string_view kKeyColumns =
    "SELECT athlete.id, name, athlete.created_ms, api_key.id, role, api_key.created_ms, revoked_ms, last_used_ms, "
    "scopes, label, expires_ms, previous_until_ms FROM api_key LEFT JOIN athlete ON athlete.id = api_key.athlete";

Status check_options(const KeyOptions& options, std::int64_t now_ms) {
  if (!options.scopes.within(kAthleteScopes) || options.scopes == Scopes()) {
    return Error{ErrorCode::invalid_input,
                 "an athlete's key has at least one scope, but not keys:manage or audit:read"};
  }
  const auto lives_ms = options.expires_ms ? std::optional(*options.expires_ms - now_ms) : options.lives_ms;
  if (lives_ms && (*lives_ms < 1 || *lives_ms > kMaxKeyLifeMs)) {
    return Error{ErrorCode::invalid_input, "a key expires after 1 to 3650 days, or never; not in the past"};
  }
  return options.label.empty() ? Status() : check_name(options.label, "a key's label");
}

KeyOwner owner_of(const Athlete& athlete) { return {athlete.id, athlete.name, athlete.created_ms}; }

Learnt learnt_of(const NewKey& key) {
  return {key.key.athlete->id,
          "key=" + format_id(kKeyPrefix, key.key.id) + " athlete_made=" + (key.athlete_made ? "yes" : "no")};
}

}  // namespace

std::string_view name(Role role) { return role == Role::operator_ ? "operator" : "athlete"; }

Result<std::unique_ptr<Accounts>> Accounts::open(const std::string& dir, base::Clock& clock, base::RandomSource& random,
                                                 const sql::Place& place) {
  sql::Place file;
  file.sqlite_file = dir + "/control.db";
  const sql::Place& where = place.postgres_url.empty() ? file : place;
  auto connection = sql::Connection::open(where);
  if (!connection) {
    return connection.error();
  }
  BOATHOUSE_TRY(sql::migrate(*connection, kSchema));
  auto watching = sql::Connection::open(where);
  if (!watching) {
    return watching.error();
  }
  auto saving = sql::Connection::open(where);
  if (!saving) {
    return saving.error();
  }
  const auto pepper = open_pepper(dir + "/pepper.key", *connection, random);
  if (!pepper) {
    return pepper.error();
  }
  auto teams = Teams::open(where, *pepper, clock, random);
  if (!teams) {
    return teams.error();
  }
  std::unique_ptr<Accounts> accounts(new Accounts(dir,
                                                  {std::move(*connection), std::move(*watching), std::move(*saving)},
                                                  *pepper, clock, random, std::move(*teams)));
  BOATHOUSE_TRY(accounts->refresh());
  return accounts;
}

Accounts::Accounts(std::string dir, Connections connections, const Pepper& pepper, base::Clock& clock,
                   base::RandomSource& random, std::unique_ptr<Teams> teams)
    : dir_(std::move(dir)),
      pepper_(pepper),
      clock_(clock),
      random_(random),
      ids_(clock, random),
      teams_(std::move(teams)),
      connection_(std::move(connections.changing)),
      watching_(std::move(connections.watching)),
      saving_(std::move(connections.saving)) {}

Accounts::~Accounts() {
  (void)save_uses();  // nobody is left to tell, and all that is lost is when a key was used last
}

base::Digest Accounts::secret_for(std::string_view purpose) const {
  return keyed_hash(pepper_, "secret\n" + std::string(purpose));
}

Status Accounts::note_change() {
  auto update = connection_.prepare("UPDATE key_state SET changes = changes + 1");
  return update ? update->run() : Status(update.error());
}

Status Accounts::refresh() {
  const std::lock_guard lock(ring_mutex_);
  // What is read is as old as the moment before.
  const std::int64_t now_ms = clock_.monotonic_ms();
  auto select = watching_.prepare("SELECT changes, team_changes FROM key_state");
  if (!select) {
    return select.error();
  }
  // Read before the keys: what changes between the two is read again next time.
  if (const auto row = select->step(); !row) {
    return row.error();
  }
  const std::int64_t changes = select->integer(0);
  const std::int64_t team_changes = select->integer(1);
  select->reset();
  if (changes != seen_changes_) {
    BOATHOUSE_TRY(load_keys());
    seen_changes_ = changes;
  }
  if (!teams_->has_seen(team_changes)) {
    BOATHOUSE_TRY(teams_->refresh());
  }
  refreshed_ms_ = now_ms;
  return {};
}

Status Accounts::load_keys() {
  auto select = watching_.prepare(std::string(kForRing) + " AND (expires_ms IS NULL OR expires_ms > ?1)");
  if (!select) {
    return select.error();
  }
  const auto there = load_from(select->bind(1, clock_.utc_ms() - kExpiredForMs));
  if (!there) {
    return there.error();
  }
  ring_.keep(*there);  // another node may have revoked some, or forgotten somebody
  return load_suspended(watching_);
}

Status Accounts::load_key(const base::Uuid& id) {
  const std::lock_guard lock(ring_mutex_);
  auto select = connection_.prepare(std::string(kForRing) + " AND id = ?1");
  if (!select) {
    return select.error();
  }
  const auto there = load_from(select->bind(1, id.bytes));
  return there ? Status() : Status(there.error());
}

Result<std::unordered_set<base::Uuid>> Accounts::load_from(sql::Statement& select) {
  std::unordered_set<base::Uuid> there;
  while (true) {
    const auto row = select.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return there;
    }
    KeyRing::Entry entry;
    entry.role = static_cast<Role>(select.integer(1));
    if (!select.is_null(2)) {
      entry.athlete = uuid_of(select.blob(2));
    }
    entry.hash = digest_of(select.blob(3));
    entry.last_used_ms = select.optional_integer(4);
    entry.scopes = Scopes(static_cast<std::uint32_t>(select.integer(5)));
    entry.expires_ms = select.optional_integer(6);
    if (!select.is_null(7)) {
      entry.previous_hash = digest_of(select.blob(7));
      entry.previous_until_ms = select.integer(8);
    }
    ring_.put(uuid_of(select.blob(0)), entry);
    there.insert(uuid_of(select.blob(0)));
  }
}

// ---- keys ----

// Who `find_owner` says, and whether it has made them: in the transaction, if the call is to be done.
template <typename FindOwner>
Result<std::optional<NewKey>> Accounts::create_key(const std::optional<IdempotentCall>& call, const KeyOptions& options,
                                                   AuditedAct* act, FindOwner find_owner) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto once = done_calls_.look(call);
  if (!once) {
    return once.error();
  }
  if (once->is_others()) {
    return std::optional<NewKey>();
  }
  if (once->made()) {
    return key_again(*once);
  }
  // Not before: the end that was asked for may be over when the call comes again.
  BOATHOUSE_TRY(check_options(options, clock_.utc_ms()));
  bool is_new = false;
  const Result<Athlete> owner = find_owner(is_new);
  if (!owner) {
    return owner.error();
  }
  auto key = insert_key(Role::athlete, owner_of(*owner), options, once->secret());
  if (!key) {
    return key.error();
  }
  key->athlete_made = is_new;
  BOATHOUSE_TRY(done_calls_.note(*once, key->key.id));
  BOATHOUSE_TRY(commit(*transaction, connection_, act, learnt_of(*key)));
  BOATHOUSE_TRY(load_key(key->key.id));
  return std::optional(std::move(*key));
}

Result<std::optional<NewKey>> Accounts::create_athlete_key(const std::optional<IdempotentCall>& call,
                                                           const base::Uuid& athlete, const KeyOptions& options,
                                                           AuditedAct* act) {
  return create_key(call, options, act, [&](bool&) { return find_athlete(athlete); });
}

Result<std::optional<NewKey>> Accounts::create_athlete_key(const std::optional<IdempotentCall>& call,
                                                           std::string_view name, const KeyOptions& options,
                                                           AuditedAct* act) {
  BOATHOUSE_TRY(check_name(name, "an athlete's name"));
  return create_key(call, options, act, [&](bool& is_new) {
    auto owner = only_athlete(name);
    is_new = !owner && owner.error().code == ErrorCode::not_found;
    return is_new ? insert_athlete(name, {}) : std::move(owner);
  });
}

Result<NewKey> Accounts::create_athlete_key(const base::Uuid& athlete, const KeyOptions& options, AuditedAct* act) {
  return without_call(create_athlete_key(std::nullopt, athlete, options, act));
}

Result<NewKey> Accounts::create_athlete_key(std::string_view name, const KeyOptions& options, AuditedAct* act) {
  return without_call(create_athlete_key(std::nullopt, name, options, act));
}

// What a call has made that comes again: with its text as long as that is the key's secret, so not after a rotation or
// the revocation. Another node may have made it a moment ago, and it shall be in force here when it is shown.
Result<std::optional<NewKey>> Accounts::key_again(Once& once) {
  auto key = find_key(*once.made());
  if (!key) {
    return key.error();
  }
  BOATHOUSE_TRY(load_key(key->id));
  std::string text = make_api_key(key->id, once.secret());
  auto select = connection_.prepare("SELECT id FROM api_key WHERE id = ?1 AND hash = ?2 AND revoked_ms IS NULL");
  if (!select) {
    return select.error();
  }
  const auto is_secret = select->bind(1, key->id.bytes).bind(2, keyed_hash(pepper_, text)).step();
  if (!is_secret) {
    return is_secret.error();
  }
  return std::optional(NewKey{std::move(*key), *is_secret ? std::move(text) : std::string(), false});
}

Result<NewKey> Accounts::create_operator_key() {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto key = insert_key(Role::operator_, std::nullopt, {.scopes = kOperatorScopes}, random_);
  if (!key) {
    return key.error();
  }
  BOATHOUSE_TRY(transaction->commit());
  BOATHOUSE_TRY(load_key(key->key.id));
  return key;
}

Status Accounts::check_room_for_key(const base::Uuid& athlete) {
  auto select = connection_.prepare(
      "SELECT count(*) FROM api_key WHERE athlete = ?1 AND revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > "
      "?2)");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->bind(1, athlete.bytes).bind(2, clock_.utc_ms()).step(); !row) {
    return row.error();
  }
  return select->integer(0) < kMaxKeysOfAnAthlete
             ? Status()
             : Status(Error{ErrorCode::conflict,
                            "this athlete has " + std::to_string(kMaxKeysOfAnAthlete) +
                                " keys in force, as many as there may be: revoke one that is no longer used "
                                "(`boathouse key list --mine`, `boathouse key revoke --mine ID`)"});
}

Result<NewKey> Accounts::insert_key(Role role, const std::optional<KeyOwner>& athlete, const KeyOptions& options,
                                    base::RandomSource& secret) {
  if (athlete) {
    BOATHOUSE_TRY(check_room_for_key(athlete->id));
  }
  NewKey key;
  key.key.id = ids_.next();
  key.key.role = role;
  key.key.athlete = athlete;
  key.key.created_ms = clock_.utc_ms();
  key.key.scopes = options.scopes;
  key.key.label = options.label;
  key.key.expires_ms = options.expires_ms;
  if (options.lives_ms && !options.expires_ms) {
    key.key.expires_ms = key.key.created_ms + *options.lives_ms;
  }
  key.text = make_api_key(key.key.id, secret);
  auto insert = connection_.prepare(
      "INSERT INTO api_key (id, role, athlete, hash, created_ms, scopes, label, expires_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, key.key.id.bytes).bind(2, static_cast<int>(role));
  if (athlete) {
    insert->bind(3, athlete->id.bytes);
  }
  insert->bind(4, keyed_hash(pepper_, key.text)).bind(5, key.key.created_ms);
  insert->bind(6, key.key.scopes.bits()).bind(7, key.key.label).bind(8, key.key.expires_ms);
  BOATHOUSE_TRY(insert->run());
  BOATHOUSE_TRY(note_change());
  return key;
}

Result<std::vector<Key>> Accounts::keys(const std::optional<base::Uuid>& after, std::size_t limit,
                                        const std::optional<base::Uuid>& athlete) {
  const std::lock_guard lock(mutex_);
  auto select = connection_.prepare(std::string(kKeyColumns) + " WHERE api_key.id > ?1" +
                                    (athlete ? " AND api_key.athlete = ?3" : "") + " ORDER BY api_key.id LIMIT ?2");
  if (!select) {
    return select.error();
  }
  select->bind(1, start_of(after)).bind(2, limit_of(limit));
  if (athlete) {
    select->bind(3, athlete->bytes);
  }
  return keys_of(*select);
}

Result<std::vector<Key>> Accounts::keys_of(sql::Statement& select) {
  std::vector<Key> keys;
  while (true) {
    const auto row = select.step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return keys;
    }
    Key& key = keys.emplace_back();
    if (!select.is_null(0)) {
      key.athlete = KeyOwner{uuid_of(select.blob(0)), std::string(select.text(1)), select.integer(2)};
    }
    key.id = uuid_of(select.blob(3));
    key.role = static_cast<Role>(select.integer(4));
    key.created_ms = select.integer(5);
    key.revoked_ms = select.optional_integer(6);
    // Other nodes' uses are in the database, the newest of this one in memory.
    key.last_used_ms = std::max(select.optional_integer(7), ring_.last_used_ms(key.id));
    key.scopes = Scopes(static_cast<std::uint32_t>(select.integer(8)));
    key.label = select.text(9);
    key.expires_ms = select.optional_integer(10);
    key.previous_until_ms = select.optional_integer(11);
  }
}

Result<std::optional<base::Uuid>> Accounts::athlete_of_key(const base::Uuid& key_id) {
  const std::lock_guard lock(mutex_);
  auto select = connection_.prepare("SELECT athlete FROM api_key WHERE id = ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, key_id.bytes).step();
  if (!row) {
    return row.error();
  }
  return *row && !select->is_null(0) ? std::optional(uuid_of(select->blob(0))) : std::nullopt;
}

Result<Key> Accounts::find_key(const base::Uuid& id) {
  auto select = connection_.prepare(std::string(kKeyColumns) + " WHERE api_key.id = ?1");
  if (!select) {
    return select.error();
  }
  auto found = keys_of(select->bind(1, id.bytes));
  if (!found) {
    return found.error();
  }
  if (found->empty()) {
    return Error{ErrorCode::not_found, "there is no key " + format_id(kKeyPrefix, id)};
  }
  return std::move(found->front());
}

Result<NewKey> Accounts::rotate(const base::Uuid& key_id, std::int64_t overlap_ms, AuditedAct* act) {
  return without_call(rotate(std::nullopt, key_id, overlap_ms, act));
}

Result<std::optional<NewKey>> Accounts::rotate(const std::optional<IdempotentCall>& call, const base::Uuid& key_id,
                                               std::int64_t overlap_ms, AuditedAct* act) {
  if (overlap_ms < 0 || overlap_ms > kMaxOverlapMs) {
    return Error{ErrorCode::invalid_input, "the old secret stays for 0 to 30 days"};
  }
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto once = done_calls_.look(call);
  if (!once) {
    return once.error();
  }
  if (once->is_others()) {
    return std::optional<NewKey>();
  }
  if (once->made()) {
    return key_again(*once);
  }
  auto found = find_key(key_id);
  if (!found) {
    return found.error();
  }
  NewKey key{std::move(*found), make_api_key(key_id, once->secret()), false};
  const std::int64_t now_ms = clock_.utc_ms();
  if (key.key.revoked_ms || (key.key.expires_ms && now_ms >= *key.key.expires_ms)) {
    return Error{ErrorCode::conflict, "the key is revoked or has expired: make a new one"};
  }
  key.key.previous_until_ms = now_ms + overlap_ms;
  auto update =
      connection_.prepare("UPDATE api_key SET previous_hash = hash, previous_until_ms = ?2, hash = ?3 WHERE id = ?1");
  if (!update) {
    return update.error();
  }
  BOATHOUSE_TRY(
      update->bind(1, key_id.bytes).bind(2, *key.key.previous_until_ms).bind(3, keyed_hash(pepper_, key.text)).run());
  BOATHOUSE_TRY(note_change());
  BOATHOUSE_TRY(done_calls_.note(*once, key_id));
  BOATHOUSE_TRY(commit(*transaction, connection_, act));
  BOATHOUSE_TRY(load_key(key_id));
  return std::optional(std::move(key));
}

Status Accounts::revoke(const base::Uuid& key_id, AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  {
    auto select = connection_.prepare("SELECT role, revoked_ms FROM api_key WHERE id = ?1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, key_id.bytes).step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return Error{ErrorCode::not_found, "there is no key " + format_id(kKeyPrefix, key_id)};
    }
    if (!select->is_null(1)) {
      return {};
    }
    const bool of_operator = static_cast<Role>(select->integer(0)) == Role::operator_;
    const auto operators = operators_in_force();
    if (!operators) {
      return operators.error();
    }
    if (of_operator && *operators <= 1) {
      return Error{ErrorCode::conflict, "this is the last operator key: nobody could administer the server without it"};
    }
  }
  auto update = connection_.prepare("UPDATE api_key SET revoked_ms = ?2 WHERE id = ?1");
  if (!update) {
    return update.error();
  }
  BOATHOUSE_TRY(update->bind(1, key_id.bytes).bind(2, clock_.utc_ms()).run());
  // Whoever has the key may have made a code with it.
  auto forget = connection_.prepare("DELETE FROM pairing WHERE athlete = (SELECT athlete FROM api_key WHERE id = ?1)");
  if (!forget) {
    return forget.error();
  }
  BOATHOUSE_TRY(forget->bind(1, key_id.bytes).run());
  BOATHOUSE_TRY(note_change());
  BOATHOUSE_TRY(commit(*transaction, connection_, act));
  const std::lock_guard ring_lock(ring_mutex_);
  ring_.remove(key_id);
  return {};
}

Result<std::int64_t> Accounts::operators_in_force() {
  auto select = connection_.prepare("SELECT count(*) FROM api_key WHERE role = ?1 AND revoked_ms IS NULL");
  if (!select) {
    return select.error();
  }
  if (const auto row = select->bind(1, static_cast<int>(Role::operator_)).step(); !row) {
    return row.error();
  }
  return select->integer(0);
}

Result<Identity> Accounts::authenticate(std::string_view key_text) {
  if (shared() && clock_.monotonic_ms() - refreshed_ms_ > kMaxStaleMs) {
    return Error{ErrorCode::unavailable, "the database with the keys cannot be reached; try again in some seconds"};
  }
  const auto id = parse_api_key(key_text);
  if (!id) {
    return id.error();
  }
  return ring_.check(*id, keyed_hash(pepper_, key_text), clock_.utc_ms());
}

Status Accounts::check_in_force(const base::Uuid& key_id) const {
  return ring_.check_in_force(key_id, clock_.utc_ms());
}

}  // namespace boathouse::control
