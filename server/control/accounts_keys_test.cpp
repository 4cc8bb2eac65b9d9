// How many keys an athlete has, and which of all are in memory.
#include <gmock/gmock.h>

#include <vector>

#include "server/control/test_accounts.hpp"

namespace boathouse::control {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

class AccountsKeysTest : public OnBothTest {};

TEST_P(AccountsKeysTest, AnAthleteHasSoManyKeysInForceAndNoMore) {
  const auto anna = accounts_->create_athlete("Anna");
  std::vector<base::Uuid> ids;
  for (std::int64_t i = 0; i < kMaxKeysOfAnAthlete; ++i) {
    const auto key =
        accounts_->create_athlete_key(anna->id, {.lives_ms = i == 0 ? std::optional(kDayMs) : std::nullopt});
    ASSERT_TRUE(key) << key.error().text;
    ids.push_back(key->key.id);
  }
  const auto more = accounts_->create_athlete_key(anna->id);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::conflict);
  EXPECT_THAT(more.error().text, HasSubstr("key revoke"));
  EXPECT_EQ(accounts_->create_athlete_key("Anna").error().code, ErrorCode::conflict);
  EXPECT_TRUE(accounts_->rotate(ids[1], 0)) << "that makes none";
  EXPECT_TRUE(accounts_->create_athlete_key("Ben")) << "nobody else's matter";

  ASSERT_TRUE(accounts_->revoke(ids[1]));
  ASSERT_TRUE(accounts_->create_athlete_key(anna->id));
  EXPECT_FALSE(accounts_->create_athlete_key(anna->id));
  clock_.advance_ms(kDayMs);  // one expires
  ASSERT_TRUE(accounts_->create_athlete_key(anna->id));
  EXPECT_FALSE(accounts_->create_athlete_key(anna->id));
}

TEST_P(AccountsKeysTest, ACodeThatFindsNoRoomForItsKeyIsNotUsedUp) {
  const auto anna = accounts_->create_athlete("Anna");
  for (std::int64_t i = 1; i < kMaxKeysOfAnAthlete; ++i) {
    ASSERT_TRUE(accounts_->create_athlete_key(anna->id));
  }
  const auto code = accounts_->start_pairing(anna->id);
  ASSERT_TRUE(code) << code.error().text;
  ASSERT_TRUE(accounts_->create_athlete_key(anna->id, {.lives_ms = 1000}));
  EXPECT_EQ(accounts_->finish_pairing(code->text, "phone").error().code, ErrorCode::conflict);
  EXPECT_EQ(accounts_->start_pairing(anna->id).error().code, ErrorCode::conflict) << "nor is there another code";
  clock_.advance_ms(1000);
  EXPECT_TRUE(accounts_->finish_pairing(code->text, "phone"));
}

// A revoked key is not kept in memory, but what is asked of it is answered.
TEST_P(AccountsKeysTest, OfARevokedKeyItIsStillKnownWhoseItWasAndWhenItWasUsed) {
  const NewKey anna = key_of("Anna");
  const auto admin = accounts_->create_operator_key();
  clock_.advance_ms(500);
  ASSERT_TRUE(accounts_->authenticate(anna.text));
  ASSERT_TRUE(accounts_->revoke(anna.key.id));
  EXPECT_EQ(listed(anna.key.id).last_used_ms, 1'700'000'000'500);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(*accounts_->athlete_of_key(anna.key.id), anna.key.athlete->id);
    EXPECT_EQ(*accounts_->athlete_of_key(admin->key.id), std::nullopt);
    EXPECT_EQ(*accounts_->athlete_of_key(base::Uuid{}), std::nullopt);
    reopen();
    EXPECT_EQ(listed(anna.key.id).last_used_ms, 1'700'000'000'500);
  }
}

TEST_P(AccountsKeysTest, AClockThatWasWrongAtTheStartHidesNoKey) {
  const auto anna = accounts_->create_athlete("Anna");
  const auto key = accounts_->create_athlete_key(anna->id, {.lives_ms = kDayMs});
  clock_.set_utc_ms(clock_.utc_ms() + 30 * kDayMs);
  reopen();
  EXPECT_FALSE(accounts_->authenticate(key->text));
  clock_.set_utc_ms(clock_.utc_ms() - 30 * kDayMs);
  EXPECT_TRUE(accounts_->authenticate(key->text));
}

INSTANTIATE_TEST_SUITE_P(Databases, AccountsKeysTest, kDatabases, name_of_database);

}  // namespace
}  // namespace boathouse::control
