// For tests: an audit that is kept in memory, and that fails when it is told to.
#pragma once

#include <string>
#include <vector>

#include "server/control/audit_log.hpp"

namespace boathouse::control {

class TestAuditLog final : public AuditLog {
 public:
  base::Result<std::int64_t> append(const Act& act) override {
    if (fails) return base::Error{base::ErrorCode::io, "the disk is gone"};
    acts.push_back(act);
    return static_cast<std::int64_t>(acts.size());
  }

  std::vector<Act> acts;
  bool fails = false;
};

}  // namespace boathouse::control
