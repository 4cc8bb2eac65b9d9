// For tests: the routes of this folder over new accounts, with an operator's and an athlete's key.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "core/base/json.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/ids.hpp"
#include "server/control/routes.hpp"
#include "server/control/test_audit_log.hpp"
#include "server/control/test_call.hpp"

namespace boathouse::control {

class RoutesTest : public testing::Test {
 protected:
  RoutesTest() {
    accounts_ = *Accounts::open(folder_.path(), clock_, random_);
    operator_key_ = accounts_->create_operator_key()->text;
    athlete_key_ = accounts_->create_athlete_key("Anna")->text;
    EXPECT_TRUE(add_routes(routes_, *accounts_, audit_, {.of_an_address = 3, .of_all = 5}));
    http::Route mine;
    mine.pattern = "/mine";
    mine.name = "mine";
    mine.scope = "strokes:read";
    mine.admit = admit_athlete(*accounts_);
    mine.handler = [](const http::Request& request) {
      return http::make_response(200, "text/plain", identity_of(request)->athlete->text());
    };
    EXPECT_TRUE(routes_.add(mine));
    http::Route any;
    any.pattern = "/any";
    any.name = "any";
    any.scope = "sessions:read";
    any.admit = admit_any(*accounts_);
    any.handler = [](const http::Request& request) {
      return http::make_response(200, "text/plain", std::string(name(identity_of(request)->role)));
    };
    EXPECT_TRUE(routes_.add(any));
  }

  static http::Headers headers(const std::string& key) {
    http::Headers result;
    result.add("Authorization", "Bearer " + key);
    result.add("Content-Type", "application/json; charset=utf-8");
    return result;
  }
  http::Response get(const std::string& target) {
    return call(routes_,
                {.method = http::Method::get, .target = target, .headers = headers(operator_key_), .body = ""});
  }
  http::Response get(const std::string& target, http::Headers with) {
    return call(routes_, {.method = http::Method::get, .target = target, .headers = std::move(with), .body = ""});
  }
  http::Response post(const std::string& target, const std::string& body) {
    return call(routes_,
                {.method = http::Method::post, .target = target, .headers = headers(operator_key_), .body = body});
  }
  http::Response ask(http::Method method, const std::string& target, const std::string& key,
                     const std::string& body = "", const std::string& if_match = "") {
    http::Headers with = headers(key);
    if (!if_match.empty()) {
      with.set("If-Match", if_match);
    }
    return call(routes_, {.method = method, .target = target, .headers = std::move(with), .body = body});
  }
  http::Response remove(const std::string& target) {
    return call(routes_,
                {.method = http::Method::delete_, .target = target, .headers = headers(operator_key_), .body = ""});
  }
  // A new athlete's key and id.
  struct Person {
    std::string key;
    std::string id;
    base::Uuid uuid;
  };
  Person person(const std::string& name, const KeyOptions& options = {}) {
    const auto made = accounts_->create_athlete_key(name, options);
    EXPECT_TRUE(made);
    return {made->text, format_id(kAthletePrefix, made->key.athlete->id), made->key.athlete->id};
  }
  static base::JsonValue json(const http::Response& response) {
    auto value = base::parse_json(response.body);
    EXPECT_TRUE(value) << response.body;
    return value ? *value : base::JsonValue();
  }
  static std::string text(const base::JsonValue& value, std::string_view key) {
    const base::JsonValue* found = value.find(key);
    return found != nullptr && found->text() != nullptr ? *found->text() : "(no text)";
  }

  TemporaryFolder folder_;
  base::ManualClock clock_{1'700'000'000'000};
  base::SystemRandom random_;
  std::unique_ptr<Accounts> accounts_;
  TestAuditLog audit_;
  http::RouteTable routes_;
  std::string operator_key_;
  std::string athlete_key_;
};

}  // namespace boathouse::control
