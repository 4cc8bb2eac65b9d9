// Athletes and API keys: who may talk to this server, and as whom. Kept in DIR/control.db or in PostgreSQL, beside the
// ledger; a key's secret is nowhere in it, only its HMAC-SHA256 under DIR/pepper.key (a fast hash is right for a secret
// of 256 random bits).
//
// Every key that may let somebody in is also in memory, so checking one costs a hash and no disk; a revocation is in
// force here when revoke() returns. Several nodes on one PostgreSQL have the same pepper.key; each calls refresh()
// (key_watch.hpp), and a node that has not been able to for kMaxStaleMs lets nobody in: a key that was revoked
// elsewhere is dead within that time. Thread rule: every call from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/control/audit_log.hpp"
#include "server/control/done_calls.hpp"
#include "server/control/idempotent_call.hpp"
#include "server/control/identity.hpp"
#include "server/control/key_ring.hpp"
#include "server/control/keyed_hash.hpp"
#include "server/control/outcomes.hpp"
#include "server/control/profile.hpp"
#include "server/control/schema.hpp"
#include "server/control/teams.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::control {

struct Athlete {
  base::Uuid id;
  std::string name;  // UTF-8 as typed, 1 to kMaxNameCodePoints; two athletes may have the same
  std::int64_t created_ms = 0;
  Profile profile = {};
  std::int64_t version = 1;  // grows with each change
};
inline constexpr std::int64_t kMaxStaleMs = 1000;

// What a new key may be, besides whose.
struct KeyOptions {
  Scopes scopes = kAthleteScopes;
  std::string label = {};                       // "club tablet": up to kMaxNameCodePoints, or empty
  std::optional<std::int64_t> lives_ms = {};    // from now; at least 1, at most kMaxKeyLifeMs
  std::optional<std::int64_t> expires_ms = {};  // instead: when; within the same bounds
};
inline constexpr std::int64_t kHourMs = 3'600'000;
inline constexpr std::int64_t kDayMs = 24 * kHourMs;
inline constexpr std::int64_t kMaxKeyLifeMs = 3650 * kDayMs;
inline constexpr std::int64_t kMaxOverlapMs = 30 * kDayMs;
// In force at a time: neither revoked nor expired.
inline constexpr std::int64_t kMaxKeysOfAnAthlete = 100;

struct KeyOwner {
  base::Uuid id;
  std::string name;
  std::int64_t created_ms = 0;
};

struct Key {
  base::Uuid id;
  Role role = Role::athlete;
  std::optional<KeyOwner> athlete;  // exactly when role is athlete
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> last_used_ms;  // survives a crash up to the last minute; of other nodes up to that, too
  std::optional<std::int64_t> revoked_ms;
  Scopes scopes;
  std::string label;
  std::optional<std::int64_t> expires_ms;
  std::optional<std::int64_t> previous_until_ms;  // the secret of before the last rotation is good until then
};

struct NewKey {
  Key key;
  std::string text;           // to be shown once. "": a call came again, and this is the key's secret no longer
  bool athlete_made = false;  // its athlete is new too
};

// What a device is given that was paired: it uploads and fetches the athlete's recordings, and nothing else.
inline constexpr Scopes kDeviceScopes = Scopes().add(Scope::sessions_write);
inline constexpr std::int64_t kPairingLifeMs = 600'000;

struct PairingCode {
  std::string text;  // to be shown once: "K7QM-2P9X"
  std::int64_t expires_ms = 0;
};

class Accounts {
 public:
  // Opens DIR/control.db and DIR/pepper.key (mode 0600), making both at the first start. DIR must exist; `clock` and
  // `random` (fit for keys) must outlive the object. `place`: PostgreSQL; anything else means DIR/control.db. corrupt:
  // the pepper is missing, or is not the one that the keys were made with. Other errors as of server/sql.
  static base::Result<std::unique_ptr<Accounts>> open(const std::string& dir, base::Clock& clock,
                                                      base::RandomSource& random, const sql::Place& place = {});
  ~Accounts();
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  // What takes an act commits its outcome with what it changes (audit_log.hpp); without one it is in no audit.
  //
  // What takes a call is done once (done_calls.hpp): when the call comes again it changes nothing, and gives what it
  // has made, as that is now; nullopt: its Idempotency-Key is another call's. A call that failed has used nothing up.

  // invalid_input (unavailable for a zone): as tidy() of profile.hpp.
  base::Result<Athlete> create_athlete(std::string_view name, const Profile& profile = {}, AuditedAct* act = nullptr);
  base::Result<std::optional<Athlete>> create_athlete(const std::optional<IdempotentCall>& call, std::string_view name,
                                                      const Profile& profile = {}, AuditedAct* act = nullptr);
  // not_found if there is none.
  base::Result<Athlete> athlete(const base::Uuid& id);
  // not_found; conflict: several have it.
  base::Result<Athlete> athlete_named(std::string_view name);
  // Of `version`, or whatever it is. not_found; conflict: it is at another version; errors of the change as for
  // create_athlete().
  base::Result<Athlete> update_athlete(const base::Uuid& id, ProfileChange change, std::optional<std::int64_t> version,
                                       AuditedAct* act = nullptr);
  // In order of id (so of making), after `after`.
  base::Result<std::vector<Athlete>> athletes(const std::optional<base::Uuid>& after, std::size_t limit);

