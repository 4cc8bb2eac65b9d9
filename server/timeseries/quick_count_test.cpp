// Counting for an answer that must not wait, against a scripted ClickHouse.
#include "server/timeseries/quick_count.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "server/timeseries/test_clickhouse.hpp"
#include "server/timeseries/test_listener.hpp"

namespace boathouse::timeseries {
namespace {

using Records = QuickCount::Records;
using rowing::Stream;

base::Uuid recording(std::uint8_t number) {
  base::Uuid id;
  id.bytes[15] = number;
  return id;
}

class QuickCountTest : public ::testing::Test {
 protected:
  static NativeBlock counts(const std::vector<std::pair<std::uint8_t, std::int64_t>>& rows) {
    NativeBlock block;
    block.rows = rows.size();
    NativeColumn ids{"rec_id", "UUID", {}, {}, {}, {}, {}};
    NativeColumn counts{"n", "UInt64", {}, {}, {}, {}, {}};
    for (const auto& [number, count] : rows) {
      ids.uuids.push_back(recording(number));
      counts.integers.push_back(count);
    }
    block.columns.push_back(std::move(ids));
    block.columns.push_back(std::move(counts));
    return block;
  }

  const base::Uuid anna_ = recording(100);
  base::ManualClock clock_{1795372620000, 0};
  FakeClickHouse clickhouse_;
  ClickHouseClient client_{Endpoint{clickhouse_.url()}};
};

TEST_F(QuickCountTest, OneQuestionAStreamForAllRecordings) {
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 10}}));
  clickhouse_.answer_selects("FROM stroke FINAL", counts({{2, 5}}));
  QuickCount quick(client_, clock_, {});
  const auto counted = quick.count(
      anna_, {{Stream::sample, {{recording(1), 10}, {recording(2), 20}}}, {Stream::stroke, {{recording(2), 6}}}});
  EXPECT_EQ(counted, (Records{{Stream::sample, {{recording(1), 10}, {recording(2), 0}}},
                              {Stream::stroke, {{recording(2), 5}}}}));
  EXPECT_EQ(clickhouse_.statements().size(), 2U);
  const auto asked = clickhouse_.parameters("FROM sample FINAL").at(0);
  EXPECT_EQ(asked.at("athlete"), anna_.text());
  EXPECT_EQ(asked.at("recordings"), "['" + recording(1).text() + "','" + recording(2).text() + "']");
  EXPECT_EQ(asked.at("limits"), "[10,20]");
}

TEST_F(QuickCountTest, AClickHouseThatIsAwayIsLeftAloneForAWhile) {
  const Endpoint well{clickhouse_.url()};
  client_.set_endpoint({});
  QuickCount quick(client_, clock_, {.rest_ms = 1000});
  const Records up_to{{Stream::sample, {{recording(1), 10}}}};
  EXPECT_EQ(quick.count(anna_, up_to), std::nullopt);
  client_.set_endpoint(well);
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 10}}));
  clock_.advance_ms(999);
  EXPECT_EQ(quick.count(anna_, up_to), std::nullopt);
  EXPECT_THAT(clickhouse_.statements(), testing::IsEmpty());
  clock_.advance_ms(1);
  EXPECT_EQ(quick.count(anna_, up_to), up_to);
}

TEST_F(QuickCountTest, OneThatSaysNothingIsGivenUp) {
  const TestListener silent;
  client_.set_endpoint({.url = silent.url()});
  QuickCount quick(client_, clock_, {.within_ms = 50});
  EXPECT_EQ(quick.count(anna_, {{Stream::sample, {{recording(1), 10}}}}), std::nullopt);
}

TEST_F(QuickCountTest, WhoComesWhileEnoughAskIsNotKeptWaiting) {
  QuickCount quick(client_, clock_, {.at_once = 0});
  EXPECT_EQ(quick.count(anna_, {{Stream::sample, {{recording(1), 10}}}}), std::nullopt);
  EXPECT_THAT(clickhouse_.statements(), testing::IsEmpty());
}

}  // namespace
}  // namespace boathouse::timeseries
