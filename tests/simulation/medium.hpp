// What lies on a simulated disk: files and their names, each once as programs see it now and once as a power cut would
// leave it at worst. No faults are decided here (simulated_disk.hpp does). Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/random.hpp"
#include "tests/simulation/file_locks.hpp"

namespace boathouse::simulation {

// What a disk writes wholly or not at all.
inline constexpr std::uint64_t kSector = 512;

// What becomes of the things that nobody synced.
enum class Unsynced : std::uint8_t {
  dropped,  // all of them
  kept,     // all of them
  chosen,   // each write by chance kept, dropped, or torn: some of its sectors
};

class StoredFile {
 public:
  StoredFile() = default;
  // There and synced.
  explicit StoredFile(base::Bytes bytes) : now_(bytes), durable_(std::move(bytes)) {}

  [[nodiscard]] const base::Bytes& bytes() const { return now_; }
  void write(std::uint64_t offset, base::ByteView bytes);
  void resize(std::uint64_t size);
  // Everything written so far survives from now on.
  void sync();
  // As Linux does it: after a sync that failed some of the pages have reached the disk, and the system takes all of
  // them for clean. What programs read is still there; a later sync does not write it again.
  void fail_sync(base::SeededRandom& random);
  // Now is what a power cut has left.
  void lose_power(Unsynced fate, base::SeededRandom& random);
  // Damage of the medium itself. False: the file is not that long.
  bool flip_bit(std::uint64_t offset, unsigned bit);
  void cut(std::uint64_t size);

 private:
  struct Change {
    std::uint64_t offset = 0;  // of a resize: the size
    base::Bytes bytes;
    bool resize = false;
  };
  void settle(Unsynced fate, base::SeededRandom& random);

  base::Bytes now_;
  base::Bytes durable_;
  std::vector<Change> unsynced_;  // durable_ with these is now_, but for what a failed sync has forgotten
};

// A file with what its open handles share.
struct Node {
  StoredFile file;
  DatabaseLocks locks;
  // The shared memory of its WAL: memory of the one process, gone with the last handle.
  std::vector<std::unique_ptr<std::vector<std::uint8_t>>> regions;
  int mapped = 0;
  WalLocks wal_locks;
};

// One folder, and no other: a name is a whole path.
class Medium {
 public:
  using NodePtr = std::shared_ptr<Node>;
  using Contents = std::map<std::string, base::Bytes>;

  // nullptr: there is none.
  [[nodiscard]] NodePtr find(const std::string& name) const;
  NodePtr create(const std::string& name);
  void remove(const std::string& name) { now_.erase(name); }
  // Creations and removals so far survive.
  void sync_names() { durable_ = now_; }
  void lose_power(Unsynced fate, std::uint64_t seed);

  // Of all files that have a name.
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] Contents contents() const;
  void load(const Contents& contents);

 private:
  using Names = std::map<std::string, NodePtr>;
  Names now_;
  Names durable_;
};

}  // namespace boathouse::simulation
