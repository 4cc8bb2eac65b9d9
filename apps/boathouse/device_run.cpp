// `boathouse device run`: keeps a device synced, records if asked to, serves its page, and answers for its folder while
// it holds it.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>

#include "apps/boathouse/device_actions.hpp"
#include "apps/boathouse/device_commands.hpp"
#include "apps/boathouse/device_page.hpp"
#include "apps/boathouse/live_recording.hpp"
#include "apps/boathouse/output.hpp"
#include "core/base/base64.hpp"
#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "device/import/import.hpp"
#include "device/transport/sync_runner.hpp"
#include "server/http/problem.hpp"
#include "server/http/server.hpp"

namespace boathouse::app {
namespace {

using base::Error;
using base::ErrorCode;

class RunningDevice {
 public:
  base::Status start(const DeviceOptions& options, const SyncOptions& sync);
  // An error: what was recorded last could not be saved.
  base::Status stop(const std::string& folder);
  [[nodiscard]] const std::string& url() const { return door_.url; }

 private:
  base::Status add_routes(http::RouteTable& routes);
  base::Result<std::string> answer(const std::string& name, const http::Request& request);
  base::Result<std::string> sync_now(const std::string& seconds);
  [[nodiscard]] std::optional<http::Response> admit(const http::RequestHead& head) const;
  page::Controls controls(const std::string& folder);
  base::Status start_server(const DeviceOptions& options);
  void record();

