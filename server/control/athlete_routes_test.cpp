// Profiles, through a route table.
#include <gmock/gmock.h>

#include "server/control/test_routes.hpp"

namespace boathouse::control {
namespace {

using http::Method;
using testing::HasSubstr;
using testing::Not;

class AthleteRoutesTest : public RoutesTest {};

TEST_F(AthleteRoutesTest, AnAthleteReadsAndChangesTheOwnProfile) {
  const Person ben = person("Ben");
  const auto before = ask(Method::get, "/v1/me", ben.key);
  ASSERT_EQ(before.status, 200) << before.body;
  EXPECT_EQ(text(json(before), "id"), ben.id);
  EXPECT_TRUE(json(before).find("email")->is_null());
  EXPECT_EQ(*before.headers.find("ETag"), "\"1\"");
  EXPECT_EQ(*before.headers.find("Vary"), "Authorization");
  const auto changed =
      ask(Method::patch, "/v1/me", ben.key, R"({"email": "ben@example.org", "locale": "de-at"})", "\"1\"");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(text(json(changed), "locale"), "de-AT");
  EXPECT_EQ(*changed.headers.find("ETag"), "\"2\"");
  EXPECT_EQ(text(json(ask(Method::get, "/v1/athletes/" + ben.id, ben.key)), "email"), "ben@example.org");
  const auto cleared = ask(Method::patch, "/v1/athletes/" + ben.id, ben.key, R"({"email": null})", "\"2-gzip\"");
  ASSERT_EQ(cleared.status, 200) << cleared.body;
  EXPECT_TRUE(json(cleared).find("email")->is_null());
  EXPECT_EQ(text(json(cleared), "locale"), "de-AT") << "what is not named stays";

  http::Headers seen = headers(ben.key);
  seen.add("If-None-Match", "\"3\"");
  EXPECT_EQ(get("/v1/me", seen).status, 304);
}

TEST_F(AthleteRoutesTest, WrongAndForeignFieldsAreRefusedByName) {
  const Person ben = person("Ben");
  struct Case {
    std::string body;
    std::string pointer;
  };
  for (const Case& one : {Case{R"({"email": "no"})", "/email"}, Case{R"({"locale": "en_US"})", "/locale"},
                          Case{R"({"time_zone": "Mars/Base"})", "/time_zone"}, Case{R"({"name": ""})", "/name"}}) {
    const auto refused = ask(Method::patch, "/v1/me", ben.key, one.body, "*");
    EXPECT_EQ(refused.status, 400) << one.body;
    EXPECT_EQ(text(json(refused).find("errors")->array()->at(0), "pointer"), one.pointer);
  }
  for (const char* body :
       {R"({"role": "operator"})", R"({"id": "ath_1"})", R"({"athlete_id": "x"})", R"({"name": null})",
        R"({"email": 5})", R"({"created_at": "2020-01-01"})", "[]", "", R"({"version": 9})"}) {
    EXPECT_EQ(ask(Method::patch, "/v1/me", ben.key, body, "*").status, 400) << body;
  }
  EXPECT_TRUE(audit_.acts.empty()) << "what is refused at once is no act";
  EXPECT_EQ(ask(Method::get, "/v1/me?fields=name", ben.key).status, 400);
}

TEST_F(AthleteRoutesTest, AChangeSaysWhichVersionItIsOf) {
  const Person ben = person("Ben");
  const auto without = ask(Method::patch, "/v1/me", ben.key, R"({"name": "B"})");
  EXPECT_EQ(without.status, 428);
  EXPECT_THAT(text(json(without), "type"), HasSubstr("precondition-required"));
  EXPECT_EQ(ask(Method::patch, "/v1/me", ben.key, R"({"name": "B"})", "\"2\"").status, 412);
  for (const char* wrong : {"1", "\"\"", "W/\"1\"", "\"x\"", "\"1\", \"2\"", ""}) {
    EXPECT_THAT(ask(Method::patch, "/v1/me", ben.key, R"({"name": "B"})", wrong).status, testing::AnyOf(412, 428))
        << wrong;
  }
  EXPECT_EQ(text(json(ask(Method::get, "/v1/me", ben.key)), "name"), "Ben");
  EXPECT_EQ(ask(Method::patch, "/v1/me", ben.key, R"({"name": "B"})", "*").status, 200);
}

TEST_F(AthleteRoutesTest, SomebodyElseIsNobody) {
  const Person ben = person("Ben");
  const Person eve = person("Eve");
  const std::string nobody = "/v1/athletes/ath_018bcfe5-6800-7abc-8def-0123456789ab";
  for (const std::string& target : {"/v1/athletes/" + ben.id, nobody, std::string("/v1/athletes/ath_x")}) {
    const auto read = ask(Method::get, target, eve.key);
    EXPECT_EQ(read.status, 404) << target;
    EXPECT_EQ(text(json(read), "detail"), "there is no such athlete");
    EXPECT_EQ(ask(Method::patch, target, eve.key, R"({"name": "E"})", "*").status, 404) << target;
  }
  EXPECT_EQ(get(nobody).status, 404);
  EXPECT_EQ(text(json(get("/v1/athletes/" + ben.id)), "name"), "Ben") << "the operator sees all";
  EXPECT_EQ(ask(Method::patch, "/v1/athletes/" + ben.id, operator_key_, R"({"time_zone": null})", "*").status, 200);
  EXPECT_EQ(ask(Method::get, "/v1/me", operator_key_).status, 403);
}

TEST_F(AthleteRoutesTest, ACoachSeesTheNameAlone) {
  const Person ben = person("Ben");
  const Person coach = person("Coach");
  ASSERT_EQ(ask(Method::patch, "/v1/me", ben.key, R"({"email": "ben@example.org"})", "*").status, 200);
  const Team team = *accounts_->teams().create("Eight", coach.uuid);
  ASSERT_TRUE(accounts_->teams().add(team.id, ben.uuid, TeamRole::member));
  const auto seen = ask(Method::get, "/v1/athletes/" + ben.id, coach.key);
  EXPECT_EQ(seen.status, 200);
  EXPECT_EQ(seen.body, R"({"id":")" + ben.id + R"(","name":"Ben"})");
  EXPECT_EQ(ask(Method::patch, "/v1/athletes/" + ben.id, coach.key, R"({"name": "x"})", "*").status, 404);
  EXPECT_EQ(ask(Method::get, "/v1/athletes/" + coach.id, ben.key).status, 404) << "a member sees of the coach what the "
                                                                                  "team shows";
}

TEST_F(AthleteRoutesTest, TheOperatorMakesAWholeProfile) {
  const auto made = post("/v1/athletes", R"({"name": "Zoë", "email": "zoe@example.org", "locale": "FR"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(text(json(made), "locale"), "fr");
  const auto wrong = post("/v1/athletes", R"({"name": "Zoë", "email": "zoe"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(text(json(wrong).find("errors")->array()->at(0), "pointer"), "/email");
  EXPECT_THAT(get("/v1/athletes").body, HasSubstr("zoe@example.org"));
  EXPECT_THAT(get("/v1/keys").body, Not(HasSubstr("zoe@example.org")));
}

TEST_F(AthleteRoutesTest, AChangeIsWrittenDownWithoutWhatIsInIt) {
  const Person ben = person("Ben");
  ask(Method::patch, "/v1/me", ben.key, R"({"email": "ben@example.org", "name": "Benno"})", "*");
  ask(Method::patch, "/v1/me", ben.key, R"({"name": "Late"})", "\"1\"");
  ASSERT_EQ(audit_.acts.size(), 4U);
  EXPECT_EQ(audit_.acts[0].kind, "athlete.update");
  EXPECT_EQ(audit_.acts[0].athlete, ben.uuid);
  EXPECT_EQ(audit_.acts[0].what, "step=intent fields=name,email");
  EXPECT_EQ(audit_.acts[1].what, "step=done intent=1 fields=name,email");
  EXPECT_EQ(audit_.acts[3].what, "step=failed intent=3 error=conflict");
  audit_.fails = true;
  EXPECT_EQ(ask(Method::patch, "/v1/me", ben.key, R"({"name": "Lost"})", "*").status, 503);
  EXPECT_EQ(text(json(ask(Method::get, "/v1/me", ben.key)), "name"), "Benno");
}

}  // namespace
}  // namespace boathouse::control
