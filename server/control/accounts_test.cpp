#include "server/control/accounts.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "server/control/api_key.hpp"
#include "server/control/schema.hpp"
#include "server/control/secret_file.hpp"
#include "server/control/test_accounts.hpp"

namespace boathouse::control {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

std::string content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class AccountsTest : public OnBothTest {};

class AccountsFileTest : public AccountsFixture {
 protected:
  AccountsFileTest() : AccountsFixture(sql::Dialect::sqlite) {}
};

// Two nodes on one PostgreSQL.
class AccountsNodesTest : public AccountsFixture {
 protected:
  AccountsNodesTest() : AccountsFixture(sql::Dialect::postgres) {}
};

TEST_P(AccountsTest, AKeySpeaksForItsAthleteAlsoAfterARestart) {
  const NewKey anna = key_of("Anna");
  const NewKey ben = key_of("Ben");
  for (int i = 0; i < 2; ++i) {
    const auto identity = accounts_->authenticate(anna.text);
    ASSERT_TRUE(identity) << identity.error().text;
    EXPECT_EQ(identity->role, Role::athlete);
    EXPECT_EQ(identity->key_id, anna.key.id);
    EXPECT_EQ(identity->athlete, anna.key.athlete->id);
    EXPECT_NE(identity->athlete, accounts_->authenticate(ben.text)->athlete);
    reopen();
  }
}

TEST_F(AccountsFileTest, TheSecretIsNowhereOnTheDisk) {
  const NewKey key = key_of("Anna");
  accounts_.reset();
  const std::string secret = key.text.substr(41, 43);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_EQ(content_of(entry.path().string()).find(secret), std::string::npos) << entry.path();
  }
}

TEST_P(AccountsTest, TheSameNameIsTheSameAthleteWithAnotherKey) {
  const NewKey first = key_of("Anna");
  const NewKey second = key_of("Anna");
  EXPECT_EQ(first.key.athlete->id, second.key.athlete->id);
  EXPECT_NE(first.text, second.text);
  EXPECT_EQ(accounts_->athletes(std::nullopt, 10)->size(), 1U);
  const auto third = accounts_->create_athlete_key(first.key.athlete->id);
  EXPECT_EQ(accounts_->authenticate(third->text)->athlete, first.key.athlete->id);
}

TEST_P(AccountsTest, ANameThatSeveralHaveNeedsAnId) {
  const auto first = accounts_->create_athlete("Anna");
  const auto second = accounts_->create_athlete("Anna");
  EXPECT_NE(first->id, second->id);
  const auto key = accounts_->create_athlete_key("Anna");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, ErrorCode::conflict);
  EXPECT_THAT(key.error().text, HasSubstr("ath_" + first->id.text()));
  EXPECT_TRUE(accounts_->create_athlete_key(second->id));
}

TEST_P(AccountsTest, AKeyForNobodyIsNotMade) {
  const auto key = accounts_->create_athlete_key(base::Uuid{});
  EXPECT_EQ(key.error().code, ErrorCode::not_found);
  EXPECT_EQ(accounts_->athlete(base::Uuid{}).error().code, ErrorCode::not_found);
  EXPECT_TRUE(accounts_->keys(std::nullopt, 10)->empty());
}

