#include "device/transport/sync_runner.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "device/sync/session.hpp"
#include "device/transport/network.hpp"

namespace boathouse::transport {
namespace {

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

base::Status check(const SyncRunnerOptions& options) {
  const std::string_view url = options.server;
  if ((!url.starts_with("http://") && !url.starts_with("https://")) || !is_visible_ascii(url) ||
      url.find_first_of("?#") != std::string_view::npos) {
    return base::Error{base::ErrorCode::invalid_input,
                       "the server must be http://HOST:PORT or https://HOST, not \"" + options.server + "\""};
  }
  return sync::check_key(options.key);
}

}  // namespace

struct SyncRunner::Impl {
  base::Clock& clock;
  SyncRunnerOptions options;
  HttpClient http;
  // Of the running thread.
  sync::Session session;
  std::deque<sync::Event> events;
  // Shared.
  mutable std::mutex mutex;
  std::condition_variable changed;
  sync::Status status;
  bool stopped = false;
  bool data_added = false;
  bool asked_by_person = false;
  std::optional<bool> pause_wanted;
  std::optional<std::string> new_key;

  void handle_all();
  sync::Event send(const sync::Send& request);
  void show_status();
  bool is_stopped() const {
    const std::lock_guard guard(mutex);
    return stopped;
  }
  // Adds the events of what others asked for. Under the mutex.
  void collect();
  // Until something happens, the next try is due or `limit_ms`; adds the events of what happened.
  void wait(std::optional<std::int64_t> limit_ms);
};

sync::Event SyncRunner::Impl::send(const sync::Send& request) {
  auto reply = http.request(request.method, options.server + request.path, request.headers, request.body);
  if (!reply) return sync::HttpFailed{request.request_id, reply.error().text, !has_network_to(options.server)};
  return sync::HttpResponse{request.request_id, reply->status, std::move(reply->headers), std::move(reply->body)};
}

void SyncRunner::Impl::show_status() {
  const sync::Status& now = session.status();
  {
    const std::lock_guard guard(mutex);
    if (status == now) return;
    status = now;
  }
  if (options.on_status) options.on_status(now);
}

void SyncRunner::Impl::handle_all() {
  while (!is_stopped()) {
    std::optional<sync::Send> request;  // the engine has one in flight at a time
    while (!events.empty()) {
      sync::Event event = std::move(events.front());
      events.pop_front();
      if (auto one = session.take(std::move(event))) request = std::move(one);
    }
    show_status();
    if (!request || is_stopped()) return;
    events.push_back(send(*request));
    const std::lock_guard guard(mutex);
    collect();
  }
}

void SyncRunner::Impl::collect() {
  if (const auto wanted = std::exchange(pause_wanted, std::nullopt)) {
    events.emplace_back(*wanted ? sync::Event(sync::Pause{}) : sync::Event(sync::Resume{}));
  }
  if (auto key = std::exchange(new_key, std::nullopt)) events.emplace_back(sync::KeyChanged{std::move(*key)});
  if (std::exchange(asked_by_person, false)) events.emplace_back(sync::SyncNow{});
  if (std::exchange(data_added, false)) events.emplace_back(sync::DataAdded{});
}

void SyncRunner::Impl::wait(std::optional<std::int64_t> limit_ms) {
  std::optional<std::int64_t> until = session.status().next_try_ms;
  if (limit_ms) until = until ? std::min(*until, *limit_ms) : *limit_ms;
  std::unique_lock lock(mutex);
  const auto happened = [this] { return stopped || data_added || asked_by_person || pause_wanted || new_key; };
  if (until) {
    const std::int64_t ms = std::max<std::int64_t>(*until - clock.monotonic_ms(), 0);
    changed.wait_for(lock, std::chrono::milliseconds(ms), happened);
  } else {
    changed.wait(lock, happened);
  }
  collect();
  events.emplace_back(sync::Tick{});
}

base::Result<SyncRunner> SyncRunner::create(store::Store& store, base::Clock& clock, base::RandomSource& random,
                                            SyncRunnerOptions options) {
  while (options.server.ends_with('/')) options.server.pop_back();
  BOATHOUSE_TRY(check(options));
  sync::Session session(store, clock, random, options.key, options.athlete);
  HttpClient http(options.http);
  return SyncRunner(std::unique_ptr<Impl>(new Impl{
      clock, std::move(options), std::move(http), std::move(session), {}, {}, {}, {}, false, false, false, {}, {}}));
}

SyncRunner::SyncRunner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SyncRunner::SyncRunner(SyncRunner&&) noexcept = default;
SyncRunner& SyncRunner::operator=(SyncRunner&&) noexcept = default;
SyncRunner::~SyncRunner() = default;

sync::Status SyncRunner::drain(const DrainLimits& limits) {
  const std::int64_t deadline = impl_->clock.monotonic_ms() + limits.deadline_ms;
  std::optional<std::int64_t> counted_by;
  impl_->events.emplace_back(sync::SyncNow{});
  impl_->events.emplace_back(sync::Start{});
  for (;;) {
    impl_->handle_all();
    const sync::Status& now = impl_->session.status();
    const bool waits = now.state == sync::State::waiting || now.state == sync::State::offline;
    const bool counts = now.state == sync::State::up_to_date && now.uncounted > 0;
    if (counts && !counted_by) counted_by = std::min(deadline, impl_->clock.monotonic_ms() + limits.count_ms);
    const bool pauses = (waits || counts) && now.next_try_ms.has_value() &&
                        *now.next_try_ms <= (counts ? *counted_by : deadline) &&
                        now.consecutive_failures < limits.max_failures;
    if (impl_->is_stopped() || !pauses) return now;
    impl_->wait(deadline);
    if (impl_->clock.monotonic_ms() > deadline) return impl_->session.status();
  }
}

void SyncRunner::run() {
  impl_->events.emplace_back(sync::Start{});
  while (!impl_->is_stopped()) {
    impl_->handle_all();
    if (!impl_->is_stopped()) impl_->wait(std::nullopt);
  }
}

void SyncRunner::stop() {
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->stopped = true;
  }
  impl_->http.cancel();
  impl_->changed.notify_all();
}

void SyncRunner::wake(bool by_person) {
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->data_added = true;
    impl_->asked_by_person = impl_->asked_by_person || by_person;
  }
  impl_->changed.notify_all();
}

void SyncRunner::pause(bool paused) {
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->pause_wanted = paused;
  }
  impl_->changed.notify_all();
}

base::Status SyncRunner::sign_in(std::string key) {
  BOATHOUSE_TRY(sync::check_key(key));
  {
    const std::lock_guard guard(impl_->mutex);
    impl_->new_key = std::move(key);
  }
  impl_->changed.notify_all();
  return {};
}

sync::Status SyncRunner::status() const {
  const std::lock_guard guard(impl_->mutex);
  return impl_->status;
}

}  // namespace boathouse::transport
