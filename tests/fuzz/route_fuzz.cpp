// Bytes as a call of the service: the first chooses the method and whose key comes with it, then a line with the
// target, lines of headers, an empty line and the body. All routes of the service but /metrics are there, over a ledger
// and accounts of their own and without ClickHouse. Whatever is asked: no handler throws or answers 500, an answer that
// says JSON is JSON, a refusal says what is wrong, and whoever has no key gets nothing.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "apps/boathouse/ledger_audit_log.hpp"
#include "core/base/clock.hpp"
#include "core/base/json.hpp"
#include "core/base/random.hpp"
#include "server/api/audit_routes.hpp"
#include "server/api/operator_routes.hpp"
#include "server/api/session_routes.hpp"
#include "server/api/trail_routes.hpp"
#include "server/control/routes.hpp"
#include "server/control/scopes.hpp"
#include "server/control/test_call.hpp"
#include "server/intake/intake.hpp"
#include "server/jobs/runner.hpp"
#include "server/retention/routes.hpp"
#include "server/webhooks/routes.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace boathouse;

namespace {

constexpr int kCalls = 2000;  // of one service: what is stored adds up
constexpr std::array kMethods{http::Method::get, http::Method::post, http::Method::put, http::Method::patch,
                              http::Method::delete_};

void must(bool holds) {
  if (!holds) std::abort();
}

template <typename T>
T good(base::Result<T> result) {
  must(result.ok());
  return std::move(*result);
}

// They answer everybody, and say in a form of their own that something is not ready.
bool is_probes(const http::Response& response) {
  return response.body.starts_with(R"({"status":"ok")") || response.body.starts_with(R"({"status":"not_ready")");
}

class Service {
 public:
  Service() {
    const auto place = [this](const char* file) {
      sql::Place made;
      made.sqlite_file = folder_.file(file);
      return made;
    };
    accounts_ = good(control::Accounts::open(folder_.path(), clock_, random_));
    keys_ = {"", good(accounts_->create_athlete_key("Anna")).text, good(accounts_->create_athlete_key("Ben")).text,
             good(accounts_->create_operator_key()).text};
    ledger_ = good(ledger::Ledger::open({.place = place("ledger.db")}, clock_, random_));
    audit_ = std::make_unique<app::LedgerAuditLog>(*ledger_, [](std::string_view) {});
    queue_ = good(jobs::Queue::open(place("jobs.db"), random_));
    runner_ =
        std::make_unique<jobs::Runner>(*queue_, clock_, random_, jobs::Runner::Options{}, [](std::string_view) {});
    webhooks_ = good(webhooks::Store::open(place("webhooks.db"), clock_, random_));
    must(control::add_routes(routes_, *accounts_, *audit_).ok());
    must(intake::add_routes(routes_, *accounts_, *ledger_).ok());
    must(webhooks::add_routes(routes_, {*accounts_, *audit_, *webhooks_, *runner_, clock_, random_, {}}).ok());
    must(api::add_audit_routes(routes_, *accounts_, *ledger_).ok());
    must(api::add_trail_routes(routes_, *accounts_, *ledger_, clickhouse_).ok());
    must(api::add_session_routes(routes_, *accounts_, *audit_, clickhouse_, cursors_).ok());
    must(api::add_operator_routes(routes_, *accounts_, *ledger_, clickhouse_, clock_, [] { return false; }).ok());
    remover_ = std::make_unique<retention::Remover>(retention::Remover::Options{}, *ledger_, clickhouse_, *runner_,
                                                    clock_, [](std::string_view) {});
    eraser_ = std::make_unique<retention::Eraser>(retention::Eraser::Options{}, *ledger_, clickhouse_, *runner_, clock_,
                                                  [](std::string_view) {});
    must(retention::add_routes(routes_, {*accounts_, *ledger_, clickhouse_, *remover_, *eraser_, clock_}).ok());
  }

  void call(control::Call call, std::size_t whose) {
    if (whose > 0) call.headers.set("Authorization", "Bearer " + keys_.at(whose));
    const http::Response response = control::call(routes_, std::move(call));
    if (is_probes(response)) return;
    must(response.status == 503 || (response.status >= 200 && response.status < 500));
    const std::string* type = response.headers.find("Content-Type");
    const bool is_json = type != nullptr && type->find("json") != std::string::npos;
    if (is_json && !response.source) must(base::parse_json(response.body, {.max_bytes = 64 << 20}).ok());
    if (whose == 0) must(response.status >= 400);
    if (response.status < 400 || response.body.empty() || !is_json) return;
    const auto problem = base::parse_json(response.body);
    must(*type == "application/problem+json" && problem->find("title") != nullptr);
    must(problem->find("status")->integer() == response.status);
  }

 private:
  test_support::TemporaryFolder folder_;
  base::ManualClock clock_{1'700'000'000'000};
  base::SeededRandom random_{7};
  std::unique_ptr<control::Accounts> accounts_;
  std::array<std::string, 4> keys_;  // none, Anna's, Ben's, the operator's
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<app::LedgerAuditLog> audit_;
  std::unique_ptr<jobs::Queue> queue_;
  std::unique_ptr<jobs::Runner> runner_;
  std::unique_ptr<webhooks::Store> webhooks_;
  timeseries::ClickHouseClient clickhouse_{timeseries::Endpoint{}};
  std::unique_ptr<retention::Remover> remover_;
  std::unique_ptr<retention::Eraser> eraser_;
  query::CursorCodec cursors_{{1, 2, 3}};
  http::RouteTable routes_;
};

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::unique_ptr<Service> service;
  static int calls = 0;
  if (size == 0) return 0;
  if (calls++ % kCalls == 0) service.reset();
  if (!service) service = std::make_unique<Service>();
  std::string_view text = base::as_text({data + 1, size - 1});
  control::Call call;
  call.method = kMethods.at(data[0] % kMethods.size());
  call.target = next_line(text);
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.empty()) break;
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos) call.headers.add(line.substr(0, colon), line.substr(colon + 2));
  }
  call.body = text;
  service->call(std::move(call), data[0] / kMethods.size() % 4);
  return 0;
}
