// The audit over REST: whose records who sees, pages, what is refused.
#include "server/api/audit_routes.hpp"

#include <gmock/gmock.h>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "server/api/test_routes.hpp"
#include "server/control/ids.hpp"
#include "server/control/scopes.hpp"

namespace boathouse::api {
namespace {

using base::JsonValue;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AuditRoutesTest : public RoutesFixture {
 protected:
  AuditRoutesTest() {
    EXPECT_TRUE(add_audit_routes(routes_, *accounts_, *ledger_));
    append("key.create", anna_);
    append("key.create", ben_);
    append("submission", anna_);
    append("restore", {});
    append("refused", anna_);
  }

  void append(const std::string& kind, std::optional<base::Uuid> athlete) {
    EXPECT_TRUE(ledger_->append_audit({kind, {}, athlete, {}, "what=\"" + kind + "\""}));
  }
  // The n of each record on the page.
  std::vector<std::int64_t> numbers(const std::string& target, const std::string& key) {
    const auto response = get(target, key);
    EXPECT_EQ(response.status, 200) << response.body;
    const auto page = base::parse_json(response.body);
    EXPECT_TRUE(page) << response.body;
    std::vector<std::int64_t> found;
    for (const JsonValue& record : *page->find("data")->array()) found.push_back(*record.find("n")->integer());
    return found;
  }
};

TEST_F(AuditRoutesTest, EachSeesWhatIsTheirs) {
  EXPECT_THAT(numbers("/v1/audit", operator_), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(numbers("/v1/audit", anna_key_), ElementsAre(1, 3, 5));
  EXPECT_THAT(numbers("/v1/audit", ben_key_), ElementsAre(2));
  const std::string of_anna = "/v1/audit?athlete=" + control::format_id(control::kAthletePrefix, anna_);
  EXPECT_THAT(numbers(of_anna, operator_), ElementsAre(1, 3, 5));
  EXPECT_THAT(numbers(of_anna, anna_key_), ElementsAre(1, 3, 5));
  const auto foreign = get(of_anna, ben_key_);
  EXPECT_EQ(foreign.status, 403);
  EXPECT_THAT(foreign.body, testing::Not(HasSubstr("submission")));
  EXPECT_EQ(get("/v1/audit", "nonsense").status, 401);
  EXPECT_EQ(get("/v1/audit/head", anna_key_).status, 403);
}

TEST_F(AuditRoutesTest, EveryRouteHasItsScope) {
  EXPECT_TRUE(control::check_scopes(routes_));
  const auto uploads_only = accounts_->create_athlete_key(
      anna_, control::KeyOptions{.scopes = control::Scopes().add(control::Scope::sessions_write)});
  EXPECT_THAT(get("/v1/audit", uploads_only->text).body, HasSubstr("sessions:read"));
}

TEST_F(AuditRoutesTest, IsPagedAndFiltered) {
  EXPECT_THAT(numbers("/v1/audit?after=1&limit=2", operator_), ElementsAre(2, 3));
  EXPECT_THAT(get("/v1/audit?after=1&limit=2", operator_).body,
              HasSubstr("\"page\":{\"next_after\":3,\"has_more\":true}"));
  EXPECT_THAT(get("/v1/audit?after=3&limit=3", operator_).body,
              HasSubstr("\"page\":{\"next_after\":null,\"has_more\":false}"));
  EXPECT_THAT(numbers("/v1/audit?after=5", operator_), IsEmpty());
  EXPECT_THAT(numbers("/v1/audit?kind=refused", operator_), ElementsAre(5));
  EXPECT_THAT(numbers("/v1/audit?kind=key.create", ben_key_), ElementsAre(2));
  EXPECT_THAT(numbers("/v1/audit?kind=refused", ben_key_), IsEmpty());
  for (const char* wrong : {"after=-1", "after=x", "limit=0", "limit=501", "athlete=Anna", "who=me", "kind=a&kind=b",
                            "kind=%ff", "kind="}) {
    EXPECT_EQ(get("/v1/audit?" + std::string(wrong), operator_).status, 400) << wrong;
  }
}

TEST_F(AuditRoutesTest, ARecordAndTheHeadAreWhatTheLedgerHas) {
  const auto record = ledger_->audit(2, 1)->front();
  const std::string body = get("/v1/audit?after=2&limit=1", operator_).body;
  EXPECT_THAT(body, HasSubstr("{\"n\":3,\"at\":\"2023-11-14T22:15:00.000Z\",\"at_ms\":1700000100000,"
                              "\"kind\":\"submission\",\"key\":null,\"athlete\":\"ath_" +
                              anna_.text() + "\",\"replica\":null,\"what\":\"what=\\\"submission\\\"\",\"hash\":\"" +
                              base::to_hex(record.hash) + "\"}"));
  const auto state = *ledger_->audit_state();
  EXPECT_EQ(get("/v1/audit/head", operator_).body,
            "{\"n\":5,\"hash\":\"" + base::to_hex(state.head.hash) + "\",\"newest\":5}");
}

}  // namespace
}  // namespace boathouse::api
