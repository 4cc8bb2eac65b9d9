// For tests: an audit that is kept in memory, and that fails when it is told to.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "server/control/audit_log.hpp"

namespace boathouse::control {

class TestAuditLog final : public AuditLog {
 public:
  base::Result<std::int64_t> append(const Act& act) override {
    if (fails) return gone();
    acts.push_back(act);
    return static_cast<std::int64_t>(acts.size());
  }
  base::Status append(const Outcome& outcome) override {
    if (fails || fails_outcomes) return gone();
    if (!has_outcome(outcome.intent)) acts.push_back(outcome.act);
    return {};
  }
  base::Result<std::int64_t> newest() override { return static_cast<std::int64_t>(acts.size()); }
  base::Result<std::vector<Outcome>> open_intents(std::int64_t up_to) override {
    std::vector<Outcome> open;
    for (std::int64_t n = settled + 1; n <= up_to; ++n) {
      const Act& act = acts.at(static_cast<std::size_t>(n - 1));
      if (act.what.starts_with("step=intent") && !has_outcome(n)) open.push_back({n, act});
    }
    return open;
  }
  base::Status settle(std::int64_t up_to) override {
    settled = up_to;
    return {};
  }

  std::vector<Act> acts;
  std::int64_t settled = 0;
  bool fails = false;  // nothing can be written
  base::ErrorCode failure = base::ErrorCode::io;
  bool fails_outcomes = false;  // no outcome can

 private:
  [[nodiscard]] base::Error gone() const { return {failure, "the disk is gone"}; }
  [[nodiscard]] bool has_outcome(std::int64_t intent) const {
    return std::ranges::any_of(acts, [mark = " intent=" + std::to_string(intent) + " "](const Act& act) {
      return (act.what + " ").find(mark) != std::string::npos;
    });
  }
};

}  // namespace boathouse::control
