#include "apps/boathouse/service_metrics.hpp"

#include <gmock/gmock.h>

#include <string>

namespace boathouse::app {
namespace {

using testing::HasSubstr;
using testing::Not;

http::AccessRecord answer(std::string_view route, int status) {
  http::AccessRecord record;
  record.route = route;
  record.status = status;
  record.complete = true;
  return record;
}

// ServerErrors looks for status=~"5..": whatever a scan has asked before, an error must have its own series.
TEST(ServiceMetricsTest, NoScanHidesAnError) {
  ServiceMetrics metrics;
  for (std::size_t route = 1; route < ServiceMetrics::kMaxRoutes; ++route) {
    const std::string name = "route" + std::to_string(route);
    for (int status = 400; status < 449; ++status) metrics.on_access(answer(name, status));
  }
  metrics.on_access(answer("syncBatch", 503));
  EXPECT_THAT(metrics.text(), HasSubstr("boathouse_http_requests_total{route=\"syncBatch\",status=\"503\"} 1\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("boathouse_http_request_duration_seconds_count{route=\"syncBatch\"} 1\n"));
  EXPECT_THAT(metrics.text(), Not(HasSubstr("\"other\"")));
}

TEST(ServiceMetricsTest, CallsToWebhooksAreCountedByTheirResult) {
  ServiceMetrics metrics;
  EXPECT_THAT(metrics.text(), HasSubstr("boathouse_webhook_calls_total{result=\"taken\"} 0\n"));
  metrics.on_webhook_call(webhooks::CallResult::taken);
  metrics.on_webhook_call(webhooks::CallResult::taken);
  metrics.on_webhook_call(webhooks::CallResult::refused);
  EXPECT_THAT(metrics.text(), HasSubstr("boathouse_webhook_calls_total{result=\"taken\"} 2\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("boathouse_webhook_calls_total{result=\"refused\"} 1\n"));
  EXPECT_THAT(metrics.text(), HasSubstr("boathouse_webhook_calls_total{result=\"unanswered\"} 0\n"));
}

// The alert ItemsRejected asks how much it has grown: of a series that begins with 1 that is nothing.
TEST(ServiceMetricsTest, ItemsAreCountedByKindAndResultFromTheStart) {
  ServiceMetrics metrics;
  for (const char* kind : {"birth", "chunk", "seal", "edit"}) {
    for (const char* result : {"stored", "duplicate", "mismatch", "rejected", "later"}) {
      EXPECT_THAT(metrics.text(), HasSubstr(std::string("boathouse_sync_items_total{kind=\"") + kind + "\",result=\"" +
                                            result + "\"} 0\n"));
    }
  }
  intake::Taken item;
  item.kind = wire::ItemKind::seal;
  item.outcome = wire::Outcome::rejected;
  metrics.on_result(item);
  EXPECT_THAT(metrics.text(), HasSubstr("boathouse_sync_items_total{kind=\"seal\",result=\"rejected\"} 1\n"));
}

TEST(ServiceMetricsTest, ForgottenEventsAreCountedFromTheStart) {
  ServiceMetrics metrics;
  EXPECT_THAT(metrics.text(), HasSubstr("boathouse_forgotten_events_total 0\n"));
  metrics.on_forgotten_events(3);
  metrics.on_forgotten_events(1);
  EXPECT_THAT(metrics.text(), HasSubstr("boathouse_forgotten_events_total 4\n"));
}

}  // namespace
}  // namespace boathouse::app