TEST_P(AccountsTest, NamesAreTextAsTyped) {
  for (const char* good : {"Anna", "Zoë Müller-Ļegzdiņa", "李雷", "O'Brien \"Bob\"", "=1+1", "a"}) {
    const auto athlete = accounts_->create_athlete(good);
    ASSERT_TRUE(athlete) << good;
    EXPECT_EQ(accounts_->athlete(athlete->id)->name, good);
  }
  std::string longest;
  for (std::size_t i = 0; i < kMaxNameCodePoints; ++i) {
    longest += "ß";
  }
  EXPECT_TRUE(accounts_->create_athlete(longest));
  for (const std::string& bad :
       {std::string(), longest + "x", std::string("a\xff"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("a\x7f"), std::string("a\xc2\x85"), std::string(" a"), std::string("a ")}) {
    EXPECT_EQ(accounts_->create_athlete(bad).error().code, ErrorCode::invalid_input) << bad;
    EXPECT_EQ(accounts_->create_athlete_key(bad).error().code, ErrorCode::invalid_input) << bad;
  }
}

TEST_P(AccountsTest, ARevokedKeyIsRefusedAtOnceAndForEver) {
  const NewKey key = key_of("Anna");
  const NewKey other = key_of("Anna");
  clock_.advance_ms(1000);
  ASSERT_TRUE(accounts_->revoke(key.key.id));
  EXPECT_EQ(accounts_->authenticate(key.text).error().code, ErrorCode::unauthenticated);
  clock_.advance_ms(1000);
  EXPECT_TRUE(accounts_->revoke(key.key.id));
  reopen();
  EXPECT_EQ(accounts_->authenticate(key.text).error().code, ErrorCode::unauthenticated);
  EXPECT_TRUE(accounts_->authenticate(other.text));
  EXPECT_EQ(listed(key.key.id).revoked_ms, 1'700'000'001'000);
  EXPECT_EQ(accounts_->revoke(base::Uuid{}).error().code, ErrorCode::not_found);
}

TEST_P(AccountsTest, UnknownRevokedAndForgedKeysLookTheSame) {
  const NewKey key = key_of("Anna");
  const NewKey revoked = key_of("Anna");
  ASSERT_TRUE(accounts_->revoke(revoked.key.id));
  const TemporaryFolder elsewhere;
  auto foreign = Accounts::open(elsewhere.path(), clock_, random_);
  const std::string unknown = (*foreign)->create_athlete_key("Anna")->text;
  // The right id with another secret, its check made to fit.
  base::SystemRandom dice;
  const std::string forged = make_api_key(key.key.id, dice);
  const std::string text = accounts_->authenticate(revoked.text).error().text;
  EXPECT_EQ(accounts_->authenticate(unknown).error().text, text);
  EXPECT_EQ(accounts_->authenticate(forged).error().text, text);
  EXPECT_TRUE(accounts_->authenticate(key.text));
}

TEST_P(AccountsTest, LastUseIsKept) {
  const NewKey key = key_of("Anna");
  EXPECT_FALSE(listed(key.key.id).last_used_ms);
  clock_.advance_ms(5000);
  ASSERT_TRUE(accounts_->refresh());
  ASSERT_TRUE(accounts_->authenticate(key.text));
  EXPECT_EQ(listed(key.key.id).last_used_ms, 1'700'000'005'000);
  reopen();
  EXPECT_EQ(listed(key.key.id).last_used_ms, 1'700'000'005'000);

  // Once saved it is on the disk without a clean end: a second connection sees it.
  clock_.advance_ms(61'000);
  ASSERT_TRUE(accounts_->refresh());
  ASSERT_TRUE(accounts_->authenticate(key.text));
  ASSERT_TRUE(accounts_->save_uses());
  auto connection = sql::Connection::open(place_);
  auto select = connection->prepare("SELECT last_used_ms FROM api_key");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), 1'700'000'066'000);
}

TEST_P(AccountsTest, ListsAreInOrderAndPaged) {
  std::vector<base::Uuid> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(key_of("Athlete " + std::to_string(i)).key.id);
  }
  const auto first = accounts_->keys(std::nullopt, 3);
  ASSERT_EQ(first->size(), 3U);
  EXPECT_EQ(first->at(0).id, ids[0]);
  EXPECT_EQ(first->at(0).athlete->name, "Athlete 0");
  const auto rest = accounts_->keys(first->back().id, 3);
  ASSERT_EQ(rest->size(), 2U);
  EXPECT_EQ(rest->at(1).id, ids[4]);
  const auto athletes = accounts_->athletes(std::nullopt, 4);
  ASSERT_EQ(athletes->size(), 4U);
  EXPECT_EQ(accounts_->athletes(athletes->back().id, 4)->at(0).name, "Athlete 4");
}

TEST_P(AccountsTest, WithoutItsPepperTheDatabaseIsRefused) {
  key_of("Anna");
  accounts_.reset();
  const std::string pepper = folder_.file("pepper.key");
  const std::string right = content_of(pepper);
  std::filesystem::remove(pepper);
  EXPECT_EQ(open().error().code, ErrorCode::corrupt);
  EXPECT_FALSE(std::filesystem::exists(pepper)) << "a new pepper would hide the loss";

  for (const std::string& wrong : {std::string(), std::string("xyz"), std::string(64, 'a')}) {
    std::ofstream(pepper, std::ios::trunc) << wrong;
    const auto opened = open();
    ASSERT_FALSE(opened) << wrong;
    EXPECT_EQ(opened.error().code, ErrorCode::corrupt);
    EXPECT_THAT(opened.error().text, HasSubstr("pepper.key"));
  }
  std::ofstream(pepper, std::ios::trunc) << right;
  EXPECT_TRUE(open());
}

