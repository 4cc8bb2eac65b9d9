#include "apps/boathouse/cost_model.hpp"

#include <gtest/gtest.h>

#include <string>

namespace boathouse::app {
namespace {

CostModel built_in() {
  auto model = CostModel::parse(built_in_prices(), built_in_sizes());
  EXPECT_TRUE(model) << model.error().text;
  return std::move(*model);
}

Month month(const CostModel& model, const std::string& size, double athletes, double years) {
  auto made = month_of(model, size, athletes, years, 5);
  EXPECT_TRUE(made) << made.error().text;
  return std::move(*made);
}

TEST(CostModel, AYearByHand) {
  const CostModel model = built_in();
  const double hour = 7200 * model.clickhouse.at("sample") + 1440 * model.clickhouse.at("stroke") +
                      1440 * model.clickhouse.at("force_curve");
  const Month made = month(model, "small", 1000, 1);
  EXPECT_NEAR(made.clickhouse_gb, 1000.0 * 5 * 52 * hour / 1e9, 1e-9);
  EXPECT_EQ(made.usd[0].first, "ClickHouse, Keepers: machines");
  EXPECT_NEAR(made.usd[0].second, 730 * (2 * model.prices.at("r7g.large") + 3 * model.prices.at("t4g.small")), 1e-9);
  double all = 0;
  for (const auto& [what, dollars] : made.usd) all += dollars;
  EXPECT_NEAR(made.all, all, 1e-9);
}

TEST(CostModel, FromTheThirdYearOnAYearMoreCostsS3Twice) {
  const CostModel model = built_in();
  const auto storage = [&](double years) { return month(model, "large", 100'000, years).usd[4].second; };
  const double a_year = month(model, "large", 100'000, 1).clickhouse_gb;
  EXPECT_NEAR(storage(5) - storage(4), 2 * a_year * model.prices.at("s3"), 1e-6);
  EXPECT_GT(storage(2) - storage(1), 2 * a_year * model.prices.at("gp3"));
}

TEST(CostModel, BackupsByWhatWasMeasured) {
  CostModel model = built_in();
  model.assumed["clickhouseWeeksKept"] = 3;
  model.assumed["ledgerWeeksKept"] = 5;
  model.assumed["ledgerNightsKept"] = 7;
  model.backups = {2, 52, 1.5, 0.25};
  const Month made = month(model, "small", 1000, 2);
  const double clickhouse = made.clickhouse_gb / 2;
  const double bodies = made.ledger_gb / model.ledger_overhead;
  EXPECT_NEAR(made.backups_gb, 3 * (2 * clickhouse * 2 + clickhouse) + bodies * (5 * 1.5 + 7 * 0.25), 1e-9);
}

TEST(CostModel, TheNightlyReadOfALedgerInAnotherZoneIsPaid) {
  CostModel model = built_in();
  model.backups.databases = 0.5;
  const auto network = [&] { return month(model, "large", 10'000, 5).usd[6].second; };
  const double with = network();
  const double bodies = month(model, "large", 10'000, 5).ledger_gb / model.ledger_overhead;
  model.backups.databases = 0;
  EXPECT_NEAR(with - network(), 365.0 / 12 * bodies * 0.5 * model.prices.at("between-zones-gb"), 1e-6);
}

TEST(CostModel, WhatASizeCannotHoldIsSaid) {
  const CostModel model = built_in();
  EXPECT_TRUE(month(model, "small", 1000, 5).fits_ledger);
  EXPECT_FALSE(month(model, "small", 10'000, 5).fits_ledger);
  EXPECT_FALSE(month_of(model, "huge", 1, 1, 1));
}

TEST(CostModel, PricesThatLackSomethingAreRefused) {
  EXPECT_FALSE(CostModel::parse("{", built_in_sizes()));
  EXPECT_FALSE(CostModel::parse("[]", built_in_sizes()));
  EXPECT_FALSE(CostModel::parse("{}", built_in_sizes()));
  EXPECT_FALSE(CostModel::parse(built_in_prices(), "nothing"));
  CostModel model = built_in();
  model.prices.erase("gp3");
  const auto made = month_of(model, "small", 1, 1, 1);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text.find("gp3"), std::string::npos);
}

}  // namespace
}  // namespace boathouse::app
