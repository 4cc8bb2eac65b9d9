// The list of sessions, page by page: whose cursor is good for what.
#include "server/api/session_routes.hpp"

#include <gmock/gmock.h>

#include "core/base/json.hpp"
#include "core/rowing/catalogue.hpp"
#include "server/api/test_routes.hpp"
#include "server/control/test_audit_log.hpp"
#include "server/timeseries/schema.hpp"
#include "server/timeseries/session_columns.hpp"
#include "server/timeseries/test_clickhouse.hpp"
#include "server/timeseries/test_packed.hpp"

namespace boathouse::api {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kFirst = "/v1/sessions/ses_00000000-0000-0000-0000-000000000001";

class SessionRoutesTest : public RoutesFixture {
 protected:
  SessionRoutesTest() {
    EXPECT_TRUE(add_session_routes(routes_, *accounts_, audit_, client_, cursors_));
    // One more than a page of one, so that there is a next one.
    timeseries::NativeBlock sessions;
    for (std::uint8_t i = 1; i <= 2; ++i) {
      ledger::RecordingState recording;
      recording.rec_id.bytes[15] = i;
      recording.athlete = anna_;
      recording.birth.rec_id = recording.rec_id;
      recording.birth.started_ms = 1'700'000'000'000 - i;
      ledger::SessionState session;
      session.recordings.push_back(recording);
      timeseries::add_session_row(sessions, session, {}, 1);
    }
    clickhouse_.answer_selects("FROM session FINAL", timeseries::packed_sessions(sessions));
  }

  using RoutesFixture::get;
  http::Response get(const std::string& target) { return get(target, anna_key_); }
  http::Response list(const std::string& key, const std::string& query) {
    return get("/v1/sessions?limit=1" + query, key);
  }
  std::string next_cursor(const std::string& key, const std::string& query = "") {
    const auto page = list(key, query);
    EXPECT_EQ(page.status, 200) << page.body;
    const auto body = base::parse_json(page.body);
    return body ? *body->find("page")->find("next_cursor")->text() : "";
  }

