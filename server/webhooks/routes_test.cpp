// The athlete's routes for webhooks, through a route table.
#include "server/webhooks/routes.hpp"

#include <gmock/gmock.h>

#include "core/base/json.hpp"
#include "server/control/scopes.hpp"
#include "server/control/test_audit_log.hpp"
#include "server/control/test_call.hpp"
#include "server/webhooks/test_webhooks.hpp"

namespace boathouse::webhooks {
namespace {

using base::JsonValue;
using http::Method;
using testing::HasSubstr;
using testing::Not;

class WebhookRoutesTest : public WebhooksFixture {
 protected:
  WebhookRoutesTest() : WebhooksFixture(sql::Dialect::sqlite) {}

  void SetUp() override {
    WebhooksFixture::SetUp();
    accounts_ = *control::Accounts::open(folder_.path(), clock_, random_);
    anna_key_ = accounts_->create_athlete_key("Anna")->text;
    ben_key_ = accounts_->create_athlete_key("Ben")->text;
    const Parts parts{*accounts_, audit_, *store_, *runner_, clock_, random_, {}};
    ASSERT_TRUE(add_routes(routes_, parts));
    ASSERT_TRUE(control::check_scopes(routes_));
  }

  http::Response call(Method method, const std::string& target, const std::string& body, const std::string& key,
                      const std::string& idempotency_key = "", const std::string& if_match = "*") {
    http::Headers headers;
    if (method == Method::patch && !if_match.empty()) {
      headers.add("If-Match", if_match);
    }
    if (!idempotency_key.empty()) {
      headers.add("Idempotency-Key", idempotency_key);
    }
    headers.add("Authorization", "Bearer " + key);
    if (!body.empty()) {
      headers.add("Content-Type", "application/json");
    }
    return control::call(routes_, {.method = method, .target = target, .headers = headers, .body = body});
  }
  http::Response call(Method method, const std::string& target, const std::string& body = "") {
    return call(method, target, body, anna_key_);
  }
  static JsonValue json(const http::Response& response) {
    auto value = base::parse_json(response.body);
    EXPECT_TRUE(value) << response.body;
    return value ? *value : JsonValue();
  }
  static std::string text(const http::Response& response, std::string_view key) {
    const JsonValue body = json(response);
    const JsonValue* found = body.find(key);
    return found != nullptr && found->text() != nullptr ? *found->text() : "(no text)";
  }
  std::string make(const std::string& url = "https://example.com/in") {
    const auto made = call(Method::post, "/v1/webhooks", R"({"url":")" + url + "\"}");
    EXPECT_EQ(made.status, 201) << made.body;
    return text(made, "id");
  }

