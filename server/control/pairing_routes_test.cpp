// Pairing, through a route table.
#include <gmock/gmock.h>

#include "core/base/utc_time.hpp"
#include "server/control/test_routes.hpp"

namespace boathouse::control {
namespace {

using http::Method;
using testing::HasSubstr;
using testing::Not;

class PairingRoutesTest : public RoutesTest {
 protected:
  std::string code(const std::string& key, const std::string& body = "{}") {
    const auto made = ask(Method::post, "/v1/pairings", key, body);
    EXPECT_EQ(made.status, 201) << made.body;
    return text(json(made), "code");
  }
  // Without a key, from an address of its own.
  http::Response claim(const std::string& code, const std::string& address = "192.0.2.1",
                       const std::string& name = "phone") {
    http::Headers with;
    with.add("Content-Type", "application/json");
    return call(routes_, {.method = Method::post,
                          .target = "/v1/pairings/claim",
                          .headers = std::move(with),
                          .body = R"({"code": ")" + code + R"(", "device_name": ")" + name + "\"}",
                          .remote_address = address});
  }
};

TEST_F(PairingRoutesTest, ADeviceGetsItsOwnKeyForACode) {
  const Person ben = person("Ben");
  const auto made = ask(Method::post, "/v1/pairings", ben.key, "{}");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(text(json(made), "expires_at"), "2023-11-14T22:23:20.000Z");
  EXPECT_EQ(text(json(made), "athlete"), ben.id);
  EXPECT_EQ(*made.headers.find("Cache-Control"), "no-store");
  const auto claimed = claim(text(json(made), "code"), "192.0.2.1", "Ben's phone");
  ASSERT_EQ(claimed.status, 201) << claimed.body;
  EXPECT_EQ(*claimed.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(text(json(claimed), "label"), "Ben's phone");
  EXPECT_EQ(text(*json(claimed).find("athlete"), "id"), ben.id);
  EXPECT_EQ(json(claimed).find("scopes")->array()->size(), 1U);
  const std::string device_key = text(json(claimed), "key");
  EXPECT_TRUE(accounts_->authenticate(device_key));
  // It uploads, and that is all.
  for (const auto& [method, target] : std::vector<std::pair<Method, std::string>>{
           {Method::get, "/v1/me"}, {Method::post, "/v1/pairings"}, {Method::get, "/v1/teams"}}) {
    EXPECT_EQ(ask(method, target, device_key, method == Method::post ? "{}" : "").status, 403) << target;
  }
  EXPECT_EQ(claim(text(json(made), "code")).status, 404) << "a code is for one device";
}

TEST_F(PairingRoutesTest, NobodyGivesADeviceWhatTheyDoNotHave) {
  const std::int64_t end_ms = clock_.utc_ms() + kDayMs;
  const Person ben = person("Ben", {.scopes = Scopes().add(Scope::athletes_write)});
  const auto refused = ask(Method::post, "/v1/pairings", ben.key, "{}");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("the key lacks the scope sessions:write"));
  EXPECT_TRUE(audit_.acts.empty()) << "nothing was begun";
  const auto eve = accounts_->create_athlete_key(
      "Eve",
      KeyOptions{.scopes = Scopes().add(Scope::athletes_write).add(Scope::sessions_write), .expires_ms = end_ms});
  const auto claimed = claim(code(eve->text));
  ASSERT_EQ(claimed.status, 201) << claimed.body;
  EXPECT_EQ(text(json(claimed), "expires_at"), base::format_utc_ms(end_ms));
}

TEST_F(PairingRoutesTest, TheOperatorSaysForWhom) {
  const Person ben = person("Ben");
  EXPECT_EQ(claim(code(operator_key_, R"({"athlete": ")" + ben.id + "\"}")).status, 201);
  EXPECT_EQ(claim(code(operator_key_, R"({"athlete_name": "Ben"})")).status, 201);
  for (const char* body : {"{}", R"({"athlete": "Ben"})", R"({"athlete_name": 5})", R"({"athlete": null})", "[]", "",
                           R"({"athlete_name": "Ben", "role": "operator"})"}) {
    EXPECT_EQ(ask(Method::post, "/v1/pairings", operator_key_, body).status, 400) << body;
  }
  EXPECT_EQ(ask(Method::post, "/v1/pairings", operator_key_, R"({"athlete_name": "Nobody"})").status, 404);
  EXPECT_EQ(
      ask(Method::post, "/v1/pairings", operator_key_, R"({"athlete": "ath_018bcfe5-6800-7abc-8def-0123456789ab"})")
          .status,
      404);
  const Person eve = person("Eve");
  EXPECT_EQ(ask(Method::post, "/v1/pairings", eve.key, R"({"athlete": ")" + ben.id + "\"}").status, 400)
      << "nobody makes a code for somebody else";
}

