// The operator's door: who is let in, what is refused, and that a plan is applied as it was shown or not at all.
#include "server/retention/routes.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "core/base/json.hpp"
#include "server/backup/backup.hpp"
#include "server/control/ids.hpp"
#include "server/control/scopes.hpp"
#include "server/control/test_call.hpp"
#include "server/jobs/queue.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/retention/plan.hpp"

namespace boathouse::retention {
namespace {

using http::Method;
using ledger::birth_entry;
using ledger::chunk_entry;
using ledger::uuid;
using rowing::Stream;
using testing::HasSubstr;

class RetentionRoutesTest : public ledger::SqliteLedgerTest {
 protected:
  void SetUp() override {
    SqliteLedgerTest::SetUp();
    accounts_ = *control::Accounts::open(folder_.path(), clock_, random_);
    operator_ = accounts_->create_operator_key()->text;
    anna_ = *accounts_->create_athlete_key("Anna");
    queue_ = *jobs::Queue::open({.sqlite_file = folder_.file("jobs.db")}, random_);
    runner_ =
        std::make_unique<jobs::Runner>(*queue_, clock_, random_, jobs::Runner::Options{}, [](std::string_view) {});
    remover_ =
        std::make_unique<Remover>(Remover::Options{}, *ledger_, client_, *runner_, clock_, [](std::string_view) {});
    eraser_ = std::make_unique<Eraser>(Eraser::Options{}, *ledger_, client_, *runner_, clock_, [](std::string_view) {});
    ASSERT_TRUE(add_routes(routes_, {*accounts_, *ledger_, client_, *remover_, *eraser_, clock_}));
  }
  http::Response ask(Method method, const std::string& target, const std::string& body = "") {
    return ask_as(operator_, method, target, body);
  }
  http::Response ask_as(const std::string& key, Method method, const std::string& target,
                        const std::string& body = "") {
    http::Headers headers;
    headers.add("Authorization", "Bearer " + key);
    if (!body.empty()) headers.add("Content-Type", "application/json");
    return control::call(routes_, {method, target, std::move(headers), body});
  }
  int set(const std::string& body) { return ask(Method::put, "/v1/retention/rules", body).status; }
  [[nodiscard]] std::string athlete() const {
    return control::format_id(control::kAthletePrefix, anna_.key.athlete->id);
  }
  // Anna's, loaded; nothing is backed up.
  void row() {
    put(anna_.key.athlete->id, {birth_entry(kRec), chunk_entry(kRec, Stream::source, 0, 10)});
    ASSERT_TRUE(ledger_->sessions_written(*ledger_->dirty_sessions(10)));
  }
  std::string plan_id() {
    const auto policy = policy_of(*ledger_, *accounts_->teams().teams_of_members());
    return make_plan(*ledger_, *policy, clock_.utc_ms(), 0)->id;
  }