  // None of the athlete's keys is let in (forbidden) until this is taken back; in force here when it returns. Doing it
  // again changes nothing. not_found.
  base::Status suspend(const base::Uuid& athlete, bool suspended);
  // From memory.
  [[nodiscard]] bool is_suspended(const base::Uuid& athlete) const { return ring_.is_suspended(athlete); }
  // Removes the athlete and the keys, for ever. Doing it again changes nothing.
  base::Status forget(const base::Uuid& athlete);
  // How many rows of each table are the athlete's.
  struct Rows {
    std::uint64_t athletes = 0;
    std::uint64_t keys = 0;
    std::uint64_t teams = 0;     // team_person
    std::uint64_t pairings = 0;  // pairing
    std::uint64_t calls = 0;     // account_call: made by them, or what made them or a key of theirs
  };
  base::Result<Rows> count_of(const base::Uuid& athlete);

  // not_found: no such athlete. invalid_input: options that break their rules, a scope that is not an athlete's.
  // conflict: the athlete has kMaxKeysOfAnAthlete.
  base::Result<NewKey> create_athlete_key(const base::Uuid& athlete, const KeyOptions& options = {},
                                          AuditedAct* act = nullptr);
  base::Result<std::optional<NewKey>> create_athlete_key(const std::optional<IdempotentCall>& call,
                                                         const base::Uuid& athlete, const KeyOptions& options = {},
                                                         AuditedAct* act = nullptr);
  // Of the one athlete with that name, who is made if there is none. conflict: several have it, or as above. Errors of
  // the name as for create_athlete().
  base::Result<NewKey> create_athlete_key(std::string_view name, const KeyOptions& options = {},
                                          AuditedAct* act = nullptr);
  base::Result<std::optional<NewKey>> create_athlete_key(const std::optional<IdempotentCall>& call,
                                                         std::string_view name, const KeyOptions& options = {},
                                                         AuditedAct* act = nullptr);
  base::Result<NewKey> create_operator_key();
  // Revoked ones too, in order of id, after `after`: all, or one athlete's.
  base::Result<std::vector<Key>> keys(const std::optional<base::Uuid>& after, std::size_t limit,
                                      const std::optional<base::Uuid>& athlete = {});
  // Whose key that is, or was: a revoked one's too; nullopt: the operator's, or no such key.
  base::Result<std::optional<base::Uuid>> athlete_of_key(const base::Uuid& key_id);
  // Doing it again changes nothing. not_found; conflict: the last operator key in force, without which nobody could
  // administer the server.
  base::Status revoke(const base::Uuid& key_id, AuditedAct* act = nullptr);
  // A new secret for the key; the one of now is good for `overlap_ms` more (0 to kMaxOverlapMs), one of an earlier
  // rotation no longer. not_found; conflict: the key is revoked or has expired.
  base::Result<NewKey> rotate(const base::Uuid& key_id, std::int64_t overlap_ms, AuditedAct* act = nullptr);
  base::Result<std::optional<NewKey>> rotate(const std::optional<IdempotentCall>& call, const base::Uuid& key_id,
                                             std::int64_t overlap_ms, AuditedAct* act = nullptr);

  // A code with which a device that has no key gets one, within kPairingLifeMs and once. A new code for the athlete, or
  // the end of any key of the athlete, ends the one of before. The device's key ends at `key_expires_ms`, and the code
  // then at the latest. not_found: no such athlete; conflict: the athlete has kMaxKeysOfAnAthlete.
  base::Result<PairingCode> start_pairing(const base::Uuid& athlete, std::optional<std::int64_t> key_expires_ms = {},
                                          AuditedAct* act = nullptr);
  // conflict: the call comes again, and its code is good no longer.
  base::Result<std::optional<PairingCode>> start_pairing(const std::optional<IdempotentCall>& call,
                                                         const base::Uuid& athlete,
                                                         std::optional<std::int64_t> key_expires_ms = {},
                                                         AuditedAct* act = nullptr);
  // Whose code that is. invalid_input: not the form of a code; not_found: unknown, used, or too late.
  base::Result<base::Uuid> athlete_of_pairing(std::string_view code);
  // Uses the code up: a key with kDeviceScopes and the device's name for a label. Errors as above, of the name, and
  // conflict: the athlete has kMaxKeysOfAnAthlete by now; then the code is as good as before.
  base::Result<NewKey> finish_pairing(std::string_view code, std::string_view device_name, AuditedAct* act = nullptr);

