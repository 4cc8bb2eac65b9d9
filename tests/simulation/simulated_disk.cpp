#include "tests/simulation/simulated_disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

namespace boathouse::simulation {

// Faults are decided here; the callbacks below do what SQLite asks for when no fault comes.
struct SimulatedDisk::Impl {
  explicit Impl(std::uint64_t seed) : random(seed) {}

  enum class Fate : std::uint8_t {
    done,
    failed,     // an error from the plan: what it has done nevertheless is left to chance
    power_cut,  // under way when the power went
    dead        // later
  };
  struct Verdict {
    Fate fate = Fate::done;
    int code = SQLITE_OK;
  };
  Verdict judge(IoKind kind);

  std::string name;
  sqlite3_vfs vfs{};
  Medium medium;
  base::SeededRandom random;
  FaultPlan plan;
  std::uint64_t planned = 0;  // points of the plan's kinds since arm()
  std::uint64_t off_at = 0;
  std::uint64_t full_at = 0;
  bool powered = true;
  bool ignores_syncs = false;
  std::optional<std::uint64_t> limit;
  std::uint64_t points = 0;
  std::uint64_t faults = 0;
  std::array<std::uint64_t, 6> counts{};
};

namespace {

using Disk = SimulatedDisk::Impl;
using Fate = Disk::Fate;

int code_of(DiskError error, IoKind kind) {
  if (error == DiskError::no_memory) return kind == IoKind::open ? SQLITE_NOMEM : SQLITE_IOERR_NOMEM;
  switch (kind) {
    case IoKind::open:
      return SQLITE_CANTOPEN;
    case IoKind::read:
      return SQLITE_IOERR_READ;
    case IoKind::write:
      return error == DiskError::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    case IoKind::sync:
      return SQLITE_IOERR_FSYNC;
    case IoKind::truncate:
      return SQLITE_IOERR_TRUNCATE;
    case IoKind::remove:
      return SQLITE_IOERR_DELETE;
  }
  return SQLITE_IOERR;
}

// SQLite gives the memory, `open` is ours.
struct OpenFile {
  Disk* disk = nullptr;
  Medium::NodePtr node;
  std::string remove_on_close;  // its name, if so
  bool syncs_names = false;     // its first sync syncs the folder too, as SQLite on Unix does for journals
  LockLevel level = LockLevel::none;
  WalSlots slots;
  bool mapped = false;
};
struct Handle {
  sqlite3_file base;
  OpenFile* open;
};

OpenFile& opened(sqlite3_file* file) { return *reinterpret_cast<Handle*>(file)->open; }
Disk& disk_of(sqlite3_vfs* vfs) { return *static_cast<Disk*>(vfs->pAppData); }

// ---- Content ----

int read_file(sqlite3_file* handle, void* out, int amount, sqlite3_int64 offset) {
  OpenFile& file = opened(handle);
  if (const auto verdict = file.disk->judge(IoKind::read); verdict.fate != Fate::done) return verdict.code;
  const base::Bytes& bytes = file.node->file.bytes();
  const auto wanted = static_cast<std::size_t>(amount);
  const std::size_t from = std::min(static_cast<std::size_t>(offset), bytes.size());
  const std::size_t there = std::min(wanted, bytes.size() - from);
  if (there > 0) std::memcpy(out, bytes.data() + from, there);
  if (there == wanted) return SQLITE_OK;
  std::memset(static_cast<std::uint8_t*>(out) + there, 0, wanted - there);
  return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* handle, const void* data, int amount, sqlite3_int64 offset) {
  OpenFile& file = opened(handle);
  Disk& disk = *file.disk;
  const auto verdict = disk.judge(IoKind::write);
  const base::ByteView bytes(static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(amount));
  const auto at = static_cast<std::uint64_t>(offset);
  if (verdict.fate == Fate::failed) {
    const std::size_t part = static_cast<std::size_t>(disk.random.below(bytes.size() / kSector + 1) * kSector);
    if (part > 0) file.node->file.write(at, bytes.first(part));
    return verdict.code;
  }
  if (verdict.fate == Fate::done && disk.limit) {
    const std::uint64_t size = file.node->file.bytes().size();
    const std::uint64_t grows = at + bytes.size() > size ? at + bytes.size() - size : 0;
    if (grows > 0 && disk.medium.bytes() + grows > *disk.limit) return SQLITE_FULL;
  }
  if (verdict.fate != Fate::dead) file.node->file.write(at, bytes);
  return verdict.code;
}

int truncate_file(sqlite3_file* handle, sqlite3_int64 size) {
  OpenFile& file = opened(handle);
  const auto verdict = file.disk->judge(IoKind::truncate);
  if (verdict.fate == Fate::dead || (verdict.fate == Fate::failed && file.disk->random.below(2) == 0)) {
    return verdict.code;
  }
  file.node->file.resize(static_cast<std::uint64_t>(size));
  return verdict.code;
}

int sync_file(sqlite3_file* handle, int) {
  OpenFile& file = opened(handle);
  Disk& disk = *file.disk;
  const auto verdict = disk.judge(IoKind::sync);
  if (verdict.fate == Fate::dead) return verdict.code;
  if (verdict.fate == Fate::failed) {
    if (!disk.ignores_syncs) file.node->file.fail_sync(disk.random);
    return verdict.code;
  }
  const bool happens = verdict.fate == Fate::done || disk.random.below(2) == 0;
  if (happens && !disk.ignores_syncs) {
    file.node->file.sync();
    if (file.syncs_names) disk.medium.sync_names();
    file.syncs_names = false;
  }
  return verdict.code;
}

int file_size(sqlite3_file* handle, sqlite3_int64* size) {
  *size = static_cast<sqlite3_int64>(opened(handle).node->file.bytes().size());
  return SQLITE_OK;
}

// ---- Locks of the database file ----

static_assert(static_cast<int>(LockLevel::none) == SQLITE_LOCK_NONE &&
              static_cast<int>(LockLevel::shared) == SQLITE_LOCK_SHARED &&
              static_cast<int>(LockLevel::reserved) == SQLITE_LOCK_RESERVED &&
              static_cast<int>(LockLevel::pending) == SQLITE_LOCK_PENDING &&
              static_cast<int>(LockLevel::exclusive) == SQLITE_LOCK_EXCLUSIVE);

int lock_file(sqlite3_file* handle, int level) {
  OpenFile& file = opened(handle);
  return file.node->locks.lock(&file, file.level, static_cast<LockLevel>(level)) ? SQLITE_OK : SQLITE_BUSY;
}

int unlock_file(sqlite3_file* handle, int level) {
  OpenFile& file = opened(handle);
  file.node->locks.unlock(&file, file.level, static_cast<LockLevel>(level));
  return SQLITE_OK;
}

int check_reserved(sqlite3_file* handle, int* out) {
  *out = opened(handle).node->locks.reserved() ? 1 : 0;
  return SQLITE_OK;
}

// ---- The WAL's shared memory ----

static_assert(kWalSlots == SQLITE_SHM_NLOCK);

int map_shm(sqlite3_file* handle, int region, int size, int extend, void volatile** out) {
  OpenFile& file = opened(handle);
  auto& regions = file.node->regions;
  if (!file.mapped) {
    file.mapped = true;
    ++file.node->mapped;
  }
  const auto wanted = static_cast<std::size_t>(region);
  *out = nullptr;
  if (wanted >= regions.size() && extend == 0) return SQLITE_OK;
  while (regions.size() <= wanted) {
    regions.push_back(std::make_unique<std::vector<std::uint8_t>>(static_cast<std::size_t>(size)));
  }
  *out = regions[wanted]->data();
  return SQLITE_OK;
}

int lock_shm(sqlite3_file* handle, int first, int count, int flags) {
  OpenFile& file = opened(handle);
  const unsigned slots = ((1u << static_cast<unsigned>(count)) - 1u) << static_cast<unsigned>(first);
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    file.node->wal_locks.unlock(file.slots, slots);
    return SQLITE_OK;
  }
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  return file.node->wal_locks.lock(&file, file.slots, slots, exclusive) ? SQLITE_OK : SQLITE_BUSY;
}

void shm_barrier(sqlite3_file*) {}

int unmap_shm(sqlite3_file* handle, int) {
  OpenFile& file = opened(handle);
  if (!file.mapped) return SQLITE_OK;
  file.node->wal_locks.unlock(file.slots, (1u << kWalSlots) - 1u);
  file.mapped = false;
  if (--file.node->mapped == 0) file.node->regions.clear();
  return SQLITE_OK;
}

// ---- Files ----

int close_file(sqlite3_file* handle) {
  unmap_shm(handle, 0);
  unlock_file(handle, SQLITE_LOCK_NONE);
  OpenFile* const file = &opened(handle);
  if (!file->remove_on_close.empty()) file->disk->medium.remove(file->remove_on_close);
  delete file;
  return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return static_cast<int>(kSector); }
// What SQLite takes for granted on Unix: a write changes no byte beside it.
int characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

const sqlite3_io_methods kMethods = {
    2,         close_file,  read_file,      write_file,   truncate_file, sync_file,       file_size,
    lock_file, unlock_file, check_reserved, file_control, sector_size,   characteristics, map_shm,
    lock_shm,  shm_barrier, unmap_shm,      nullptr,      nullptr};

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* handle, int flags, int* out_flags) {
  handle->pMethods = nullptr;
  Disk& disk = disk_of(vfs);
  const std::string name = path == nullptr ? "temporary " + std::to_string(disk.counts[0]) : path;
  const auto verdict = disk.judge(IoKind::open);
  if (verdict.fate == Fate::dead) return verdict.code;
  Medium::NodePtr node = disk.medium.find(name);
  const bool creates = !node && (flags & SQLITE_OPEN_CREATE) != 0;
  if (creates && (verdict.fate == Fate::done || disk.random.below(2) == 0)) node = disk.medium.create(name);
  if (verdict.fate != Fate::done) return verdict.code;
  if (!node) return SQLITE_CANTOPEN;
  auto* const file = new OpenFile;
  file->disk = &disk;
  file->node = std::move(node);
  constexpr int kJournals = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
  file->syncs_names = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & kJournals) != 0;
  if ((flags & SQLITE_OPEN_DELETEONCLOSE) != 0) file->remove_on_close = name;
  reinterpret_cast<Handle*>(handle)->open = file;
  handle->pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int remove_file(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  Disk& disk = disk_of(vfs);
  const auto verdict = disk.judge(IoKind::remove);
  if (verdict.fate == Fate::failed || verdict.fate == Fate::dead) return verdict.code;
  if (!disk.medium.find(path)) return verdict.code == SQLITE_OK ? SQLITE_IOERR_DELETE_NOENT : verdict.code;
  disk.medium.remove(path);
  if (verdict.fate == Fate::done && sync_folder != 0 && !disk.ignores_syncs) disk.medium.sync_names();
  return verdict.code;
}

