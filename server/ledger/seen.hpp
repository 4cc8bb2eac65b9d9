// How far a ledger is known to have come, and that it no longer is. Plain values.
#pragma once

#include <cstdint>
#include <string>

namespace boathouse::ledger {

// What was seen committed. The numbers of one epoch say nothing about another.
struct Seen {
  std::string epoch;
  std::int64_t server_seq = 0;  // the newest

  friend bool operator==(const Seen&, const Seen&) = default;
};

// The ledger was put back to an earlier state under its old epoch.
struct WentBack {
  std::int64_t seen_seq = 0;   // the newest that this node has seen committed
  std::int64_t found_seq = 0;  // the newest that was there when it was noticed

  [[nodiscard]] std::string text() const {
    return "the ledger was put back to an earlier state: this server has seen server_seq " + std::to_string(seen_seq) +
           " of this epoch, the ledger had " + std::to_string(found_seq) +
           ". Nothing is taken or answered from it until the server's operator begins a new epoch (stop all nodes, "
           "boathouse reload --new-epoch)";
  }
};

}  // namespace boathouse::ledger
