#include "server/api/operator_routes.hpp"

#include <chrono>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "core/base/json.hpp"
#include "server/api/parameters.hpp"
#include "server/api/session_json.hpp"
#include "server/control/authenticator.hpp"
#include "server/control/ids.hpp"
#include "server/http/problem.hpp"
#include "server/ledger/bodies.hpp"
#include "server/timeseries/reconciler.hpp"

namespace boathouse::api {
namespace {

using http::Request;
using http::Response;

// After so long a comparison is answered as far as it is: whoever asks, and each proxy on the way, waits two minutes
// for the first byte.
constexpr std::chrono::seconds kEnough{20};

Response health(const Request&) { return http::make_response(200, "application/json", R"({"status":"ok"})"); }

Response readiness(ledger::Ledger& ledger, timeseries::ClickHouseClient& client, bool loader_ready,
                   const std::function<std::uint64_t()>& differences) {
  const bool ledger_ok = ledger.check().ok();
  const bool clickhouse_ok = loader_ready && client.ping().ok();
  std::string body;
  base::JsonWriter json(body);
  json.begin_object();
  json.key("status").value(ledger_ok && clickhouse_ok ? "ready" : "not_ready");
  json.key("ledger").value(ledger_ok);
  json.key("clickhouse").value(clickhouse_ok);
  json.key("ledger_went_back").value(ledger.went_back().has_value());
  // These hold up nobody: they are for whoever looks why something is missing.
  json.key("differences").value(ledger_ok && differences ? differences() : 0);
  json.key("lost_bodies");
  // A ledger that does not answer is not asked a second time: whoever probes has not the patience.
  const auto bodies = ledger_ok ? ledger.bodies().body_counts() : base::Error{base::ErrorCode::unavailable, ""};
  bodies ? json.value(bodies->lost) : json.null();
  json.end_object();
  return http::make_response(ledger_ok && clickhouse_ok ? 200 : 503, "application/json", std::move(body));
}

// Who asks needs no key, and each look is a transaction of the ledger and a statement for ClickHouse: so one look at a
// time, and its answer is everybody's for a second. A look takes seconds when ClickHouse or the ledger's database
// hangs: who comes meanwhile gets the last answer and holds no thread, so that of all who probe one waits.
class Readiness {
 public:
  Readiness(std::function<Response()> look, const base::Clock& clock) : look_(std::move(look)), clock_(clock) {}