  control::TestAuditLog audit_;
  timeseries::FakeClickHouse clickhouse_;
  timeseries::ClickHouseClient client_{timeseries::Endpoint{clickhouse_.url()}};
  query::CursorCodec cursors_{base::Digest{7}};
};

TEST_F(SessionRoutesTest, ACursorIsGoodForWhoGotItAlone) {
  const std::string cursor = "&cursor=" + next_cursor(anna_key_);
  EXPECT_EQ(list(anna_key_, cursor).status, 200);
  EXPECT_THAT(clickhouse_.statements().back(), HasSubstr("(started, session) < ("));
  const std::size_t asked = clickhouse_.statements().size();
  for (const std::string& other : {ben_key_, operator_}) {
    const auto refused = list(other, cursor);
    EXPECT_EQ(refused.status, 400);
    EXPECT_THAT(refused.body, HasSubstr("ask for the first page again"));
  }
  EXPECT_EQ(list(anna_key_, "&cursor=" + next_cursor(operator_)).status, 400);
  EXPECT_EQ(clickhouse_.statements().size(), asked + 1) << "the operator's own first page";
}

// A newer program has started and its first round of loading has not changed the tables yet: to be asked again.
TEST_F(SessionRoutesTest, WithTheTablesOfAnOlderProgramSessionsAreUnavailable) {
  clickhouse_.fail_statements("SELECT packed", "Code: 47. DB::Exception: Unknown identifier (UNKNOWN_IDENTIFIER)");
  for (const std::string& target : {std::string("/v1/sessions"), std::string(kFirst)}) {
    EXPECT_EQ(get(target).status, 503) << target;
  }
}

TEST_F(SessionRoutesTest, AnExportIsInTheAuditOrIsNotGiven) {
  const std::string session = "00000000-0000-0000-0000-000000000001";
  const auto take = [&](const std::string& query) {
    return get("/v1/sessions/ses_" + session + "/export.csv" + query, operator_);
  };
  EXPECT_EQ(take("").status, 200);
  EXPECT_EQ(take("?stream=split").status, 200);
  EXPECT_EQ(take("?stream=none").status, 400);
  ASSERT_EQ(audit_.acts.size(), 2U);
  EXPECT_EQ(audit_.acts[0].kind, "export");
  EXPECT_TRUE(audit_.acts[0].key) << "whose word it was";
  EXPECT_EQ(audit_.acts[0].athlete, anna_) << "whose data went out";
  EXPECT_EQ(audit_.acts[0].what, "session=" + session + " format=csv stream=all");
  EXPECT_EQ(audit_.acts[1].what, "session=" + session + " format=csv stream=split");
  audit_.fails = true;
  EXPECT_EQ(take("").status, 503);
}

// Of what came with a record and nobody knows, 64 KiB a record, nothing is read for an answer that does not show it.
TEST_F(SessionRoutesTest, AnAnswerReadsNoBytesThatItDoesNotShow) {
  for (const char* what : {"strokes", "samples", "splits"}) {
    EXPECT_EQ(get(std::string(kFirst) + "/" + what).status, 200) << what;
    EXPECT_THAT(clickhouse_.statements().back(), AllOf(HasSubstr("SELECT seq, at_ms, "), Not(HasSubstr("tail"))));
  }
}

TEST_F(SessionRoutesTest, WhatIsTooLargeForAnAnswerIsToldWhatToDo) {
  const std::string too_large = "Code: 396. DB::Exception: Limit for result exceeded (TOO_MANY_ROWS_OR_BYTES)";
  clickhouse_.fail_selects("600001", too_large);
  for (const char* what : {"strokes", "samples", "splits"}) {
    const auto refused = get(std::string(kFirst) + "/" + what);
    EXPECT_EQ(refused.status, 413) << what;
    EXPECT_THAT(refused.body, HasSubstr("more records than one answer holds; take export.csv"));
  }
  clickhouse_.fail_selects("151", too_large);
  const auto refused = get("/v1/sessions?limit=150");
  EXPECT_EQ(refused.status, 413);
  EXPECT_THAT(refused.body, HasSubstr("ask for fewer with limit="));
}

// 14 hours at 10 Hz, every metric of every sample there.
TEST_F(SessionRoutesTest, ADayOnTheErgIsServed) {
  constexpr std::size_t kRows = 14 * 3'600 * 10;
  timeseries::NativeBlock samples;
  samples.rows = kRows;
  const auto add = [&samples](std::string_view name, std::string_view type) {
    std::vector<std::int64_t> values(kRows);
    for (std::size_t i = 0; i < kRows; ++i) values[i] = static_cast<std::int64_t>(i);
    samples.columns.push_back({std::string(name), std::string(type), std::move(values), {}, {}, {}, {}});
  };
  add("seq", "UInt32");
  for (const rowing::Metric& metric : rowing::metrics(rowing::Stream::sample)) {
    add(metric.column, "Nullable(" + std::string(timeseries::integer_type(metric)) + ")");
  }
  clickhouse_.answer_selects("FROM sample", samples);
  const auto answer = get(std::string(kFirst) + "/samples?fields=at_s");
  EXPECT_EQ(answer.status, 200) << answer.body.substr(0, 500);
  EXPECT_THAT(answer.body.substr(0, 200), HasSubstr(R"("original_size":504000)"));
}

TEST_F(SessionRoutesTest, ACursorIsGoodForItsFilterAlone) {
  const std::string from = "&from=2020-01-01T00:00:00Z";
  const std::string cursor = "&cursor=" + next_cursor(anna_key_, from);
  EXPECT_EQ(list(anna_key_, from + cursor).status, 200);
  EXPECT_EQ(list(anna_key_, cursor).status, 400);
  EXPECT_EQ(list(anna_key_, "&from=2021-01-01T00:00:00Z" + cursor).status, 400);
  EXPECT_EQ(list(anna_key_, from + "&to=2030-01-01T00:00:00Z" + cursor).status, 400);
}

}  // namespace
}  // namespace boathouse::api
