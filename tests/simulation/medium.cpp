#include "tests/simulation/medium.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

namespace boathouse::simulation {
namespace {

void put(base::Bytes& to, std::uint64_t offset, base::ByteView bytes) {
  const std::size_t end = static_cast<std::size_t>(offset) + bytes.size();
  if (to.size() < end) to.resize(end);  // a hole reads as zeros
  if (!bytes.empty()) std::memcpy(to.data() + offset, bytes.data(), bytes.size());
}

// Some of the write's sectors, in no order: disks and their caches keep none.
void put_torn(base::Bytes& to, std::uint64_t offset, base::ByteView bytes, base::SeededRandom& random) {
  while (!bytes.empty()) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(kSector - offset % kSector, bytes.size()));
    if (random.below(2) == 0) put(to, offset, bytes.first(part));
    offset += part;
    bytes = bytes.subspan(part);
  }
}

}  // namespace

void StoredFile::write(std::uint64_t offset, base::ByteView bytes) {
  put(now_, offset, bytes);
  unsynced_.push_back({offset, base::Bytes(bytes.begin(), bytes.end()), false});
}

void StoredFile::resize(std::uint64_t size) {
  now_.resize(static_cast<std::size_t>(size));
  unsynced_.push_back({size, {}, true});
}

void StoredFile::sync() {
  for (const Change& change : unsynced_) {
    if (change.resize) {
      durable_.resize(static_cast<std::size_t>(change.offset));
    } else {
      put(durable_, change.offset, change.bytes);
    }
  }
  unsynced_.clear();
}

void StoredFile::settle(Unsynced fate, base::SeededRandom& random) {
  if (fate == Unsynced::kept) return sync();
  if (fate == Unsynced::chosen) {
    for (const Change& change : unsynced_) {
      const std::uint64_t die = random.below(3);
      if (die == 0) continue;
      if (change.resize) {
        durable_.resize(static_cast<std::size_t>(change.offset));
      } else if (die == 1) {
        put(durable_, change.offset, change.bytes);
      } else {
        put_torn(durable_, change.offset, change.bytes, random);
      }
    }
  }
  unsynced_.clear();
}

void StoredFile::fail_sync(base::SeededRandom& random) { settle(Unsynced::chosen, random); }

void StoredFile::lose_power(Unsynced fate, base::SeededRandom& random) {
  settle(fate, random);
  now_ = durable_;
}

bool StoredFile::flip_bit(std::uint64_t offset, unsigned bit) {
  if (offset >= now_.size()) return false;
  const auto at = static_cast<std::size_t>(offset);
  const auto mask = static_cast<std::uint8_t>(1u << (bit % 8));
  now_[at] = static_cast<std::uint8_t>(now_[at] ^ mask);
  durable_ = now_;
  unsynced_.clear();
  return true;
}

void StoredFile::cut(std::uint64_t size) {
  resize(std::min<std::uint64_t>(size, now_.size()));
  sync();
}

Medium::NodePtr Medium::find(const std::string& name) const {
  const auto found = now_.find(name);
  return found == now_.end() ? nullptr : found->second;
}

Medium::NodePtr Medium::create(const std::string& name) { return now_[name] = std::make_shared<Node>(); }

void Medium::lose_power(Unsynced fate, std::uint64_t seed) {
  base::SeededRandom random(seed);
  std::set<std::string> names;
  for (const auto& [name, node] : now_) names.insert(name);
  for (const auto& [name, node] : durable_) names.insert(name);
  Names left;
  for (const std::string& name : names) {
    const auto now = now_.find(name);
    const auto durable = durable_.find(name);
    const NodePtr with = now == now_.end() ? nullptr : now->second;
    const NodePtr without = durable == durable_.end() ? nullptr : durable->second;
    NodePtr node = with;
    if (with != without) {
      const bool keep = fate == Unsynced::kept || (fate == Unsynced::chosen && random.below(2) == 0);
      node = keep ? with : without;
    }
    if (!node) continue;
    StoredFile file = std::move(node->file);
    file.lose_power(fate, random);
    // A new node: locks and shared memory went with the process.
    left[name] = std::make_shared<Node>();
    left[name]->file = std::move(file);
  }
  now_ = left;
  durable_ = std::move(left);
}

std::uint64_t Medium::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [name, node] : now_) sum += node->file.bytes().size();
  return sum;
}

Medium::Contents Medium::contents() const {
  Contents contents;
  for (const auto& [name, node] : now_) contents[name] = node->file.bytes();
  return contents;
}

void Medium::load(const Contents& contents) {
  now_.clear();
  for (const auto& [name, bytes] : contents) {
    (now_[name] = std::make_shared<Node>())->file = StoredFile(bytes);
  }
  durable_ = now_;
}

}  // namespace boathouse::simulation