  Response answer() {
    const std::unique_lock looks(looking_, std::try_to_lock);
    if (looks && clock_.monotonic_ms() >= good_until_ms_) {
      Response now = look_();
      good_until_ms_ = clock_.monotonic_ms() + kGoodForMs;
      const std::lock_guard lock(mutex_);
      last_ = std::move(now);
    }
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  static constexpr std::int64_t kGoodForMs = 1'000;

  const std::function<Response()> look_;
  const base::Clock& clock_;
  std::mutex looking_;                                                     // of who looks; guards the next one
  std::int64_t good_until_ms_ = std::numeric_limits<std::int64_t>::min();  // on the monotonic clock
  std::mutex mutex_;                                                       // guards the next one
  Response last_ = http::make_response(503, "application/json", R"({"status":"not_ready"})");  // nobody knows yet
};

std::string reconciliation_json(const timeseries::Reconciliation& found) {
  std::string body;
  base::JsonWriter json(body);
  json.begin_object();
  json.key("recordings").value(found.recordings);
  json.key("sessions").value(found.sessions);
  json.key("deleted_recordings").value(found.deleted);
  json.key("misplaced_recordings").value(found.misplaced);
  json.key("unloaded_chunks").value(found.unloaded_chunks);
  json.key("removals_to_erase").value(found.removals_to_erase);
  json.key("streams").begin_array();
  for (const timeseries::StreamCount& stream : found.streams) {
    json.begin_object().key("stream").value(rowing::name(stream.stream));
    json.key("sealed").value(stream.sealed).key("removed").value(stream.removed);
    json.key("ledger").value(stream.ledger).key("clickhouse");
    if (stream.stream == rowing::Stream::source) {
      json.null();  // an imported file's own bytes stay in the ledger
    } else {
      json.value(stream.clickhouse);
    }
    json.end_object();
  }
  json.end_array().key("differences").begin_array();
  for (const timeseries::Difference& difference : found.differences) {
    json.begin_object().key("recording").value(control::format_id(kRecordingPrefix, difference.rec_id));
    json.key("stream").value(rowing::name(difference.stream));
    json.key("ledger").value(difference.ledger).key("clickhouse").value(difference.clickhouse).end_object();
  }
  json.end_array().key("page").begin_object().key("next_cursor");
  found.next ? json.value(control::format_id(control::kAthletePrefix, *found.next)) : json.null();
  json.end_object().end_object();
  return body;
}

base::Result<timeseries::Reconciliation> compare(const Request& request, ledger::Ledger& ledger,
                                                 timeseries::ClickHouseClient& client) {
  const auto begun = std::chrono::steady_clock::now();
  const auto enough = [begun] { return std::chrono::steady_clock::now() - begun >= kEnough; };
  if (const auto athlete = control::identity_of(request)->athlete) {
    BOATHOUSE_TRY(check_names(request.query, {}));
    return timeseries::reconcile_athlete(ledger, client, *athlete, enough);
  }
  BOATHOUSE_TRY(check_names(request.query, {"cursor"}));
  std::optional<base::Uuid> after;
  if (const std::string* cursor = http::find(request.query, "cursor")) {
    const auto athlete = control::parse_id(control::kAthletePrefix, *cursor);
    if (!athlete) return athlete.error().within("cursor");
    after = *athlete;
  }
  return timeseries::reconcile_some(ledger, client, after, enough);
}

base::Result<Response> reconcile(const Request& request, ledger::Ledger& ledger, timeseries::ClickHouseClient& client,
                                 bool loader_ready) {
  const auto found = compare(request, ledger, client);
  // In the first moments of a new service there are no tables to count in: who asks then asks again.
  if (!found && !loader_ready && found.error().code == base::ErrorCode::internal)
    return base::Error{base::ErrorCode::unavailable, found.error().text};
  if (!found) return found.error();
  Response response = http::make_response(200, "application/json", reconciliation_json(*found));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

}  // namespace

base::Status add_operator_routes(http::RouteTable& routes, control::Accounts& accounts, ledger::Ledger& ledger,
                                 timeseries::ClickHouseClient& client, const base::Clock& clock,
                                 std::function<bool()> ready, std::function<std::uint64_t()> differences) {
  http::Route healthz;
  healthz.method = http::Method::get;
  healthz.pattern = "/healthz";
  healthz.name = "getHealth";
  healthz.summary = "The process answers";
  healthz.scope = control::kPublic;
  healthz.handler = http::Handler(health);
  healthz.admission = http::Admission::probe;
  BOATHOUSE_TRY(routes.add(std::move(healthz)));

  http::Route readyz;
  readyz.method = http::Method::get;
  readyz.pattern = "/readyz";
  readyz.name = "getReadiness";
  readyz.summary = "Ledger and ClickHouse work";
  readyz.scope = control::kPublic;
  const auto kept = std::make_shared<Readiness>(
      [&ledger, &client, ready, differences = std::move(differences)] {
        return readiness(ledger, client, ready(), differences);
      },
      clock);
  readyz.handler = http::Handler([kept](const Request&) { return kept->answer(); });
  BOATHOUSE_TRY(routes.add(std::move(readyz)));

  http::Route reconciliation;
  reconciliation.method = http::Method::get;
  reconciliation.pattern = "/v1/reconcile";
  reconciliation.name = "reconcile";
  reconciliation.summary = "What the ledger counts against what ClickHouse counts";
  reconciliation.handler = http::Handler([&ledger, &client, ready = std::move(ready)](const Request& request) {
    auto response = reconcile(request, ledger, client, ready());
    return response ? *std::move(response) : http::problem_response(request, response.error());
  });
  reconciliation.scope = control::name(control::Scope::sessions_read);
  reconciliation.admit = control::admit_any(accounts);
  reconciliation.admission = http::Admission::bulk;
  reconciliation.waits_elsewhere = true;
  return routes.add(std::move(reconciliation));
}

}  // namespace boathouse::api