TEST_P(AccountsTest, ASecretIsTheSameOnEveryNodeAndAtEveryStart) {
  const base::Digest first = accounts_->secret_for("one thing");
  EXPECT_NE(first, accounts_->secret_for("another thing"));
  EXPECT_EQ(first, (*open())->secret_for("one thing"));
  reopen();
  EXPECT_EQ(first, accounts_->secret_for("one thing"));
  const TemporaryFolder elsewhere;
  const auto other = Accounts::open(elsewhere.path(), clock_, random_);
  ASSERT_TRUE(other);
  EXPECT_NE(first, (*other)->secret_for("one thing")) << "of another pepper";
}

TEST_P(AccountsTest, TheFirstStartMakesAnOperatorKeyAndLaterOnesKeepIt) {
  EXPECT_TRUE(*accounts_->lacks_operator_key());
  ASSERT_TRUE(accounts_->ensure_operator_key());
  EXPECT_FALSE(*accounts_->lacks_operator_key());
  const std::string path = folder_.file("operator.key");
  const std::string content = content_of(path);
  ASSERT_EQ(content.size(), 91U);
  EXPECT_EQ(content.back(), '\n');
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  const auto identity = accounts_->authenticate(content.substr(0, 90));
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->role, Role::operator_);
  EXPECT_FALSE(identity->athlete);
  reopen();
  ASSERT_TRUE(accounts_->ensure_operator_key());
  EXPECT_EQ(content_of(path), content);
  EXPECT_EQ(accounts_->keys(std::nullopt, 10)->size(), 1U);
}

TEST_P(AccountsTest, AnOperatorKeyThatWasTakenAwayIsNotMadeAgain) {
  ASSERT_TRUE(accounts_->ensure_operator_key());
  std::filesystem::remove(folder_.file("operator.key"));
  reopen();
  ASSERT_TRUE(accounts_->ensure_operator_key());
  EXPECT_FALSE(std::filesystem::exists(folder_.file("operator.key")));
  EXPECT_EQ(accounts_->keys(std::nullopt, 10)->size(), 1U);
}

TEST_P(AccountsTest, AForeignOperatorKeyFileIsAnErrorAndStays) {
  const NewKey athlete = key_of("Anna");
  for (const std::string& content : {std::string("nonsense"), athlete.text, std::string()}) {
    std::ofstream(folder_.file("operator.key"), std::ios::trunc) << content;
    const auto status = accounts_->ensure_operator_key();
    ASSERT_FALSE(status) << content;
    EXPECT_EQ(status.error().code, ErrorCode::corrupt);
    EXPECT_THAT(status.error().text, HasSubstr("operator.key"));
    EXPECT_EQ(content_of(folder_.file("operator.key")), content);
  }
  EXPECT_EQ(accounts_->keys(std::nullopt, 10)->size(), 1U);
}

// The two moments at which a first start can be cut off.
TEST_P(AccountsTest, AnOperatorKeyThatWasCommittedButNotYetNamedIsFound) {
  ASSERT_TRUE(accounts_->ensure_operator_key());
  const std::string path = folder_.file("operator.key");
  const std::string content = content_of(path);
  std::filesystem::rename(path, staged_path(path));
  reopen();
  ASSERT_TRUE(accounts_->ensure_operator_key());
  EXPECT_EQ(content_of(path), content);
  EXPECT_FALSE(std::filesystem::exists(staged_path(path)));
}

TEST_P(AccountsTest, AnOperatorKeyThatWasNeverCommittedIsMadeAnew) {
  const TemporaryFolder elsewhere;
  auto foreign = Accounts::open(elsewhere.path(), clock_, random_);
  const std::string path = folder_.file("operator.key");
  std::ofstream(staged_path(path)) << (*foreign)->create_operator_key()->text << '\n';
  ASSERT_TRUE(accounts_->ensure_operator_key());
  EXPECT_FALSE(std::filesystem::exists(staged_path(path)));
  EXPECT_TRUE(accounts_->authenticate(content_of(path).substr(0, 90)));
}

