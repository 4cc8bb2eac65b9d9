// The session rows on a real engine: what is read for their figures.
#include <string>

#include "apps/boathouse/test_engine_store.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/session_summary.hpp"

namespace boathouse::app {
namespace {

using ledger::uuid;
using timeseries::kRecordsAtOnce;

constexpr std::int64_t kFirstStart = 1'700'000'000'000;

class EngineSessionsTest : public EngineStoreFixture {
 protected:
  // As the first sample of a recording that is loaded, but for their place.
  void add_samples(std::uint64_t n, const std::string& seq, std::uint64_t count) {
    execute("INSERT INTO sample SELECT one.* REPLACE (toUInt32(" + seq +
            ") AS seq) FROM (SELECT * FROM sample WHERE rec_id = '" + uuid(n).text() +
            "' AND seq = 0) AS one CROSS JOIN numbers(" + std::to_string(count) + ") AS places" +
            " SETTINGS max_insert_threads = 1");
  }
  std::uint64_t samples_read(std::uint64_t n) {
    const auto around = ledger_->sessions_around(uuid(n));
    EXPECT_TRUE(around) << around.error().text;
    const auto reckoned = timeseries::reckon_session(client(), around->sessions.at(0));
    EXPECT_TRUE(reckoned) << reckoned.error().text;
    return reckoned->read.at(0).records;
  }
  std::string row_of(std::uint64_t n) {
    return text("SELECT toString(tuple(* EXCEPT (ver))) AS t FROM session FINAL WHERE session = '" + uuid(n).text() +
                "'");
  }
};

// Behind the last possible one there is nothing: its page is full, and there is no number to go on from.
TEST_F(EngineSessionsTest, ARecordingIsReadToItsLastPossibleRecord) {
  store(1, kFirstStart, 1);
  ASSERT_TRUE(load());
  add_samples(1, "4294967295 - number", 2 * kRecordsAtOnce - 1);
  ASSERT_EQ(number("SELECT max(seq) AS n FROM sample"), 4'294'967'295);
  EXPECT_EQ(samples_read(1), 2 * kRecordsAtOnce);
}

// A recording that is loaded again has its rows in ClickHouse before the ledger counts them.
TEST_F(EngineSessionsTest, MoreRowsThanTheLedgerCountsCutOffNobodysFigures) {
  store(1, kFirstStart, 1);
  store(2, kFirstStart + 86'400'000, 50);
  ASSERT_TRUE(load());
  const std::string before = row_of(2);
  ASSERT_FALSE(before.empty());
  add_samples(1, "1 + number", kRecordsAtOnce);
  for (const std::uint64_t n : {1U, 2U}) ASSERT_TRUE(ledger_->write_session_again(uuid(n)));
  ASSERT_TRUE(load());
  EXPECT_EQ(row_of(2), before);
  EXPECT_EQ(samples_read(2), 50U);
}

}  // namespace
}  // namespace boathouse::app
