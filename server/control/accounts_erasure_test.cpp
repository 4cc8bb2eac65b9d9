// Who is to be erased is let in with no key, on any node, and comes back whole or leaves nothing.
#include <gmock/gmock.h>

#include "server/control/accounts.hpp"
#include "server/control/schema.hpp"
#include "server/control/test_call.hpp"
#include "server/sql/migrations.hpp"
#include "server/sql/test_postgres.hpp"

namespace boathouse::control {
namespace {

using base::ErrorCode;

class AccountsErasureTest : public testing::TestWithParam<sql::Dialect> {
 protected:
  AccountsErasureTest() : database_(GetParam(), folder_.file("control.db")) {}

  void SetUp() override {
    ASSERT_EQ(database_.missing(), "");
    accounts_ = open();
    anna_ = *accounts_->create_athlete_key("Anna");
    ben_ = *accounts_->create_athlete_key("Ben");
  }
  std::unique_ptr<Accounts> open() {
    auto opened = Accounts::open(folder_.path(), clock_, random_, database_.place());
    EXPECT_TRUE(opened) << opened.error().text;
    return std::move(*opened);
  }
  [[nodiscard]] base::Uuid anna() const { return anna_.key.athlete->id; }
  static ErrorCode refusal(Accounts& accounts, const NewKey& key) {
    const auto identity = accounts.authenticate(key.text);
    return identity ? ErrorCode::internal : identity.error().code;
  }

  TemporaryFolder folder_;
  sql::TestDatabase database_;
  base::ManualClock clock_{1'700'000'000'000};
  base::SystemRandom random_;
  std::unique_ptr<Accounts> accounts_;
  NewKey anna_;
  NewKey ben_;
};

TEST_P(AccountsErasureTest, NoKeyOfASuspendedAthleteIsLetIn) {
  ASSERT_TRUE(accounts_->suspend(anna(), true));
  ASSERT_TRUE(accounts_->suspend(anna(), true));
  EXPECT_EQ(refusal(*accounts_, anna_), ErrorCode::forbidden);
  EXPECT_TRUE(accounts_->authenticate(ben_.text));
  const auto later = accounts_->create_athlete_key(anna());
  ASSERT_TRUE(later);
  EXPECT_EQ(refusal(*accounts_, *later), ErrorCode::forbidden) << "nor one that was made since";
  accounts_ = open();
  EXPECT_EQ(refusal(*accounts_, anna_), ErrorCode::forbidden);
  ASSERT_TRUE(accounts_->suspend(anna(), false));
  EXPECT_EQ(accounts_->authenticate(anna_.text)->athlete, anna());
  EXPECT_EQ(accounts_->suspend(base::Uuid(), true).error().code, ErrorCode::not_found);
}

TEST_P(AccountsErasureTest, WhoIsForgottenIsNowhere) {
  const auto other_node = open();
  EXPECT_EQ(accounts_->count_of(anna())->keys, 1U);
  const base::Uuid eight = accounts_->teams().create("Eight", std::nullopt)->id;
  ASSERT_TRUE(accounts_->teams().add(eight, anna(), TeamRole::member));
  ASSERT_TRUE(accounts_->teams().add(eight, ben_.key.athlete->id, TeamRole::member));
  ASSERT_TRUE(accounts_->start_pairing(anna()));
  EXPECT_EQ(accounts_->count_of(anna())->teams, 1U);
  EXPECT_EQ(accounts_->count_of(anna())->pairings, 1U);
  ASSERT_TRUE(accounts_->suspend(anna(), true));
  ASSERT_TRUE(other_node->refresh());
  EXPECT_EQ(refusal(*other_node, anna_), ErrorCode::forbidden);
  ASSERT_TRUE(accounts_->forget(anna()));
  ASSERT_TRUE(accounts_->forget(anna()));
  EXPECT_EQ(refusal(*accounts_, anna_), ErrorCode::unauthenticated);
  ASSERT_TRUE(other_node->refresh());
  EXPECT_EQ(refusal(*other_node, anna_), ErrorCode::unauthenticated) << "there too";
  EXPECT_TRUE(other_node->authenticate(ben_.text));
  EXPECT_EQ(accounts_->count_of(anna())->athletes, 0U);
  EXPECT_EQ(accounts_->count_of(anna())->keys, 0U);
  EXPECT_EQ(accounts_->count_of(anna())->teams, 0U);
  EXPECT_EQ(accounts_->count_of(anna())->pairings, 0U);
  EXPECT_EQ(accounts_->count_of(ben_.key.athlete->id)->teams, 1U) << "another's stays";
  EXPECT_EQ(accounts_->athlete(anna()).error().code, ErrorCode::not_found);
}

INSTANTIATE_TEST_SUITE_P(Databases, AccountsErasureTest, testing::Values(sql::Dialect::sqlite, sql::Dialect::postgres));

// Athletes of before are as they were.
TEST(AccountsOfVersion4, NobodyIsSuspended) {
  TemporaryFolder folder;
  base::ManualClock clock{1'700'000'000'000};
  base::SystemRandom random;
  {
    auto old = sql::Connection::open({.sqlite_file = folder.file("control.db")});
    ASSERT_TRUE(sql::migrate(*old, {kSchema.name, kSchema.application_id, kSchema.migrations.first(4)}));
    ASSERT_TRUE(old->execute("INSERT INTO athlete (id, name, created_ms) VALUES (zeroblob(16), 'Anna', 5)"));
  }
  const auto accounts = Accounts::open(folder.path(), clock, random);
  ASSERT_TRUE(accounts) << accounts.error().text;
  const auto key = (*accounts)->create_athlete_key(base::Uuid());
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_TRUE((*accounts)->authenticate(key->text));
}

}  // namespace
}  // namespace boathouse::control
