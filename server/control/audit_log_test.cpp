// Acts and their two records: an outcome is as durable as its act, and every intent gets one, whatever ends when.
#include "server/control/audit_log.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <functional>

#include "server/control/act_settler.hpp"
#include "server/control/schema.hpp"
#include "server/control/test_accounts.hpp"
#include "server/control/test_audit_log.hpp"

namespace boathouse::control {
namespace {

using base::ErrorCode;
using base::Status;
using testing::ElementsAre;
using testing::IsEmpty;

class AuditedActTest : public OnBothTest {
 protected:
  AuditedAct begin(std::string kind = "key.create", std::string what = "") {
    auto act =
        AuditedAct::begin(log_, accounts_->outcomes(), {std::move(kind), std::nullopt, std::nullopt, std::move(what)});
    EXPECT_TRUE(act) << act.error().text;
    return std::move(*act);
  }
  std::vector<std::string> written() const {
    std::vector<std::string> all;
    for (const Act& act : log_.acts) all.push_back(act.what);
    return all;
  }
  // Those that are committed, and in no audit yet.
  std::vector<std::string> waiting() {
    const auto outcomes = accounts_->outcomes().waiting();
    EXPECT_TRUE(outcomes) << outcomes.error().text;
    std::vector<std::string> all;
    for (const Outcome& outcome : *outcomes) all.push_back(outcome.act.kind + " " + outcome.act.what);
    return all;
  }
  std::size_t count_keys() { return accounts_->keys(std::nullopt, 100)->size(); }
  // As the next start of a server does.
  void settle_anew() {
    const Status settled = ActSettler(log_, {&accounts_->outcomes()}).settle();
    EXPECT_TRUE(settled) << settled.error().text;
  }
  std::string outcome_of(ErrorCode code) {
    log_.acts.clear();
    begin("key.rotate", "key=key_1").ended(Status(base::Error{code, "text"}));
    EXPECT_EQ(log_.acts.size(), 2U);
    EXPECT_EQ(log_.acts.front().what, "step=intent key=key_1");
    return log_.acts.back().what;
  }

