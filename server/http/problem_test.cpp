#include "server/http/problem.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "core/base/json.hpp"

namespace boathouse::http {
namespace {

using base::ErrorCode;

TEST(Problem, EveryCodeHasItsStatus) {
  EXPECT_EQ(status_of(ErrorCode::invalid_input), 400);
  EXPECT_EQ(status_of(ErrorCode::unauthenticated), 401);
  EXPECT_EQ(status_of(ErrorCode::forbidden), 403);
  EXPECT_EQ(status_of(ErrorCode::not_found), 404);
  EXPECT_EQ(status_of(ErrorCode::conflict), 409);
  EXPECT_EQ(status_of(ErrorCode::too_large), 413);
  EXPECT_EQ(status_of(ErrorCode::unsupported), 422);
  EXPECT_EQ(status_of(ErrorCode::unavailable), 503);
  EXPECT_EQ(status_of(ErrorCode::io), 503);
  EXPECT_EQ(status_of(ErrorCode::corrupt), 500);
  EXPECT_EQ(status_of(ErrorCode::internal), 500);
}

TEST(Problem, KindsDifferAndHaveAReason) {
  std::set<std::string> ids;
  for (int kind = 0; kind <= static_cast<int>(ProblemKind::version_not_supported); ++kind) {
    const Problem problem = make_problem(static_cast<ProblemKind>(kind), "");
    EXPECT_TRUE(ids.insert(problem.id).second) << problem.id;
    EXPECT_NE(reason(problem.status), "") << problem.status;
    EXPECT_FALSE(problem.title.empty());
  }
}

TEST(Problem, IsAnRfc9457Document) {
  RequestHead request;
  request.path = "/v1/sessions/x";
  request.request_id = "req-12345";
  Problem problem = make_problem(ProblemKind::invalid_input, "two \"wrong\" values");
  problem.errors = {{"/a/0", "no"}, {"query:limit", "above 200"}};
  const Response response = problem_response(request, problem);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(*response.headers.find("Content-Type"), "application/problem+json");
  EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(response.body,
            R"({"type":"urn:boathouse:problem:invalid-input","title":"The request holds something wrong","status":400,)"
            R"("detail":"two \"wrong\" values","instance":"/v1/sessions/x","request_id":"req-12345",)"
            R"("errors":[{"pointer":"/a/0","detail":"no"},{"pointer":"query:limit","detail":"above 200"}]})");
  EXPECT_TRUE(base::parse_json(response.body).ok());
}

TEST(Problem, KeepsInternalsForTheLog) {
  for (const ErrorCode code :
       {ErrorCode::internal, ErrorCode::corrupt, ErrorCode::io, ErrorCode::no_room, ErrorCode::unavailable}) {
    const Response response = problem_response(RequestHead(), base::Error{code, "page 7 of ledger.db"});
    EXPECT_EQ(response.body.find("ledger.db"), std::string::npos);
    EXPECT_NE(response.body.find("in the server's log"), std::string::npos);
    EXPECT_EQ(response.note, "page 7 of ledger.db");
  }
  const Response told = problem_response(RequestHead(), base::Error{ErrorCode::not_found, "no session x"});
  EXPECT_NE(told.body.find("no session x"), std::string::npos);
  EXPECT_EQ(told.note, "");
}

TEST(Problem, TellsWhatToDoNext) {
  const auto respond = [](ErrorCode code) { return problem_response(RequestHead(), base::Error{code, "t"}); };
  EXPECT_EQ(*respond(ErrorCode::unauthenticated).headers.find("WWW-Authenticate"), "Bearer realm=\"boathouse\"");
  EXPECT_EQ(*respond(ErrorCode::unavailable).headers.find("Retry-After"), "5");
  EXPECT_EQ(*respond(ErrorCode::io).headers.find("Retry-After"), "5");
  EXPECT_NE(respond(ErrorCode::no_room).body.find("disk is full"), std::string::npos);
  EXPECT_NE(respond(ErrorCode::unavailable).body.find("send the same again"), std::string::npos);
  EXPECT_EQ(respond(ErrorCode::internal).headers.find("Retry-After"), nullptr);
}

}  // namespace
}  // namespace boathouse::http
