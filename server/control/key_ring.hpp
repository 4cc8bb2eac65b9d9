// Every API key that may let somebody in, in memory, so that a request is let in or refused without the disk. A key
// that is not here lets nobody in. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "server/control/identity.hpp"

namespace boathouse::control {

class KeyRing {
 public:
  struct Entry {
    base::Digest hash{};
    Role role = Role::athlete;
    std::optional<base::Uuid> athlete;
    Scopes scopes;
    std::optional<std::int64_t> expires_ms;
    std::optional<base::Digest> previous_hash;  // good until previous_until_ms: the key was rotated
    std::int64_t previous_until_ms = 0;
    std::optional<std::int64_t> last_used_ms;
  };

  // Or replaces it. No check() that begins after this returned takes what it was before.
  void put(const base::Uuid& id, const Entry& entry);
  // No check() that begins after this returned lets the key in. When it was used is still saved.
  void remove(const base::Uuid& id);

  // No check() that begins after this returned lets in a key of these athletes, and only of these.
  void suspend(std::unordered_set<base::Uuid> athletes);
  [[nodiscard]] bool is_suspended(const base::Uuid& athlete) const;
  // Removes all others.
  void keep(const std::unordered_set<base::Uuid>& ids);
  // The athlete's keys were never here.
  void forget(const base::Uuid& athlete);

  // Notes the use, at `now_ms`. forbidden: the athlete is suspended. unauthenticated: not here, expired, or another
  // hash; one text for all, so that an id that leaked says nothing.
  base::Result<Identity> check(const base::Uuid& id, const base::Digest& hash, std::int64_t now_ms);

  // The same of a key whose secret was right before; notes no use.
  [[nodiscard]] base::Status check_in_force(const base::Uuid& id, std::int64_t now_ms) const;

  // As far as it is known here.
  [[nodiscard]] std::optional<std::int64_t> last_used_ms(const base::Uuid& id) const;

  using Use = std::pair<base::Uuid, std::int64_t>;
  // The keys used since the last call, with the time of their last use.
  std::vector<Use> take_uses();
  // They were not saved: the next call has them, too.
  void put_back(std::span<const Use> uses);

 private:
  static constexpr std::int64_t kNever = INT64_MIN;

  struct Held {
    explicit Held(const Entry& from)
        : entry(from), used_ms(from.last_used_ms.value_or(kNever)), taken_ms(from.last_used_ms.value_or(kNever)) {}
    Entry entry;
    std::atomic<std::int64_t> used_ms;
    std::atomic<std::int64_t> taken_ms;
  };

  [[nodiscard]] base::Status check_athlete(const Entry& entry) const;  // mutex_ is held
  void note_unsaved(const base::Uuid& id, const Held& held);           // mutex_ is held

  mutable std::shared_mutex mutex_;
  std::unordered_set<base::Uuid> suspended_;
  std::unordered_map<base::Uuid, Held> held_;
  std::unordered_map<base::Uuid, std::int64_t> unsaved_;  // uses of keys that are held no more
};

}  // namespace boathouse::control
