#include "server/control/key_ring.hpp"

#include <mutex>

#include "server/control/keyed_hash.hpp"

namespace boathouse::control {

void KeyRing::add(const base::Uuid& id, const Entry& entry) {
  const std::unique_lock lock(mutex_);
  held_.try_emplace(id, entry);
}

void KeyRing::revoke(const base::Uuid& id) {
  const std::unique_lock lock(mutex_);
  if (const auto found = held_.find(id); found != held_.end()) {
    found->second.entry.revoked = true;
  }
}

base::Result<Identity> KeyRing::check(const base::Uuid& id, const base::Digest& hash, std::int64_t now_ms) {
  const std::shared_lock lock(mutex_);
  const auto found = held_.find(id);
  if (found == held_.end() || !equal_in_constant_time(found->second.entry.hash, hash) || found->second.entry.revoked) {
    return base::Error{base::ErrorCode::unauthenticated,
                       "the key is not in force on this server: it was revoked, or "
                       "belongs to another server"};
  }
  Held& held = found->second;
  held.used_ms = now_ms;
  return Identity{id, held.entry.role, held.entry.athlete};
}

std::optional<Role> KeyRing::role_of(const base::Uuid& id, const base::Digest& hash) const {
  const std::shared_lock lock(mutex_);
  const auto found = held_.find(id);
  if (found == held_.end() || !equal_in_constant_time(found->second.entry.hash, hash)) {
    return std::nullopt;
  }
  return found->second.entry.role;
}

std::optional<std::int64_t> KeyRing::last_used_ms(const base::Uuid& id) const {
  const std::shared_lock lock(mutex_);
  const auto found = held_.find(id);
  if (found == held_.end() || found->second.used_ms == kNever) {
    return std::nullopt;
  }
  return found->second.used_ms.load();
}

std::vector<std::pair<base::Uuid, std::int64_t>> KeyRing::take_uses() {
  const std::shared_lock lock(mutex_);
  std::vector<std::pair<base::Uuid, std::int64_t>> uses;
  for (auto& [id, held] : held_) {
    const std::int64_t used_ms = held.used_ms;
    if (held.taken_ms.exchange(used_ms) != used_ms) {
      uses.emplace_back(id, used_ms);
    }
  }
  return uses;
}

}  // namespace boathouse::control
