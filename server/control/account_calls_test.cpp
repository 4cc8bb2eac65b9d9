// A call with an Idempotency-Key is done once, whatever it makes, and a secret that was never seen is shown again.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "server/control/schema.hpp"
#include "server/control/test_accounts.hpp"
#include "server/control/test_audit_log.hpp"

namespace boathouse::control {
namespace {

using base::ErrorCode;

IdempotentCall call_of(std::string key, std::uint8_t asked = 1) { return {std::move(key), base::Digest{asked}}; }

class AccountCallsTest : public OnBothTest {
 protected:
  std::size_t count_keys() { return accounts_->keys(std::nullopt, 100)->size(); }
  std::size_t count_athletes() { return accounts_->athletes(std::nullopt, 100)->size(); }
  NewKey made_by(const IdempotentCall& call, const KeyOptions& options = {}) {
    const auto made = accounts_->create_athlete_key(call, "Anna", options);
    EXPECT_TRUE(made && *made) << (made ? "another call's" : made.error().text);
    NewKey none;
    none.key.athlete = KeyOwner();
    return made && *made ? **made : none;
  }
  bool lets_in(const std::string& text) { return accounts_->authenticate(text).ok(); }
  // Shared accounts let nobody in for long after the last refresh.
  void advance_ms(std::int64_t ms) {
    clock_.advance_ms(ms);
    ASSERT_TRUE(accounts_->refresh());
  }
};

class AccountCallsFileTest : public AccountsFixture {
 protected:
  AccountCallsFileTest() : AccountsFixture(sql::Dialect::sqlite) {}
};

// Two nodes on one PostgreSQL.
class AccountCallsNodesTest : public AccountsFixture {
 protected:
  AccountCallsNodesTest() : AccountsFixture(sql::Dialect::postgres) {}
};

// The server ended after the commit, and nobody has seen the key.
TEST_P(AccountCallsTest, AKeyWhoseAnswerWasLostIsShownAgain) {
  const IdempotentCall call = call_of("a-1");
  const NewKey first = made_by(call, {.label = "laptop"});
  EXPECT_TRUE(lets_in(first.text));
  reopen();
  const NewKey again = made_by(call, {.label = "laptop"});
  EXPECT_EQ(again.key.id, first.key.id);
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(again.key.label, "laptop");
  EXPECT_EQ(again.key.athlete->id, first.key.athlete->id);
  EXPECT_TRUE(lets_in(again.text));
  EXPECT_EQ(count_keys(), 1U);
  EXPECT_EQ(count_athletes(), 1U);

  const auto by_id = accounts_->create_athlete_key(call_of("a-2"), first.key.athlete->id);
  const auto by_id_again = accounts_->create_athlete_key(call_of("a-2"), first.key.athlete->id);
  ASSERT_TRUE(by_id && *by_id && by_id_again && *by_id_again);
  EXPECT_EQ((*by_id_again)->text, (*by_id)->text);
  EXPECT_NE((*by_id)->text, first.text);
  EXPECT_EQ(count_keys(), 2U);
}

TEST_P(AccountCallsTest, WithoutAnIdempotencyKeyEveryCallIsAnother) {
  const auto first = accounts_->create_athlete_key(std::nullopt, "Anna");
  const auto second = accounts_->create_athlete_key(std::nullopt, "Anna");
  ASSERT_TRUE(first && *first && second && *second);
  EXPECT_NE((*first)->key.id, (*second)->key.id);
  EXPECT_NE((*first)->text.substr(41), (*second)->text.substr(41));
}

TEST_P(AccountCallsTest, AnotherCallsKeyDoesNothing) {
  const NewKey first = made_by(call_of("a-1"));
  const IdempotentCall other = call_of("a-1", 2);
  const auto key = accounts_->create_athlete_key(other, "Ben");
  const auto athlete = accounts_->create_athlete(other, "Ben");
  const auto rotated = accounts_->rotate(other, first.key.id, 0);
  const auto pairing = accounts_->start_pairing(other, first.key.athlete->id);
  const auto team = accounts_->teams().create(other, "Eight", std::nullopt);
  ASSERT_TRUE(key && athlete && rotated && pairing && team);
  EXPECT_FALSE(*key || *athlete || *rotated || *pairing || *team);
  EXPECT_EQ(count_keys(), 1U);
  EXPECT_EQ(count_athletes(), 1U);
  EXPECT_TRUE(lets_in(first.text));
}

TEST_P(AccountCallsTest, ADayLaterItIsANewCall) {
  const IdempotentCall call = call_of("a-1");
  const NewKey first = made_by(call);
  advance_ms(kCallKeptMs - 1);
  EXPECT_EQ(made_by(call).text, first.text);
  advance_ms(1);
  const NewKey later = made_by(call);
  EXPECT_NE(later.key.id, first.key.id);
  EXPECT_NE(later.text.substr(41), first.text.substr(41)) << "a secret comes no second time";
  EXPECT_TRUE(lets_in(first.text));
  EXPECT_TRUE(lets_in(later.text));
}

// The end that the call names is over when it comes again.
TEST_P(AccountCallsTest, WhatIsNotAllowedAnyMoreWasDoneAllTheSame) {
  const KeyOptions options{.expires_ms = clock_.utc_ms() + 1000};
  const NewKey first = made_by(call_of("a-1"), options);
  advance_ms(2000);
  EXPECT_EQ(made_by(call_of("a-1"), options).key.id, first.key.id);
  EXPECT_EQ(accounts_->create_athlete_key(call_of("a-2"), "Anna", options).error().code, ErrorCode::invalid_input);
}

TEST_P(AccountCallsTest, ARotationIsDoneOnce) {
  const NewKey made = key_of("Anna");
  const IdempotentCall call = call_of("a-1");
  const auto rotated = accounts_->rotate(call, made.key.id, 1000);
  ASSERT_TRUE(rotated && *rotated);
  reopen();
  const auto again = accounts_->rotate(call, made.key.id, 1000);
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->text, (*rotated)->text);
  EXPECT_NE((*again)->text, made.text);
  EXPECT_EQ((*again)->key.previous_until_ms, (*rotated)->key.previous_until_ms);
  EXPECT_TRUE(lets_in((*rotated)->text));
  EXPECT_TRUE(lets_in(made.text)) << "a second rotation would have ended it";
}

TEST_P(AccountCallsTest, ASecretThatIsNoLongerTheKeysIsNotShown) {
  const NewKey first = made_by(call_of("a-1"));
  const auto rotated = accounts_->rotate(call_of("a-2"), first.key.id, kDayMs);
  ASSERT_TRUE(rotated && *rotated);
  const NewKey after_rotation = made_by(call_of("a-1"));
  EXPECT_EQ(after_rotation.key.id, first.key.id);
  EXPECT_EQ(after_rotation.text, "");
  EXPECT_TRUE(after_rotation.key.previous_until_ms) << "as it is now";

  ASSERT_TRUE(accounts_->revoke(first.key.id));
  const auto after_end = accounts_->rotate(call_of("a-2"), first.key.id, kDayMs);
  ASSERT_TRUE(after_end && *after_end) << "it was done before";
  EXPECT_EQ((*after_end)->text, "");
  EXPECT_TRUE((*after_end)->key.revoked_ms);
  EXPECT_EQ(accounts_->rotate(call_of("a-3"), first.key.id, 0).error().code, ErrorCode::conflict);
}

TEST_P(AccountCallsTest, ACallThatFailedUsesNothingUp) {
  const base::Uuid first = accounts_->create_athlete("Anna")->id;
  const base::Uuid second = accounts_->create_athlete("Anna")->id;
  const IdempotentCall call = call_of("a-1");
  EXPECT_EQ(accounts_->create_athlete_key(call, "Anna").error().code, ErrorCode::conflict);
  ASSERT_TRUE(accounts_->forget(second));
  EXPECT_EQ(made_by(call).key.athlete->id, first);
}

TEST_P(AccountCallsTest, AnAthleteIsMadeOnceAndAnsweredAsTheyAreNow) {
  const IdempotentCall call = call_of("a-1");
  const auto first = accounts_->create_athlete(call, "Anna", {.email = "anna@example.org"});
  ASSERT_TRUE(first && *first);
  ASSERT_TRUE(accounts_->update_athlete((*first)->id, {.name = "Zoe"}, std::nullopt));
  reopen();
  const auto again = accounts_->create_athlete(call, "Anna", {.email = "anna@example.org"});
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->id, (*first)->id);
  EXPECT_EQ((*again)->name, "Zoe");
  EXPECT_EQ((*again)->version, 2);
  EXPECT_EQ(count_athletes(), 1U);
}

