// Calls with an Idempotency-Key, through a route table.
#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "server/control/test_routes.hpp"

namespace boathouse::control {
namespace {

using http::Method;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class RepeatedCallsTest : public RoutesTest {
 protected:
  RepeatedCallsTest() : coach_(person("Coach")), ben_(person("Ben")), eve_(person("Eve")) {
    const auto made = post_as(coach_.key, "/v1/teams", R"({"name": "Eight"})", "");
    EXPECT_EQ(made.status, 201) << made.body;
    team_ = text(json(made), "id");
    const auto key = accounts_->create_athlete_key(ben_.uuid);
    rotated_ = format_id(kKeyPrefix, key->key.id);
    audit_.acts.clear();
  }
  // `call_key` "": without the header.
  http::Response post_as(const std::string& key, const std::string& target, const std::string& body,
                         const std::string& call_key) {
    http::Headers with = headers(key);
    if (!call_key.empty()) {
      with.add("Idempotency-Key", call_key);
    }
    return call(routes_, {.method = Method::post, .target = target, .headers = std::move(with), .body = body});
  }

  // Every route that makes something, with a good body and another one.
  struct Making {
    std::string key;
    std::string target;
    std::string body;
    std::string other_body;
    int status = 201;
  };
  [[nodiscard]] std::vector<Making> all() const {
    return {
        {operator_key_, "/v1/athletes", R"({"name": "Zoe"})", R"({"name": "Yan"})"},
        {operator_key_, "/v1/keys", R"({"athlete_name": "Max"})", R"({"athlete_name": "Mia"})"},
        {operator_key_, "/v1/keys", R"({"athlete": ")" + ben_.id + "\"}", R"({"athlete": ")" + eve_.id + "\"}"},
        {operator_key_, "/v1/keys/" + rotated_ + "/rotate", R"({"overlap_hours": 1})", R"({"overlap_hours": 2})", 200},
        {coach_.key, "/v1/teams", R"({"name": "Four"})", R"({"name": "Pair"})"},
        {coach_.key, "/v1/teams/" + team_ + "/invitation", "{}", R"({"expires_in_hours": 1})"},
        {operator_key_, "/v1/pairings", R"({"athlete_name": "Ben"})", R"({"athlete_name": "Eve"})"}};
  }
  // Of the acts of the audit from `from` on: their outcomes, without what stands after the number of the intent.
  std::vector<std::string> outcomes(std::size_t from) {
    std::vector<std::string> steps;
    for (std::size_t i = from; i < audit_.acts.size(); ++i) {
      const std::string& what = audit_.acts[i].what;
      if (!what.starts_with("step=intent")) {
        steps.push_back(what.substr(0, what.find(" intent=")));
      }
    }
    return steps;
  }

  Person coach_;
  Person ben_;
  Person eve_;
  std::string team_;
  std::string rotated_;
};

TEST_F(RepeatedCallsTest, WhatMakesSomethingDoesItOnceACall) {
  int n = 0;
  for (const Making& one : all()) {
    const std::string call_key = "call-" + std::to_string(n++);
    const std::size_t before = audit_.acts.size();
    const auto made = post_as(one.key, one.target, one.body, "\"" + call_key + "\"");
    ASSERT_EQ(made.status, one.status) << one.target << made.body;
    clock_.advance_ms(1000);
    const auto again = post_as(one.key, one.target, one.body, call_key);  // quoted or not
    EXPECT_EQ(again.status, one.status) << one.target;
    EXPECT_EQ(again.body, made.body) << one.target;
    const auto reused = post_as(one.key, one.target, one.other_body, call_key);
    EXPECT_EQ(reused.status, 422) << one.target << reused.body;
    EXPECT_THAT(reused.body, HasSubstr("urn:boathouse:problem:idempotency-key-reused")) << one.target;
    EXPECT_THAT(outcomes(before), ElementsAre("step=done", "step=unchanged", "step=failed")) << one.target;
    EXPECT_THAT(audit_.acts.back().what, HasSubstr("error=conflict")) << one.target;
    const auto without = post_as(one.key, one.target, one.body, "");
    EXPECT_EQ(without.status, one.status) << one.target;
    EXPECT_NE(without.body, made.body) << one.target << ": without the header it is another call";
  }
}

TEST_F(RepeatedCallsTest, AHeaderThatIsNoneIsRefusedBeforeAnythingIsDone) {
  for (const Making& one : all()) {
    for (const std::string& bad : {std::string("a b"), std::string("\"\""), std::string(256, 'a'), std::string("a, b"),
                                   std::string("\xc3\xa4")}) {
      const auto refused = post_as(one.key, one.target, one.body, bad);
      EXPECT_EQ(refused.status, 400) << one.target << " " << bad;
      EXPECT_THAT(refused.body, HasSubstr("header:Idempotency-Key")) << one.target << " " << refused.body;
    }
  }
  EXPECT_TRUE(audit_.acts.empty());
  EXPECT_EQ(post_as(operator_key_, "/v1/athletes", R"({"name": "Zoe"})", std::string(255, 'a')).status, 201);
}

