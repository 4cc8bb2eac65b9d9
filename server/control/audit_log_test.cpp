#include "server/control/audit_log.hpp"

#include <gtest/gtest.h>

#include "server/control/test_audit_log.hpp"

namespace boathouse::control {
namespace {

using base::ErrorCode;

std::string outcome_of(ErrorCode code) {
  TestAuditLog log;
  auto act = AuditedAct::begin(log, {"key.rotate", std::nullopt, std::nullopt, "key=key_1"});
  EXPECT_TRUE(act);
  act->failed(base::Error{code, "text"});
  EXPECT_EQ(log.acts.size(), 2U);
  EXPECT_EQ(log.acts.front().what, "step=intent key=key_1");
  return log.acts.back().what;
}

TEST(AuditedActTest, ARefusalWasNotDone) {
  EXPECT_EQ(outcome_of(ErrorCode::conflict), "step=failed intent=1 error=conflict");
  EXPECT_EQ(outcome_of(ErrorCode::not_found), "step=failed intent=1 error=not_found");
  EXPECT_EQ(outcome_of(ErrorCode::invalid_input), "step=failed intent=1 error=invalid_input");
}

// A commit that was answered by nobody may have been done, and so was all that fails after it.
TEST(AuditedActTest, OfAnErrorOfTheDatabaseNobodyKnows) {
  EXPECT_EQ(outcome_of(ErrorCode::unavailable), "step=unknown intent=1 error=unavailable");
  EXPECT_EQ(outcome_of(ErrorCode::io), "step=unknown intent=1 error=io");
  EXPECT_EQ(outcome_of(ErrorCode::no_room), "step=unknown intent=1 error=no_room");
  EXPECT_EQ(outcome_of(ErrorCode::corrupt), "step=unknown intent=1 error=corrupt");
}

}  // namespace
}  // namespace boathouse::control