TEST_P(AccountCallsTest, ATeamIsMadeOnce) {
  const base::Uuid coach = accounts_->create_athlete("Coach")->id;
  const IdempotentCall call{"a-1", base::Digest{1}, coach};
  const auto first = accounts_->teams().create(call, "Eight", coach);
  ASSERT_TRUE(first && *first);
  reopen();
  const auto again = accounts_->teams().create(call, "Eight", coach);
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->id, (*first)->id);
  EXPECT_EQ(accounts_->teams().teams(std::nullopt, std::nullopt, 10)->size(), 1U);
  EXPECT_TRUE(accounts_->teams().is(TeamRole::coach, (*first)->id, coach));
}

TEST_P(AccountCallsTest, AnInvitationIsMadeOnceAndShownWhileItIsGood) {
  Teams& teams = accounts_->teams();
  const base::Uuid team = teams.create("Eight", std::nullopt)->id;
  const auto invite = [&](const std::string& key) { return teams.invite(call_of(key), team, 2 * kDayMs); };
  const auto first = invite("a-1");
  ASSERT_TRUE(first && *first);
  advance_ms(1000);
  const auto again = invite("a-1");
  ASSERT_TRUE(again && *again) << again.error().text;
  EXPECT_EQ((*again)->text, (*first)->text);
  EXPECT_EQ((*again)->expires_ms, (*first)->expires_ms);
  EXPECT_EQ(teams.team_of_invitation((*first)->text)->id, team);

  const auto second = invite("a-2");
  ASSERT_TRUE(second && *second);
  EXPECT_NE((*second)->text, (*first)->text);
  EXPECT_EQ(invite("a-1").error().code, ErrorCode::conflict) << "the new one has ended it";
  EXPECT_EQ(teams.team_of_invitation((*second)->text)->id, team) << "and a repeat does not end the new one";
  ASSERT_TRUE(teams.end_invitation(team));
  EXPECT_EQ(invite("a-2").error().code, ErrorCode::conflict);
  EXPECT_FALSE(teams.team_of_invitation((*second)->text));
  const auto short_one = teams.invite(call_of("a-3"), team, 1000);
  ASSERT_TRUE(short_one && *short_one);
  advance_ms(1000);
  EXPECT_EQ(teams.invite(call_of("a-3"), team, 1000).error().code, ErrorCode::conflict) << "too late";
}