  timeseries::ClickHouseClient client_{timeseries::Endpoint{}};  // away
  std::unique_ptr<control::Accounts> accounts_;
  std::unique_ptr<jobs::Queue> queue_;
  std::unique_ptr<jobs::Runner> runner_;
  std::unique_ptr<Remover> remover_;
  std::unique_ptr<Eraser> eraser_;
  http::RouteTable routes_;
  std::string operator_;
  control::NewKey anna_;
};

TEST_F(RetentionRoutesTest, ItIsTheOperatorsAlone) {
  EXPECT_TRUE(control::check_scopes(routes_));
  for (const http::Route& route : routes_.routes()) {
    std::string target = route.pattern;
    for (const char* name : {"{id}", "{scope}"}) {
      if (const auto at = target.find(name); at != std::string::npos)
        target.replace(at, std::string(name).size(), "all");
    }
    EXPECT_EQ(ask_as(anna_.text, route.method, target, route.max_body_bytes > 0 ? "{}" : "").status, 403) << target;
    EXPECT_EQ(ask_as("nonsense", route.method, target).status, 401) << target;
  }
}

TEST_F(RetentionRoutesTest, RulesAndHoldsAreSetAndShown) {
  EXPECT_EQ(set(R"({"scope":"all","grain":"sample","years":3})"), 200);
  EXPECT_EQ(set(R"({"scope":"athlete:)" + athlete() + R"(","grain":"sample","years":null})"), 200);
  const auto held = ask(Method::post, "/v1/retention/holds", R"({"scope":"all","reason":"a dispute"})");
  EXPECT_EQ(held.status, 200) << held.body;
  EXPECT_THAT(held.body, HasSubstr(R"({"scope":"all","grain":"sample","years":3,)"));
  EXPECT_THAT(held.body, HasSubstr(R"({"scope":"athlete:)" + athlete() + R"(","grain":"sample","years":null,)"));
  EXPECT_THAT(held.body, HasSubstr(R"("holds":[{"scope":"all","reason":"a dispute",)"));
  EXPECT_EQ(ask(Method::delete_, "/v1/retention/holds/all").status, 200);
  EXPECT_EQ(ask(Method::delete_, "/v1/retention/holds/all").status, 404);
  for (const char* wrong :
       {R"({})", R"([])", R"({"scope":"all","grain":"sample","years":0})",
        R"({"scope":"all","grain":"sample","years":101})", R"({"scope":"all","grain":"sample","years":"3"})",
        R"({"scope":"all","grain":"summary","years":3})", R"({"scope":"everybody","grain":"sample","years":3})",
        R"({"scope":"athlete:Anna","grain":"sample","years":3})",
        R"({"scope":"team:eight","grain":"sample","years":3})",
        R"({"scope":"all","grain":"sample","years":3,"more":1})"}) {
    EXPECT_EQ(set(wrong), 400) << wrong;
  }
  EXPECT_EQ(ask(Method::post, "/v1/retention/holds", R"({"scope":"all","reason":""})").status, 400);
  EXPECT_EQ(ask(Method::post, "/v1/retention/holds", R"({"scope":"all","reason":"a\u0000b"})").status, 400);
}

TEST_F(RetentionRoutesTest, ATeamsRuleIsAboutItsMembers) {
  row();
  const base::Uuid anna = anna_.key.athlete->id;
  const base::Uuid eight = accounts_->teams().create("Eight", std::nullopt)->id;
  const std::string scope = "team:" + control::format_id(control::kTeamPrefix, eight);
  const std::string rule = R"({"scope":")" + scope + R"(","grain":"source","years":)";
  EXPECT_EQ(set(R"({"scope":"team:team_018bcfe5-6800-7abc-8def-0123456789ab","grain":"source","years":3})"), 404);
  EXPECT_EQ(set(R"({"scope":"all","grain":"source","years":1})"), 200);
  EXPECT_EQ(set(rule + "null}"), 200);
  EXPECT_THAT(ask(Method::get, "/v1/retention").body, HasSubstr(R"({"scope":")" + scope + R"(","grain":"source",)"));
  clock_.set_utc_ms(clock_.utc_ms() + 2 * kYearMs);
  const auto recordings = [this] { return ask(Method::get, "/v1/retention/plan").body; };
  EXPECT_THAT(recordings(), HasSubstr(R"("recordings":1,)")) << "nobody is in the team yet";
  ASSERT_TRUE(accounts_->teams().add(eight, anna, control::TeamRole::coach));
  EXPECT_THAT(recordings(), HasSubstr(R"("recordings":1,)")) << "a coach is no member";
  ASSERT_TRUE(accounts_->teams().add(eight, anna, control::TeamRole::member));
  EXPECT_THAT(recordings(), HasSubstr(R"("recordings":0,)")) << "the team's rule keeps it for ever";
  EXPECT_EQ(set(rule + "1}"), 200);
  EXPECT_THAT(recordings(), HasSubstr(R"("recordings":1,)"));
  ASSERT_TRUE(accounts_->teams().archive(eight));
  EXPECT_EQ(set(rule + "3}"), 404);
}

TEST_F(RetentionRoutesTest, AHoldOnATeamIsOneOnEachMember) {
  const base::Uuid eight = accounts_->teams().create("Eight", std::nullopt)->id;
  const std::string scope = "team:" + control::format_id(control::kTeamPrefix, eight);
  const std::string hold = R"({"scope":")" + scope + R"(","reason":"a dispute"})";
  EXPECT_EQ(ask(Method::post, "/v1/retention/holds", hold).status, 409) << "of nobody";
  ASSERT_TRUE(accounts_->teams().add(eight, anna_.key.athlete->id, control::TeamRole::member));
  EXPECT_EQ(ask(Method::post, "/v1/retention/holds", hold).status, 200);
  const auto holds = *ledger_->legal_holds();
  ASSERT_EQ(holds.size(), 1U);
  EXPECT_EQ(holds[0].scope, ledger::scope_of_athlete(anna_.key.athlete->id));
  EXPECT_EQ(holds[0].reason, "a dispute");
  EXPECT_EQ(ask(Method::delete_, "/v1/retention/holds/" + scope).status, 400);
  EXPECT_EQ(ask(Method::delete_, "/v1/retention/holds/athlete:" + athlete()).status, 200);
  EXPECT_THAT(*ledger_->legal_holds(), testing::IsEmpty());
}

TEST_F(RetentionRoutesTest, NobodyIsNotHeld) {
  const auto hold = [this](const std::string& athlete_id) {
    return ask(Method::post, "/v1/retention/holds",
               R"({"scope":"athlete:)" + athlete_id + R"(","reason":"a dispute"})");
  };
  EXPECT_EQ(hold("ath_018bcfe5-6800-7abc-8def-0123456789ab").status, 404);
  EXPECT_EQ(set(R"({"scope":"athlete:ath_018bcfe5-6800-7abc-8def-0123456789ab","grain":"sample","years":3})"), 404);
  EXPECT_THAT(*ledger_->legal_holds(), testing::IsEmpty());
  const base::Uuid no_account = uuid(77);
  put(no_account, {birth_entry(uuid(200))});
  EXPECT_EQ(hold(control::format_id(control::kAthletePrefix, no_account)).status, 200) << "of a restored ledger";

  ASSERT_TRUE(ledger_->ask_erasure(anna_.key.athlete->id, clock_.utc_ms(), {}));
  EXPECT_EQ(hold(athlete()).status, 200) << "it keeps the removal from beginning";
  EXPECT_EQ(ask(Method::delete_, "/v1/retention/holds/athlete:" + athlete()).status, 200);
  ASSERT_TRUE(ledger_->begin_erasing(anna_.key.athlete->id));
  ASSERT_TRUE(accounts_->forget(anna_.key.athlete->id));
  const auto too_late = hold(athlete());
  EXPECT_EQ(too_late.status, 409);
  EXPECT_THAT(too_late.body, HasSubstr("has begun"));
}

TEST_F(RetentionRoutesTest, APlanIsAppliedAsItWasShownOrNotAtAll) {
  row();
  EXPECT_EQ(set(R"({"scope":"all","grain":"source","years":1})"), 200);
  EXPECT_THAT(ask(Method::get, "/v1/retention/plan").body, HasSubstr(R"("plan":null)"));
  clock_.set_utc_ms(clock_.utc_ms() + 2 * kYearMs);
  const std::string body = R"({"plan":")" + plan_id() + R"("})";
  const auto unsafe = ask(Method::post, "/v1/retention/plan", body);
  EXPECT_EQ(unsafe.status, 409);
  EXPECT_THAT(unsafe.body, HasSubstr("boathouse backup create"));
  EXPECT_THAT(*ledger_->retirements(10), testing::IsEmpty());
  {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"backup", 1'000'000, 1}));
  }
  const auto other = ask(Method::post, "/v1/retention/plan", R"({"plan":"ret_0123456789abcdef"})");
  EXPECT_EQ(other.status, 409);
  EXPECT_THAT(other.body, HasSubstr("now " + plan_id()));
  EXPECT_EQ(ask(Method::post, "/v1/retention/plan", body).status, 202);
  EXPECT_EQ(ledger_->retirements(10)->size(), 1U);
  while (*runner_->step()) {
  }
  EXPECT_THAT(*ledger_->retirements(10), testing::IsEmpty());
  EXPECT_EQ(plan_id(), "");
  EXPECT_EQ(ask(Method::post, "/v1/retention/plan", body).status, 409) << "it is done";
}