  TestAuditLog log_;
};

TEST_P(AuditedActTest, WhatWasNotCommittedWasNotDone) {
  EXPECT_EQ(outcome_of(ErrorCode::conflict), "step=failed intent=1 error=conflict");
  EXPECT_EQ(outcome_of(ErrorCode::not_found), "step=failed intent=1 error=not_found");
  EXPECT_EQ(outcome_of(ErrorCode::unavailable), "step=failed intent=1 error=unavailable");
  EXPECT_EQ(outcome_of(ErrorCode::io), "step=failed intent=1 error=io");
}

TEST_P(AuditedActTest, WhatWasDoneIsInTheAuditAtOnce) {
  AuditedAct act = begin("key.create", "scopes=none");
  const auto key = accounts_->create_athlete_key("Anna", {}, &act);
  act.ended(key);
  ASSERT_TRUE(key);
  EXPECT_THAT(written(), ElementsAre("step=intent scopes=none", "step=done intent=1 scopes=none key=key_" +
                                                                    key->key.id.text() + " athlete_made=yes"));
  EXPECT_EQ(log_.acts.back().athlete, key->key.athlete->id);
  EXPECT_THAT(waiting(), IsEmpty());
}

TEST_P(AuditedActTest, WhatChangesNothingIsNoAct) {
  const NewKey key = key_of("Anna");
  ASSERT_TRUE(accounts_->revoke(key.key.id));
  AuditedAct act = begin("key.revoke");
  act.ended(accounts_->revoke(key.key.id, &act));
  EXPECT_THAT(written(), ElementsAre("step=intent", "step=unchanged intent=1"));
}

// Every call that may be an act: its outcome is committed with what it changes.
TEST_P(AuditedActTest, EveryActHasItsOutcomeInItsOwnTransaction) {
  const base::Uuid anna = key_of("Anna").key.athlete->id;
  const base::Uuid ben = key_of("Ben").key.athlete->id;
  const NewKey key = key_of("Anna");
  const base::Uuid team = accounts_->teams().create("Eights", {})->id;
  PairingCode code;
  Teams& teams = accounts_->teams();
  const auto status = [](const auto& result) { return result ? Status() : Status(result.error()); };
  const std::vector<std::pair<std::string, std::function<Status(AuditedAct*)>>> acts{
      {"athlete.create", [&](AuditedAct* act) { return status(accounts_->create_athlete("Zoe", {}, act)); }},
      {"athlete.update", [&](AuditedAct* act) { return status(accounts_->update_athlete(anna, {}, {}, act)); }},
      {"key.create", [&](AuditedAct* act) { return status(accounts_->create_athlete_key(anna, {}, act)); }},
      {"key.create.by.name", [&](AuditedAct* act) { return status(accounts_->create_athlete_key("Yan", {}, act)); }},
      {"key.rotate", [&](AuditedAct* act) { return status(accounts_->rotate(key.key.id, 0, act)); }},
      {"key.revoke", [&](AuditedAct* act) { return accounts_->revoke(key.key.id, act); }},
      {"pairing.create",
       [&](AuditedAct* act) {
         const auto made = accounts_->start_pairing(anna, {}, act);
         code = *made;
         return status(made);
       }},
      {"pairing.claim", [&](AuditedAct* act) { return status(accounts_->finish_pairing(code.text, "erg", act)); }},
      {"operator.key", [&](AuditedAct* act) { return accounts_->ensure_operator_key(act); }},
      {"team.create", [&](AuditedAct* act) { return status(teams.create("Fours", ben, act)); }},
      {"team.rename", [&](AuditedAct* act) { return status(teams.rename(team, "Pairs", {}, act)); }},
      {"team.member.add", [&](AuditedAct* act) { return teams.add(team, anna, TeamRole::member, act); }},
      {"team.member.remove", [&](AuditedAct* act) { return teams.remove(team, anna, TeamRole::member, act); }},
      {"team.invite", [&](AuditedAct* act) { return status(teams.invite(team, 1000, act)); }},
      {"team.invite.end", [&](AuditedAct* act) { return teams.end_invitation(team, act); }},
      {"team.delete", [&](AuditedAct* act) { return teams.archive(team, act); }}};
  log_.fails_outcomes = true;
  for (const auto& [kind, work] : acts) {
    AuditedAct act = begin(kind);
    const Status done = work(&act);
    act.ended(done);
    ASSERT_TRUE(done) << kind << ": " << done.error().text;
    const auto committed = waiting();
    ASSERT_EQ(committed.size(), log_.acts.size()) << kind;
    EXPECT_TRUE(committed.back().starts_with(kind + " step=done intent=" + std::to_string(committed.size())))
        << committed.back();
  }
  log_.fails_outcomes = false;
  settle_anew();
  EXPECT_EQ(log_.acts.size(), 2 * acts.size());
  EXPECT_THAT(waiting(), IsEmpty());
}

// The server ended between the commit and the audit.
TEST_P(AuditedActTest, WhatWasCommittedIsInTheAuditAfterTheNextStart) {
  log_.fails_outcomes = true;
  {
    AuditedAct act = begin();
    act.ended(accounts_->create_athlete_key("Anna", {}, &act));
  }
  EXPECT_EQ(written().size(), 1U);
  reopen();
  log_.fails_outcomes = false;
  settle_anew();
  ASSERT_EQ(written().size(), 2U);
  EXPECT_TRUE(written()[1].starts_with("step=done intent=1 key=key_")) << written()[1];
  EXPECT_THAT(waiting(), IsEmpty());
  settle_anew();
  EXPECT_EQ(written().size(), 2U);
}

// It ended between the audit and the removal of the row.
TEST_P(AuditedActTest, WhatIsInTheAuditComesThereNoSecondTime) {
  log_.fails_outcomes = true;
  AuditedAct act = begin();
  act.ended(accounts_->create_athlete_key("Anna", {}, &act));
  log_.fails_outcomes = false;
  const auto outcomes = accounts_->outcomes().waiting();
  ASSERT_EQ(outcomes->size(), 1U);
  ASSERT_TRUE(log_.append(outcomes->front()));
  settle_anew();
  EXPECT_EQ(written().size(), 2U);
  EXPECT_THAT(waiting(), IsEmpty());
}

// It ended before the commit.
TEST_P(AuditedActTest, AnIntentThatNobodyHasDoneIsGivenUpAndNotDoneLater) {
  AuditedAct late = begin();
  settle_anew();
  EXPECT_THAT(written(), ElementsAre("step=intent", "step=failed intent=1 error=given_up"));
  const auto refused = accounts_->create_athlete_key("Anna", {}, &late);
  late.ended(refused);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_EQ(count_keys(), 0U);
  EXPECT_EQ(written().size(), 2U);
  EXPECT_THAT(waiting(), IsEmpty());
  key_of("Anna");  // others are done
  EXPECT_EQ(count_keys(), 1U);
}

TEST_P(AuditedActTest, AnActHasTimeBetweenTwoRunsOfTheSettler) {
  ActSettler settler(log_, {&accounts_->outcomes()});
  ASSERT_TRUE(settler.settle());
  AuditedAct act = begin();
  AuditedAct lost = begin();
  ASSERT_TRUE(settler.settle());
  act.ended(accounts_->create_athlete_key("Anna", {}, &act));
  EXPECT_EQ(count_keys(), 1U);
  ASSERT_EQ(written().size(), 3U);
  ASSERT_TRUE(settler.settle());
  ASSERT_EQ(written().size(), 4U);
  EXPECT_EQ(written()[3], "step=failed intent=2 error=given_up");
}

TEST_P(AuditedActTest, WithoutARoomForItsOutcomeNothingIsDone) {
  auto connection = sql::Connection::open(place_);
  ASSERT_TRUE(connection->execute("DROP TABLE " + std::string(kOutcomeTable)));
  AuditedAct act = begin();
  const auto refused = accounts_->create_athlete_key("Anna", {}, &act);
  act.ended(refused);
  EXPECT_FALSE(refused);
  EXPECT_EQ(count_keys(), 0U);
  EXPECT_EQ(log_.acts.back().what, "step=failed intent=1 error=internal");
}

// Of a commit that failed only the database knows whether it was done; the settler asks it.
TEST_P(AuditedActTest, OfACommitThatFailedNothingIsSaidBeforeItIsKnown) {
  auto connection = sql::Connection::open(place_);
  const std::string tables =
      "CREATE TABLE first (id INTEGER PRIMARY KEY); "
      "CREATE TABLE second (id INTEGER PRIMARY KEY REFERENCES first (id) DEFERRABLE INITIALLY DEFERRED)";
  ASSERT_TRUE(connection->execute(place_.postgres_url.empty() ? tables : sql::for_postgres(tables)));
  AuditedAct act = begin();
  {
    auto transaction = sql::Transaction::begin(*connection);
    ASSERT_TRUE(connection->execute("INSERT INTO second (id) VALUES (1)"));  // refused, but not before the commit
    const Status failed = commit(*transaction, *connection, &act);
    ASSERT_FALSE(failed);
    act.ended(failed);
  }
  EXPECT_EQ(written().size(), 1U);
  settle_anew();
  EXPECT_THAT(written(), ElementsAre("step=intent", "step=failed intent=1 error=given_up"));
}

// A control database of before outcomes, with data in it.
TEST_P(AuditedActTest, ADatabaseOfVersion9TakesActs) {
  sql::Place place = place_;
  const std::string dir = folder_.file("old");
  std::filesystem::create_directory(dir);
  if (place_.postgres_url.empty()) {
    place.sqlite_file = dir + "/control.db";
  } else {
    place = sql::TestPostgres::get().make_database();
  }
  const base::Uuid anna{{1}};
  {
    auto old = sql::Connection::open(place);
    ASSERT_TRUE(sql::migrate(*old, {kSchema.name, kSchema.application_id, kSchema.migrations.first(9)}));
    auto athlete = old->prepare("INSERT INTO athlete (id, name, created_ms) VALUES (?1, 'Anna', 1)");
    ASSERT_TRUE(athlete->bind(1, anna.bytes).run());
  }
  {
    auto opened = Accounts::open(dir, clock_, random_, place);
    ASSERT_TRUE(opened) << opened.error().text;
    accounts_ = std::move(*opened);
    EXPECT_THAT(waiting(), IsEmpty());
    log_.fails_outcomes = true;
    AuditedAct act = begin();
    act.ended(accounts_->create_athlete_key(anna, {}, &act));
    EXPECT_EQ(waiting().size(), 1U);
    accounts_.reset();
  }
  if (!place_.postgres_url.empty()) {
    sql::TestPostgres::get().drop_database(place);
  }
}

// Only somebody at the server can do something about a full disk; trying again in some seconds does nothing.
TEST_P(AuditedActTest, AFullDiskIsNamedWhenNothingCanBeWrittenDown) {
  log_.fails = true;
  const auto text_of = [this](ErrorCode failure) {
    log_.failure = failure;
    const auto act = AuditedAct::begin(log_, accounts_->outcomes(), {"key.create", std::nullopt, std::nullopt, ""});
    EXPECT_FALSE(act);
    EXPECT_EQ(act.error().code, failure == ErrorCode::no_room ? ErrorCode::no_room : ErrorCode::unavailable);
    return act.error().text;
  };
  EXPECT_NE(text_of(ErrorCode::no_room).find("disk is full"), std::string::npos);
  EXPECT_EQ(text_of(ErrorCode::no_room).find("some seconds"), std::string::npos);
  for (const ErrorCode other : {ErrorCode::io, ErrorCode::unavailable, ErrorCode::internal}) {
    EXPECT_EQ(text_of(other).find("disk"), std::string::npos);
    EXPECT_NE(text_of(other).find("try again in some seconds"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Databases, AuditedActTest, kDatabases, name_of_database);

}  // namespace
}  // namespace boathouse::control