TEST_F(RepeatedCallsTest, AKeyIsOneRoutesAndItsCallersOwn) {
  const std::string body = R"({"name": "Four"})";
  const auto coachs = json(post_as(coach_.key, "/v1/teams", body, "a-1"));
  EXPECT_EQ(post_as(coach_.key, "/v1/teams/" + team_ + "/invitation", body, "a-1").status, 400) << "not its body";
  EXPECT_EQ(post_as(coach_.key, "/v1/teams/" + team_ + "/invitation", "{}", "a-1").status, 422);
  const auto eves = json(post_as(eve_.key, "/v1/teams", body, "a-1"));
  const auto operators = json(post_as(operator_key_, "/v1/teams", body, "a-1"));
  const std::set<std::string> ids{text(coachs, "id"), text(eves, "id"), text(operators, "id")};
  EXPECT_EQ(ids.size(), 3U);
  const auto other_key = accounts_->create_athlete_key(coach_.uuid);
  EXPECT_EQ(text(json(post_as(other_key->text, "/v1/teams", body, "a-1")), "id"), text(coachs, "id"))
      << "another key of the same athlete";
  const auto operators_other = accounts_->create_operator_key();
  EXPECT_EQ(text(json(post_as(operators_other->text, "/v1/teams", body, "a-1")), "id"), text(operators, "id"));
}

TEST_F(RepeatedCallsTest, AKeyThatWasRotatedSinceIsAnsweredWithoutItsText) {
  const auto made = json(post_as(operator_key_, "/v1/keys", R"({"athlete_name": "Zoe"})", "a-1"));
  ASSERT_EQ(post("/v1/keys/" + text(made, "id") + "/rotate", R"({"overlap_hours": 24})").status, 200);
  const auto again = post_as(operator_key_, "/v1/keys", R"({"athlete_name": "Zoe"})", "a-1");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(text(json(again), "id"), text(made, "id"));
  EXPECT_THAT(again.body, Not(HasSubstr("rk_live_")));
  EXPECT_EQ(json(again).find("key"), nullptr);
  EXPECT_FALSE(json(again).find("previous_secret_until")->is_null());
}

TEST_F(RepeatedCallsTest, WhoHasLeftTheTeamIsToldNothingOfIt) {
  const auto made = json(post_as(coach_.key, "/v1/teams", R"({"name": "Four"})", "a-1"));
  const base::Uuid id = *parse_id(kTeamPrefix, text(made, "id"));
  ASSERT_TRUE(accounts_->teams().rename(id, "Secret", std::nullopt));
  EXPECT_EQ(text(json(post_as(coach_.key, "/v1/teams", R"({"name": "Four"})", "a-1")), "name"), "Secret");
  ASSERT_TRUE(accounts_->teams().remove(id, coach_.uuid, TeamRole::coach));
  const auto again = post_as(coach_.key, "/v1/teams", R"({"name": "Four"})", "a-1");
  EXPECT_EQ(again.status, 404);
  EXPECT_THAT(again.body, Not(HasSubstr("Secret")));
}

TEST_F(RepeatedCallsTest, ACodeThatIsGoodNoLongerIsAConflict) {
  const std::string invitation = "/v1/teams/" + team_ + "/invitation";
  ASSERT_EQ(post_as(coach_.key, invitation, "{}", "a-1").status, 201);
  ASSERT_EQ(post_as(coach_.key, invitation, "{}", "a-2").status, 201);
  const auto replaced = post_as(coach_.key, invitation, "{}", "a-1");
  EXPECT_EQ(replaced.status, 409);
  EXPECT_THAT(replaced.body, HasSubstr("with a new Idempotency-Key"));
}

// The device's key ends with the one that makes the code, so of another end it is another call.
TEST_F(RepeatedCallsTest, APairingCodeIsOfTheEndOfItsMakersKey) {
  const auto ends = accounts_->create_athlete_key(ben_.uuid, {.expires_ms = clock_.utc_ms() + kDayMs});
  const auto made = post_as(ben_.key, "/v1/pairings", "{}", "a-1");
  ASSERT_EQ(made.status, 201);
  EXPECT_EQ(post_as(ben_.key, "/v1/pairings", "{}", "a-1").body, made.body);
  EXPECT_EQ(post_as(ends->text, "/v1/pairings", "{}", "a-1").status, 422);
}

}  // namespace
}  // namespace boathouse::control