// The ledger was told of a backup, and its disk is gone since.
TEST_F(RetentionRoutesTest, WhatLiesInNoBackupAnyMoreIsNotRemoved) {
  row();
  EXPECT_EQ(set(R"({"scope":"all","grain":"source","years":1})"), 200);
  clock_.set_utc_ms(clock_.utc_ms() + 2 * kYearMs);
  const std::filesystem::path backups = folder_.file("backups");
  http::RouteTable routes;
  ASSERT_TRUE(add_routes(routes, {*accounts_, *ledger_, client_, *remover_, *eraser_, clock_, backups}));
  std::swap(routes, routes_);
  const std::string body = R"({"plan":")" + plan_id() + R"("})";
  const auto made = backup::create({{{"ledger", place_, &ledger::kSchema}}, {}}, backups, {}, clock_,
                                   [](std::uint64_t) { return base::Status(); });
  ASSERT_TRUE(made) << made.error().text;
  {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(),
                                    {made->folder.filename().string(), made->manifest.last_seq, 1}));
  }
  const auto refused = ask(Method::post, "/v1/retention/plan", body);
  EXPECT_EQ(refused.status, 409) << "it is there, and was found to be no good";
  EXPECT_THAT(refused.body, HasSubstr(backups.string()));
  std::ofstream(made->folder / "verified.json") << R"({"verified_ms":1})";
  const std::filesystem::path away = folder_.file("away");
  std::filesystem::rename(backups, away);
  EXPECT_EQ(ask(Method::post, "/v1/retention/plan", body).status, 409) << "its disk is gone";
  EXPECT_THAT(ask(Method::get, "/v1/retention/plan").body, HasSubstr(R"("not_backed_up":{"recordings":1,)"));
  EXPECT_THAT(*ledger_->retirements(10), testing::IsEmpty());
  std::filesystem::rename(away, backups);
  EXPECT_EQ(ask(Method::post, "/v1/retention/plan", body).status, 202);
}

