// The list of sessions, page by page: whose cursor is good for what.
#include "server/api/session_routes.hpp"

#include <gmock/gmock.h>

#include "core/base/json.hpp"
#include "server/control/test_audit_log.hpp"
#include "server/control/test_call.hpp"
#include "server/timeseries/session_columns.hpp"
#include "server/timeseries/test_clickhouse.hpp"

namespace boathouse::api {
namespace {

using testing::HasSubstr;

class SessionRoutesTest : public testing::Test {
 protected:
  SessionRoutesTest() {
    accounts_ = *control::Accounts::open(folder_.path(), clock_, random_);
    operator_ = accounts_->create_operator_key()->text;
    const auto anna = accounts_->create_athlete_key("Anna");
    anna_key_ = anna->text;
    anna_ = anna->key.athlete->id;
    ben_key_ = accounts_->create_athlete_key("Ben")->text;
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
    clickhouse_.answer_selects("FROM session FINAL", sessions);
  }

  http::Response list(const std::string& key, const std::string& query) {
    http::Headers headers;
    headers.add("Authorization", "Bearer " + key);
    return control::call(routes_, {http::Method::get, "/v1/sessions?limit=1" + query, std::move(headers), ""});
  }
  std::string next_cursor(const std::string& key, const std::string& query = "") {
    const auto page = list(key, query);
    EXPECT_EQ(page.status, 200) << page.body;
    const auto body = base::parse_json(page.body);
    return body ? *body->find("page")->find("next_cursor")->text() : "";
  }

  control::TemporaryFolder folder_;
  base::ManualClock clock_{1'700'000'100'000};
  base::SystemRandom random_;
  std::unique_ptr<control::Accounts> accounts_;
  control::TestAuditLog audit_;
  timeseries::FakeClickHouse clickhouse_;
  timeseries::ClickHouseClient client_{timeseries::Endpoint{clickhouse_.url()}};
  query::CursorCodec cursors_{base::Digest{7}};
  http::RouteTable routes_;
  std::string operator_, anna_key_, ben_key_;
  base::Uuid anna_;
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

TEST_F(SessionRoutesTest, AnExportIsInTheAuditOrIsNotGiven) {
  http::Headers headers;
  headers.add("Authorization", "Bearer " + operator_);
  const std::string session = "00000000-0000-0000-0000-000000000001";
  const auto take = [&](const std::string& query) {
    return control::call(routes_,
                         {http::Method::get, "/v1/sessions/ses_" + session + "/export.csv" + query, headers, ""});
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