TEST_P(AccountsTest, TheLastOperatorKeyCannotBeRevoked) {
  const auto first = accounts_->create_operator_key();
  EXPECT_EQ(accounts_->revoke(first->key.id).error().code, ErrorCode::conflict);
  EXPECT_TRUE(accounts_->authenticate(first->text));
  const auto second = accounts_->create_operator_key();
  EXPECT_TRUE(accounts_->revoke(first->key.id));
  EXPECT_EQ(accounts_->revoke(second->key.id).error().code, ErrorCode::conflict);
}

TEST_P(AccountsTest, KeysOfEarlierVersionsKeepWhatTheirRoleMayDo) {
  for (const std::size_t version : {1U, 2U}) {
    sql::Place place = place_;
    if (place_.postgres_url.empty()) {
      place.sqlite_file = folder_.file("old" + std::to_string(version) + "/control.db");
      std::filesystem::create_directory(folder_.file("old" + std::to_string(version)));
    } else {
      place = sql::TestPostgres::get().make_database();
    }
    {
      auto old = sql::Connection::open(place);
      ASSERT_TRUE(sql::migrate(*old, {kSchema.name, kSchema.application_id, kSchema.migrations.first(version)}));
      auto athlete = old->prepare("INSERT INTO athlete (id, name, created_ms) VALUES (?1, 'Anna', 1)");
      const base::Uuid anna{{1}};
      ASSERT_TRUE(athlete->bind(1, anna.bytes).run());
      auto key = old->prepare("INSERT INTO api_key (id, role, athlete, hash, created_ms) VALUES (?1, ?2, ?3, ?4, 1)");
      const base::Digest hash{};
      ASSERT_TRUE(key->bind(1, base::Uuid{{1}}.bytes).bind(2, 1).bind(3, nullptr).bind(4, hash).run());
      ASSERT_TRUE(key->bind(1, base::Uuid{{2}}.bytes).bind(2, 2).bind(3, anna.bytes).bind(4, hash).run());
    }
    const std::string dir = folder_.file("dir" + std::to_string(version));
    std::filesystem::create_directory(dir);
    const std::string home = place_.postgres_url.empty() ? folder_.file("old" + std::to_string(version)) : dir;
    {
      const auto opened = Accounts::open(home, clock_, random_, place);
      ASSERT_TRUE(opened) << opened.error().text;
      const auto keys = (*opened)->keys(std::nullopt, 10);
      ASSERT_EQ(keys->size(), 2U);
      EXPECT_EQ(keys->at(0).scopes, kOperatorScopes);
      EXPECT_EQ(keys->at(1).scopes, kAthleteScopes);
    }
    if (!place_.postgres_url.empty()) {
      sql::TestPostgres::get().drop_database(place);
    }
  }
}

TEST_P(AccountsTest, ACodeOfAnEarlierVersionSaysNothingOfAnEnd) {
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
    ASSERT_TRUE(sql::migrate(*old, {kSchema.name, kSchema.application_id, kSchema.migrations.first(8)}));
    auto athlete = old->prepare("INSERT INTO athlete (id, name, created_ms) VALUES (?1, 'Anna', 1)");
    ASSERT_TRUE(athlete->bind(1, anna.bytes).run());
    auto code = old->prepare("INSERT INTO pairing (hash, athlete, expires_ms) VALUES (?1, ?2, 5)");
    ASSERT_TRUE(code->bind(1, base::Digest{}).bind(2, anna.bytes).run());
  }
  {
    const auto opened = Accounts::open(dir, clock_, random_, place);
    ASSERT_TRUE(opened) << opened.error().text;
    auto connection = sql::Connection::open(place);
    auto select = connection->prepare("SELECT expires_ms, key_expires_ms FROM pairing");
    ASSERT_TRUE(*select->step());
    EXPECT_EQ(select->integer(0), 5);
    EXPECT_TRUE(select->is_null(1));
  }
  if (!place_.postgres_url.empty()) {
    sql::TestPostgres::get().drop_database(place);
  }
}

TEST_P(AccountsTest, AthletesOfEarlierVersionsHaveAnEmptyProfile) {
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
    ASSERT_TRUE(sql::migrate(*old, {kSchema.name, kSchema.application_id, kSchema.migrations.first(4)}));
    auto athlete = old->prepare("INSERT INTO athlete (id, name, created_ms) VALUES (?1, 'Anna', 1)");
    ASSERT_TRUE(athlete->bind(1, anna.bytes).run());
  }
  {
    const auto opened = Accounts::open(dir, clock_, random_, place);
    ASSERT_TRUE(opened) << opened.error().text;
    const auto found = (*opened)->athlete(anna);
    ASSERT_TRUE(found) << found.error().text;
    EXPECT_EQ(found->name, "Anna");
    EXPECT_EQ(found->profile, Profile{});
    EXPECT_EQ(found->version, 1);
    const auto team = (*opened)->teams().create("Club", anna);
    ASSERT_TRUE(team) << team.error().text;
    EXPECT_TRUE((*opened)->start_pairing(anna));
  }
  if (!place_.postgres_url.empty()) {
    sql::TestPostgres::get().drop_database(place);
  }
}

