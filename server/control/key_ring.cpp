#include "server/control/key_ring.hpp"

#include <mutex>

#include "server/control/keyed_hash.hpp"

namespace boathouse::control {
namespace {

base::Error not_in_force() {
  return {base::ErrorCode::unauthenticated,
          "the key is not in force on this server: it was revoked, has expired, or belongs to another server"};
}

bool has_expired(const KeyRing::Entry& entry, std::int64_t now_ms) {
  return entry.expires_ms && now_ms >= *entry.expires_ms;
}

}  // namespace

void KeyRing::put(const base::Uuid& id, const Entry& entry) {
  const std::unique_lock lock(mutex_);
  if (const auto [at, is_new] = held_.try_emplace(id, entry); !is_new) {
    at->second.entry = entry;
  }
}

void KeyRing::note_unsaved(const base::Uuid& id, const Held& held) {
  if (held.used_ms != held.taken_ms) {
    unsaved_[id] = held.used_ms;
  }
}

void KeyRing::remove(const base::Uuid& id) {
  const std::unique_lock lock(mutex_);
  if (const auto found = held_.find(id); found != held_.end()) {
    note_unsaved(id, found->second);
    held_.erase(found);
  }
}

void KeyRing::suspend(std::unordered_set<base::Uuid> athletes) {
  const std::unique_lock lock(mutex_);
  suspended_ = std::move(athletes);
}

bool KeyRing::is_suspended(const base::Uuid& athlete) const {
  const std::shared_lock lock(mutex_);
  return suspended_.contains(athlete);
}

void KeyRing::keep(const std::unordered_set<base::Uuid>& ids) {
  const std::unique_lock lock(mutex_);
  std::erase_if(held_, [&](const auto& one) {
    const bool goes = !ids.contains(one.first);
    if (goes) {
      note_unsaved(one.first, one.second);
    }
    return goes;
  });
}

void KeyRing::forget(const base::Uuid& athlete) {
  const std::unique_lock lock(mutex_);
  std::erase_if(held_, [&athlete](const auto& one) { return one.second.entry.athlete == athlete; });
  suspended_.erase(athlete);
}

base::Result<Identity> KeyRing::check(const base::Uuid& id, const base::Digest& hash, std::int64_t now_ms) {
  // In the place of a key that is not here, so that its refusal takes no other way than a wrong secret's.
  static const Entry kNobody;
  const std::shared_lock lock(mutex_);
  const auto found = held_.find(id);
  const auto in_force = [&](const Entry& entry) {
    const bool is_now = equal_in_constant_time(entry.hash, hash);
    const bool was = equal_in_constant_time(entry.previous_hash.value_or(base::Digest{}), hash);
    return (is_now || (was && entry.previous_hash && now_ms < entry.previous_until_ms)) && !has_expired(entry, now_ms);
  };
  if (!in_force(found != held_.end() ? found->second.entry : kNobody) || found == held_.end()) {
    return not_in_force();
  }
  Held& held = found->second;
  BOATHOUSE_TRY(check_athlete(held.entry));
  held.used_ms = now_ms;
  return Identity{id, held.entry.role, held.entry.athlete, held.entry.scopes, held.entry.expires_ms};
}

base::Status KeyRing::check_in_force(const base::Uuid& id, std::int64_t now_ms) const {
  const std::shared_lock lock(mutex_);
  const auto found = held_.find(id);
  if (found == held_.end() || has_expired(found->second.entry, now_ms)) {
    return not_in_force();
  }
  return check_athlete(found->second.entry);
}

base::Status KeyRing::check_athlete(const Entry& entry) const {
  if (entry.athlete && suspended_.contains(*entry.athlete)) {
    return base::Error{base::ErrorCode::forbidden,
                       "this athlete's data is being erased, so no key of theirs is let in; until it is removed, "
                       "whoever runs the server can take that back"};
  }
  return {};
}

std::optional<std::int64_t> KeyRing::last_used_ms(const base::Uuid& id) const {
  const std::shared_lock lock(mutex_);
  if (const auto found = held_.find(id); found != held_.end()) {
    const std::int64_t used_ms = found->second.used_ms;
    return used_ms == kNever ? std::nullopt : std::optional(used_ms);
  }
  const auto unsaved = unsaved_.find(id);
  return unsaved == unsaved_.end() ? std::nullopt : std::optional(unsaved->second);
}

std::vector<KeyRing::Use> KeyRing::take_uses() {
  std::vector<Use> uses;
  {
    const std::unique_lock lock(mutex_);
    uses.assign(unsaved_.begin(), unsaved_.end());
    unsaved_.clear();
  }
  const std::shared_lock lock(mutex_);
  for (auto& [id, held] : held_) {
    const std::int64_t used_ms = held.used_ms;
    if (held.taken_ms.exchange(used_ms) != used_ms) {
      uses.emplace_back(id, used_ms);
    }
  }
  return uses;
}

void KeyRing::put_back(std::span<const Use> uses) {
  const std::unique_lock lock(mutex_);
  for (const Use& use : uses) {
    if (const auto found = held_.find(use.first); found != held_.end()) {
      found->second.taken_ms = kNever;
    } else {
      unsaved_.insert(use);
    }
  }
}

}  // namespace boathouse::control
