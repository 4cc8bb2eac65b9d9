// What an athlete's edits come to, told anew from the ledger's feed: nothing of core/rowing's rules is used. For the
// oracle. Thread rule: const after its making.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/edit.hpp"
#include "server/ledger/ledger.hpp"
#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {

template <typename T>
T read(base::Result<T> result, const std::string& what) {
  if (!result) throw Violation(what + " cannot be read: " + result.error().text);
  return std::move(*result);
}

class Feed {
 public:
  Feed(ledger::Ledger& ledger, const base::Uuid& athlete);

  [[nodiscard]] const std::set<base::Uuid>& edits() const { return edits_; }
  // nullopt: nobody wrote one. The inner one: it was taken away.
  [[nodiscard]] std::optional<std::optional<std::string>> title(const base::Uuid& session) const;
  [[nodiscard]] bool deleted(const base::Uuid& session) const;
  // The sessions that these recordings are.
  [[nodiscard]] std::set<std::set<base::Uuid>> sessions(const std::set<base::Uuid>& recordings) const;

 private:
  using Place = std::tuple<rowing::Stamp, base::Uuid, base::Uuid>;  // (stamp, replica, op)
  using Two = std::pair<base::Uuid, base::Uuid>;                    // the smaller first

  void take(const rowing::Edit& edit, const Place& place);

  std::set<base::Uuid> edits_;
  std::map<base::Uuid, std::map<Place, std::optional<std::string>>> titles_;  // by session
  std::map<base::Uuid, std::map<Place, bool>> deletions_;                     // by session: whether each deletes
  std::map<Two, std::map<Place, std::optional<bool>>> links_;
};

}  // namespace boathouse::simulation
