// The calls with an Idempotency-Key that were done, in the database that they change: each in the transaction of what
// it made, so that it is known exactly if that was made. Of two at the same time, on whatever node, the second waits
// for the first's transaction and finds it here.
//
// A secret that a call makes (an API key's, a code) is not here: of it only the keyed hash is at rest. So that a call
// that comes again can show it once more, its bytes are not drawn but derived: HMAC-SHA256, under the pepper, of the
// caller, the Idempotency-Key, what was asked, and a salt of 256 random bits that is drawn for each call and lies in
// its row. Why that is as good as drawing them:
//   - without the pepper nobody can tell them from 256 random bits, whatever the client takes for an Idempotency-Key;
//   - the salt is new each time, so the same call a day later has another secret;
//   - who has the database and the pepper (a backup) still lacks the Idempotency-Key, of which only a keyed hash is
//     here: it is a UUID of 122 random bits if the client does as docs/accounts.md says;
//   - with the row goes the salt (with the first such call a day later), and without it the secret is gone for good.
#pragma once

#include <optional>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/control/derived_random.hpp"
#include "server/control/idempotent_call.hpp"
#include "server/control/keyed_hash.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::control {

inline constexpr std::int64_t kMaxCallsKept = 1000;  // of a caller, the newest

// How a call stands. Lives no longer than the DoneCalls that it comes from.
class Once {
 public:
  // Another call had its key: nothing may be done.
  [[nodiscard]] bool is_others() const { return is_others_; }
  // The id that the call's row was given when it came before; nullopt: it is to be done now.
  [[nodiscard]] const std::optional<base::Uuid>& made() const { return made_; }
  // Where the bytes of the one secret come from that the call makes: the same ones when it comes again. Of a call
  // without an Idempotency-Key they are random.
  [[nodiscard]] base::RandomSource& secret() { return derived_ ? *derived_ : random_; }

 private:
  friend class DoneCalls;
  struct Row {
    base::Digest name{};
    base::Uuid caller;
    base::Digest asked{};
    base::Digest salt{};
  };
  explicit Once(base::RandomSource& random) : random_(random) {}

  base::RandomSource& random_;
  bool is_others_ = false;
  std::optional<base::Uuid> made_;
  std::optional<Row> row_;  // of a call with an Idempotency-Key that is to be done
  std::optional<DerivedRandom> derived_;
};

// Thread rule and errors: as of the connection.
class DoneCalls {
 public:
  // All must outlive the object; `random` is fit for keys.
  DoneCalls(const Pepper& pepper, base::Clock& clock, base::RandomSource& random, sql::Connection& connection)
      : pepper_(pepper), clock_(clock), random_(random), connection_(connection) {}

  // In a transaction of the connection, before anything is done. nullopt is a call without an Idempotency-Key: always
  // to be done.
  base::Result<Once> look(const std::optional<IdempotentCall>& call);
  // In the same transaction, when it is done: `made` is what the answer is made from when the call comes again.
  // Forgets what is too old, and what the caller has too many of.
  base::Status note(const Once& once, const base::Uuid& made);

 private:
  base::Status forget_old(const base::Uuid& caller, std::int64_t now_ms);

  const Pepper& pepper_;
  base::Clock& clock_;
  base::RandomSource& random_;
  sql::Connection& connection_;
};

// conflict: the answer to a call that comes again when the code that it made lets nobody in any more.
base::Error code_has_ended();

// What a function that takes a call gives when there is none: nothing is another call's then.
template <typename T>
base::Result<T> without_call(base::Result<std::optional<T>> made) {
  return made ? base::Result<T>(std::move(**made)) : made.error();
}

}  // namespace boathouse::control
