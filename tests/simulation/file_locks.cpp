#include "tests/simulation/file_locks.hpp"

namespace boathouse::simulation {

bool DatabaseLocks::lock(const void* who, LockLevel& level, LockLevel wanted) {
  const auto other = [&](const void* holder) { return holder != nullptr && holder != who; };
  if (wanted <= level) return true;
  switch (wanted) {
    case LockLevel::none:
      break;
    case LockLevel::shared:
      if (other(pending_) || other(exclusive_)) return false;
      ++shared_;
      break;
    case LockLevel::reserved:
      if (other(reserved_) || other(pending_)) return false;
      reserved_ = who;
      break;
    case LockLevel::pending:
    case LockLevel::exclusive:
      if (other(reserved_) || other(pending_)) return false;
      pending_ = who;
      level = LockLevel::pending;
      if (shared_ > 1) return false;  // keeps others from beginning to read, until those that do are gone
      exclusive_ = who;
      break;
  }
  level = wanted;
  return true;
}

void DatabaseLocks::unlock(const void* who, LockLevel& level, LockLevel wanted) {
  if (wanted >= level) return;
  for (const void** holder : {&reserved_, &pending_, &exclusive_}) {
    if (*holder == who) *holder = nullptr;
  }
  if (wanted == LockLevel::none) --shared_;
  level = wanted;
}

bool WalLocks::lock(const void* who, WalSlots& held, unsigned slots, bool exclusive) {
  for (unsigned i = 0; i < kWalSlots; ++i) {
    if ((slots >> i & 1u) == 0) continue;
    const Slot& slot = slots_[i];
    if (slot.exclusive != nullptr && slot.exclusive != who) return false;
    const int own = (held.shared >> i & 1u) != 0 ? 1 : 0;
    if (exclusive && slot.shared > own) return false;
  }
  for (unsigned i = 0; i < kWalSlots; ++i) {
    if ((slots >> i & 1u) == 0) continue;
    if (exclusive) {
      slots_[i].exclusive = who;
    } else if ((held.shared >> i & 1u) == 0) {
      ++slots_[i].shared;
    }
  }
  (exclusive ? held.exclusive : held.shared) |= slots;
  return true;
}

void WalLocks::unlock(WalSlots& held, unsigned slots) {
  for (unsigned i = 0; i < kWalSlots; ++i) {
    if ((slots >> i & 1u) == 0) continue;
    if ((held.shared >> i & 1u) != 0) --slots_[i].shared;
    if ((held.exclusive >> i & 1u) != 0) slots_[i].exclusive = nullptr;
  }
  held.shared &= ~slots;
  held.exclusive &= ~slots;
}

}  // namespace boathouse::simulation