  std::unique_ptr<control::Accounts> accounts_;
  control::TestAuditLog audit_;
  http::RouteTable routes_;
  std::string anna_key_;
  std::string ben_key_;
};

TEST_F(WebhookRoutesTest, ASecretIsShownOnceAndAgainOnlyAfterARotation) {
  const auto made = call(Method::post, "/v1/webhooks", R"({"url":"https://example.com/in","events":["sync.failed"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string secret = text(made, "secret");
  EXPECT_TRUE(secret.starts_with("whsec_"));
  EXPECT_EQ(*made.headers.find("Cache-Control"), "no-store");
  const std::string id = text(made, "id");
  EXPECT_TRUE(id.starts_with("whk_"));
  const auto seen = call(Method::get, "/v1/webhooks/" + id);
  EXPECT_EQ(seen.status, 200);
  EXPECT_THAT(seen.body, Not(HasSubstr("whsec_")));
  EXPECT_THAT(seen.body, HasSubstr(R"("events":["sync.failed"],"enabled":true,"disabled_reason":null)"));
  EXPECT_THAT(call(Method::get, "/v1/webhooks").body, Not(HasSubstr("whsec_")));
  const auto rotated = call(Method::post, "/v1/webhooks/" + id + "/rotate");
  EXPECT_EQ(rotated.status, 200);
  EXPECT_TRUE(text(rotated, "secret").starts_with("whsec_"));
  EXPECT_NE(text(rotated, "secret"), secret);
  EXPECT_EQ(text(rotated, "previous_secret_until"), "2023-11-15T22:13:20.000Z");
}

TEST_F(WebhookRoutesTest, ACallWithAKeyIsDoneOnce) {
  const std::string body = R"({"url":"https://example.com/in"})";
  const auto made = call(Method::post, "/v1/webhooks", body, anna_key_, "\"a-1\"");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto again = call(Method::post, "/v1/webhooks", body, anna_key_, "a-1");  // quoted or not
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, made.body);
  EXPECT_EQ(call(Method::post, "/v1/webhooks", body).status, 409) << "without the key it is another call";
  const std::string rotate = "/v1/webhooks/" + text(made, "id") + "/rotate";
  const auto rotated = call(Method::post, rotate, "", anna_key_, "a-2");
  EXPECT_EQ(rotated.status, 200);
  EXPECT_EQ(call(Method::post, rotate, "", anna_key_, "a-2").body, rotated.body);

  for (const auto& [target, other] : std::vector<std::pair<std::string, std::string>>{
           {"/v1/webhooks", R"({"url":"https://example.com/other"})"}, {rotate, ""}}) {
    const auto reused = call(Method::post, target, other, anna_key_, "a-1");
    EXPECT_EQ(reused.status, 422) << target;
    EXPECT_THAT(reused.body, HasSubstr("idempotency-key-reused")) << reused.body;
  }
  EXPECT_EQ(call(Method::post, "/v1/webhooks", body, ben_key_, "a-1").status, 201);

  for (const std::string& bad : {std::string("a b"), std::string("\"\""), std::string(256, 'a'), std::string("a, b")}) {
    const auto refused = call(Method::post, rotate, "", anna_key_, bad);
    EXPECT_EQ(refused.status, 400) << bad;
    EXPECT_THAT(refused.body, HasSubstr("header:Idempotency-Key")) << refused.body;
  }
}

TEST_F(WebhookRoutesTest, NamesWhatIsWrong) {
  struct Case {
    std::string body;
    std::string pointer;
  };
  const std::vector<Case> cases{
      {R"({"url":"http://example.com/"})", "/url"},
      {R"({"url":"https://169.254.169.254/"})", "/url"},
      {R"({"url":5})", "/url"},
      {R"({})", "/url"},
      {R"({"url":"https://example.com/","events":[]})", "/events"},
      {R"({"url":"https://example.com/","events":["session.eaten"]})", "/events"},
      {R"({"url":"https://example.com/","events":["sync.stuck","sync.stuck"]})", "/events"},
      {R"({"url":"https://example.com/","enabled":true})", "/enabled"},
      {R"({"url":"https://example.com/","secret":"whsec_mine"})", "/secret"},
  };
  for (const Case& one : cases) {
    const auto refused = call(Method::post, "/v1/webhooks", one.body);
    EXPECT_EQ(refused.status, 400) << one.body;
    EXPECT_THAT(refused.body, HasSubstr("\"pointer\":\"" + one.pointer + "\"")) << refused.body;
  }
  EXPECT_EQ(call(Method::post, "/v1/webhooks", "[1").status, 400);
  EXPECT_EQ(call(Method::post, "/v1/webhooks", "[]").status, 400);
  EXPECT_EQ(call(Method::post, "/v1/webhooks").status, 415);
  EXPECT_EQ(store_->endpoints(*accounts_->authenticate(anna_key_)->athlete)->size(), 0U);
}

TEST_F(WebhookRoutesTest, ChangesWhatIsNamed) {
  const std::string id = make();
  make("https://example.com/other");
  const auto changed = call(Method::patch, "/v1/webhooks/" + id, R"({"enabled":false,"events":["sync.stuck"]})");
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_THAT(changed.body, HasSubstr(R"("url":"https://example.com/in","events":["sync.stuck"],"enabled":false)"));
  EXPECT_THAT(call(Method::patch, "/v1/webhooks/" + id, R"({"events":null})").body, HasSubstr(R"("events":null)"));
  EXPECT_EQ(call(Method::patch, "/v1/webhooks/" + id, R"({"url":"https://example.com/other"})").status, 409);
  EXPECT_EQ(call(Method::patch, "/v1/webhooks/" + id, R"({"url":"https://localhost/"})").status, 400);
  EXPECT_EQ(call(Method::patch, "/v1/webhooks/" + id, R"({"id":"whk_"})").status, 400);
}

TEST_F(WebhookRoutesTest, AChangeNamesTheVersionThatItChanges) {
  const auto made = call(Method::post, "/v1/webhooks", R"({"url":"https://example.com/in"})");
  ASSERT_NE(made.headers.find("ETag"), nullptr);
  const std::string target = "/v1/webhooks/" + text(made, "id");
  const std::string first = *made.headers.find("ETag");
  EXPECT_EQ(*call(Method::get, target).headers.find("ETag"), first);
  const auto patch = [&](const std::string& if_match) {
    return call(Method::patch, target, R"({"events":["sync.stuck"]})", anna_key_, "", if_match);
  };
  EXPECT_EQ(patch("").status, 428);
  EXPECT_EQ(patch("1").status, 412) << "it is no ETag";
  const auto changed = patch(first);
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_NE(*changed.headers.find("ETag"), first);
  const std::size_t acts = audit_.acts.size();
  const auto refused = call(Method::patch, target, R"({"enabled":false})", anna_key_, "", first);
  EXPECT_EQ(refused.status, 412);
  EXPECT_THAT(refused.body, HasSubstr("precondition-failed"));
  EXPECT_EQ(audit_.acts.size(), acts + 2);
  EXPECT_THAT(audit_.acts.back().what, HasSubstr("step=failed"));
  EXPECT_EQ(call(Method::get, target).body, changed.body);
  const auto rotated = call(Method::post, target + "/rotate");
  EXPECT_EQ(patch(*rotated.headers.find("ETag")).status, 200);
}

TEST_F(WebhookRoutesTest, DeletesForGood) {
  const std::string id = make();
  EXPECT_EQ(call(Method::delete_, "/v1/webhooks/" + id).status, 204);
  EXPECT_EQ(call(Method::delete_, "/v1/webhooks/" + id).status, 404);
  EXPECT_EQ(call(Method::get, "/v1/webhooks").body, R"({"data":[],"page":{"next_cursor":null,"has_more":false}})");
}

TEST_F(WebhookRoutesTest, EveryActIsInTheAuditWithIdsAlone) {
  const std::string id = make("https://example.com/in?token=hidden");
  const std::string plain = id.substr(4);
  const std::string target = "/v1/webhooks/" + id;
  EXPECT_EQ(call(Method::patch, target, R"({"url":"https://example.com/other?token=hidden","enabled":true})").status,
            200);
  EXPECT_EQ(call(Method::post, target + "/rotate").status, 200);
  EXPECT_EQ(call(Method::delete_, target, "", ben_key_).status, 404);
  EXPECT_EQ(call(Method::delete_, target).status, 204);
  const base::Uuid anna = *accounts_->authenticate(anna_key_)->athlete;
  std::vector<std::string> said;
  for (const control::Act& act : audit_.acts) {
    EXPECT_TRUE(act.key) << act.what;
    const bool bens = said.size() == 6 || said.size() == 7;
    EXPECT_EQ(act.athlete == anna, !bens) << act.what;
    said.push_back(act.kind + " " + act.what);
  }
  EXPECT_THAT(said,
              testing::ElementsAre(
                  "webhook.create step=intent", "webhook.create step=done intent=1 webhook=" + plain,
                  "webhook.update step=intent webhook=" + plain + " fields=url,enabled",
                  "webhook.update step=done intent=3 webhook=" + plain + " fields=url,enabled",
                  "webhook.rotate step=intent webhook=" + plain, "webhook.rotate step=done intent=5 webhook=" + plain,
                  "webhook.delete step=intent webhook=" + plain, "webhook.delete step=failed intent=7 error=not_found",
                  "webhook.delete step=intent webhook=" + plain, "webhook.delete step=done intent=9 webhook=" + plain));
}

// A call that comes again, and a change to what is so already.
TEST_F(WebhookRoutesTest, WhatChangesNothingIsNoSecondAct) {
  const std::string body = R"({"url":"https://example.com/in"})";
  const auto made = call(Method::post, "/v1/webhooks", body, anna_key_, "a-1");
  const std::string target = "/v1/webhooks/" + text(made, "id");
  EXPECT_EQ(call(Method::post, "/v1/webhooks", body, anna_key_, "a-1").body, made.body);
  const auto rotated = call(Method::post, target + "/rotate", "", anna_key_, "a-2");
  EXPECT_EQ(call(Method::post, target + "/rotate", "", anna_key_, "a-2").body, rotated.body);
  EXPECT_EQ(call(Method::patch, target, R"({"enabled":true,"events":null})").status, 200);
  EXPECT_EQ(call(Method::post, target + "/rotate", "", anna_key_, "a-1").status, 422);
  std::vector<std::string> outcomes;
  for (std::size_t i = 1; i < audit_.acts.size(); i += 2) {
    const control::Act& act = audit_.acts[i];
    outcomes.push_back(act.kind + " " + act.what.substr(0, act.what.find(" intent=")));
  }
  EXPECT_THAT(outcomes, testing::ElementsAre("webhook.create step=done", "webhook.create step=unchanged",
                                             "webhook.rotate step=done", "webhook.rotate step=unchanged",
                                             "webhook.update step=unchanged", "webhook.rotate step=failed"));
}

TEST_F(WebhookRoutesTest, WhatCannotBeWrittenDownIsNotDone) {
  const std::string target = "/v1/webhooks/" + make();
  const std::string before = call(Method::get, "/v1/webhooks").body;
  audit_.fails = true;
  EXPECT_EQ(call(Method::post, "/v1/webhooks", R"({"url":"https://example.com/other"})").status, 503);
  EXPECT_EQ(call(Method::patch, target, R"({"enabled":false})").status, 503);
  EXPECT_EQ(call(Method::post, target + "/rotate").status, 503);
  EXPECT_EQ(call(Method::post, target + "/replay", R"({"since":"2023-11-14T22:13:20Z"})").status, 503);
  EXPECT_EQ(call(Method::delete_, target).status, 503);
  EXPECT_EQ(call(Method::get, "/v1/webhooks").body, before);
}

TEST_F(WebhookRoutesTest, ATestIsSentLoggedAndReplayed) {
  const std::string id = make();
  const auto accepted = call(Method::post, "/v1/webhooks/" + id + "/test");
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  EXPECT_EQ(text(accepted, "state"), "waiting");
  work();
  ASSERT_EQ(posts_.size(), 1U);
  EXPECT_THAT(posts_[0].body, HasSubstr(R"("type":"webhook.test")"));
  EXPECT_THAT(posts_[0].body, HasSubstr("\"webhook_id\":\"" + id + "\""));
  const std::string delivery = text(accepted, "id");
  const auto log = call(Method::get, "/v1/webhooks/" + id + "/deliveries");
  EXPECT_THAT(log.body, HasSubstr("\"id\":\"" + delivery + "\""));
  EXPECT_THAT(log.body, HasSubstr(R"("state":"delivered","attempts":1)"));
  EXPECT_THAT(log.body, HasSubstr(R"("status":204,"error":null,"duration_ms":12)"));
  const auto again = call(Method::post, "/v1/webhooks/" + id + "/deliveries/" + delivery + "/replay");
  EXPECT_EQ(again.status, 202) << again.body;
  work();
  ASSERT_EQ(posts_.size(), 2U);
  EXPECT_EQ(header(posts_[1], "webhook-id"), header(posts_[0], "webhook-id"));
  EXPECT_EQ(posts_[1].body, posts_[0].body);
}

TEST_F(WebhookRoutesTest, AReplayIsInTheAudit) {
  const std::string id = make();
  const std::string target = "/v1/webhooks/" + id;
  const std::string delivery = text(call(Method::post, target + "/test"), "id");
  work();
  const std::string replay = target + "/deliveries/" + delivery + "/replay";
  audit_.acts.clear();
  EXPECT_EQ(call(Method::post, replay).status, 202);
  EXPECT_EQ(call(Method::post, replay).status, 202) << "it waits already";
  answers_ = {410};
  work();
  ASSERT_EQ(call(Method::patch, target, R"({"enabled":true})").status, 200);
  const std::string since = R"({"since":"2023-11-14T22:13:20Z"})";
  EXPECT_EQ(call(Method::post, target + "/replay", since).body, R"({"replayed":1,"has_more":false})");
  EXPECT_EQ(call(Method::post, target + "/replay", since).status, 202);
  EXPECT_EQ(call(Method::post, replay, "", ben_key_).status, 404);
  std::vector<std::string> said;
  for (const control::Act& act : audit_.acts) {
    if (act.kind == "webhook.replay") {
      const std::size_t intent = act.what.find("intent=");
      said.push_back(intent == std::string::npos
                         ? act.what
                         : act.what.substr(0, intent) + act.what.substr(act.what.find(' ', intent) + 1));
    }
  }
  const std::string one = "webhook=" + id.substr(4) + " delivery=" + delivery.substr(4);
  const std::string all = "webhook=" + id.substr(4) + " since_ms=1700000000000";
  EXPECT_THAT(said, testing::ElementsAre("step=intent " + one, "step=done " + one, "step=intent " + one,
                                         testing::StartsWith("step=unchanged"), "step=intent " + all,
                                         "step=done " + all + " replayed=1", "step=intent " + all,
                                         testing::StartsWith("step=unchanged"), "step=intent " + one,
                                         testing::StartsWith("step=failed")));
}

TEST_F(WebhookRoutesTest, WhatHasFailedSinceATimeIsReplayedOnce) {
  const std::string id = make();
  const std::string replay = "/v1/webhooks/" + id + "/replay";
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(call(Method::post, "/v1/webhooks/" + id + "/test").status, 202);
  }
  const base::Uuid endpoint = store_->endpoints(*accounts_->authenticate(anna_key_)->athlete)->at(0).id;
  Attempt failed;
  failed.state = DeliveryState::failed;
  failed.error = "no answer";
  for (const Delivery& one : *store_->deliveries(*accounts_->authenticate(anna_key_)->athlete, endpoint, {}, 10)) {
    ASSERT_TRUE(store_->note(one, failed));
  }
  work();
  EXPECT_TRUE(posts_.empty()) << "they have failed";
  EXPECT_EQ(call(Method::post, replay, R"({"since":"2023-11-14T22:13:21Z"})").body,
            R"({"replayed":0,"has_more":false})");
  const auto replayed = call(Method::post, replay, R"({"since":"2023-11-14T23:13:20+01:00"})");
  EXPECT_EQ(replayed.status, 202) << replayed.body;
  EXPECT_EQ(replayed.body, R"({"replayed":2,"has_more":false})");
  EXPECT_EQ(call(Method::post, replay, R"({"since":"2023-11-14T22:13:20Z"})").body,
            R"({"replayed":0,"has_more":false})");
  work();
  EXPECT_EQ(posts_.size(), 2U);
  for (const char* bad : {"{}", R"({"since":1})", R"({"since":"2023-11-14"})", R"({"since":"yesterday"})",
                          R"({"since":"2023-11-14T22:13:20Z","until":"2023-11-14T22:13:20Z"})", "[1"}) {
    const auto refused = call(Method::post, replay, bad);
    EXPECT_EQ(refused.status, 400) << bad;
    EXPECT_THAT(refused.body, HasSubstr("\"pointer\":\"/since\"")) << refused.body;
  }
  ASSERT_EQ(call(Method::patch, "/v1/webhooks/" + id, R"({"enabled":false})").status, 200);
  EXPECT_EQ(call(Method::post, replay, R"({"since":"2023-11-14T22:13:20Z"})").status, 409);
}

TEST_F(WebhookRoutesTest, TheLogComesInPages) {
  const std::string id = make();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(call(Method::post, "/v1/webhooks/" + id + "/test").status, 202);
  }
  const std::string log = "/v1/webhooks/" + id + "/deliveries";
  const auto first = call(Method::get, log + "?limit=2");
  EXPECT_EQ(json(first).find("data")->array()->size(), 2U);
  const JsonValue page = *json(first).find("page");
  const std::string cursor = *page.find("next_cursor")->text();
  EXPECT_EQ(*first.headers.find("Link"), "<" + log + "?limit=2&cursor=" + cursor + ">; rel=\"next\"");
  const auto second = call(Method::get, log + "?limit=2&cursor=" + cursor);
  EXPECT_EQ(json(second).find("data")->array()->size(), 1U);
  EXPECT_EQ(second.headers.find("Link"), nullptr);
  for (const char* query : {"?limit=0", "?limit=201", "?limit=x", "?cursor=x", "?before=1"}) {
    EXPECT_EQ(call(Method::get, log + query).status, 400) << query;
  }
}

TEST_F(WebhookRoutesTest, AnothersIsNotFoundAndWhatIsNoIdNeither) {
  const std::string id = make();
  const std::string delivery = text(call(Method::post, "/v1/webhooks/" + id + "/test"), "id");
  const std::string mine = "/v1/webhooks/" + id;
  struct Case {
    Method method;
    std::string target;
    std::string body;
  };
  const std::vector<Case> cases{{Method::get, mine, ""},
                                {Method::patch, mine, "{}"},
                                {Method::delete_, mine, ""},
                                {Method::post, mine + "/rotate", ""},
                                {Method::post, mine + "/test", ""},
                                {Method::get, mine + "/deliveries", ""},
                                {Method::post, mine + "/replay", R"({"since":"2023-11-14T22:13:20Z"})"},
                                {Method::post, mine + "/deliveries/" + delivery + "/replay", ""}};
  for (const Case& one : cases) {
    const auto refused = call(one.method, one.target, one.body, ben_key_);
    EXPECT_EQ(refused.status, 404) << one.target;
    EXPECT_THAT(*refused.headers.find("Content-Type"), HasSubstr("application/problem+json"));
    EXPECT_EQ(call(one.method, one.target, one.body, "rk_nonsense").status, 401);
  }
  EXPECT_EQ(call(Method::get, "/v1/webhooks/whk_1").status, 404);
  EXPECT_EQ(call(Method::post, mine + "/deliveries/whd_1/replay").status, 404);
  EXPECT_EQ(json(call(Method::get, "/v1/webhooks", "", ben_key_)).find("data")->array()->size(), 0U);
}

TEST_F(WebhookRoutesTest, AKeyNeedsTheScopeAndAnAthlete) {
  using control::Scope;
  const auto with = [&](Scope scope) {
    control::KeyOptions options;
    options.scopes = control::Scopes().add(scope);
    return accounts_->create_athlete_key("Anna", options)->text;
  };
  const std::string reads = with(Scope::webhooks_read);
  const std::string manages = with(Scope::webhooks_manage);
  EXPECT_EQ(call(Method::get, "/v1/webhooks", "", reads).status, 200);
  EXPECT_EQ(call(Method::get, "/v1/webhooks", "", manages).status, 403);
  EXPECT_EQ(call(Method::post, "/v1/webhooks", "{}", reads).status, 403);
  EXPECT_EQ(call(Method::post, "/v1/webhooks", "{}", manages).status, 400);
  EXPECT_EQ(call(Method::get, "/v1/webhooks", "", with(Scope::sessions_read)).status, 403);
  EXPECT_EQ(call(Method::get, "/v1/webhooks", "", accounts_->create_operator_key()->text).status, 403);
}

}  // namespace
}  // namespace boathouse::webhooks