TEST_P(AccountCallsTest, APairingCodeIsMadeOnceAndShownWhileItIsGood) {
  const base::Uuid anna = accounts_->create_athlete("Anna")->id;
  const auto start = [&](const std::string& key) { return accounts_->start_pairing(call_of(key), anna); };
  const auto first = start("a-1");
  ASSERT_TRUE(first && *first);
  advance_ms(kPairingLifeMs - 1);
  const auto again = start("a-1");
  ASSERT_TRUE(again && *again) << again.error().text;
  EXPECT_EQ((*again)->text, (*first)->text);
  EXPECT_EQ((*again)->expires_ms, (*first)->expires_ms) << "it lives no longer for that";
  advance_ms(1);
  EXPECT_EQ(start("a-1").error().code, ErrorCode::conflict) << "too late";

  const auto used = start("a-2");
  ASSERT_TRUE(used && *used);
  ASSERT_TRUE(accounts_->finish_pairing((*used)->text, "phone"));
  EXPECT_EQ(start("a-2").error().code, ErrorCode::conflict) << "used up";
  const auto replaced = start("a-3");
  const auto newest = start("a-4");
  EXPECT_EQ(start("a-3").error().code, ErrorCode::conflict) << "replaced";
  EXPECT_EQ(*accounts_->athlete_of_pairing((*newest)->text), anna);
  EXPECT_FALSE(accounts_->athlete_of_pairing((*replaced)->text));
  const auto bens = accounts_->start_pairing(call_of("a-4"), accounts_->create_athlete("Ben")->id);
  EXPECT_TRUE(bens && !*bens) << "the name that it gives is another's now";
}