  [[nodiscard]] Teams& teams() { return *teams_; }
  [[nodiscard]] const Teams& teams() const { return *teams_; }
  // Of acts on what is here, the teams too.
  [[nodiscard]] Outcomes& outcomes() { return outcomes_; }
  [[nodiscard]] base::Clock& clock() { return clock_; }

  // Whether other processes may change what is here.
  [[nodiscard]] bool shared() const { return connection_.dialect() == sql::Dialect::postgres; }
  // Takes over what other nodes have changed.
  base::Status refresh();

  // Of the pepper: the same at every start and on every node, another for each purpose, and no way back to the pepper.
  [[nodiscard]] base::Digest secret_for(std::string_view purpose) const;

  // What was used since the last time goes to the disk, in statements of some hundred keys: for a thread that may wait
  // (key_watch.hpp). It is in nobody's way: neither of who is let in or changes something here nor, on PostgreSQL, of
  // the ledger's commits. What could not be written is written next time.
  base::Status save_uses();

  // The way of every request. unauthenticated: not the form of a key, unknown, revoked, or another secret; unavailable:
  // shared, and not refreshed for too long.
  base::Result<Identity> authenticate(std::string_view key_text);
  // Of a key that was let in before, as far as this node knows: unauthenticated or forbidden if it would be no longer.
  // From memory.
  [[nodiscard]] base::Status check_in_force(const base::Uuid& key_id) const;

  // At the start of `serve`: with no operator key in force, makes one and writes it to DIR/operator.key (mode 0600,
  // durable, never over an existing file). corrupt: a file that is there holds no operator key of this control.db; the
  // text says what to do. A missing file is fine when an operator key is in force: it was taken to a safer place.
  base::Status ensure_operator_key(AuditedAct* act = nullptr);
  // Whether none is in force, so that ensure_operator_key() may have to make one.
  base::Result<bool> lacks_operator_key();

 private:
  struct Connections {
    sql::Connection changing;
    sql::Connection watching;
    sql::Connection saving;
  };
  Accounts(std::string dir, Connections connections, const Pepper& pepper, base::Clock& clock,
           base::RandomSource& random, std::unique_ptr<Teams> teams);

  template <typename FindOwner>
  base::Result<std::optional<NewKey>> create_key(const std::optional<IdempotentCall>& call, const KeyOptions& options,
                                                 AuditedAct* act, FindOwner find_owner);

  // With ring_mutex_ held.
  base::Status load_keys();
  base::Status load_suspended(sql::Connection& connection);
  // The ids of those that it has put into the ring.
  base::Result<std::unordered_set<base::Uuid>> load_from(sql::Statement& select);

  // The rest is called with mutex_ held.
  base::Status load_key(const base::Uuid& id);
  base::Result<std::vector<Key>> keys_of(sql::Statement& select);
  base::Status note_change();
  base::Result<Athlete> find_athlete(const base::Uuid& id);
  base::Result<Athlete> only_athlete(std::string_view name);
  base::Result<Athlete> insert_athlete(std::string_view name, const Profile& profile);
  base::Result<Key> find_key(const base::Uuid& id);
  base::Result<std::optional<NewKey>> key_again(Once& once);
  base::Result<std::int64_t> operators_in_force();
  base::Result<bool> is_of_operator(std::string_view key_text);
  base::Status check_room_for_key(const base::Uuid& athlete);
  // `secret`: where the bytes of the key's secret come from.
  base::Result<NewKey> insert_key(Role role, const std::optional<KeyOwner>& athlete, const KeyOptions& options,
                                  base::RandomSource& secret);
  struct Pairing {
    base::Uuid athlete;
    std::int64_t expires_ms = 0;
    std::optional<std::int64_t> key_expires_ms;
  };
  base::Result<Pairing> find_pairing(const base::Digest& hash);
  base::Status remove_pairings(const base::Uuid& athlete);

  const std::string dir_;
  const Pepper pepper_;
  base::Clock& clock_;
  base::RandomSource& random_;
  base::UuidV7Source ids_;
  KeyRing ring_;
  const std::unique_ptr<Teams> teams_;  // on a connection of its own
  std::mutex mutex_;                    // of the connection, and so of every change
  sql::Connection connection_;
  Outcomes outcomes_{std::string(kOutcomeTable), mutex_, connection_};
  DoneCalls done_calls_{pepper_, clock_, random_, connection_};
  // Held while the ring is made what the database says, from the reading on and, for a change of this node, after its
  // commit: so nothing older is put over it. Taken after mutex_, and never for long: a change that waits for its turn
  // among all writers keeps nobody from seeing that nothing has changed meanwhile.
  std::mutex ring_mutex_;
  sql::Connection watching_;
  std::int64_t seen_changes_ = -1;              // what the ring is made of
  std::atomic<std::int64_t> refreshed_ms_ = 0;  // monotonic
  std::mutex saving_mutex_;                     // of the connection below
  sql::Connection saving_;
};

}  // namespace boathouse::control
