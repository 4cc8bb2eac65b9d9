// A key for a short code.
#include <gmock/gmock.h>

#include <set>

#include "server/control/short_code.hpp"
#include "server/control/test_accounts.hpp"

namespace boathouse::control {
namespace {

using base::ErrorCode;

TEST(ShortCodeTest, IsReadHoweverAPersonTypesIt) {
  base::SystemRandom random;
  std::set<std::string> seen;
  std::set<char> characters;
  for (int i = 0; i < 200; ++i) {
    const std::string code = make_short_code(8, random);
    EXPECT_THAT(code, testing::MatchesRegex("[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}"));
    seen.insert(code);
    characters.insert(code.begin(), code.end());
  }
  EXPECT_EQ(seen.size(), 200U);
  EXPECT_EQ(characters.size(), 33U) << "all 32 and the hyphen";
  EXPECT_EQ(*read_short_code("K7QM-2P9X", 8), "K7QM2P9X");
  EXPECT_EQ(*read_short_code(" k7qm 2p9x ", 8), "K7QM2P9X");
  EXPECT_EQ(*read_short_code("oOiI-lL01", 8), "00111101");
  for (const char* bad : {"", "K7QM-2P9", "K7QM-2P9XX", "K7QM-2P9U", "K7QM_2P9X", "K7QM-2P9\xc3\x84"}) {
    const auto read = read_short_code(bad, 8);
    EXPECT_EQ(read.error().code, ErrorCode::invalid_input) << bad;
  }
  EXPECT_FALSE(read_short_code(std::string(1'000'000, '-') + "K7QM2P9X", 8));
}

class PairingTest : public OnBothTest {
 protected:
  void SetUp() override {
    OnBothTest::SetUp();
    anna_ = accounts_->create_athlete("Anna")->id;
  }
  std::string code() {
    const auto made = accounts_->start_pairing(anna_);
    EXPECT_TRUE(made) << made.error().text;
    return made->text;
  }

  base::Uuid anna_;
};

TEST_P(PairingTest, ACodeGivesOneDeviceAKeyThatUploads) {
  const std::string text = code();
  EXPECT_EQ(*accounts_->athlete_of_pairing(text), anna_);
  reopen();
  const auto key = accounts_->finish_pairing(text, "Anna's phone");
  ASSERT_TRUE(key) << key.error().text;
  const auto identity = accounts_->authenticate(key->text);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->athlete, anna_);
  EXPECT_EQ(identity->scopes, kDeviceScopes);
  EXPECT_EQ(listed(key->key.id).label, "Anna's phone");
  EXPECT_EQ(accounts_->finish_pairing(text, "Eve's phone").error().code, ErrorCode::not_found);
  EXPECT_EQ(accounts_->athlete_of_pairing(text).error().code, ErrorCode::not_found);
}

TEST_P(PairingTest, ACodeEndsAfterTenMinutes) {
  const std::string text = code();
  clock_.advance_ms(kPairingLifeMs - 1);
  EXPECT_TRUE(accounts_->athlete_of_pairing(text));
  clock_.advance_ms(1);
  EXPECT_EQ(accounts_->athlete_of_pairing(text).error().code, ErrorCode::not_found);
  EXPECT_EQ(accounts_->finish_pairing(text, "phone").error().code, ErrorCode::not_found);
}

TEST_P(PairingTest, TheDevicesKeyEndsWithTheMakers) {
  const std::int64_t end_ms = clock_.utc_ms() + kDayMs;
  const auto key = accounts_->finish_pairing(accounts_->start_pairing(anna_, end_ms)->text, "phone");
  ASSERT_TRUE(key) << key.error().text;
  EXPECT_EQ(key->key.expires_ms, end_ms);
  clock_.advance_ms(kDayMs - 1);
  ASSERT_TRUE(accounts_->refresh());  // shared, it knows nothing for sure without
  EXPECT_TRUE(accounts_->authenticate(key->text));
  const auto late = accounts_->start_pairing(anna_, end_ms);
  EXPECT_EQ(late->expires_ms, end_ms);
  clock_.advance_ms(1);
  EXPECT_FALSE(accounts_->authenticate(key->text));
  EXPECT_EQ(accounts_->finish_pairing(late->text, "phone").error().code, ErrorCode::not_found);
  EXPECT_EQ(accounts_->finish_pairing(code(), "phone")->key.expires_ms, std::nullopt);
}

TEST_P(PairingTest, ANewCodeEndsTheOneOfBeforeAndNobodyElses) {
  const base::Uuid ben = accounts_->create_athlete("Ben")->id;
  const std::string of_ben = accounts_->start_pairing(ben)->text;
  const std::string first = code();
  const std::string second = code();
  EXPECT_FALSE(accounts_->athlete_of_pairing(first));
  EXPECT_TRUE(accounts_->athlete_of_pairing(second));
  EXPECT_EQ(*accounts_->athlete_of_pairing(of_ben), ben);
}

TEST_P(PairingTest, WhoLosesAKeyLosesTheCodeToo) {
  const auto key = accounts_->create_athlete_key(anna_);
  const std::string text = code();
  ASSERT_TRUE(accounts_->revoke(key->key.id));
  EXPECT_EQ(accounts_->finish_pairing(text, "phone").error().code, ErrorCode::not_found);
}

TEST_P(PairingTest, WrongNamesAndCodesUseNothingUp) {
  const std::string text = code();
  EXPECT_EQ(accounts_->finish_pairing(text, "").error().code, ErrorCode::invalid_input);
  EXPECT_EQ(accounts_->finish_pairing("nonsense!", "phone").error().code, ErrorCode::invalid_input);
  EXPECT_EQ(accounts_->finish_pairing("0000-0000", "phone").error().code, ErrorCode::not_found);
  EXPECT_TRUE(accounts_->finish_pairing(text, "phone"));
  EXPECT_EQ(accounts_->start_pairing(base::Uuid{}).error().code, ErrorCode::not_found);
}

TEST_P(PairingTest, TheCodeIsNowhereInTheDatabase) {
  const std::string text = code();
  auto connection = sql::Connection::open(place_);
  auto select = connection->prepare("SELECT hash FROM pairing");
  ASSERT_TRUE(*select->step());
  const std::string stored(base::as_text(select->blob(0)));
  EXPECT_EQ(stored.size(), 32U);
  EXPECT_EQ(stored.find(*read_short_code(text, 8)), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Databases, PairingTest, kDatabases, name_of_database);

}  // namespace
}  // namespace boathouse::control