TEST_P(AccountsTest, AProfileIsChangedFieldByField) {
  const auto anna = accounts_->create_athlete("Anna", {"anna@example.org", "de-at", "Europe/Vienna"});
  ASSERT_TRUE(anna) << anna.error().text;
  EXPECT_EQ(anna->profile.locale, "de-AT");
  const auto changed = accounts_->update_athlete(anna->id, {.name = "Änna", .email = ""}, 1);
  ASSERT_TRUE(changed) << changed.error().text;
  EXPECT_EQ(changed->version, 2);
  reopen();
  const auto found = accounts_->athlete(anna->id);
  EXPECT_EQ(found->name, "Änna");
  EXPECT_EQ(found->profile, (Profile{"", "de-AT", "Europe/Vienna"}));
  EXPECT_EQ(found->created_ms, anna->created_ms);
  EXPECT_EQ(accounts_->athletes(std::nullopt, 10)->at(0).profile, found->profile);

  EXPECT_EQ(accounts_->update_athlete(anna->id, {.name = "Late"}, 1).error().code, ErrorCode::conflict);
  EXPECT_TRUE(accounts_->update_athlete(anna->id, {.locale = "en"}, std::nullopt));
  EXPECT_EQ(accounts_->update_athlete(anna->id, {.name = ""}, std::nullopt).error().code, ErrorCode::invalid_input);
  EXPECT_EQ(accounts_->update_athlete(anna->id, {.email = "x"}, std::nullopt).error().code, ErrorCode::invalid_input);
  EXPECT_EQ(accounts_->update_athlete(base::Uuid{}, {.name = "x"}, std::nullopt).error().code, ErrorCode::not_found);
  EXPECT_EQ(accounts_->athlete(anna->id)->name, "Änna");
  // A family has one address.
  EXPECT_TRUE(accounts_->create_athlete("Ben", {.email = "anna@example.org"}));
  EXPECT_TRUE(accounts_->update_athlete(anna->id, {.email = "anna@example.org"}, std::nullopt));
}

TEST_P(AccountsTest, AKeyMayEndOnADay) {
  const auto anna = accounts_->create_athlete("Anna");
  const auto key = accounts_->create_athlete_key(anna->id, {.expires_ms = 1'700'000'000'000 + kDayMs});
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_EQ(listed(key->key.id).expires_ms, 1'700'000'000'000 + kDayMs);
  clock_.advance_ms(kDayMs - 1);
  ASSERT_TRUE(accounts_->refresh());
  EXPECT_TRUE(accounts_->authenticate(key->text));
  clock_.advance_ms(1);
  EXPECT_FALSE(accounts_->authenticate(key->text));
  for (const std::int64_t wrong : {std::int64_t{0}, clock_.utc_ms(), clock_.utc_ms() + kMaxKeyLifeMs + 1}) {
    EXPECT_EQ(accounts_->create_athlete_key(anna->id, {.expires_ms = wrong}).error().code, ErrorCode::invalid_input);
  }
}

