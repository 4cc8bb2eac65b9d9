// What the ledger has of a session that this program cannot read is that session's trouble alone, and so is what
// ClickHouse has damaged.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "server/timeseries/session_columns.hpp"
#include "server/timeseries/test_loader.hpp"

namespace boathouse::timeseries {
namespace {

class LoaderUnreadableTest : public LoaderTest {
 protected:
  LoaderUnreadableTest() { begin_again(); }

  // As after the end of the process.
  void begin_again(const Loader::Options& options = {}) {
    loader_ = std::make_unique<Loader>(*ledger_, client_, options,
                                       [this](std::string_view line) { log_.emplace_back(line); });
  }
  static std::string of(std::uint8_t number) {
    const std::string digits = "0123456789abcdef";
    return " WHERE rec_id = x'" + std::string(30, '0') + digits[number / 16] + digits[number % 16] + "'";
  }
  void drain() {
    const auto drained = loader_->drain();
    ASSERT_TRUE(drained.ok()) << drained.error().text;
  }
  std::set<base::Uuid> dirty() {
    std::set<base::Uuid> all;
    for (const auto& one : *ledger_->dirty_sessions(1000)) all.insert(one.rec_id);
    return all;
  }

  std::vector<std::string> log_;
};

using Sessions = std::set<base::Uuid>;

TEST_F(LoaderUnreadableTest, ABirthKeepsNoOthersWaitingAndIsTriedAgainWhenSomethingChanges) {
  for (std::uint8_t number = 1; number <= 3; ++number) store(number, 10);
  execute("UPDATE recording SET birth = CAST(x'7b' || birth AS BLOB)" + of(2));
  drain();
  EXPECT_EQ(sessions(), (Sessions{recording(1), recording(3)}));
  EXPECT_EQ(dirty(), Sessions{recording(2)});
  EXPECT_EQ(loader_->unreadable_sessions(), 1U);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_NE(log_[0].find("the stored birth of recording " + recording(2).text()), std::string::npos) << log_[0];

  // It is named once, however often others are written.
  store(4, 10);
  ASSERT_TRUE(ledger_->write_session_again(recording(2)).ok());
  drain();
  EXPECT_EQ(sessions(), (Sessions{recording(1), recording(3), recording(4)}));
  EXPECT_EQ(log_.size(), 1U);

  execute("UPDATE recording SET birth = CAST(substr(birth, 2) AS BLOB)" + of(2));
  drain();
  EXPECT_FALSE(sessions().contains(recording(2))) << "nobody has said that anything changed";
  ASSERT_TRUE(ledger_->write_session_again(recording(2)).ok());
  drain();
  EXPECT_TRUE(sessions().contains(recording(2)));
  EXPECT_EQ(loader_->unreadable_sessions(), 0U);
  EXPECT_EQ(dirty(), Sessions());
}

TEST_F(LoaderUnreadableTest, AnEditIsAboutWhatItLinksAndIsTriedAgainAtTheNextStart) {
  for (std::uint8_t number = 1; number <= 3; ++number) store(number, 10);
  link(recording(1), recording(2));
  execute("UPDATE edit SET json = CAST(replace(CAST(json AS TEXT), '\"link:', '\"mood:') AS BLOB)");
  drain();
  EXPECT_EQ(sessions(), Sessions{recording(3)});
  EXPECT_EQ(dirty(), (Sessions{recording(1), recording(2)}));
  EXPECT_EQ(loader_->unreadable_sessions(), 2U);
  ASSERT_EQ(log_.size(), 2U);
  EXPECT_NE(log_[0].find("a stored edit of recording " + recording(1).text()), std::string::npos) << log_[0];

  execute("UPDATE edit SET json = CAST(replace(CAST(json AS TEXT), '\"mood:', '\"link:') AS BLOB)");
  begin_again();
  drain();
  EXPECT_EQ(dirty(), Sessions());
  EXPECT_EQ(loader_->unreadable_sessions(), 0U);
}

TEST_F(LoaderUnreadableTest, ASealToo) {
  store(1, 10);
  store(2, 10);
  execute("INSERT INTO seal SELECT rec_id, 1, 1, 1, zeroblob(32), x'7b7d' FROM recording" + of(1));
  drain();
  EXPECT_EQ(sessions(), Sessions{recording(2)});
  EXPECT_EQ(loader_->unreadable_sessions(), 1U);
}

TEST_F(LoaderUnreadableTest, KeptFiguresToo) {
  store(1, 10);
  store(2, 10);
  ASSERT_TRUE(ledger_->remove({recording(1), rowing::Stream::sample, {0, 10}}).ok());
  execute("INSERT INTO kept_figures SELECT rec_id, x'ff' FROM recording" + of(1));
  drain();
  EXPECT_EQ(sessions(), Sessions{recording(2)});
  EXPECT_EQ(loader_->unreadable_sessions(), 1U);
}

// More than are asked for at a time, and all wait longer than the one behind them.
TEST_F(LoaderUnreadableTest, ManyOfThemStandInNobodysWay) {
  constexpr std::uint8_t kMany = 250;
  for (std::uint8_t number = 1; number <= kMany; ++number) store(number, 1);
  execute("UPDATE recording SET birth = x'7b7d'");
  store(kMany + 1, 1);
  drain();
  EXPECT_EQ(sessions(), Sessions{recording(kMany + 1)});
  EXPECT_EQ(loader_->unreadable_sessions(), kMany);
  store(kMany + 2, 1);
  drain();
  EXPECT_EQ(sessions(), (Sessions{recording(kMany + 1), recording(kMany + 2)}));
}

constexpr const char* kDamage = "Code: 40. DB::Exception: Checksum doesn't match. (CHECKSUM_DOESNT_MATCH)";

TEST_F(LoaderUnreadableTest, WhatClickHouseHasDamagedKeepsNoOthersWaitingAndIsTriedAgainAfterAWhile) {
  for (std::uint8_t number = 1; number <= 3; ++number) store(number, 10);
  clickhouse_.fail_selects(recording(2).text(), kDamage);
  drain();
  EXPECT_EQ(sessions(), (Sessions{recording(1), recording(3)}));
  EXPECT_EQ(dirty(), Sessions{recording(2)});
  EXPECT_EQ(loader_->unreadable_sessions(), 1U);
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_NE(log_[0].find(recording(2).text()), std::string::npos) << log_[0];
  EXPECT_NE(log_[0].find("boathouse reload"), std::string::npos) << log_[0];

  clickhouse_.fail_selects(recording(2).text(), "");
  drain();
  EXPECT_FALSE(sessions().contains(recording(2))) << "too early";
  begin_again({.unreadable_pause_ms = 0});
  clickhouse_.fail_selects(recording(2).text(), kDamage);
  drain();
  drain();
  EXPECT_EQ(loader_->unreadable_sessions(), 1U);
  EXPECT_EQ(log_.size(), 2U) << "it is named once after each start";
  clickhouse_.fail_selects(recording(2).text(), "");
  drain();
  EXPECT_EQ(sessions(), (Sessions{recording(1), recording(2), recording(3)}));
  EXPECT_EQ(dirty(), Sessions());
  EXPECT_EQ(loader_->unreadable_sessions(), 0U);
}

// That is nobody's rows: all wait, and it is told as what it is.
TEST_F(LoaderUnreadableTest, ARightThatIsLackingIsNoDamageAndKeepsNoDeletesWaiting) {
  store(1, 10);
  store(2, 10);
  drain();
  ASSERT_TRUE(ledger_->remove({recording(1), std::nullopt, {}}).ok());
  clickhouse_.answer_selects("SELECT athlete FROM sample", {1, {{"athlete", "UUID", {}, {}, {recording(1)}, {}, {}}}});
  clickhouse_.fail_selects(recording(2).text(), "Code: 497. DB::Exception: Not enough privileges. (ACCESS_DENIED)");
  ASSERT_TRUE(ledger_->write_session_again(recording(2)).ok());
  const auto drained = loader_->drain();
  ASSERT_FALSE(drained.ok());
  EXPECT_NE(drained.error().text.find("lacks a right"), std::string::npos) << drained.error().text;
  EXPECT_TRUE(dirty().contains(recording(2)));
  EXPECT_EQ(loader_->unreadable_sessions(), 0U);
  EXPECT_EQ(deletes(), std::vector<std::string>{"sample"});
}

TEST_F(LoaderUnreadableTest, RowsOfAnOlderSummaryAreMadeAgainButForIts) {
  store(1, 10);
  store(2, 10);
  drain();
  execute("UPDATE recording SET birth = x'7b7d'" + of(1));
  const std::vector<base::Uuid> old{recording(1), recording(2)};
  clickhouse_.answer_selects("summary_version <", {2, {{"session", "UUID", {}, {}, old, {}, {}}}});
  const auto more = loader_->renew_old_sessions();
  ASSERT_TRUE(more.ok()) << more.error().text;
  EXPECT_EQ(clickhouse_.parameters("summary_version <").size(), 1U);
  ASSERT_EQ(clickhouse_.inserts("session").size(), 2U);
  EXPECT_EQ(read_native(base::as_bytes(clickhouse_.inserts("session")[1].body))->find("session")->uuids,
            std::vector{recording(2)});
  ASSERT_EQ(log_.size(), 1U);
  EXPECT_NE(log_[0].find(recording(1).text()), std::string::npos) << log_[0];
  ASSERT_TRUE(loader_->renew_old_sessions().ok());
  EXPECT_EQ(clickhouse_.parameters("summary_version <").back().at("after"), recording(2).text()) << "it is passed over";

  begin_again();
  clickhouse_.fail_selects(recording(2).text(), kDamage);
  ASSERT_TRUE(loader_->renew_old_sessions().ok()) << "and so is what ClickHouse has damaged";
  EXPECT_NE(log_.back().find(recording(2).text()), std::string::npos) << log_.back();
}

}  // namespace
}  // namespace boathouse::timeseries