int access_file(sqlite3_vfs* vfs, const char* path, int, int* out) {
  *out = disk_of(vfs).medium.find(path) ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* path, int size, char* out) {
  const std::size_t length = std::strlen(path) + 1;
  if (length > static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, path, length);
  return SQLITE_OK;
}

int fill_random(sqlite3_vfs* vfs, int size, char* out) {
  disk_of(vfs).random.fill({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(size)});
  return size;
}

int sleep_not(sqlite3_vfs*, int microseconds) { return microseconds; }
int last_error(sqlite3_vfs*, int, char*) { return 0; }

constexpr sqlite3_int64 kNow = 212'612'000'000'000;  // ms of Julian days: in 2025
int current_time(sqlite3_vfs*, double* out) {
  *out = static_cast<double>(kNow) / 86'400'000.0;
  return SQLITE_OK;
}
int current_time_64(sqlite3_vfs*, sqlite3_int64* out) {
  *out = kNow;
  return SQLITE_OK;
}

}  // namespace

SimulatedDisk::Impl::Verdict SimulatedDisk::Impl::judge(IoKind kind) {
  ++counts[static_cast<std::size_t>(kind)];
  // A process whose machine is dead does nothing; that it runs on is only how the simulation gets it to end.
  if (!powered) return {Fate::dead, code_of(DiskError::io, kind)};
  if (kind != IoKind::read && ++points == off_at) {
    powered = false;
    return {Fate::power_cut, code_of(DiskError::io, kind)};
  }
  if (kind != IoKind::read && points == full_at) limit = medium.bytes();
  if ((plan.kinds & bit(kind)) == 0 || plan.at == 0) return {};
  ++planned;
  if (planned != plan.at && !(plan.from_then_on && planned > plan.at)) return {};
  ++faults;
  return {Fate::failed, code_of(plan.error, kind)};
}

