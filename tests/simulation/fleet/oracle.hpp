// The oracle: what must hold at any time, and what must hold when the faults have stopped and everybody is quiet. It
// has no code of the store's, the engine's or the ledger's; it reads through their doors. The ids are those of the
// invariants in docs/simulation.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "tests/simulation/fleet/device.hpp"
#include "tests/simulation/fleet/service.hpp"

namespace boathouse::simulation {

using Devices = std::vector<std::unique_ptr<Device>>;

class Oracle {
 public:
  // --- At any time; each throws Violation ---

  // I1: what was promised here is here, or was here and is with the server.
  void check_device(Device& device);
  // I3: nothing in quarantine. I4: within an epoch what the server holds only grows. False: it could not be asked.
  bool check_server(Service& service);

  // I12: what a device says is safe with the server is there, as long as both mean the same epoch. After a
  // check_server() that was true.
  void check_safety(Service& service, Device& device) const;
  // What is with the server is its owner's there, and of a guest's nothing is before it was claimed. After a
  // check_server() that was true.
  void check_owners(Device& device) const;

  // --- When all is quiet ---

  // I1, I5, I6, I7, I8, I9, I10, I13: every promise is with the server, complete, counted once, verified and known to
  // every device of its athlete; every edit is there and all devices agree on what the fields and the sessions are;
  // what a device has is in the account of the athlete whom it names, and of no athlete who does not use it.
  void check_quiet(Service& service, Devices& devices);

  // Somebody asked to erase it for ever: it may be gone from now on.
  void erasing(const base::Uuid& session) { erasable_.insert(session); }
  // Somebody says that this guest's recording is theirs: it may be sent from now on.
  void claiming(const base::Uuid& rec_id) { claimed_.insert(rec_id); }
  [[nodiscard]] bool may_be_gone(const base::Uuid& session) const { return erasable_.contains(session); }

 private:
  using StreamKey = Service::StreamKey;
  using Kept = std::map<base::Uuid, std::map<rowing::Stream, std::uint64_t>>;
  void check_kept(const Promises& promises, Kept& kept, const std::string& where) const;
  std::uint64_t restores_ = 0;
  std::map<StreamKey, std::uint64_t> held_;
  std::map<base::Uuid, base::Uuid> owners_;  // with the server: of each recording, the athlete
  std::set<base::Uuid> claimed_;
  std::set<base::Uuid> erasable_;
};

}  // namespace boathouse::simulation
