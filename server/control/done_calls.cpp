#include "server/control/done_calls.hpp"

#include <algorithm>
#include <string>

#include "core/base/hex.hpp"
#include "server/control/rows.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

// The key is the last part of each text and may be anything; what stands before it has one length.
base::Digest name_of(const Pepper& pepper, const IdempotentCall& call) {
  return keyed_hash(pepper, "call\n" + base::to_hex(call.caller.bytes) + "\n" + call.key);
}

base::Digest seed_of(const Pepper& pepper, const IdempotentCall& call, const base::Digest& salt) {
  return keyed_hash(pepper, "secret of a call\n" + base::to_hex(call.caller.bytes) + "\n" + base::to_hex(call.asked) +
                                "\n" + base::to_hex(salt) + "\n" + call.key);
}

}  // namespace

Result<Once> DoneCalls::look(const std::optional<IdempotentCall>& call) {
  Once once(random_);
  if (!call) {
    return once;
  }
  const base::Digest name = name_of(pepper_, *call);
  auto select = connection_.prepare("SELECT asked, made, salt FROM account_call WHERE name = ?1 AND at_ms > ?2");
  if (!select) {
    return select.error();
  }
  const auto found = select->bind(1, name).bind(2, clock_.utc_ms() - kCallKeptMs).step();
  if (!found) {
    return found.error();
  }
  base::Digest salt{};
  if (*found) {
    once.is_others_ = !std::ranges::equal(select->blob(0), call->asked);
    once.made_ = uuid_of(select->blob(1));
    salt = digest_of(select->blob(2));
  } else {
    random_.fill(salt);
    once.row_ = Once::Row{name, call->caller, call->asked, salt};
  }
  once.derived_ = DerivedRandom(seed_of(pepper_, *call, salt));
  return once;
}

Status DoneCalls::note(const Once& once, const base::Uuid& made) {
  if (!once.row_) {
    return {};
  }
  const std::int64_t now_ms = clock_.utc_ms();
  BOATHOUSE_TRY(forget_old(once.row_->caller, now_ms));
  // One of that name may be here still: it is too old, and not forgotten yet.
  auto insert = connection_.prepare(
      "INSERT INTO account_call (name, caller, asked, made, salt, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
      "ON CONFLICT (name) DO UPDATE SET asked = ?3, made = ?4, salt = ?5, at_ms = ?6");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, once.row_->name).bind(2, once.row_->caller.bytes).bind(3, once.row_->asked);
  return insert->bind(4, made.bytes).bind(5, once.row_->salt).bind(6, now_ms).run();
}

// What is too old goes, whosesoever it is; a bounded number at a time, which is more than the one that comes.
Status DoneCalls::forget_old(const base::Uuid& caller, std::int64_t now_ms) {
  auto old = connection_.prepare(
      "DELETE FROM account_call WHERE name IN "
      "(SELECT name FROM account_call WHERE at_ms <= ?1 ORDER BY at_ms LIMIT 100)");
  if (!old) {
    return old.error();
  }
  BOATHOUSE_TRY(old->bind(1, now_ms - kCallKeptMs).run());
  auto beyond = connection_.prepare(
      "DELETE FROM account_call WHERE name IN "
      "(SELECT name FROM account_call WHERE caller = ?1 ORDER BY at_ms DESC LIMIT 100 OFFSET ?2)");
  if (!beyond) {
    return beyond.error();
  }
  return beyond->bind(1, caller.bytes).bind(2, kMaxCallsKept - 1).run();
}

Error code_has_ended() {
  return {ErrorCode::conflict,
          "this call was done before, and the code that it made was used up, replaced or has ended: make a new one, "
          "with a new Idempotency-Key"};
}

}  // namespace boathouse::control