SimulatedDisk::SimulatedDisk(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {
  static std::atomic<std::uint64_t> number{0};
  impl_->name = "boathouse-simulated-" + std::to_string(++number);
  sqlite3_vfs& vfs = impl_->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 512;
  vfs.zName = impl_->name.c_str();
  vfs.pAppData = impl_.get();
  vfs.xOpen = open_file;
  vfs.xDelete = remove_file;
  vfs.xAccess = access_file;
  vfs.xFullPathname = full_path;
  vfs.xRandomness = fill_random;
  vfs.xSleep = sleep_not;
  vfs.xCurrentTime = current_time;
  vfs.xGetLastError = last_error;
  vfs.xCurrentTimeInt64 = current_time_64;
  sqlite3_vfs_register(&vfs, 0);
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed % 1'000'000) + 1, nullptr);
}

SimulatedDisk::~SimulatedDisk() { sqlite3_vfs_unregister(&impl_->vfs); }

const std::string& SimulatedDisk::name() const { return impl_->name; }

void SimulatedDisk::arm(const FaultPlan& plan) {
  impl_->plan = plan;
  impl_->planned = 0;
}

std::uint64_t SimulatedDisk::faults() const { return impl_->faults; }
void SimulatedDisk::power_off_at(std::uint64_t n) { impl_->off_at = n == 0 ? 0 : impl_->points + n; }
void SimulatedDisk::power_off() { impl_->powered = false; }
bool SimulatedDisk::powered() const { return impl_->powered; }