  Device device_;
  Door door_;
  std::optional<transport::SyncRunner> runner_;
  std::thread syncing_;
  std::mutex mutex_;
  std::condition_variable status_changed_;
  std::optional<base::Uuid> rowing_;  // the recording that runs; under mutex_
  std::optional<page::Page> page_;
  Source source_;
  std::thread recording_;
  base::Status recorded_;  // of `recording_` until it is joined
  std::atomic<bool> stopped_{false};
  std::optional<http::Server> server_;
};

// The word in DIR/device.door, which only this user can read: no page in a browser and no other user gets in.
std::optional<http::Response> RunningDevice::admit(const http::RequestHead& head) const {
  const std::string* given = head.headers.find("Authorization");
  if (given != nullptr && *given == "Bearer " + door_.token) return std::nullopt;
  return http::problem_response(head, Error{ErrorCode::unauthenticated, "this is another user's device"});
}

// Waits until the engine has nothing left to do or cannot go on.
base::Result<std::string> RunningDevice::sync_now(const std::string& seconds) {
  const auto limit = std::chrono::seconds(std::clamp(std::atoi(seconds.c_str()), 1, 86'400));
  runner_->wake(true);
  std::unique_lock lock(mutex_);
  const auto settled = [this] {
    const sync::Status status = runner_->status();
    const auto outbox = device_.store->status();
    return status.state == sync::State::needs_auth ||
           (status.state == sync::State::up_to_date && outbox.ok() && outbox->pending_items == 0);
  };
  status_changed_.wait_for(lock, limit, settled);
  return sync_json(runner_->status());
}

base::Result<std::string> RunningDevice::answer(const std::string& name, const http::Request& request) {
  const std::string* question = http::find(request.query, "question");
  const auto text = question == nullptr ? base::Bytes{} : base::from_base64url(*question);
  if (!text) return text.error();
  const auto json = base::parse_json(base::as_text(*text));
  if (!json) return json.error();
  const auto field = [&](std::string_view key) {
    const base::JsonValue* value = json->find(key);
    return value == nullptr || value->text() == nullptr ? std::string() : *value->text();
  };
  if (name == "sync") return sync_now(field("argument"));
  auto result = perform(device_, {name, field("argument"), field("time_zone"), request.body, field("monitor")});
  runner_->wake();
  return result;
}

base::Status RunningDevice::add_routes(http::RouteTable& routes) {
  http::Route health;
  health.method = http::Method::get;
  health.pattern = "/healthz";
  health.name = "getHealth";
  health.handler = http::Handler(
      [](const http::Request&) { return http::make_response(200, "application/json", R"({"status":"ok"})"); });
  health.admission = http::Admission::probe;
  BOATHOUSE_TRY(routes.add(std::move(health)));

  http::Route route;
  route.method = http::Method::post;
  route.pattern = "/device/{action}";
  route.name = "askDevice";
  route.max_body_bytes = import::kMaxFile;
  route.admit = [this](http::RequestHead& head) { return admit(head); };
  route.handler = http::Handler([this](const http::Request& request) {
    auto result = answer(std::string(request.path_parameter("action")), request);
    if (!result) return device_problem(request, result.error());
    return http::make_response(200, "application/octet-stream", std::move(*result));
  });
  return routes.add(std::move(route));
}

base::Status RunningDevice::start(const DeviceOptions& options, const SyncOptions& sync) {
  BOATHOUSE_TRY(device_.open(options.data));
  transport::SyncRunnerOptions runner_options;
  runner_options.server = sync.server;
  runner_options.key = sync.key;
  runner_options.http.ca_file = sync.ca_file;
  runner_options.on_status = [this](const sync::Status&) {
    // Taking the lock closes the gap between a waiter's look and its sleep.
    { const std::lock_guard lock(mutex_); }
    status_changed_.notify_all();
  };
  auto runner = transport::SyncRunner::create(*device_.store, device_.clock, device_.random, std::move(runner_options));
  if (!runner) return runner.error();
  runner_.emplace(std::move(*runner));

  if (!options.record.empty()) BOATHOUSE_TRY(source_.open(options.record));
  BOATHOUSE_TRY(start_server(options));
  syncing_ = std::thread([this] { runner_->run(); });
  if (!options.record.empty()) recording_ = std::thread([this] { record(); });
  return base::Done{};
}

base::Status RunningDevice::start_server(const DeviceOptions& options) {
  std::array<std::uint8_t, 24> word{};
  device_.random.fill(word);
  door_.token = base::to_hex(word);
  page_.emplace(page::Tools{*device_.store, device_.clock, device_.ids}, controls(options.data));
  http::RouteTable routes;
  BOATHOUSE_TRY(add_routes(routes));
  BOATHOUSE_TRY(add_page_routes(routes, *page_));
  http::Options http_options;
  http_options.listen = options.listen;
  http_options.limits.body_bytes_in_flight = import::kMaxFile;
  http_options.limits.body_bytes_share = import::kMaxFile;  // there is one client
  server_.emplace(std::move(http_options), std::move(routes));
  const auto port = server_->start();
  if (!port) return port.error();
  door_.url = "http://" + options.listen.substr(0, options.listen.rfind(':')) + ":" + std::to_string(*port);
  return write_door(options.data, door_);
}

page::Controls RunningDevice::controls(const std::string& folder) {
  page::Controls controls;
  controls.status = [this] { return runner_->status(); };
  controls.sync_now = [this] { runner_->wake(true); };
  controls.pause = [this](bool paused) { runner_->pause(paused); };
  controls.sign_in = [this](const std::string& key) { return runner_->sign_in(key); };
  controls.data_added = [this] { runner_->wake(); };
  controls.rowing = [this] {
    const std::lock_guard lock(mutex_);
    return rowing_;
  };
  controls.disk_free_bytes = [folder] {
    std::error_code error;
    const auto space = std::filesystem::space(folder, error);
    return error ? ~std::uint64_t{0} : std::uint64_t{space.available};
  };
  return controls;
}

// The monitor's lines, beside the syncing: what is sealed goes out while the athlete still rows.
void RunningDevice::record() {
  constexpr std::int64_t kOfferMs = 5000;
  store::Recorder recorder(*device_.store, device_.clock, device_.ids, {});
  store::LineFeeder feeder(recorder);
  std::int64_t offered_ms = 0;
  const auto step = [&] {
    std::optional<base::Uuid> rowing;
    if (recorder.running()) rowing = recorder.recordings().back();
    const std::int64_t now = device_.clock.monotonic_ms();
    const std::lock_guard lock(mutex_);
    if (rowing_ == rowing && now - offered_ms < kOfferMs) return;
    rowing_ = rowing;
    offered_ms = now;
    runner_->wake();
  };
  recorded_ = record_live(
      source_, recorder, feeder, device_.clock, [this] { return stopped_.load(); }, step);
  if (!recorded_) say(recorded_.error().text);
  step();
}

base::Status RunningDevice::stop(const std::string& folder) {
  stopped_ = true;
  if (recording_.joinable()) recording_.join();
  remove_door(folder);
  server_->stop(std::chrono::seconds(10));
  runner_->stop();
  syncing_.join();
  return recorded_;
}

}  // namespace

int device_run(const DeviceOptions& options, const SyncOptions& sync) {
  // Blocked before any thread exists, so that sigwait is the only receiver.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  RunningDevice running;
  if (const auto started = running.start(options, sync); !started) {
    return started.error().code == ErrorCode::invalid_input ? wrong_use(started.error().text) : fail(started.error());
  }
  std::printf("listening on %s\n", running.url().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  return running.stop(options.data) ? kDone : kFailed;
}

}  // namespace boathouse::app
