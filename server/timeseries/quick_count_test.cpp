// Counting for an answer that must not wait, against a scripted ClickHouse.
#include "server/timeseries/quick_count.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "server/timeseries/test_clickhouse.hpp"
#include "server/timeseries/test_listener.hpp"

namespace boathouse::timeseries {
namespace {

using Records = QuickCount::Records;
using Starts = QuickCount::Starts;
using rowing::Stream;

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
  const base::Uuid bob_ = recording(101);
  const Starts starts_{{recording(1), 1000}, {recording(2), 2000}, {recording(3), -3000}};
  base::ManualClock clock_{1795372620000, 0};
  FakeClickHouse clickhouse_;
  ClickHouseClient client_{Endpoint{clickhouse_.url()}};
};

TEST_F(QuickCountTest, OneQuestionAStreamForAllRecordings) {
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 10}}));
  clickhouse_.answer_selects("FROM stroke FINAL", counts({{2, 5}}));
  QuickCount quick(client_, clock_, {});
  const auto counted = quick.count(
      anna_, {{Stream::sample, {{recording(1), 10}, {recording(2), 20}}}, {Stream::stroke, {{recording(2), 6}}}},
      starts_);
  EXPECT_EQ(counted, (Records{{Stream::sample, {{recording(1), 10}, {recording(2), 0}}},
                              {Stream::stroke, {{recording(2), 5}}}}));
  EXPECT_EQ(clickhouse_.statements().size(), 2U);
  const auto asked = clickhouse_.parameters("FROM sample FINAL").at(0);
  EXPECT_EQ(asked.at("athlete"), anna_.text());
  EXPECT_EQ(asked.at("recordings"), "['" + recording(1).text() + "','" + recording(2).text() + "']");
  EXPECT_EQ(asked.at("limits"), "[10,20]");
}

// Else all rows of the athlete would be read: the start comes before the recording in the tables' key.
TEST_F(QuickCountTest, RecordingsAreAskedForByTheirStarts) {
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 10}, {3, 5}}));
  QuickCount quick(client_, clock_, {});
  const Records up_to{{Stream::sample, {{recording(1), 10}, {recording(3), 5}}}};
  EXPECT_EQ(quick.count(anna_, up_to, starts_), up_to);
  EXPECT_EQ(clickhouse_.parameters("(started, rec_id) IN").at(0).at("keys"),
            "[(1000,'" + recording(1).text() + "'),(-3000,'" + recording(3).text() + "')]");
  // Without a start nobody knows, which is not the same as no rows.
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 10}}));
  EXPECT_EQ(quick.count(anna_, up_to, {{recording(1), 1000}}), (Records{{Stream::sample, {{recording(1), 10}}}}));
  EXPECT_EQ(clickhouse_.parameters("FROM sample FINAL").at(1).at("recordings"), "['" + recording(1).text() + "']");
}

TEST_F(QuickCountTest, AClickHouseThatIsAwayIsLeftAloneForAWhile) {
  const Endpoint well{clickhouse_.url()};
  client_.set_endpoint({});
  QuickCount quick(client_, clock_, {.rest_ms = 1000});
  const Records up_to{{Stream::sample, {{recording(1), 10}}}};
  EXPECT_EQ(quick.count(anna_, up_to, starts_), Records());
  client_.set_endpoint(well);
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 10}}));
  clock_.advance_ms(999);
  EXPECT_EQ(quick.count(anna_, up_to, starts_), Records());
  EXPECT_THAT(clickhouse_.statements(), testing::IsEmpty());
  clock_.advance_ms(1);
  EXPECT_EQ(quick.count(anna_, up_to, starts_), up_to);
}

TEST_F(QuickCountTest, OneThatSaysNothingIsGivenUp) {
  const TestListener silent;
  client_.set_endpoint({.url = silent.url()});
  QuickCount quick(client_, clock_, {.within_ms = 50});
  EXPECT_EQ(quick.count(anna_, {{Stream::sample, {{recording(1), 10}}}}, starts_), Records());
}