TEST_F(PairingRoutesTest, GuessingEndsForAnAddressAndThenForAll) {
  const std::string good = code(person("Ben").key);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(claim("0000-0000", "192.0.2.1").status, 404);
  }
  const auto limited = claim("0000-0000", "192.0.2.1");
  EXPECT_EQ(limited.status, 429);
  EXPECT_NE(limited.headers.find("Retry-After"), nullptr);
  EXPECT_THAT(limited.body, HasSubstr("http-problem-types#quota-exceeded"));
  EXPECT_EQ(limited.limited_by, "pairing-address") << "for the log and the metric";
  EXPECT_EQ(claim(good, "192.0.2.1").status, 429) << "also with the right one";
  // A right code costs nobody a guess, a code of the wrong form does.
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(claim(code(athlete_key_), "192.0.2.2").status, 201);
  }
  EXPECT_EQ(claim("no code", "192.0.2.2").status, 400);
  EXPECT_EQ(claim("0000-0000", "192.0.2.3").status, 404);
  const auto of_all = claim(good, "192.0.2.4");
  EXPECT_EQ(of_all.status, 429) << "five of all";
  EXPECT_EQ(of_all.limited_by, "pairing");
  clock_.advance_ms(120'000);
  EXPECT_EQ(claim(good, "192.0.2.4").status, 201) << "one of five flows back in two minutes";
}

TEST_F(PairingRoutesTest, WrongBodiesCostNoGuess) {
  http::Headers with;
  with.add("Content-Type", "application/json");
  for (const char* body : {"", "{}", "[]", R"({"code": "0000-0000"})", R"({"code": 1, "device_name": "x"})",
                           R"({"code": "0000-0000", "device_name": ""})",
                           R"({"code": "0000-0000", "device_name": "x", "scopes": ["keys:manage"]})"}) {
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(call(routes_, {Method::post, "/v1/pairings/claim", with, body, "192.0.2.1"}).status, 400) << body;
    }
  }
  EXPECT_EQ(claim(code(athlete_key_)).status, 201);
}

TEST_F(PairingRoutesTest, BothStepsAreWrittenDownWithoutTheCode) {
  const Person ben = person("Ben");
  const std::string text_of_code = code(ben.key);
  const auto claimed = json(claim(text_of_code));
  claim(text_of_code);
  ASSERT_EQ(audit_.acts.size(), 4U) << "a wrong code is no act";
  EXPECT_EQ(audit_.acts[0].kind, "pairing.create");
  EXPECT_EQ(audit_.acts[0].athlete, ben.uuid);
  EXPECT_EQ(audit_.acts[2].kind, "pairing.claim");
  EXPECT_EQ(audit_.acts[2].athlete, ben.uuid);
  EXPECT_FALSE(audit_.acts[2].key);
  EXPECT_EQ(audit_.acts[3].what, "step=done intent=3 key=" + text(claimed, "id"));
  for (const Act& act : audit_.acts) {
    EXPECT_THAT(act.what, Not(HasSubstr(text_of_code)));
    EXPECT_THAT(act.what, Not(HasSubstr("phone")));
  }
  const std::string another = code(ben.key);
  audit_.fails = true;
  EXPECT_EQ(claim(another).status, 503);
  EXPECT_EQ(ask(Method::post, "/v1/pairings", ben.key, "{}").status, 503);
  audit_.fails = false;
  EXPECT_EQ(claim(another).status, 201) << "what could not be written down was not done";
}

}  // namespace
}  // namespace boathouse::control
