// I14: what the receivers of webhooks heard, against what the ledger has committed. Of the oracle: nothing of the
// webhooks' store or the ledger's outbox is looked at.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "core/base/uuid.hpp"
#include "tests/simulation/fleet/service.hpp"
#include "tests/simulation/fleet/webhooks.hpp"

namespace boathouse::simulation {

class Told {
 public:
  // Whether its owner asked to erase this session.
  using MayBeGone = std::function<bool(const base::Uuid& session)>;

  // Of a service that is up: what was heard is committed, is that athlete's, and has one id and one body. Throws
  // Violation.
  void check_news(Service& service, Receivers& receivers, const MayBeGone& may_be_gone);
  // When nothing waits any more: everything that is committed was told, what came after the service was set back under
  // its new epoch; who is gone is asked no more. Throws Violation.
  void check_all(Service& service, const Receivers& receivers, const MayBeGone& may_be_gone) const;

 private:
  // By (receiver, webhook-id) and by (receiver, type with session and epoch).
  std::map<std::pair<std::size_t, std::string>, std::string> bodies_;
  std::map<std::pair<std::size_t, std::string>, std::string> ids_;
};

}  // namespace boathouse::simulation