TEST_P(AccountCallsTest, TwoAtOnceMakeOne) {
  std::vector<std::thread> threads;
  std::vector<std::string> texts(8);
  for (std::string& text : texts) {
    threads.emplace_back([&] { text = made_by(call_of("a-1")).text; });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(texts, testing::Each(texts.front()));
  EXPECT_TRUE(lets_in(texts.front()));
  EXPECT_EQ(count_keys(), 1U);
}

TEST_F(AccountCallsNodesTest, TwoAtOnceOnTwoNodesMakeOne) {
  const auto other = *open();
  for (int i = 0; i < 20; ++i) {
    const IdempotentCall call = call_of("a-" + std::to_string(i));
    std::string there;
    std::thread thread([&] {
      const auto made = other->create_athlete_key(call, "Anna");
      there = made && *made ? (*made)->text : "nothing";
    });
    const auto here = accounts_->create_athlete_key(call, "Anna");
    thread.join();
    ASSERT_TRUE(here && *here);
    EXPECT_EQ((*here)->text, there);
    // Whichever was second: what it has shown is in force there, without a refresh.
    EXPECT_TRUE(accounts_->authenticate(there));
    EXPECT_TRUE(other->authenticate(there));
  }
  EXPECT_EQ(accounts_->keys(std::nullopt, 100)->size(), 20U);
  EXPECT_EQ(accounts_->athletes(std::nullopt, 100)->size(), 1U);
}

TEST_F(AccountCallsNodesTest, AnotherNodeKnowsHowTheCallerStandsToATeam) {
  const auto other = *open();
  const base::Uuid coach = accounts_->create_athlete("Coach")->id;
  const IdempotentCall call{"a-1", base::Digest{1}, coach};
  const auto made = accounts_->teams().create(call, "Eight", coach);
  const auto again = other->teams().create(call, "Eight", coach);
  ASSERT_TRUE(made && *made && again && *again);
  EXPECT_EQ((*again)->id, (*made)->id);
  EXPECT_TRUE(other->teams().is(TeamRole::coach, (*made)->id, coach));
}

// An act that was done and came to no audit, and its call again: one outcome, one key.
TEST_P(AccountCallsTest, ARepeatIsNoSecondAct) {
  TestAuditLog log;
  const auto act = [&](const IdempotentCall& call) {
    auto begun = AuditedAct::begin(log, accounts_->outcomes(), {"key.create", std::nullopt, std::nullopt, ""});
    const auto made = accounts_->create_athlete_key(call, "Anna", {}, &*begun);
    begun->ended(made);
  };
  log.fails_outcomes = true;
  act(call_of("a-1"));
  log.fails_outcomes = false;
  act(call_of("a-1"));
  ASSERT_EQ(accounts_->outcomes().waiting()->size(), 1U);
  EXPECT_THAT(accounts_->outcomes().waiting()->front().act.what, testing::StartsWith("step=done intent=1 key="));
  EXPECT_EQ(log.acts.back().what, "step=unchanged intent=2");
}

TEST_P(AccountCallsTest, WhoIsForgottenTakesTheCallsAlong) {
  const auto anna = accounts_->create_athlete(call_of("a-1"), "Anna");
  const base::Uuid id = (*anna)->id;
  made_by(call_of("a-2"));
  const IdempotentCall own{"a-3", base::Digest{1}, id};
  ASSERT_TRUE(accounts_->teams().create(own, "Eight", id));
  const auto ben = accounts_->create_athlete(call_of("b-1"), "Ben");
  EXPECT_EQ(accounts_->count_of(id)->calls, 3U);
  ASSERT_TRUE(accounts_->forget(id));
  EXPECT_EQ(accounts_->count_of(id)->calls, 0U);
  EXPECT_EQ(accounts_->count_of((*ben)->id)->calls, 1U);
  const auto anew = accounts_->create_athlete(call_of("a-1"), "Anna");
  ASSERT_TRUE(anew && *anew) << "what it had made is gone";
  EXPECT_NE((*anew)->id, id);
}

TEST_F(AccountCallsFileTest, TheSecretIsNowhereOnTheDisk) {
  const std::string call_key = "0f6b8a52-9d1c-4f0e";
  const auto made = accounts_->create_athlete_key(call_of(call_key), "Anna");
  ASSERT_TRUE(made && *made);
  accounts_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(content.find((*made)->text.substr(41, 43)), std::string::npos) << entry.path();
    EXPECT_EQ(content.find(call_key), std::string::npos) << entry.path();
  }
}

TEST_P(AccountCallsTest, ADatabaseOfVersion10TakesCalls) {
  const sql::TestDatabase old(GetParam(), folder_.file("old/control.db"));
  const std::string dir = folder_.file("old");
  std::filesystem::create_directory(dir);
  const base::Uuid anna{{1}};
  {
    auto connection = sql::Connection::open(old.place());
    ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(10)}));
    auto athlete = connection->prepare("INSERT INTO athlete (id, name, created_ms) VALUES (?1, 'Anna', 1)");
    ASSERT_TRUE(athlete->bind(1, anna.bytes).run());
  }
  auto opened = Accounts::open(dir, clock_, random_, old.place());
  ASSERT_TRUE(opened) << opened.error().text;
  accounts_ = std::move(*opened);
  const NewKey made = made_by(call_of("a-1"));
  EXPECT_EQ(made.key.athlete->id, anna);
  EXPECT_EQ(made_by(call_of("a-1")).text, made.text);
  accounts_.reset();
}

INSTANTIATE_TEST_SUITE_P(Databases, AccountCallsTest, kDatabases, name_of_database);

}  // namespace
}  // namespace boathouse::control
