// A disk in memory for SQLite, registered as a VFS of its own name, whose faults a test plans: I/O errors, a full
// disk, power cuts that lose, tear and reorder what was not synced, damaged bits. The same seed and the same calls give
// the same disk, byte by byte (SQLite's own random numbers included: they are of the whole process, so one disk works
// at a time).
//
// Opens, writes, syncs, truncations and removals are the I/O points: they carry a running number from 1. Reads are
// counted apart. Thread rule: one thread at a time, with as many connections as it likes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/simulation/medium.hpp"

namespace boathouse::simulation {

enum class IoKind : std::uint8_t { open, read, write, sync, truncate, remove };

// A set of kinds.
constexpr unsigned bit(IoKind kind) { return 1u << static_cast<unsigned>(kind); }
inline constexpr unsigned kIoPoints =
    bit(IoKind::open) | bit(IoKind::write) | bit(IoKind::sync) | bit(IoKind::truncate) | bit(IoKind::remove);

enum class DiskError : std::uint8_t {
  io,         // SQLITE_IOERR_WRITE, _FSYNC, _TRUNCATE, _DELETE, _READ, or SQLITE_CANTOPEN, as befits the kind
  full,       // SQLITE_FULL from writes; other kinds as `io`
  no_memory,  // SQLITE_NOMEM or SQLITE_IOERR_NOMEM
};

struct FaultPlan {
  std::uint64_t at = 0;        // the at-th point of `kinds` from arm() on, from 1; 0 = never
  bool from_then_on = false;   // that one, or all later ones too
  unsigned kinds = kIoPoints;  // the others neither count nor fail
  DiskError error = DiskError::io;
};

class SimulatedDisk {
 public:
  // The seed decides what an operation that fails has done nevertheless: a failed write may have written its first
  // sectors, a failed sync may have synced some.
  explicit SimulatedDisk(std::uint64_t seed = 1);
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;
  // All connections must be closed.
  ~SimulatedDisk();

  // For db::Options::vfs.
  [[nodiscard]] const std::string& name() const;

  // --- Faults ---

  // Replaces the plan before.
  void arm(const FaultPlan& plan);
  void disarm() { arm({}); }
  // How often a plan has given an error.
  [[nodiscard]] std::uint64_t faults() const;
  // The power goes with the n-th I/O point from now on (0: it stays): it may or may not have happened, and everything
  // fails from then to power_on().
  void power_off_at(std::uint64_t n);
  void power_off();
  [[nodiscard]] bool powered() const;
  // Everything synced is there again. What was not: seed 0 drops all of it, 1 keeps all of it, others choose for each
  // write since its file's last sync: kept, dropped or torn at a sector; names whose folder was not synced likewise.
  // Connections that were open must be closed before, as their process is dead.
  void power_on(std::uint64_t seed);
  // Bytes in all files; a write that would exceed it gives SQLITE_FULL. nullopt = no limit.
  void set_limit(std::optional<std::uint64_t> bytes);
  // With the n-th I/O point from now on the limit is what then is there (0: it is not): others have filled the disk.
  void fill_up_at(std::uint64_t n);
  // A disk that lies: syncs succeed and do nothing.
  void set_ignores_syncs(bool ignores);

  // --- Counting ---

  [[nodiscard]] std::uint64_t points() const;
  [[nodiscard]] std::uint64_t count(IoKind kind) const;

  // --- The medium ---

  [[nodiscard]] Medium::Contents contents() const;
  // All synced. No connection may be open.
  void load(const Medium::Contents& contents);
  // In all files.
  [[nodiscard]] std::uint64_t bytes() const;
  // nullopt: no such file.
  [[nodiscard]] std::optional<std::uint64_t> size(const std::string& file) const;
  // False: there is no such file or it is shorter. Of truncate(): makes it at most that long.
  bool flip_bit(const std::string& file, std::uint64_t offset, unsigned bit);
  bool truncate(const std::string& file, std::uint64_t size);

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace boathouse::simulation
