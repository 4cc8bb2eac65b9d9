// The operator's routes and the way in, through a route table.
#include "server/control/routes.hpp"

#include <gmock/gmock.h>

#include "core/base/json.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/ids.hpp"
#include "server/control/test_routes.hpp"

namespace boathouse::control {
namespace {

using base::JsonValue;
using http::Method;
using testing::HasSubstr;
using testing::Not;

TEST_F(RoutesTest, TheKeyMayComeInEitherHeader) {
  EXPECT_EQ(get("/any").body, "operator");
  http::Headers api_key;
  api_key.add("x-api-key", athlete_key_);
  EXPECT_EQ(get("/any", api_key).body, "athlete");
  http::Headers lower;
  lower.add("authorization", "bearer  " + athlete_key_);
  EXPECT_EQ(get("/any", lower).body, "athlete");
  lower.add("X-API-Key", athlete_key_);
  EXPECT_EQ(get("/any", lower).body, "athlete");
}

TEST_F(RoutesTest, AnythingElseIsRefusedWithAReason) {
  struct Case {
    std::string name;
    std::string value;
    std::string says;
  };
  const std::vector<Case> cases{{"", "", "there is no key"},
                                {"Authorization", "Basic YTpi", "only the scheme Bearer"},
                                {"Authorization", "Bearer", "only the scheme Bearer"},
                                {"Authorization", "Bearer ", "there is no key"},
                                {"Authorization", "Bearer nonsense", "does not begin with rk_live_"},
                                {"Authorization", "Bearer " + athlete_key_.substr(0, 80), "has 80 characters"},
                                {"Authorization", "Bearer " + athlete_key_ + "," + athlete_key_, "has 181 characters"},
                                {"X-API-Key", athlete_key_.substr(0, 89) + "!", "has a character that is wrong"}};
  for (const Case& one : cases) {
    http::Headers with;
    if (!one.name.empty()) {
      with.add(one.name, one.value);
    }
    const auto response = get("/any", with);
    EXPECT_EQ(response.status, 401) << one.value;
    EXPECT_NE(response.headers.find("WWW-Authenticate"), nullptr);
    EXPECT_THAT(text(json(response), "detail"), HasSubstr(one.says));
    EXPECT_THAT(response.body, Not(HasSubstr(athlete_key_.substr(40, 30))));
  }
  http::Headers twice = headers(athlete_key_);
  twice.add("Authorization", "Bearer " + operator_key_);
  EXPECT_EQ(get("/any", twice).status, 401);
  http::Headers different = headers(athlete_key_);
  different.add("X-API-Key", operator_key_);
  EXPECT_EQ(get("/any", different).status, 401);
}

TEST_F(RoutesTest, AKeyInTheAddressIsRefusedEvenIfItIsGood) {
  for (const std::string& query : {"key=" + athlete_key_, std::string("api_key=x"), std::string("Access_Token=x"),
                                   "foo=" + athlete_key_, "limit=1&X-Api-Key=" + operator_key_}) {
    const auto response = get("/any?" + query);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_THAT(text(json(response), "detail"), HasSubstr("Authorization: Bearer"));
    EXPECT_THAT(response.body, Not(HasSubstr(athlete_key_)));
  }
  EXPECT_EQ(get("/any?keys=time,distance&monkey=1").status, 200);
}

TEST_F(RoutesTest, RolesAreKeptApart) {
  EXPECT_EQ(get("/mine", headers(athlete_key_)).status, 200);
  const auto refused = get("/mine");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(text(json(refused), "detail"), HasSubstr("boathouse key create --athlete NAME"));
  for (const auto& [method, target] : std::vector<std::pair<Method, std::string>>{
           {Method::get, "/v1/athletes"},
           {Method::post, "/v1/athletes"},
           {Method::get, "/v1/keys"},
           {Method::post, "/v1/keys"},
           {Method::delete_, "/v1/keys/key_018bcfe5-6800-7abc-8def-0123456789ab"}}) {
    EXPECT_EQ(call(routes_, {.method = method, .target = target, .headers = headers(athlete_key_), .body = ""}).status,
              403)
        << target;
    EXPECT_EQ(call(routes_, {.method = method, .target = target, .headers = {}, .body = ""}).status, 401) << target;
  }
}

TEST_F(RoutesTest, AthletesAreMadeAndListed) {
  const auto made = post("/v1/athletes", R"({"name": "Zoë \"Z\" <b>"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(text(json(made), "name"), "Zoë \"Z\" <b>");
  EXPECT_THAT(text(json(made), "id"), testing::MatchesRegex("ath_[0-9a-f-]{36}"));
  EXPECT_EQ(text(json(made), "created_at"), "2023-11-14T22:13:20.000Z");
  const auto listed = json(get("/v1/athletes"));
  ASSERT_EQ(listed.find("data")->array()->size(), 2U);
  EXPECT_EQ(text(listed.find("data")->array()->at(1), "id"), text(json(made), "id"));
  EXPECT_EQ(listed.find("page")->find("has_more")->boolean(), false);
  EXPECT_TRUE(listed.find("page")->find("next_cursor")->is_null());
}

TEST_F(RoutesTest, PagesFollowEachOther) {
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(post("/v1/keys", R"({"athlete_name": "sim-)" + std::to_string(i) + "\"}").status, 201);
  }
  std::vector<std::string> seen;
  std::string target = "/v1/athletes?limit=3";
  while (!target.empty()) {
    const auto response = get(target);
    ASSERT_EQ(response.status, 200) << response.body;
    const auto page = json(response);
    for (const JsonValue& athlete : *page.find("data")->array()) {
      seen.push_back(text(athlete, "name"));
    }
    const std::string* link = response.headers.find("Link");
    EXPECT_EQ(link != nullptr, *page.find("page")->find("has_more")->boolean());
    target = link == nullptr ? "" : link->substr(1, link->find('>') - 1);
    EXPECT_THAT(target, testing::AnyOf("", HasSubstr(text(*page.find("page"), "next_cursor"))));
  }
  EXPECT_THAT(seen, testing::ElementsAre("Anna", "sim-0", "sim-1", "sim-2", "sim-3", "sim-4", "sim-5"));
}

TEST_F(RoutesTest, PageParametersAreChecked) {
  for (const char* query : {"limit=0", "limit=201", "limit=-1", "limit=", "limit=1x", "cursor=", "cursor=ath_x",
                            "cursor=key_018bcfe5-6800-7abc-8def-0123456789ab", "page=2"}) {
    EXPECT_EQ(get(std::string("/v1/athletes?") + query).status, 400) << query;
  }
}

TEST_F(RoutesTest, AKeyIsShownOnceAndWorks) {
  const auto made = post("/v1/keys", R"({"athlete_name": "Ben"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(*made.headers.find("Cache-Control"), "no-store");
  const std::string key = text(json(made), "key");
  const std::string athlete = text(*json(made).find("athlete"), "id");
  EXPECT_EQ("ath_" + get("/mine", headers(key)).body, athlete);

  const auto second = post("/v1/keys", R"({"athlete": ")" + athlete + "\"}");
  ASSERT_EQ(second.status, 201) << second.body;
  EXPECT_EQ(text(*json(second).find("athlete"), "id"), athlete);

  const auto listed = get("/v1/keys");
  EXPECT_THAT(listed.body, Not(HasSubstr("rk_live_")));
  EXPECT_THAT(listed.body, Not(HasSubstr("hash")));
  EXPECT_EQ(json(listed).find("data")->array()->size(), 4U);
}

TEST_F(RoutesTest, ARevokedKeyIsOutAtOnce) {
  const auto made = json(post("/v1/keys", R"({"athlete_name": "Ben"})"));
  const std::string id = text(made, "id");
  const std::string key = text(made, "key");
  EXPECT_EQ(get("/mine", headers(key)).status, 200);
  EXPECT_EQ(remove("/v1/keys/" + id).status, 204);
  EXPECT_EQ(get("/mine", headers(key)).status, 401);
  EXPECT_EQ(remove("/v1/keys/" + id).status, 204);
  EXPECT_EQ(remove("/v1/keys/key_018bcfe5-6800-7abc-8def-0123456789ab").status, 404);
  EXPECT_EQ(remove("/v1/keys/" + id.substr(4)).status, 400);
  const auto own = json(get("/v1/keys")).find("data")->array()->at(0);
  EXPECT_EQ(text(own, "role"), "operator");
  EXPECT_TRUE(own.find("athlete")->is_null());
  EXPECT_EQ(remove("/v1/keys/" + text(own, "id")).status, 409);
}

TEST_F(RoutesTest, AnAthleteSeesAndRevokesTheOwnKeysAlone) {
  const Person ben = person("Ben");
  const Person lost = person("Ben", {.label = "lost phone"});
  const auto listed = json(ask(Method::get, "/v1/me/keys", ben.key));
  ASSERT_EQ(listed.find("data")->array()->size(), 2U);
  const std::string id = text(listed.find("data")->array()->at(1), "id");
  EXPECT_EQ(text(listed.find("data")->array()->at(1), "label"), "lost phone");
  const auto first = ask(Method::get, "/v1/me/keys?limit=1", ben.key);
  EXPECT_THAT(*first.headers.find("Link"), HasSubstr("/v1/me/keys?limit=1&cursor=key_"));
  EXPECT_EQ(ask(Method::delete_, "/v1/me/keys/" + id, athlete_key_).status, 404) << "Anna's key";
  for (const char* nobodys : {"key_018bcfe5-6800-7abc-8def-0123456789ab", "x"}) {
    EXPECT_EQ(ask(Method::delete_, std::string("/v1/me/keys/") + nobodys, ben.key).status, 404);
  }
  const std::string of_operator = text(json(get("/v1/keys")).find("data")->array()->at(0), "id");
  EXPECT_EQ(ask(Method::delete_, "/v1/me/keys/" + of_operator, ben.key).status, 404);
  EXPECT_EQ(get("/mine", headers(lost.key)).status, 200);
  EXPECT_EQ(ask(Method::delete_, "/v1/me/keys/" + id, ben.key).status, 204);
  EXPECT_EQ(get("/mine", headers(lost.key)).status, 401);
  EXPECT_EQ(ask(Method::delete_, "/v1/me/keys/" + id, ben.key).status, 204) << "again";
  EXPECT_EQ(ask(Method::delete_, "/v1/me/keys/" + id, athlete_key_).status, 404);
  EXPECT_EQ(audit_.acts.at(0).kind, "key.revoke");
  EXPECT_EQ(audit_.acts.at(0).athlete, ben.uuid);
  EXPECT_EQ(ask(Method::get, "/v1/me/keys", operator_key_).status, 403);
}

TEST_F(RoutesTest, BadBodiesAreNamed) {
  struct Case {
    std::string target;
    std::string body;
    int status;
  };
  const std::vector<Case> cases{
      {"/v1/athletes", "", 400},
      {"/v1/athletes", "{", 400},
      {"/v1/athletes", "[]", 400},
      {"/v1/athletes", "{}", 400},
      {"/v1/athletes", R"({"name": 5})", 400},
      {"/v1/athletes", R"({"name": ""})", 400},
      {"/v1/athletes", R"({"name": "a", "role": "operator"})", 400},
      {"/v1/athletes", R"({"name": "a", "name": "b"})", 400},
      {"/v1/athletes", "{\"name\": \"a\xff\"}", 400},
      {"/v1/athletes", std::string(17'000, ' '), 413},
      {"/v1/keys", R"({"athlete": "Anna"})", 400},
      {"/v1/keys", R"({"athlete": "ath_018bcfe5-6800-7abc-8def-0123456789ab"})", 404},
      {"/v1/keys", R"({"athlete_name": "Anna", "athlete": "x"})", 400},
      {"/v1/keys", R"({"role": "operator"})", 400},
  };
  for (const Case& one : cases) {
    const auto response = post(one.target, one.body);
    EXPECT_EQ(response.status, one.status) << one.target << ' ' << one.body.substr(0, 60) << ' ' << response.body;
  }
  const auto named = json(post("/v1/athletes", R"({"name": " x"})"));
  EXPECT_EQ(text(named.find("errors")->array()->at(0), "pointer"), "/name");

  http::Headers form = headers(operator_key_);
  form.set("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_EQ(
      call(routes_, {.method = Method::post, .target = "/v1/keys", .headers = form, .body = R"({"athlete_name":"x"})"})
          .status,
      415);
  EXPECT_EQ(accounts_->keys(std::nullopt, 10)->size(), 2U);
}

TEST_F(RoutesTest, AKeyDoesWhatItsScopesSayUntilItExpires) {
  const auto made = json(post("/v1/keys", R"({"athlete_name": "Ben", "scopes": ["sessions:read"], "expires_in_days": 2,
                                              "label": "tablet"})"));
  const std::string key = text(made, "key");
  EXPECT_EQ(text(made, "label"), "tablet");
  EXPECT_EQ(made.find("scopes")->array()->size(), 1U);
  EXPECT_EQ(get("/any", headers(key)).status, 200);
  const auto refused = get("/mine", headers(key));
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(text(json(refused), "detail"), HasSubstr("strokes:read"));
  clock_.advance_ms(2 * kDayMs - 1);
  EXPECT_EQ(get("/any", headers(key)).status, 200);
  clock_.advance_ms(1);
  EXPECT_EQ(get("/any", headers(key)).status, 401);
  for (const char* bad : {R"({"athlete_name": "B", "scopes": ["all"]})", R"({"athlete_name": "B", "scopes": []})",
                          R"({"athlete_name": "B", "scopes": ["keys:manage"]})",
                          R"({"athlete_name": "B", "expires_in_days": 0})", R"({"scopes": ["sessions:read"]})"}) {
    EXPECT_EQ(post("/v1/keys", bad).status, 400) << bad;
  }
}

TEST_F(RoutesTest, AKeyMayEndOnADay) {
  const auto made =
      json(post("/v1/keys", R"({"athlete_name": "Ben", "scopes": ["sessions:read"], "expires_at": "2023-11-16"})"));
  EXPECT_EQ(text(made, "expires_at"), "2023-11-16T00:00:00.000Z");
  EXPECT_EQ(text(json(post("/v1/keys", R"({"athlete_name": "Ben", "expires_at": "2024-01-01T01:00:00+01:00"})")),
                 "expires_at"),
            "2024-01-01T00:00:00.000Z");
  for (const char* end : {"\"2023-11-14\"", "\"2023-11-16T00:00:00\"", "\"soon\"", "5", "\"2123-11-16\""}) {
    EXPECT_EQ(post("/v1/keys", R"({"athlete_name": "Ben", "expires_at": )" + std::string(end) + "}").status, 400)
        << end;
  }
  EXPECT_EQ(post("/v1/keys", R"({"athlete_name": "B", "expires_in_days": 1, "expires_at": "2023-11-16"})").status, 400);
}

TEST_F(RoutesTest, ARotatedKeyHasTwoSecretsForAWhile) {
  const auto made = json(post("/v1/keys", R"({"athlete_name": "Ben"})"));
  const std::string old_key = text(made, "key");
  const auto answer = post("/v1/keys/" + text(made, "id") + "/rotate", R"({"overlap_hours": 1})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const std::string new_key = text(json(answer), "key");
  EXPECT_NE(new_key, old_key);
  EXPECT_EQ(get("/mine", headers(old_key)).status, 200);
  EXPECT_EQ(get("/mine", headers(new_key)).status, 200);
  clock_.advance_ms(3'600'000);
  EXPECT_EQ(get("/mine", headers(old_key)).status, 401);
  EXPECT_EQ(get("/mine", headers(new_key)).status, 200);
  EXPECT_EQ(post("/v1/keys/" + text(made, "id") + "/rotate", "{}").status, 400);
  ASSERT_EQ(remove("/v1/keys/" + text(made, "id")).status, 204);
  EXPECT_EQ(post("/v1/keys/" + text(made, "id") + "/rotate", R"({"overlap_hours": 0})").status, 409);
}

// ---- the audit ----

TEST_F(RoutesTest, EveryActIsWrittenDownBeforeAndAfter) {
  const base::Uuid by = accounts_->authenticate(operator_key_)->key_id;
  const std::string athlete = text(json(post("/v1/athletes", R"({"name": "Zoe"})")), "id");
  const base::Uuid zoe = *parse_id(kAthletePrefix, athlete);
  const auto made =
      json(post("/v1/keys", R"({"athlete": ")" + athlete + R"(", "label": "Zoe's phone", "expires_in_days": 9, )" +
                                R"("scopes": ["sessions:read", "strokes:read"]})"));
  const std::string key = "key=" + text(made, "id");
  const auto by_name = json(post("/v1/keys", R"({"athlete_name": "Yan"})"));
  const base::Uuid yan = *parse_id(kAthletePrefix, text(*by_name.find("athlete"), "id"));
  post("/v1/keys/" + text(made, "id") + "/rotate", R"({"overlap_hours": 2})");
  remove("/v1/keys/" + text(made, "id"));
  std::vector<std::string> lines;
  for (const Act& act : audit_.acts) {
    EXPECT_EQ(act.key, by);
    const std::string whose = act.athlete == zoe ? "Zoe" : act.athlete == yan ? "Yan" : "nobody";
    lines.push_back(act.kind + " " + whose + ": " + act.what);
    EXPECT_THAT(act.what, Not(HasSubstr("rk_live_")));
    EXPECT_THAT(act.what, Not(HasSubstr("phone")));
    EXPECT_THAT(act.what, Not(testing::ContainsRegex("Zoe|Yan")));
  }
  const std::string all_scopes =
      "sessions:read,sessions:write,strokes:read,athletes:read,teams:read,aggregates:read,exports:create,exports:read,"
      "account:delete,athletes:write,teams:write,webhooks:read,webhooks:manage";
  EXPECT_THAT(lines, testing::ElementsAre(
                         "athlete.create nobody: step=intent", "athlete.create Zoe: step=done intent=1",
                         "key.create Zoe: step=intent scopes=sessions:read,strokes:read expires_in_days=9",
                         "key.create Zoe: step=done intent=3 scopes=sessions:read,strokes:read expires_in_days=9 " +
                             key + " athlete_made=no",
                         "key.create nobody: step=intent scopes=" + all_scopes,
                         "key.create Yan: step=done intent=5 scopes=" + all_scopes + " key=" + text(by_name, "id") +
                             " athlete_made=yes",
                         "key.rotate Zoe: step=intent " + key + " overlap_hours=2",
                         "key.rotate Zoe: step=done intent=7 " + key + " overlap_hours=2",
                         "key.revoke Zoe: step=intent " + key, "key.revoke Zoe: step=done intent=9 " + key));
}

TEST_F(RoutesTest, AnActThatFailedSaysSo) {
  EXPECT_EQ(post("/v1/keys", R"({"athlete_name": " Zoe"})").status, 400);
  EXPECT_EQ(remove("/v1/keys/key_018bcfe5-6800-7abc-8def-0123456789ab").status, 404);
  ASSERT_EQ(audit_.acts.size(), 4U);
  EXPECT_EQ(audit_.acts[1].what, "step=failed intent=1 error=invalid_input");
  EXPECT_EQ(audit_.acts[3].what, "step=failed intent=3 error=not_found");
}

TEST_F(RoutesTest, WhatIsReadOrRefusedBeforeItBeginsIsNoAct) {
  get("/v1/keys");
  get("/v1/athletes");
  EXPECT_EQ(post("/v1/athletes", "{}").status, 400);
  EXPECT_EQ(post("/v1/athletes", R"({"name": " Zoe"})").status, 400);
  EXPECT_EQ(post("/v1/keys", R"({"athlete": "Anna"})").status, 400);
  http::Headers of_athlete = headers(athlete_key_);
  EXPECT_EQ(call(routes_, {Method::post, "/v1/athletes", of_athlete, R"({"name": "Zoe"})"}).status, 403);
  EXPECT_TRUE(audit_.acts.empty());
}

TEST_F(RoutesTest, WhatCannotBeWrittenDownIsNotDone) {
  const auto made = json(post("/v1/keys", R"({"athlete_name": "Ben"})"));
  audit_.fails = true;
  const auto refused = post("/v1/athletes", R"({"name": "Zoe"})");
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.headers.find("Retry-After"), nullptr);
  EXPECT_THAT(refused.body, HasSubstr("send the same again"));
  EXPECT_THAT(refused.note, HasSubstr("not done"));
  EXPECT_THAT(refused.body, Not(HasSubstr("disk")));
  EXPECT_EQ(post("/v1/keys", R"({"athlete_name": "Zoe"})").status, 503);
  EXPECT_EQ(post("/v1/keys/" + text(made, "id") + "/rotate", R"({"overlap_hours": 0})").status, 503);
  EXPECT_EQ(remove("/v1/keys/" + text(made, "id")).status, 503);
  EXPECT_THAT(get("/v1/athletes").body, Not(HasSubstr("Zoe")));
  EXPECT_EQ(get("/mine", headers(text(made, "key"))).status, 200);
}

TEST_F(RoutesTest, ARouteWithoutAScopeLetsNobodyIn) {
  EXPECT_TRUE(check_scopes(routes_));
  http::Route forgotten;
  forgotten.pattern = "/forgotten";
  forgotten.name = "forgotten";
  forgotten.admit = admit_any(*accounts_);
  forgotten.handler = [](const http::Request&) { return http::make_response(200, "text/plain", ""); };
  ASSERT_TRUE(routes_.add(forgotten));
  EXPECT_EQ(get("/forgotten").status, 500);
  EXPECT_THAT(check_scopes(routes_).error().text, HasSubstr("forgotten"));
}

// What quotas and the log go by.
TEST_F(RoutesTest, AdmissionTellsWhoseRequestItIs) {
  const auto ask = [&](const http::Admit& admit, const std::string& key) {
    http::RequestHead head;
    head.scope = "sessions:read";
    head.headers = headers(key);
    admit(head);
    return head;
  };
  const http::RequestHead anna = ask(admit_any(*accounts_), athlete_key_);
  EXPECT_EQ(anna.caller, identity_of(anna)->key_id.text());
  EXPECT_FALSE(anna.is_unlimited);
  EXPECT_EQ(ask(admit_operator(*accounts_), athlete_key_).caller, anna.caller) << "refused, but known";
  const http::RequestHead operators = ask(admit_any(*accounts_), operator_key_);
  EXPECT_TRUE(operators.is_unlimited);
  EXPECT_EQ(operators.account, operators.caller);
  EXPECT_EQ(anna.account, identity_of(anna)->athlete->text()) << "her other keys are of the same";
  EXPECT_EQ(ask(admit_any(*accounts_), "rk_live_0").caller, "");
  EXPECT_EQ(ask(admit_any(*accounts_), "").caller, "");
}

}  // namespace
}  // namespace boathouse::control