// Too many rows for the time are one athlete's matter: everybody else is counted meanwhile.
TEST_F(QuickCountTest, AnAthleteWhoseRowsAreTooManyRestsAlone) {
  QuickCount quick(client_, clock_, {.rest_ms = 1000});
  const Records up_to{{Stream::sample, {{recording(1), 10}}}};
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 10}}));
  for (const char* why : {"Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)",
                          "Code: 158. DB::Exception: Limit for rows exceeded. (TOO_MANY_ROWS)"}) {
    clickhouse_.fail_selects(anna_.text(), why);
    EXPECT_EQ(quick.count(anna_, up_to, starts_), Records());
    const std::size_t asked = clickhouse_.statements().size();
    clock_.advance_ms(999);
    EXPECT_EQ(quick.count(anna_, up_to, starts_), Records());
    EXPECT_EQ(clickhouse_.statements().size(), asked) << "she rests";
    EXPECT_EQ(quick.count(bob_, up_to, starts_), up_to) << why;
    clock_.advance_ms(1);
  }
}

TEST_F(QuickCountTest, AClickHouseThatHasTooMuchToDoIsLeftAloneByAll) {
  QuickCount quick(client_, clock_, {.rest_ms = 1000});
  const Records up_to{{Stream::sample, {{recording(1), 10}}}};
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 10}}));
  clickhouse_.fail_selects(anna_.text(), "Code: 202. DB::Exception: Too many simultaneous queries.");
  EXPECT_EQ(quick.count(anna_, up_to, starts_), Records());
  EXPECT_EQ(quick.count(bob_, up_to, starts_), Records());
  clock_.advance_ms(1000);
  EXPECT_EQ(quick.count(bob_, up_to, starts_), up_to);
}

TEST_F(QuickCountTest, AsManyRecordingsAsThereIsRoomForEachWithAllOfItsStreams) {
  QuickCount quick(client_, clock_, {.max_rows = 100});
  const Records up_to{{Stream::sample, {{recording(1), 60}, {recording(2), 30}, {recording(3), 9}}},
                      {Stream::stroke, {{recording(2), 10}, {recording(3), 1}}}};
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 60}, {2, 30}}));
  clickhouse_.answer_selects("FROM stroke FINAL", counts({{2, 10}}));
  EXPECT_EQ(quick.count(anna_, up_to, starts_), (Records{{Stream::sample, {{recording(1), 60}, {recording(2), 30}}},
                                                         {Stream::stroke, {{recording(2), 10}}}}));
  EXPECT_EQ(clickhouse_.parameters("FROM sample FINAL").at(0).at("limits"), "[60,30]");
}

TEST_F(QuickCountTest, OneRecordingIsCountedHoweverManyRowsItHas) {
  QuickCount quick(client_, clock_, {.max_rows = 100});
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 101}}));
  EXPECT_EQ(quick.count(anna_, {{Stream::sample, {{recording(1), 101}, {recording(2), 1}}}}, starts_),
            (Records{{Stream::sample, {{recording(1), 101}}}}));
}

TEST_F(QuickCountTest, WhoComesWhileEnoughAskIsNotKeptWaiting) {
  QuickCount quick(client_, clock_, {.at_once = 0});
  EXPECT_EQ(quick.count(anna_, {{Stream::sample, {{recording(1), 10}}}}, starts_), Records());
  EXPECT_THAT(clickhouse_.statements(), testing::IsEmpty());
}

// Time goes by the steps of who looks at it: at the second look of a call it has begun and has not asked yet.
class SteppingClock final : public base::Clock {
 public:
  [[nodiscard]] std::int64_t utc_ms() const override { return 0; }
  [[nodiscard]] std::int64_t monotonic_ms() const override {
    if (++looks_ == 2) at_second_look();
    return 0;
  }
  std::function<void()> at_second_look;

 private:
  mutable int looks_ = 0;
};

TEST_F(QuickCountTest, AnAthleteHasOneCountAtATime) {
  clickhouse_.answer_selects("FROM sample FINAL", counts({{1, 10}}));
  SteppingClock clock;
  QuickCount quick(client_, clock, {});
  const Records asked{{Stream::sample, {{recording(1), 10}}}};
  clock.at_second_look = [&] {
    EXPECT_EQ(quick.count(anna_, asked, starts_), Records());
    EXPECT_EQ(quick.count(bob_, asked, starts_), asked);
  };
  EXPECT_EQ(quick.count(anna_, asked, starts_), asked);
  EXPECT_EQ(quick.count(anna_, asked, starts_), asked);
}

}  // namespace
}  // namespace boathouse::timeseries
