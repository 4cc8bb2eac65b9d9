// The OWASP API Top 10 (2023) against every route that `boathouse serve` has, over a socket: the table is the real one,
// so a route without a row in test_route_matrix.hpp fails. Only ClickHouse is played: it writes down what it is asked,
// and has one session of Anna's.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "apps/boathouse/service.hpp"
#include "apps/boathouse/service_metrics.hpp"
#include "apps/boathouse/test_played_clickhouse.hpp"
#include "apps/boathouse/test_route_matrix.hpp"
#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/wire/chunk.hpp"
#include "device/transport/http_client.hpp"
#include "server/control/ids.hpp"
#include "server/http/uri.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/query/cursor.hpp"
#include "server/timeseries/session_columns.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::app {
namespace {

using control::KeyOptions;
using http::Method;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kNobody = "018bcfe5-6800-7abc-8def-0123456789ab";
constexpr std::string_view kAnnas = "018bcfe5-6800-7abc-8def-a000a000a000";
constexpr std::int64_t kLongAgoMs = 1'700'000'000'000;

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class RouteMatrixTest : public testing::Test {
 protected:
  // One service for all cases: its keys are made by a clock of long ago, so that one of them has expired.
  static void SetUpTestSuite() {
    shared_ = std::make_unique<Shared>();
    ASSERT_TRUE(shared_->open());
  }
  static void TearDownTestSuite() { shared_.reset(); }

  struct Person {
    std::string key;
    base::Uuid id;
  };
  struct Shared {
    test_support::TemporaryFolder folder;
    PlayedClickHouse clickhouse;
    ServeOptions options;
    Service service;
    http::RouteTable table;  // a second one, to look at
    std::unique_ptr<http::Server> server;
    std::string url;
    std::string operator_key;
    Person anna;
    Person eve;
    Person ben;   // in Anna's team
    Person carl;  // was a coach of hers
    Person dora;  // is one
    std::string expired;
    std::string revoked;
    std::map<std::string, std::string> annas_without;  // scope -> a key of Anna's that has all others
    std::map<std::string, std::string> ids;            // of things of Anna's
    std::vector<std::string> secrets;

    void make_keys() {
      base::ManualClock clock{kLongAgoMs};
      base::SystemRandom random;
      const auto accounts = *control::Accounts::open(folder.path(), clock, random);
      const auto key_of = [&](const char* name, const KeyOptions& with) {
        const auto made = accounts->create_athlete_key(name, with);
        EXPECT_TRUE(made) << made.error().text;
        secrets.push_back(made->text.substr(41, 43));
        return *made;
      };
      const auto of_anna = key_of("Anna", {});
      anna = {of_anna.text, of_anna.key.athlete->id};
      const auto of_eve = key_of("Eve", {});
      eve = {of_eve.text, of_eve.key.athlete->id};
      expired = key_of("Anna", {.lives_ms = 1}).text;
      const auto gone = key_of("Anna", {});
      revoked = gone.text;
      EXPECT_TRUE(accounts->revoke(gone.key.id));
      ids["key"] = control::format_id(control::kKeyPrefix, gone.key.id);
      for (int i = 0; i < control::kScopeCount; ++i) {
        const auto left_out = static_cast<control::Scope>(i);
        if (!control::kAthleteScopes.has(left_out)) continue;
        const control::Scopes rest{control::kAthleteScopes.bits() & ~control::Scopes().add(left_out).bits()};
        annas_without[std::string(control::name(left_out))] = key_of("Anna", {.scopes = rest}).text;
      }
      const auto team = accounts->teams().create("Anna's team", anna.id);
      EXPECT_TRUE(team);
      const auto of_ben = key_of("Ben", {});
      ben = {of_ben.text, of_ben.key.athlete->id};
      EXPECT_TRUE(accounts->teams().add(team->id, ben.id, control::TeamRole::member));
      const auto of_carl = key_of("Carl", {});
      carl = {of_carl.text, of_carl.key.athlete->id};
      const auto other_team = accounts->teams().create("Carl's team", carl.id);
      EXPECT_TRUE(other_team);
      EXPECT_TRUE(accounts->teams().add(other_team->id, eve.id, control::TeamRole::coach));
      EXPECT_TRUE(accounts->teams().add(other_team->id, anna.id, control::TeamRole::member));
      const auto of_dora = key_of("Dora", {});
      dora = {of_dora.text, of_dora.key.athlete->id};
      EXPECT_TRUE(accounts->teams().add(other_team->id, dora.id, control::TeamRole::coach));
      EXPECT_TRUE(accounts->teams().remove(other_team->id, carl.id, control::TeamRole::coach));
      EXPECT_TRUE(accounts->teams().remove(other_team->id, eve.id, control::TeamRole::coach));
      ids["team"] = control::format_id(control::kTeamPrefix, team->id);
      ids["coached"] = control::format_id(control::kTeamPrefix, other_team->id);
      ids["athlete"] = control::format_id(control::kAthletePrefix, anna.id);
    }

    // A recording with ten samples, in the ledger and as a session in ClickHouse.
    void row() {
      base::ManualClock clock{kLongAgoMs};
      base::SystemRandom random;
      const auto ledger = *ledger::Ledger::open({.place = {.sqlite_file = folder.file("ledger.db")}}, clock, random);
      const base::Uuid rec = *base::Uuid::parse(kAnnas);
      std::vector<rowing::Record> records(10);
      for (rowing::Record& record : records) {
        record.stream = rowing::Stream::sample;
        record.values.assign(rowing::metrics(record.stream).size(), rowing::kNull);
      }
      const auto sealed = wire::seal_chunk(rowing::Stream::sample, 0, records);
      ledger::Entry chunk = ledger::chunk_entry(rec, rowing::Stream::sample, 0, 10);
      chunk.body = sealed->body;
      chunk.sha256 = sealed->sha256;
      EXPECT_TRUE(ledger::submit(*ledger, anna.id, {ledger::birth_entry(rec), chunk}));
      timeseries::NativeBlock session;
      timeseries::add_session_row(session, ledger->sessions_around(rec)->sessions.at(0), {}, 1);
      clickhouse.has(session);
      ids["session"] = "ses_" + std::string(kAnnas);
      ids["recording"] = "rec_" + std::string(kAnnas);
      ids["uuid"] = kAnnas;
    }

    base::Status open() {
      make_keys();
      row();
      options.data = folder.path();
      options.listen = "127.0.0.1:0";
      options.clickhouse = clickhouse.url();
      options.limit_requests = 0;
      options.webhook_allow_http_loopback = true;
      BOATHOUSE_TRY(service.open(options));
      http::RouteTable routes;
      BOATHOUSE_TRY(service.add_routes(routes, options));
      for (const http::Route& route : routes.routes()) BOATHOUSE_TRY(table.add(route));
      server = std::make_unique<http::Server>(http::Options{}, std::move(routes));
      const auto port = server->start();
      if (!port) return port.error();
      url = "http://127.0.0.1:" + std::to_string(*port);
      std::ifstream(folder.file("operator.key")) >> operator_key;
      secrets.push_back(operator_key.substr(41, 43));
      const auto webhook = ask(Method::post, "/v1/webhooks", anna.key, R"({"url": "http://127.0.0.1:1/"})");
      const auto made = base::parse_json(webhook.body);
      if (webhook.status != 201 || !made) return base::Error{base::ErrorCode::internal, webhook.body};
      ids["webhook"] = *made->find("id")->text();
      secrets.push_back(*made->find("secret")->text());
      return base::Done{};
    }

    Answer ask(Method method, const std::string& target, const std::string& key, const std::string& body = "",
               std::string_view kind = "application/json", const std::string& call_key = "") {
      std::vector<std::pair<std::string, std::string>> headers{{"Boathouse-Replica", std::string(kNobody)},
                                                               {"If-Match", "*"}};
      if (!call_key.empty()) headers.emplace_back("Idempotency-Key", call_key);
      if (!key.empty()) headers.emplace_back("Authorization", "Bearer " + key);
      if (!kind.empty()) headers.emplace_back("Content-Type", std::string(kind));
      auto reply = client.request(std::string(http::name(method)), url + target, headers, base::as_bytes(body));
      EXPECT_TRUE(reply) << target << ": " << (reply ? "" : reply.error().text);
      if (!reply) return {};
      Answer answer{reply->status, {reply->headers.begin(), reply->headers.end()}, std::move(reply->body)};
      check_every_answer(method, target, answer);
      return answer;
    }

    // API8, and no secret in what a problem says.
    void check_every_answer(Method method, const std::string& target, const Answer& answer) const {
      const std::string where = std::string(http::name(method)) + " " + target + " " + std::to_string(answer.status);
      const auto header = [&](const char* name) {
        const auto found = answer.headers.find(name);
        return found == answer.headers.end() ? std::string() : found->second;
      };
      EXPECT_EQ(header("x-content-type-options"), "nosniff") << where;
      EXPECT_THAT(header("content-security-policy"), HasSubstr("default-src 'none'")) << where;
      EXPECT_NE(header("request-id"), "") << where;
      EXPECT_EQ(answer.headers.count("server"), 0U) << where;
      EXPECT_EQ(answer.headers.count("access-control-allow-origin"), 0U) << where;
      EXPECT_NE(answer.status, 500) << where << answer.body;
      if (answer.status < 400 || method == Method::head) return;
      EXPECT_EQ(header("content-type"), "application/problem+json") << where;
      EXPECT_EQ(header("cache-control"), "no-store") << where;
      const auto problem = base::parse_json(answer.body);
      ASSERT_TRUE(problem) << where << answer.body;
      for (const char* member : {"type", "title", "status", "request_id"}) {
        EXPECT_NE(problem->find(member), nullptr) << where << " has no " << member;
      }
      for (const std::string& secret : secrets) EXPECT_THAT(answer.body, Not(HasSubstr(secret))) << where;
      EXPECT_THAT(answer.body, Not(testing::ContainsRegex("SELECT|INSERT|sqlite|\\.cpp|pepper|/tmp/"))) << where;
    }

    transport::HttpClient client;
  };

  static const MatrixRow* row_of(std::string_view name) {
    const auto* const found =
        std::find_if(kMatrix.begin(), kMatrix.end(), [name](const MatrixRow& row) { return row.name == name; });
    return found == kMatrix.end() ? nullptr : found;
  }
  // The routes with their rows.
  template <typename Each>
  void for_each(Each each) {
    for (const http::Route& route : shared_->table.routes()) {
      if (const MatrixRow* row = row_of(route.name)) each(route, *row);
    }
  }
  static std::string with_ids(std::string target, const std::map<std::string, std::string>& ids) {
    for (const auto& [name, id] : ids) {
      const std::string mark = "<" + name + ">";
      for (std::size_t at = 0; (at = target.find(mark)) != std::string::npos;) target.replace(at, mark.size(), id);
    }
    return target;
  }
  static std::string of_anna(const MatrixRow& row) { return with_ids(std::string(row.target), shared_->ids); }
  static std::string of_nobody(const MatrixRow& row) {
    std::map<std::string, std::string> ids{{"uuid", std::string(kNobody)}};
    for (const auto& [name, prefix] :
         {std::pair("key", "key_"), std::pair("team", "team_"), std::pair("athlete", "ath_"),
          std::pair("session", "ses_"), std::pair("recording", "rec_"), std::pair("webhook", "whk_")}) {
      ids[name] = prefix + std::string(kNobody);
    }
    return with_ids(std::string(row.target), ids);
  }
  static std::string good_key(const MatrixRow& row) {
    return row.who == For::everybody ? "" : row.who == For::the_operator ? shared_->operator_key : shared_->anna.key;
  }
  static Answer ask(const http::Route& route, const MatrixRow& row, const std::string& target, const std::string& key) {
    return shared_->ask(route.method, target, key, std::string(row.body), row.kind);
  }
  static std::string detail(const Answer& answer) {
    const auto problem = base::parse_json(answer.body);
    const base::JsonValue* found = problem ? problem->find("detail") : nullptr;
    return found == nullptr || found->text() == nullptr ? "" : *found->text();
  }

  static inline std::unique_ptr<Shared> shared_;
};

// API9: what there is, is known.
TEST_F(RouteMatrixTest, EveryRouteHasARowAndEveryRowARoute) {
  std::set<std::string_view> routes;
  for (const http::Route& route : shared_->table.routes()) {
    routes.insert(route.name);
    const MatrixRow* row = row_of(route.name);
    ASSERT_NE(row, nullptr) << route.name << " is new: who may use it? Put a row into test_route_matrix.hpp";
    EXPECT_EQ(row->who == For::everybody, !route.admit) << route.name;
    EXPECT_EQ(row->who == For::everybody ? "public" : row->scope, route.scope) << route.name;
  }
  for (const MatrixRow& row : kMatrix) EXPECT_TRUE(routes.contains(row.name)) << row.name << " is gone";
  EXPECT_LT(routes.size(), ServiceMetrics::kMaxRoutes) << "each needs its own number: make it larger";
}

// API2
TEST_F(RouteMatrixTest, WithoutAKeyInForceNobodyIsLetIn) {
  for_each([](const http::Route& route, const MatrixRow& row) {
    if (row.who == For::everybody) return;
    std::string other = shared_->anna.key;
    other[45] = other[45] == 'a' ? 'b' : 'a';
    std::set<std::string> details;
    for (const std::string& key :
         {std::string(), shared_->revoked, shared_->expired, other, std::string("rk_live_x")}) {
      const Answer answer = ask(route, row, of_anna(row), key);
      EXPECT_EQ(answer.status, 401) << route.name << " with \"" << key.substr(0, 12) << "\" " << answer.body;
      EXPECT_EQ(answer.headers.count("www-authenticate"), 1U) << route.name;
      if (key == shared_->revoked || key == shared_->expired) details.insert(detail(answer));
    }
    EXPECT_EQ(details.size(), 1U) << route.name << " tells a revoked key from an expired one";
    const Answer in_address = ask(route, row, of_anna(row) + "?api_key=" + shared_->anna.key, shared_->anna.key);
    EXPECT_EQ(in_address.status, 400) << route.name << " takes a key in the address";
  });
}

// API5
TEST_F(RouteMatrixTest, AKeyDoesWhatItsRoleAndScopesSay) {
  for_each([](const http::Route& route, const MatrixRow& row) {
    if (row.who == For::the_operator) {
      EXPECT_EQ(ask(route, row, of_anna(row), shared_->anna.key).status, 403) << route.name;
      return;
    }
    if (row.who == For::everybody) return;
    if (row.who == For::athletes) {
      const Answer answer = ask(route, row, of_anna(row), shared_->operator_key);
      EXPECT_EQ(answer.status, 403) << route.name << " lets the operator act as an athlete";
    }
    const Answer answer = ask(route, row, of_anna(row), shared_->annas_without.at(std::string(row.scope)));
    EXPECT_EQ(answer.status, 403) << route.name << " without " << row.scope;
    EXPECT_THAT(detail(answer), HasSubstr(row.scope)) << route.name;
  });
}

// API1: somebody else's is answered as what never was, to the word.
TEST_F(RouteMatrixTest, SomebodyElsesThingsDoNotExist) {
  for_each([](const http::Route& route, const MatrixRow& row) {
    if (!row.others_see_nothing) return;
    if (route.method == Method::get) {
      EXPECT_EQ(ask(route, row, of_anna(row), shared_->anna.key).status, 200) << route.name << ": it is there";
    }
    for (const Person* other : {&shared_->eve, &shared_->ben, &shared_->carl}) {
      if (other == &shared_->ben && row.target.find("<team>") != std::string_view::npos) continue;  // he is in it
      const Answer annas = ask(route, row, of_anna(row), other->key);
      const Answer nobodys = ask(route, row, of_nobody(row), other->key);
      EXPECT_EQ(annas.status, 404) << route.name << " " << annas.body;
      EXPECT_EQ(nobodys.status, 404) << route.name << " " << nobodys.body;
      EXPECT_EQ(detail(annas), detail(nobodys)) << route.name;
    }
  });
}

// A coach reads a member's sessions and name, and nothing else of hers: the rest is as if it were not there, also a
// team of hers that the coach is not in.
TEST_F(RouteMatrixTest, ACoachReadsTheMembersSessionsAndNameAlone) {
  const std::string& key = shared_->dora.key;
  for_each([&key](const http::Route& route, const MatrixRow& row) {
    if (row.who == For::everybody) return;
    const Answer annas = ask(route, row, of_anna(row), key);
    if (row.who == For::the_operator) {
      EXPECT_EQ(annas.status, 403) << route.name << " " << annas.body;
    } else if (row.coach_reads) {
      EXPECT_EQ(annas.status, 200) << route.name << " " << annas.body;
      EXPECT_EQ(ask(route, row, of_nobody(row), key).status, 404) << route.name;
    } else if (row.others_see_nothing) {
      EXPECT_EQ(annas.status, 404) << route.name << " " << annas.body;
      EXPECT_EQ(detail(annas), detail(ask(route, row, of_nobody(row), key))) << route.name;
    } else {
      EXPECT_THAT(annas.status, testing::Not(testing::AnyOf(401, 403))) << route.name << " as for any athlete";
    }
  });
}

TEST_F(RouteMatrixTest, ACoachSeesOfAMembersProfileTheNameAlone) {
  const std::string profile = "/v1/athletes/" + shared_->ids["athlete"];
  const Answer whole = shared_->ask(Method::get, profile, shared_->anna.key);
  EXPECT_THAT(whole.body, HasSubstr("\"locale\""));
  const Answer name = shared_->ask(Method::get, profile, shared_->dora.key);
  EXPECT_EQ(name.body, R"({"id":")" + shared_->ids["athlete"] + R"(","name":"Anna"})");
}

// What of the team that she coaches she may change, and what only its operator.
TEST_F(RouteMatrixTest, ACoachRunsTheTeamButPutsNobodyIn) {
  const std::string team = "/v1/teams/" + shared_->ids["coached"];
  const std::string anna = shared_->ids["athlete"];
  const std::string& key = shared_->dora.key;
  EXPECT_THAT(shared_->ask(Method::get, team, key).body, HasSubstr(anna));
  EXPECT_EQ(shared_->ask(Method::patch, team, key, R"({"name": "Carl's team"})").status, 200);
  EXPECT_EQ(shared_->ask(Method::post, team + "/invitation", key, "{}").status, 201);
  EXPECT_EQ(shared_->ask(Method::delete_, team + "/invitation", key).status, 204);
  const std::string eve = control::format_id(control::kAthletePrefix, shared_->eve.id);
  EXPECT_EQ(shared_->ask(Method::put, team + "/members/" + eve, key).status, 403) << "an athlete's own word";
  for (const std::string& past : {shared_->carl.key, shared_->eve.key}) {
    EXPECT_EQ(shared_->ask(Method::get, team, past).status, 404);
  }
}

// Of the team that he is in, a member may read what it is called and change nothing.
TEST_F(RouteMatrixTest, AMemberChangesNothingOfTheTeam) {
  for_each([](const http::Route& route, const MatrixRow& row) {
    if (row.target.find("<team>") == std::string_view::npos || route.method == Method::get) return;
    const Answer answer = ask(route, row, of_anna(row), shared_->ben.key);
    EXPECT_THAT(answer.status, testing::AnyOf(403, 404)) << route.name << " " << answer.body;
  });
  const std::string team = "/v1/teams/" + shared_->ids["team"];
  EXPECT_THAT(shared_->ask(Method::get, team, shared_->anna.key).body, HasSubstr("Anna's team"));
}

// API1, where the rows come from ClickHouse: no question without the athlete in it.
TEST_F(RouteMatrixTest, NoQueryOfAnAthletesKeyIsWithoutItsAthletes) {
  shared_->clickhouse.take_queries();
  std::size_t asked = 0;
  for_each([&](const http::Route& route, const MatrixRow& row) {
    if (row.target.find("sessions") == std::string_view::npos) return;
    ask(route, row, of_anna(row), shared_->eve.key);
    for (const std::string& query : shared_->clickhouse.take_queries()) {
      ++asked;
      EXPECT_THAT(query, HasSubstr("athlete = {athlete:UUID}")) << route.name;
    }
  });
  EXPECT_GE(asked, 6U);
  for (const std::string& target :
       {"/v1/sessions?athlete=" + shared_->ids["athlete"], "/v1/sessions?team=" + shared_->ids["team"]}) {
    EXPECT_EQ(shared_->ask(Method::get, target, shared_->eve.key).status, 404) << target;
  }
  EXPECT_TRUE(shared_->clickhouse.take_queries().empty()) << "nothing is asked for what may not be read";
}

// A coach's questions name the coach and the members, and nobody else.
TEST_F(RouteMatrixTest, ACoachsQueriesNameTheMembers) {
  const std::string& key = shared_->anna.key;
  shared_->clickhouse.take_queries();
  EXPECT_EQ(shared_->ask(Method::get, "/v1/sessions/ses_" + std::string(kNobody), key).status, 404);
  const auto of_one = shared_->clickhouse.take_queries();
  EXPECT_THAT(of_one, testing::Each(HasSubstr("athlete IN {athletes:Array(UUID)}")));
  EXPECT_EQ(of_one.size(), 2U) << "the session, and what it was merged into";
  EXPECT_EQ(shared_->ask(Method::get, "/v1/sessions", key).status, 200);
  EXPECT_EQ(shared_->ask(Method::get, "/v1/sessions?team=" + shared_->ids["team"], key).status, 200);
  EXPECT_EQ(shared_->ask(Method::get, "/v1/sessions?athlete=" + shared_->ids["athlete"], key).status, 200);
  EXPECT_THAT(shared_->clickhouse.take_queries(), testing::Each(HasSubstr("athlete = {athlete:UUID}")));
  const std::string& narrow = shared_->annas_without["teams:read"];
  EXPECT_EQ(shared_->ask(Method::get, "/v1/sessions/ses_" + std::string(kNobody), narrow).status, 404);
  EXPECT_THAT(shared_->clickhouse.take_queries(), testing::Each(HasSubstr("athlete = {athlete:UUID}")));
  EXPECT_EQ(shared_->ask(Method::get, "/v1/sessions?team=" + shared_->ids["team"], narrow).status, 404);
  EXPECT_EQ(shared_->ask(Method::get, "/v1/sessions?athlete=x&team=y", key).status, 400);
}

// API4
// Behind a load balancer the next page is asked of any node, perhaps of one that has just started.
TEST_F(RouteMatrixTest, ACursorOfAnotherNodeIsGoodHere) {
  base::SystemClock clock;
  base::SystemRandom random;
  const auto of_another_node = *control::Accounts::open(shared_->folder.path(), clock, random);
  const query::CursorCodec cursors(of_another_node->secret_for(query::kCursorPurpose));
  const std::string target = "/v1/sessions?cursor=" + cursors.encode({}, shared_->anna.id.text() + "\n\n\n\n");
  EXPECT_EQ(shared_->ask(Method::get, target, shared_->anna.key).status, 200);
  EXPECT_EQ(shared_->ask(Method::get, target, shared_->eve.key).status, 400);
}

TEST_F(RouteMatrixTest, BodiesThatAreTooLargeOrOfAnotherKindAreRefused) {
  for_each([](const http::Route& route, const MatrixRow& row) {
    if (route.method == Method::get || route.method == Method::delete_) return;  // their bodies are not sent by clients
    const std::string large(route.max_body_bytes + 1, ' ');
    const Answer answer = shared_->ask(route.method, of_anna(row), good_key(row), large, row.kind);
    EXPECT_EQ(answer.status, 413) << route.name;
    if (route.max_body_bytes == 0) return;
    for (const char* kind : {"application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"}) {
      const Answer form = shared_->ask(route.method, of_anna(row), good_key(row), "{}", kind);
      EXPECT_EQ(form.status, 415) << route.name << " takes " << kind;
    }
  });
}

// API3
TEST_F(RouteMatrixTest, FieldsThatNobodyMaySetAreRefused) {
  for_each([](const http::Route& route, const MatrixRow& row) {
    if (row.body.empty() || row.may_grow) return;
    for (const char* field : {R"("role": "operator")", R"("athlete_id": "ath_1")", R"("created_at": "2020-01-01")",
                              R"("version": 7)", R"("__proto__": {})"}) {
      std::string body(row.body);
      body.insert(body.size() - 1, (body == "{}" ? "" : ", ") + std::string(field));
      const Answer answer = shared_->ask(route.method, of_anna(row), good_key(row), body);
      EXPECT_EQ(answer.status, 400) << route.name << " takes " << field;
    }
    for (const char* body : {"", "[]", "null", "\"x\"", "{", "{\"name\": \"\\ud800\"}"}) {
      EXPECT_EQ(shared_->ask(route.method, of_anna(row), good_key(row), body).status, 400) << route.name << " " << body;
    }
  });
}

TEST_F(RouteMatrixTest, ParametersThatNobodyKnowsAreRefused) {
  for_each([](const http::Route& route, const MatrixRow& row) {
    if (row.any_query) return;
    const Answer answer = ask(route, row, of_anna(row) + "?unheard=of", good_key(row));
    EXPECT_EQ(answer.status, 400) << route.name << " passes over what it does not know";
  });
}

// Injection, and ids that are none.
TEST_F(RouteMatrixTest, WhatIsNoIdIsNobodys) {
  for_each([](const http::Route& route, const MatrixRow& row) {
    if (row.target.find('<') == std::string_view::npos) return;
    for (const char* bad : {"x", "0", "..%2F..%2Fetc%2Fpasswd", "%27%20OR%201%3D1--", "%00", "ath_%F0%9F%9A%A3", "*",
                            "018BCFE5-6800-7ABC-8DEF-0123456789AB"}) {
      std::string target(row.target);
      for (std::size_t at = 0; (at = target.find('<')) != std::string::npos;) {
        target.replace(at, target.find('>') - at + 1, bad);
      }
      const Answer answer = ask(route, row, target, good_key(row));
      EXPECT_THAT(answer.status, testing::AnyOf(400, 404)) << route.name << " " << target;
    }
  });
}

// Injection by what filters: a value is refused or travels as a value, and is never a part of a statement.
TEST_F(RouteMatrixTest, WhatFiltersIsNeverAStatement) {
  const std::string of_session = "/v1/sessions/" + shared_->ids["session"];
  const std::string of_webhook = "/v1/webhooks/" + shared_->ids["webhook"];
  struct Filtered {
    std::string target;
    std::vector<const char*> names;
    bool is_operators = false;
  };
  const std::vector<Filtered> all{
      {"/v1/sessions", {"from", "to", "athlete", "team", "cursor", "limit"}},
      {of_session + "/strokes", {"fields"}},
      {of_session + "/samples", {"fields"}},
      {of_session + "/export.csv", {"stream", "superseded"}},
      {of_webhook + "/deliveries", {"cursor", "limit"}},
      {"/v1/sync/changes", {"since", "limit"}},
      {"/v1/audit", {"after", "kind", "athlete", "limit"}},
      {"/v1/athletes", {"cursor", "limit"}, true},
      {"/v1/keys", {"cursor", "limit"}, true},
  };
  for (const auto& [target, names, is_operators] : all) {
    for (const char* name : names) {
      for (const char* bad :
           {"%27%20OR%201%3D1--", "%22", "%5C%27", "%00", "x%00", "1%20FORMAT%20JSON", "url(%27http://127.0.0.1:1/%27)",
            "file(%27/etc/passwd%27)", "%7Bathlete:UUID%7D", "1;%20DROP%20TABLE%20session", "%60session%60"}) {
        shared_->clickhouse.take_queries();
        const std::string asked = target + "?" + name + "=" + bad;
        const Answer answer =
            shared_->ask(Method::get, asked, is_operators ? shared_->operator_key : shared_->anna.key);
        EXPECT_THAT(answer.status, testing::AnyOf(400, 404)) << asked << " " << answer.body;
        for (const std::string& query : shared_->clickhouse.take_queries()) {
          EXPECT_THAT(query, Not(testing::ContainsRegex("OR 1|FORMAT JSON|url\\(|file\\(|DROP|`"))) << asked;
        }
      }
    }
  }
}

TEST_F(RouteMatrixTest, OtherMethodsAreNotAllowed) {
  const std::vector<Method> all{Method::get, Method::post, Method::put, Method::patch, Method::delete_};
  std::map<std::string, std::set<Method>> known;
  for (const http::Route& route : shared_->table.routes()) known[route.pattern].insert(route.method);
  for_each([&](const http::Route& route, const MatrixRow& row) {
    for (const Method method : all) {
      const http::Match match = shared_->table.match(method, http::parse_target(of_anna(row))->segments);
      if (match.outcome == http::Match::Outcome::found) continue;
      Answer answer = shared_->ask(method, of_anna(row), good_key(row));
      EXPECT_EQ(answer.status, 405) << http::name(method) << " " << route.pattern;
      EXPECT_THAT(answer.headers["allow"], HasSubstr(std::string(http::name(route.method)))) << route.pattern;
    }
  });
  EXPECT_EQ(shared_->ask(Method::get, "/v1/nothing", shared_->anna.key).status, 404);
  EXPECT_EQ(shared_->ask(Method::get, "/v1/sessions/", shared_->anna.key).status, 404);
}

// A retry that guards against making two things must not be taken for a guard when it is none; and what a call has made
// is shown again to its caller alone.
TEST_F(RouteMatrixTest, AnIdempotencyKeyIsReadWhereSomethingIsMade) {
  for_each([](const http::Route& route, const MatrixRow& row) {
    if (!row.once) return;
    const auto ask = [&](const std::string& key, const std::string& call_key) {
      return shared_->ask(route.method, of_anna(row), key, std::string(row.body), row.kind, call_key);
    };
    const Answer refused = ask(good_key(row), "not one key");
    EXPECT_EQ(refused.status, 400) << route.name;
    EXPECT_THAT(refused.body, HasSubstr("header:Idempotency-Key")) << route.name;
    const Answer made = ask(good_key(row), "matrix-" + route.name);
    if (made.status >= 300) return;
    EXPECT_EQ(ask(good_key(row), "matrix-" + route.name).body, made.body) << route.name;
    if (row.who == For::the_operator) return;
    EXPECT_NE(ask(shared_->eve.key, "matrix-" + route.name).body, made.body) << route.name;
  });
}

// API3 for what comes out: no secret of a key, and of an athlete no more than the caller may know.
TEST_F(RouteMatrixTest, ListsHoldNoSecrets) {
  for (const char* target : {"/v1/keys", "/v1/athletes", "/v1/teams", "/v1/audit", "/metrics"}) {
    const Answer answer = shared_->ask(Method::get, target, shared_->operator_key);
    EXPECT_EQ(answer.status, 200) << target;
    for (const std::string& secret : shared_->secrets) EXPECT_THAT(answer.body, Not(HasSubstr(secret))) << target;
    // The audit's own hashes are no secret; of a key's nobody is told.
    if (target != std::string_view("/v1/audit")) {
      EXPECT_THAT(answer.body, Not(HasSubstr("hash"))) << target;
    }
  }
  const auto audit = base::parse_json(shared_->ask(Method::get, "/v1/audit?limit=500", shared_->operator_key).body);
  ASSERT_TRUE(audit);
  for (const base::JsonValue& record : *audit->find("data")->array()) {
    EXPECT_TRUE(ledger::is_audit_kind(*record.find("kind")->text())) << *record.find("kind")->text();
  }
  const Answer webhooks = shared_->ask(Method::get, "/v1/webhooks", shared_->anna.key);
  EXPECT_THAT(webhooks.body, Not(HasSubstr("whsec_")));
}

}  // namespace
}  // namespace boathouse::app