TEST_P(AccountsTest, ManyThreadsAtOnce) {
  const NewKey key = key_of("Anna");
  const NewKey doomed = key_of("Anna");
  std::atomic<bool> revoked = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        EXPECT_TRUE(accounts_->authenticate(key.text));
        const bool too_late = revoked;
        const bool good = accounts_->authenticate(doomed.text).ok();
        EXPECT_FALSE(good && too_late);
        clock_.advance_ms(100);
        EXPECT_TRUE(accounts_->refresh());
        if (i % 10 == t) {
          EXPECT_TRUE(accounts_->save_uses());
        }
        if (i % 50 == t) {
          EXPECT_TRUE(accounts_->create_athlete_key("Athlete"));
        }
        if (t == 0 && i == 100) {
          EXPECT_TRUE(accounts_->revoke(doomed.key.id));
          revoked = true;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(accounts_->athletes(std::nullopt, 100)->size(), 2U);
  EXPECT_EQ(accounts_->keys(std::nullopt, 100)->size(), 2U + 16U);
}

TEST_F(AccountsNodesTest, WhatOneNodeChangesIsInForceOnTheOthers) {
  auto other = *open();
  const NewKey key = key_of("Anna");
  EXPECT_EQ(other->authenticate(key.text).error().code, ErrorCode::unauthenticated);
  ASSERT_TRUE(other->refresh());
  EXPECT_TRUE(other->authenticate(key.text));
  ASSERT_TRUE(accounts_->revoke(key.key.id));
  ASSERT_TRUE(other->refresh());
  EXPECT_EQ(other->authenticate(key.text).error().code, ErrorCode::unauthenticated);
}

TEST_F(AccountsNodesTest, TheUseOfAKeyThatAnotherNodeRevokesIsSaved) {
  auto other = *open();
  const NewKey key = key_of("Anna");
  ASSERT_TRUE(other->refresh());
  clock_.advance_ms(500);
  ASSERT_TRUE(other->authenticate(key.text));
  ASSERT_TRUE(accounts_->revoke(key.key.id));
  ASSERT_TRUE(other->refresh());
  EXPECT_EQ(other->authenticate(key.text).error().code, ErrorCode::unauthenticated);
  ASSERT_TRUE(other->save_uses());
  EXPECT_EQ(listed(key.key.id).last_used_ms, 1'700'000'000'500);
}

TEST_F(AccountsNodesTest, ARotationIsInForceOnTheOthers) {
  auto other = *open();
  const NewKey key = key_of("Anna");
  ASSERT_TRUE(other->refresh());
  const auto rotated = accounts_->rotate(key.key.id, 0);
  ASSERT_TRUE(rotated);
  ASSERT_TRUE(other->refresh());
  EXPECT_EQ(other->authenticate(key.text).error().code, ErrorCode::unauthenticated);
  EXPECT_TRUE(other->authenticate(rotated->text));
}

TEST_F(AccountsNodesTest, ANodeThatCannotAskLetsNobodyIn) {
  const NewKey key = key_of("Anna");
  clock_.advance_ms(kMaxStaleMs);
  EXPECT_TRUE(accounts_->authenticate(key.text));
  clock_.advance_ms(1);
  EXPECT_EQ(accounts_->authenticate(key.text).error().code, ErrorCode::unavailable);
  ASSERT_TRUE(accounts_->refresh());
  EXPECT_TRUE(accounts_->authenticate(key.text));
}

// Writers wait for each other, behind a frozen node for many seconds.
TEST_F(AccountsNodesTest, AChangeThatWaitsForItsTurnKeepsNobodyOut) {
  const NewKey key = key_of("Anna");
  ASSERT_TRUE(accounts_->refresh());
  auto writer = sql::Connection::open(place_);
  auto looker = sql::Connection::open(place_);
  auto writing = sql::Transaction::begin(*writer);
  ASSERT_TRUE(writing) << writing.error().text;
  std::thread making([this] { EXPECT_TRUE(accounts_->create_athlete_key("Ben")); });
  std::thread founding([this] { EXPECT_TRUE(accounts_->teams().create("Eight", std::nullopt)); });
  auto waiting = looker->prepare("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
  for (std::int64_t count = 0; count < 2; waiting->reset()) {
    ASSERT_TRUE(*waiting->step());
    count = waiting->integer(0);
    std::this_thread::yield();
  }
  clock_.advance_ms(kMaxStaleMs + 1);
  EXPECT_TRUE(accounts_->refresh());
  EXPECT_TRUE(accounts_->authenticate(key.text));
  EXPECT_TRUE(writing->commit());
  making.join();
  founding.join();
}

TEST_F(AccountsNodesTest, TheLastOperatorKeyOfAllNodesStays) {
  ASSERT_TRUE(accounts_->ensure_operator_key());
  auto other = *open();
  const NewKey second = *other->create_operator_key();
  ASSERT_TRUE(accounts_->revoke(second.key.id));
  for (const Key& key : *other->keys(std::nullopt, 10)) {
    EXPECT_EQ(other->revoke(key.id).ok(), key.id == second.key.id);  // revoked before: nothing new
  }
}

INSTANTIATE_TEST_SUITE_P(Databases, AccountsTest, kDatabases, name_of_database);

}  // namespace
}  // namespace boathouse::control
