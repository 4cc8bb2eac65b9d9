// Teams, through a route table.
#include <gmock/gmock.h>

#include "server/control/test_routes.hpp"

namespace boathouse::control {
namespace {

using base::JsonValue;
using http::Method;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class TeamRoutesTest : public RoutesTest {
 protected:
  TeamRoutesTest() : coach_(person("Coach")), ben_(person("Ben")), eve_(person("Eve")) {
    const auto made = ask(Method::post, "/v1/teams", coach_.key, R"({"name": "Eight"})");
    EXPECT_EQ(made.status, 201) << made.body;
    team_ = text(json(made), "id");
    at_ = "/v1/teams/" + team_;
  }
  std::string invitation() {
    const auto made = ask(Method::post, at_ + "/invitation", coach_.key, "{}");
    EXPECT_EQ(made.status, 201) << made.body;
    return text(json(made), "code");
  }
  http::Response join(const Person& who, const std::string& code) {
    return ask(Method::post, "/v1/teams/join", who.key, R"({"code": ")" + code + "\"}");
  }
  std::vector<std::string> names(const Person& who, const char* of) {
    std::vector<std::string> found;
    const auto team = json(ask(Method::get, at_, who.key));
    if (team.find(of) == nullptr) {
      return {"(not shown)"};
    }
    for (const JsonValue& one : *team.find(of)->array()) {
      found.push_back(text(one, "name"));
    }
    return found;
  }