void SimulatedDisk::power_on(std::uint64_t seed) {
  const Unsynced fate = seed == 0 ? Unsynced::dropped : seed == 1 ? Unsynced::kept : Unsynced::chosen;
  impl_->medium.lose_power(fate, seed);
  impl_->powered = true;
  impl_->off_at = 0;
}

void SimulatedDisk::set_limit(std::optional<std::uint64_t> bytes) { impl_->limit = bytes; }
void SimulatedDisk::fill_up_at(std::uint64_t n) { impl_->full_at = n == 0 ? 0 : impl_->points + n; }
void SimulatedDisk::set_ignores_syncs(bool ignores) { impl_->ignores_syncs = ignores; }

std::uint64_t SimulatedDisk::points() const { return impl_->points; }
std::uint64_t SimulatedDisk::count(IoKind kind) const { return impl_->counts[static_cast<std::size_t>(kind)]; }

Medium::Contents SimulatedDisk::contents() const { return impl_->medium.contents(); }
void SimulatedDisk::load(const Medium::Contents& contents) { impl_->medium.load(contents); }

std::uint64_t SimulatedDisk::bytes() const { return impl_->medium.bytes(); }

std::optional<std::uint64_t> SimulatedDisk::size(const std::string& file) const {
  const auto node = impl_->medium.find(file);
  return node ? std::optional<std::uint64_t>(node->file.bytes().size()) : std::nullopt;
}

bool SimulatedDisk::flip_bit(const std::string& file, std::uint64_t offset, unsigned which) {
  const auto node = impl_->medium.find(file);
  return node && node->file.flip_bit(offset, which);
}

bool SimulatedDisk::truncate(const std::string& file, std::uint64_t size) {
  const auto node = impl_->medium.find(file);
  if (!node) return false;
  node->file.cut(size);
  return true;
}

}  // namespace boathouse::simulation
