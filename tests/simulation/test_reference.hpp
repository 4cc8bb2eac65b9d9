// The oracle of the disk tests: what the device was told is durable, and a server that never forgets. Small on purpose,
// and without any of the store's own code.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "core/rowing/record.hpp"
#include "core/rowing/recording.hpp"
#include "device/store/store.hpp"

namespace boathouse::simulation {

using Problems = std::vector<std::string>;

inline constexpr const char* kAthlete = "anna";

// What a recording holds when nothing has gone wrong.
struct Truth {
  std::string birth;  // as it travels
  std::map<rowing::Stream, std::vector<rowing::Record>> records;
};
using Truths = std::map<base::Uuid, Truth>;

// Everything that is in a store, as Truths. Errors of reading go to `problems`.
Truths read_all(store::Store& store, Problems& problems);

// A server's ledger: the first content of an identity is stored, the same again is a duplicate, another one a problem.
class ReferenceServer {
 public:
  std::vector<store::Acknowledgement> take(std::span<const store::PendingItem> items, Problems& problems);
  // What another device has sent, as the feed tells it to this one.
  void take_from_elsewhere(std::span<const store::PendingItem> items);
  [[nodiscard]] const std::vector<wire::Change>& feed() const { return feed_; }
  // The body of a chunk; empty: it has none.
  [[nodiscard]] base::ByteView body(const store::AwayChunk& chunk) const;
  // From now on nothing is refused for a first time, and each item that comes is noted.
  void expect_everything_again() {
    offered_.clear();
    refuses_ = false;
  }
  // Stored items that were not offered since then: the device has lost them.
  void check_everything_came(Problems& problems) const;
  [[nodiscard]] std::size_t size() const { return ledger_.size(); }

 private:
  using Key = std::tuple<base::Uuid, wire::ItemKind, rowing::Stream, std::uint64_t>;
  struct Stored {
    base::Digest sha256{};
    std::int64_t seq = 0;
    base::Bytes body;
    bool elsewhere = false;  // another device's: this one does not offer it
  };
  static Key key_of(const store::PendingItem& item);
  std::map<Key, Stored> ledger_;
  std::set<Key> refused_;
  std::set<Key> offered_;
  std::vector<wire::Change> feed_;
  bool refuses_ = true;
};

// What was promised: it only grows.
class Model {
 public:
  struct Promise {
    bool begun = false;
    bool ended = false;
    std::array<std::uint64_t, 8> records{};  // committed, by stream number
    std::uint64_t total = 0;                 // of all streams; a planted fault counts more than was committed
  };

  Promise& promise(const base::Uuid& rec_id) { return promises_[rec_id]; }
  void promise_import(std::vector<base::Uuid> rec_ids) { imported_ = std::move(rec_ids); }
  // What a store holds before the script is promised too.
  void found(store::Store& store, Problems& problems);
  // A feed of so many entries is on its way into the store; then: it said ok.
  void feeding(std::uint64_t entries) { receipts_maybe_more_ += entries; }
  void fed(std::uint64_t entries) { receipts_more_ += entries; }
  // The answers are on their way into the store; then: it said ok.
  void acknowledging(std::span<const store::Acknowledgement> answers);
  void acknowledged(std::span<const store::Acknowledgement> answers);

  // Compares a store with the promises. `complete`: nothing may be missing of `truths` at all; else a recording may be
  // a beginning of its truth, not shorter than promised. `imports`: those that are there wholly or not at all.
  void check(store::Store& store, const Truths& truths, const std::vector<base::Uuid>& imports, bool complete,
             Problems& problems) const;

 private:
  void check_recording(const store::RecordingInfo& info, const Truth& found, const Truth& truth, bool complete,
                       Problems& problems) const;
  void check_receipts(store::Store& store, Problems& problems) const;

  std::map<base::Uuid, Promise> promises_;
  std::vector<base::Uuid> imported_;
  std::set<std::int64_t> receipts_;        // told to the store, which said ok
  std::set<std::int64_t> receipts_maybe_;  // told to the store
  std::set<std::int64_t> refused_maybe_;
  std::uint64_t receipts_more_ = 0;        // of no answer: by the feed
  std::uint64_t receipts_maybe_more_ = 0;  // or from before the script
};

// Everything that is not on the device comes back from the server.
void fetch_all(store::Store& store, const ReferenceServer& server, Problems& problems);

// More than there is.
store::PendingQuery everything();

}  // namespace boathouse::simulation