  Person coach_;
  Person ben_;
  Person eve_;
  std::string team_;
  std::string at_;
};

TEST_F(TeamRoutesTest, AnAthleteJoinsByTheirOwnWord) {
  EXPECT_THAT(names(coach_, "coaches"), ElementsAre("Coach"));
  EXPECT_THAT(names(coach_, "members"), IsEmpty());
  const auto joined = join(ben_, invitation());
  ASSERT_EQ(joined.status, 200) << joined.body;
  EXPECT_EQ(text(json(joined), "name"), "Eight");
  EXPECT_THAT(names(coach_, "members"), ElementsAre("Ben"));
  EXPECT_TRUE(accounts_->teams().is(TeamRole::member, *parse_id(kTeamPrefix, team_), ben_.uuid));
  // A member sees who may read the own sessions, not who else is in the team.
  EXPECT_THAT(names(ben_, "coaches"), ElementsAre("Coach"));
  EXPECT_THAT(names(ben_, "members"), ElementsAre("(not shown)"));
  EXPECT_EQ(json(ask(Method::get, "/v1/teams", ben_.key)).find("data")->array()->size(), 1U);
  EXPECT_EQ(json(ask(Method::get, "/v1/teams", eve_.key)).find("data")->array()->size(), 0U);
  // And leaves by it.
  EXPECT_EQ(ask(Method::delete_, at_ + "/members/" + ben_.id, ben_.key).status, 204);
  EXPECT_EQ(ask(Method::get, at_, ben_.key).status, 404);
}

TEST_F(TeamRoutesTest, WithoutTheRightCodeNobodyJoins) {
  const std::string first = invitation();
  const std::string second = invitation();
  EXPECT_EQ(join(ben_, first).status, 404);
  EXPECT_EQ(join(ben_, "0000-0000-0000").status, 404);
  EXPECT_EQ(join(ben_, "x").status, 400);
  EXPECT_EQ(ask(Method::delete_, at_ + "/invitation", coach_.key).status, 204);
  EXPECT_EQ(join(ben_, second).status, 404);
  const std::string third = invitation();
  clock_.advance_ms(7 * kDayMs);
  EXPECT_EQ(join(ben_, third).status, 404);
  for (const char* body : {R"({"expires_in_hours": 0})", R"({"expires_in_hours": 721})", R"({"hours": 1})", "[]",
                           R"({"expires_in_hours": 1, "role": "coach"})"}) {
    EXPECT_EQ(ask(Method::post, at_ + "/invitation", coach_.key, body).status, 400) << body;
  }
  EXPECT_EQ(ask(Method::post, "/v1/teams/join", operator_key_, R"({"code": "0000-0000-0000"})").status, 403);
}

// Every call about a team, by the one who may do least with it.
TEST_F(TeamRoutesTest, ToOthersThereIsNoSuchTeam) {
  const std::string code = invitation();
  struct Case {
    Method method;
    std::string rest;
    std::string body;
  };
  const std::vector<Case> cases{{Method::get, "", ""},
                                {Method::patch, "", R"({"name": "x"})"},
                                {Method::delete_, "", ""},
                                {Method::post, "/invitation", "{}"},
                                {Method::delete_, "/invitation", ""},
                                {Method::put, "/members/" + eve_.id, ""},
                                {Method::delete_, "/members/" + ben_.id, ""},
                                {Method::put, "/coaches/" + eve_.id, ""},
                                {Method::delete_, "/coaches/" + coach_.id, ""},
                                {Method::delete_, "/members/" + eve_.id, ""},
                                {Method::delete_, "/coaches/" + eve_.id, ""}};
  ASSERT_EQ(join(ben_, code).status, 200);
  const std::string nobodys = "/v1/teams/team_018bcfe5-6800-7abc-8def-0123456789ab";
  for (const Case& one : cases) {
    const auto others = ask(one.method, at_ + one.rest, eve_.key, one.body, "*");
    EXPECT_EQ(others.status, 404) << one.rest;
    const auto none = ask(one.method, nobodys + one.rest, eve_.key, one.body, "*");
    EXPECT_EQ(none.status, 404) << one.rest;
    EXPECT_EQ(text(json(others), "detail"), text(json(none), "detail"));
    EXPECT_EQ(ask(one.method, "/v1/teams/x" + one.rest, eve_.key, one.body, "*").status, 404) << one.rest;
    EXPECT_EQ(ask(one.method, nobodys + one.rest, operator_key_, one.body, "*").status, 404) << one.rest;
  }
  // A member may look and leave; the rest is a coach's.
  for (const Case& one : cases) {
    if (one.rest != "/members/" + ben_.id) {
      const int expected = one.method == Method::get ? 200 : 403;
      EXPECT_EQ(ask(one.method, at_ + one.rest, ben_.key, one.body, "*").status, expected) << one.rest;
    }
  }
  EXPECT_THAT(names(coach_, "coaches"), ElementsAre("Coach"));
  EXPECT_THAT(names(coach_, "members"), ElementsAre("Ben"));
}

TEST_F(TeamRoutesTest, ACoachLetsAnotherInAndOut) {
  EXPECT_EQ(ask(Method::put, at_ + "/coaches/" + eve_.id, coach_.key).status, 204);
  EXPECT_EQ(ask(Method::put, at_ + "/coaches/" + eve_.id, coach_.key).status, 204);
  EXPECT_THAT(names(eve_, "coaches"), ElementsAre("Coach", "Eve"));
  EXPECT_EQ(ask(Method::delete_, at_ + "/coaches/" + coach_.id, eve_.key).status, 204);
  EXPECT_EQ(ask(Method::get, at_, coach_.key).status, 404) << "an ex-coach";
  EXPECT_EQ(ask(Method::delete_, at_ + "/coaches/" + coach_.id, eve_.key).status, 404);
  EXPECT_EQ(ask(Method::delete_, at_ + "/coaches/" + eve_.id, eve_.key).status, 204) << "leaves";
  EXPECT_EQ(ask(Method::put, at_ + "/coaches/" + ben_.id, operator_key_).status, 204);
  EXPECT_THAT(names(ben_, "coaches"), ElementsAre("Ben"));
  EXPECT_EQ(ask(Method::put, at_ + "/coaches/ath_018bcfe5-6800-7abc-8def-0123456789ab", ben_.key).status, 404);
  EXPECT_EQ(ask(Method::put, at_ + "/coaches/x", ben_.key).status, 404);
}

TEST_F(TeamRoutesTest, ACoachPutsNobodyInWithoutTheirWord) {
  const auto refused = ask(Method::put, at_ + "/members/" + ben_.id, coach_.key);
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(text(json(refused), "detail"), HasSubstr("invitation"));
  EXPECT_EQ(ask(Method::put, at_ + "/members/" + ben_.id, operator_key_).status, 204);
  EXPECT_EQ(ask(Method::delete_, at_ + "/members/" + ben_.id, coach_.key).status, 204);
  EXPECT_EQ(ask(Method::delete_, at_ + "/members/" + ben_.id, coach_.key).status, 404);
}

TEST_F(TeamRoutesTest, NamesAreChangedAtTheVersionThatWasSeen) {
  EXPECT_EQ(ask(Method::patch, at_, coach_.key, R"({"name": "Achter"})").status, 428);
  EXPECT_EQ(ask(Method::patch, at_, coach_.key, R"({"name": "Achter"})", "\"7\"").status, 412);
  const auto renamed = ask(Method::patch, at_, coach_.key, R"({"name": "Achter"})", "\"1\"");
  ASSERT_EQ(renamed.status, 200) << renamed.body;
  EXPECT_EQ(*renamed.headers.find("ETag"), "\"2\"");
  EXPECT_EQ(text(json(ask(Method::get, at_, coach_.key)), "name"), "Achter");
  for (const char* body :
       {R"({"name": ""})", R"({"name": 5})", R"({"id": "team_x"})", R"({"name": "a", "coaches": []})"}) {
    EXPECT_EQ(ask(Method::patch, at_, coach_.key, body, "*").status, 400) << body;
    EXPECT_EQ(ask(Method::post, "/v1/teams", coach_.key, body).status, 400) << body;
  }
}

TEST_F(TeamRoutesTest, ADeletedTeamIsOnlyTheOperatorsToSee) {
  ASSERT_EQ(join(ben_, invitation()).status, 200);
  EXPECT_EQ(ask(Method::delete_, at_, coach_.key).status, 204);
  EXPECT_EQ(ask(Method::get, at_, coach_.key).status, 404);
  EXPECT_EQ(ask(Method::get, at_, ben_.key).status, 404);
  const auto seen = json(ask(Method::get, at_, operator_key_));
  EXPECT_EQ(text(seen, "archived_at"), "2023-11-14T22:13:20.000Z");
  EXPECT_THAT(*seen.find("members")->array(), IsEmpty());
  EXPECT_EQ(ask(Method::delete_, at_, operator_key_).status, 404);
}

TEST_F(TeamRoutesTest, EveryActIsWrittenDown) {
  const std::string code = invitation();
  join(ben_, code);
  ask(Method::put, at_ + "/coaches/" + eve_.id, coach_.key);
  ask(Method::delete_, at_ + "/coaches/" + eve_.id, coach_.key);
  ask(Method::patch, at_, coach_.key, R"({"name": "Achter"})", "*");
  ask(Method::delete_, at_ + "/members/" + ben_.id, ben_.key);
  ask(Method::delete_, at_ + "/invitation", coach_.key);
  ask(Method::delete_, at_, coach_.key);
  std::vector<std::string> lines;
  for (std::size_t i = 1; i < audit_.acts.size(); i += 2) {
    const Act& act = audit_.acts[i];
    const std::string whose = act.athlete == ben_.uuid   ? "Ben"
                              : act.athlete == eve_.uuid ? "Eve"
                              : act.athlete              ? "Coach"
                                                         : "nobody";
    lines.push_back(act.kind + " " + whose);
    EXPECT_THAT(act.what, HasSubstr("step=done intent=" + std::to_string(i)));
    EXPECT_THAT(act.what, HasSubstr("team=" + team_));
    EXPECT_THAT(act.what, Not(testing::ContainsRegex("Eight|Achter")));
    EXPECT_THAT(act.what, Not(HasSubstr(code)));
  }
  EXPECT_THAT(lines, ElementsAre("team.create Coach", "team.invite nobody", "team.join Ben", "team.coach.add Eve",
                                 "team.coach.remove Eve", "team.rename nobody", "team.member.remove Ben",
                                 "team.invite.end nobody", "team.delete nobody"));
  audit_.fails = true;
  EXPECT_EQ(ask(Method::post, "/v1/teams", coach_.key, R"({"name": "x"})").status, 503);
  EXPECT_EQ(json(ask(Method::get, "/v1/teams", coach_.key)).find("data")->array()->size(), 0U);
}

}  // namespace
}  // namespace boathouse::control
