// Which calls were done, and the bytes of their secrets.
#include "server/control/done_calls.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "server/control/test_accounts.hpp"

namespace boathouse::control {
namespace {

using base::Digest;
using base::Uuid;

const Uuid kAnna{{1}};
const Uuid kBen{{2}};
const Uuid kMade{{3}};
const Pepper kPepper{7};

Digest bytes_of(Once once) {
  Digest bytes{};
  once.secret().fill(bytes);
  return bytes;
}

class DoneCallsTest : public OnBothTest {
 protected:
  void SetUp() override {
    OnBothTest::SetUp();  // makes the tables
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(connection) << connection.error().text;
    connection_ = std::make_unique<sql::Connection>(std::move(*connection));
    calls_ = std::make_unique<DoneCalls>(kPepper, clock_, random_, *connection_);
  }

  Once look(const std::optional<IdempotentCall>& call) {
    auto once = calls_->look(call);
    EXPECT_TRUE(once) << once.error().text;
    return *once;
  }
  // Does the call, unless it was done; what it was like then.
  Once done(const IdempotentCall& call, const Uuid& made = kMade) {
    auto transaction = sql::Transaction::begin(*connection_);
    Once once = look(call);
    if (!once.made()) {
      EXPECT_TRUE(calls_->note(once, made));
      EXPECT_TRUE(transaction->commit());
    }
    return once;
  }
  std::int64_t rows() {
    auto count = connection_->prepare("SELECT count(*) FROM account_call");
    EXPECT_TRUE(*count->step());
    return count->integer(0);
  }

  std::unique_ptr<sql::Connection> connection_;
  std::unique_ptr<DoneCalls> calls_;
};

TEST_P(DoneCallsTest, ACallThatComesAgainIsKnownForADay) {
  const IdempotentCall call{"a-1", Digest{1}, kAnna};
  EXPECT_EQ(done(call).made(), std::nullopt);
  EXPECT_EQ(look(call).made(), kMade);
  EXPECT_FALSE(look(call).is_others());
  EXPECT_TRUE(look(IdempotentCall{"a-1", Digest{2}, kAnna}).is_others()) << "it asks something else";
  for (const IdempotentCall& other : {IdempotentCall{"a-2", Digest{1}, kAnna}, IdempotentCall{"a-1", Digest{1}, kBen},
                                      IdempotentCall{"a-1", Digest{1}}}) {
    EXPECT_EQ(look(other).made(), std::nullopt);
    EXPECT_FALSE(look(other).is_others());
  }
  clock_.advance_ms(kCallKeptMs - 1);
  EXPECT_EQ(look(call).made(), kMade);
  clock_.advance_ms(1);
  EXPECT_EQ(done(call, kBen).made(), std::nullopt);
  EXPECT_EQ(look(call).made(), kBen);
}

TEST_P(DoneCallsTest, WhatWasNotCommittedWasNotDone) {
  const IdempotentCall call{"a-1", Digest{1}, kAnna};
  {
    const auto transaction = sql::Transaction::begin(*connection_);
    ASSERT_TRUE(calls_->note(look(call), kMade));
  }
  EXPECT_EQ(look(call).made(), std::nullopt);
  EXPECT_EQ(rows(), 0);
}

TEST_P(DoneCallsTest, ACallWithoutAKeyIsAlwaysToBeDone) {
  for (int i = 0; i < 2; ++i) {
    const Once once = look(std::nullopt);
    EXPECT_EQ(once.made(), std::nullopt);
    EXPECT_FALSE(once.is_others());
    EXPECT_TRUE(calls_->note(once, kMade));
  }
  EXPECT_EQ(rows(), 0);
  EXPECT_NE(bytes_of(look(std::nullopt)), bytes_of(look(std::nullopt)));
}

TEST_P(DoneCallsTest, ItsSecretIsTheSameAgainAndNoOtherCalls) {
  const IdempotentCall call{"a-1", Digest{1}, kAnna};
  const Digest secret = bytes_of(done(call));
  EXPECT_EQ(bytes_of(look(call)), secret);
  EXPECT_EQ(bytes_of(done(call)), secret);
  EXPECT_NE(bytes_of(done({"a-2", Digest{1}, kAnna})), secret);
  EXPECT_NE(bytes_of(done({"a-1", Digest{1}, kBen})), secret);
  EXPECT_NE(bytes_of(look(IdempotentCall{"a-1", Digest{2}, kAnna})), secret) << "another call learns nothing of it";
  const Pepper other_pepper{8};
  EXPECT_NE(bytes_of(*DoneCalls(other_pepper, clock_, random_, *connection_).look(call)), secret);
  clock_.advance_ms(kCallKeptMs);
  EXPECT_NE(bytes_of(done(call)), secret) << "nobody gets a secret of before";
}

// Whoever has the database and the pepper lacks the Idempotency-Key.
TEST_P(DoneCallsTest, NeitherTheKeyNorTheSecretIsInTheTable) {
  const std::string key = "0f6b8a52-9d1c-4f0e-8f7a-2b1f3c4d5e6f";
  const Digest secret = bytes_of(done({key, Digest{1}, kAnna}));
  auto select = connection_->prepare("SELECT name, caller, asked, made, salt FROM account_call");
  ASSERT_TRUE(*select->step());
  for (int column = 0; column < 5; ++column) {
    const std::string_view stored = base::as_text(select->blob(column));
    EXPECT_EQ(stored.find(key.substr(0, 8)), std::string_view::npos) << column;
    EXPECT_NE(stored, base::as_text(secret)) << column;
    EXPECT_NE(stored, base::as_text(base::sha256(base::as_bytes(key)))) << "guessed without the pepper";
  }
}

TEST_P(DoneCallsTest, OfACallerTheNewestAreKept) {
  const auto call = [](std::int64_t n, const Uuid& caller) {
    return IdempotentCall{"call " + std::to_string(n), Digest{1}, caller};
  };
  auto transaction = sql::Transaction::begin(*connection_);
  ASSERT_TRUE(calls_->note(look(call(0, kBen)), kMade));
  for (std::int64_t n = 0; n <= kMaxCallsKept; ++n) {
    clock_.advance_ms(1);
    ASSERT_TRUE(calls_->note(look(call(n, kAnna)), kMade));
  }
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(look(call(0, kAnna)).made(), std::nullopt);
  EXPECT_EQ(look(call(1, kAnna)).made(), kMade);
  EXPECT_EQ(look(call(kMaxCallsKept, kAnna)).made(), kMade);
  EXPECT_EQ(look(call(0, kBen)).made(), kMade) << "another caller's";
  EXPECT_EQ(rows(), kMaxCallsKept + 1);
}

TEST_P(DoneCallsTest, WhatIsTooOldGoesWithTheNextCallOfAnybody) {
  done({"a-1", Digest{1}, kAnna});
  done({"a-2", Digest{1}, kAnna});
  clock_.advance_ms(kCallKeptMs - 1);
  done({"b-1", Digest{1}, kBen});
  EXPECT_EQ(rows(), 3);
  clock_.advance_ms(1);
  done({"b-2", Digest{1}, kBen});
  EXPECT_EQ(rows(), 2);
}

INSTANTIATE_TEST_SUITE_P(Databases, DoneCallsTest, kDatabases, name_of_database);

}  // namespace
}  // namespace boathouse::control
