// SQLite's locks of one file, among the connections of one process: those of the database file and those of the WAL's
// shared memory. Holders are known by their addresses. Nothing waits here: false means busy. Thread rule: one thread at
// a time.
#pragma once

#include <array>
#include <cstdint>

namespace boathouse::simulation {

// SQLite's levels, with its numbers.
enum class LockLevel : std::uint8_t { none, shared, reserved, pending, exclusive };

class DatabaseLocks {
 public:
  // `level` is what `who` holds and holds then.
  bool lock(const void* who, LockLevel& level, LockLevel wanted);
  void unlock(const void* who, LockLevel& level, LockLevel wanted);
  // Somebody holds more than a shared lock.
  [[nodiscard]] bool reserved() const { return reserved_ != nullptr || pending_ != nullptr || exclusive_ != nullptr; }

 private:
  int shared_ = 0;
  const void* reserved_ = nullptr;
  const void* pending_ = nullptr;
  const void* exclusive_ = nullptr;
};

inline constexpr unsigned kWalSlots = 8;

// Which slots a connection holds, as bits.
struct WalSlots {
  unsigned shared = 0;
  unsigned exclusive = 0;
};

class WalLocks {
 public:
  // `slots`: bits of those that are meant; all of them or none.
  bool lock(const void* who, WalSlots& held, unsigned slots, bool exclusive);
  void unlock(WalSlots& held, unsigned slots);

 private:
  struct Slot {
    int shared = 0;
    const void* exclusive = nullptr;
  };
  std::array<Slot, kWalSlots> slots_{};
};

}  // namespace boathouse::simulation
