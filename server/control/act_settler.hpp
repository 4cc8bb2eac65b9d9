// Sees to it that every intent in the audit has its outcome, and one alone: moves there what was committed with its act
// and did not get there, because the server ended or the audit could not be written; and gives up what nobody has done.
// Thread rule: one call at a time. Several nodes may do it, and go on with their acts meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "server/control/audit_log.hpp"
#include "server/control/outcomes.hpp"

namespace boathouse::control {

class ActSettler {
 public:
  // `outcomes`: of all databases that audited acts change. All must outlive the object.
  ActSettler(AuditLog& log, std::vector<Outcomes*> outcomes) : log_(log), outcomes_(std::move(outcomes)) {}

  // The first call, at the start: of all intents that there are. A later one: of those that there were at the call
  // before, so that an act has the time between the two. An act that is given up while it is being done (another
  // node's, at the start of this one) fails with unavailable and is not done.
  base::Status settle();

 private:
  base::Status move_waiting();

  AuditLog& log_;
  const std::vector<Outcomes*> outcomes_;
  std::optional<std::int64_t> seen_;
  std::int64_t settled_ = 0;
};

}  // namespace boathouse::control