TEST_F(RetentionRoutesTest, AnErasureHidesAtOnceAndIsTakenBack) {
  row();
  const std::string target = "/v1/athletes/" + athlete() + "/erasure";
  EXPECT_EQ(ask(Method::get, target).status, 404);
  EXPECT_EQ(ask(Method::post, "/v1/athletes/ath_018bcfe5-6800-7abc-8def-0123456789ab/erasure").status, 404);
  ASSERT_TRUE(ledger_->set_legal_hold({"all", "a dispute"}, {}));
  EXPECT_EQ(ask(Method::post, target).status, 409);
  EXPECT_TRUE(accounts_->authenticate(anna_.text)) << "nothing has happened";
  ASSERT_TRUE(ledger_->release_legal_hold("all", {}));
  EXPECT_EQ(ask(Method::post, target).status, 202) << "ClickHouse is away: that is no matter";
  EXPECT_FALSE(accounts_->authenticate(anna_.text));
  EXPECT_EQ(ledger_->erasures()->size(), 1U);
  EXPECT_EQ(queue_->counts()->waiting, 1U);
  EXPECT_EQ(ask(Method::post, target).status, 202);
  EXPECT_EQ(queue_->counts()->waiting, 1U) << "once";
  EXPECT_EQ(ask(Method::delete_, target).status, 200);
  EXPECT_TRUE(accounts_->authenticate(anna_.text));
  EXPECT_EQ(ask(Method::delete_, target).status, 404);
}

}  // namespace
}  // namespace boathouse::retention
