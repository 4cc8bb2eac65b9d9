#include "device/transport/sync_runner.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include "device/transport/network.hpp"

namespace boathouse::transport {
namespace {

constexpr std::size_t kWantedTogether = 32;  // looked at; one is fetched at a time

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

base::Status check_key(std::string_view key) {
  if (!key.empty() && is_visible_ascii(key)) return {};
  return base::Error{base::ErrorCode::invalid_input, "the key must be printable ASCII without blanks"};
}

base::Status check(const SyncRunnerOptions& options) {
  const std::string_view url = options.server;
  if ((!url.starts_with("http://") && !url.starts_with("https://")) || !is_visible_ascii(url) ||
      url.find_first_of("?#") != std::string_view::npos) {
    return base::Error{base::ErrorCode::invalid_input,
                       "the server must be http://HOST:PORT or https://HOST, not \"" + options.server + "\""};
  }
  return check_key(options.key);
}

}  // namespace

struct SyncRunner::Impl {
  store::Store& store;
  base::Clock& clock;
  base::RandomSource& random;
  SyncRunnerOptions options;
  HttpClient http;
  // Of the running thread.
  sync::EngineState engine;
  std::deque<sync::Event> events;
  std::optional<std::int64_t> wake_ms;
  // Shared.
  mutable std::mutex mutex;
  std::condition_variable changed;
  sync::Status status;
  bool stopped = false;
  bool data_added = false;
  bool asked_by_person = false;
  std::optional<bool> pause_wanted;
  std::optional<std::string> new_key;

  void handle(const sync::Event& event);
  void handle_all();
  base::Result<sync::Loaded> load(const sync::Load& command);
  void stored(const base::Status& result);
  void execute(sync::Load& command);
  void execute(sync::Send& command);
  void execute(sync::StoreHello& command) { stored(store.take_hello(engine.athlete, command.reply)); }
  void execute(sync::StoreChanges& command) {
    stored(store.take_changes(engine.athlete, command.since, command.reply));
  }
  void execute(sync::StoreAcks& command) { stored(store.acknowledge(command.epoch, command.answers)); }
  void execute(sync::StoreBody& command) { stored(store.take_body(command.id, command.body)); }
  void execute(sync::StoreGivenUp& command) { stored(store.give_up_fetching(command.id)); }
  void execute(sync::StoreVerified& command) {
    stored(store.take_verified(command.epoch, command.verified, command.offer_again));
  }
  void execute(sync::WaitUntil& command) { wake_ms = command.monotonic_ms; }
  void execute(sync::StatusChanged& command);
  bool is_stopped() const {
    const std::lock_guard guard(mutex);
    return stopped;
  }
  // Until something happens, wake_ms or `limit_ms`; adds the events of what happened.
  void wait(std::optional<std::int64_t> limit_ms);
};

base::Result<sync::Loaded> SyncRunner::Impl::load(const sync::Load& command) {
  const store::PendingQuery& query = command.query;
  auto outbox = store.status();
  if (!outbox) return outbox.error();
  auto account = store.account(query.athlete);
  if (!account) return account.error();
  auto items = store.pending(query);
  if (!items) return items.error();
  auto wanted = store.wanted(query.athlete, kWantedTogether);
  if (!wanted) return wanted.error();
  auto unverified = store.unverified(query.athlete, wire::kMaxVerifyRecordings);
  if (!unverified) return unverified.error();
  sync::Loaded work{
      std::move(*outbox), std::move(*account), std::move(*items), std::move(*wanted), std::move(*unverified), {}, 0};
  if (command.max_ranges > 0) {
    auto ranges = store.pending_ranges(query.athlete, command.max_ranges);
    if (!ranges) return ranges.error();
    work.ranges = std::move(*ranges);
  }
  if (work.outbox.oldest_pending_ms > 0) {
    work.oldest_age_s = std::max<std::int64_t>(clock.utc_ms() - work.outbox.oldest_pending_ms, 0) / 1000;
  }
  return work;
}

void SyncRunner::Impl::execute(sync::Load& command) {
  auto work = load(command);
  if (work) {
    events.emplace_back(std::move(*work));
  } else {
    events.emplace_back(sync::StoreFailed{work.error()});
  }
}

void SyncRunner::Impl::stored(const base::Status& result) {
  if (result) {
    events.emplace_back(sync::Stored{});
  } else {
    events.emplace_back(sync::StoreFailed{result.error()});
  }
}

void SyncRunner::Impl::execute(sync::Send& command) {
  auto reply = http.request(command.method, options.server + command.path, command.headers, command.body);
  if (reply) {
    events.emplace_back(
        sync::HttpResponse{command.request_id, reply->status, std::move(reply->headers), std::move(reply->body)});
  } else {
    events.emplace_back(sync::HttpFailed{command.request_id, reply.error().text, !has_network_to(options.server)});
  }
}

void SyncRunner::Impl::execute(sync::StatusChanged& command) {
  {
    const std::lock_guard guard(mutex);
    status = command.status;
  }
  if (options.on_status) options.on_status(command.status);
}

void SyncRunner::Impl::handle(const sync::Event& event) {
  sync::Moment moment;
  moment.monotonic_ms = clock.monotonic_ms();
  std::array<std::uint8_t, 8> bytes{};
  random.fill(bytes);
  moment.random = base::ByteReader(bytes).u64();
  sync::Step step = sync::step(std::move(engine), event, moment);
  engine = std::move(step.state);
  wake_ms = engine.status.next_try_ms;
  for (sync::Command& command : step.commands) {
    std::visit([this](auto& one) { execute(one); }, command);
  }
}

void SyncRunner::Impl::handle_all() {
  while (!events.empty() && !is_stopped()) {
    const sync::Event event = std::move(events.front());
    events.pop_front();
    handle(event);
  }
}

void SyncRunner::Impl::wait(std::optional<std::int64_t> limit_ms) {
  std::optional<std::int64_t> until = wake_ms;
  if (limit_ms) until = until ? std::min(*until, *limit_ms) : *limit_ms;
  std::unique_lock lock(mutex);
  const auto happened = [this] { return stopped || data_added || asked_by_person || pause_wanted || new_key; };
  if (until) {
    const std::int64_t ms = std::max<std::int64_t>(*until - clock.monotonic_ms(), 0);
    changed.wait_for(lock, std::chrono::milliseconds(ms), happened);
  } else {
    changed.wait(lock, happened);
  }
  if (const auto wanted = std::exchange(pause_wanted, std::nullopt)) {
    events.emplace_back(*wanted ? sync::Event(sync::Pause{}) : sync::Event(sync::Resume{}));
  }
  if (auto key = std::exchange(new_key, std::nullopt)) events.emplace_back(sync::KeyChanged{std::move(*key)});
  if (std::exchange(data_added, false)) events.emplace_back(sync::DataAdded{});
  if (std::exchange(asked_by_person, false)) events.emplace_back(sync::SyncNow{});
  events.emplace_back(sync::Tick{});
}

base::Result<SyncRunner> SyncRunner::create(store::Store& store, base::Clock& clock, base::RandomSource& random,
                                            SyncRunnerOptions options) {
  while (options.server.ends_with('/')) options.server.pop_back();
  BOATHOUSE_TRY(check(options));
  auto engine = sync::make_engine(store.identity(), options.key, options.athlete);
  HttpClient http(options.http);
  return SyncRunner(std::unique_ptr<Impl>(new Impl{store,
                                                   clock,
                                                   random,
                                                   std::move(options),
                                                   std::move(http),
                                                   std::move(engine),
                                                   {},
                                                   {},
                                                   {},
                                                   {},
                                                   {},
                                                   false,
                                                   false,
                                                   false,
                                                   {},
                                                   {}}));
}

SyncRunner::SyncRunner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SyncRunner::SyncRunner(SyncRunner&&) noexcept = default;
SyncRunner& SyncRunner::operator=(SyncRunner&&) noexcept = default;
SyncRunner::~SyncRunner() = default;

sync::Status SyncRunner::drain(const DrainLimits& limits) {
  const std::int64_t deadline = impl_->clock.monotonic_ms() + limits.deadline_ms;
  impl_->events.emplace_back(sync::Start{});
  impl_->events.emplace_back(sync::SyncNow{});
  for (;;) {
    impl_->handle_all();
    const sync::Status& now = impl_->engine.status;
    const bool waits = now.state == sync::State::waiting || now.state == sync::State::offline;
    const bool pauses = waits && now.next_try_ms.has_value() && *now.next_try_ms <= deadline &&
                        now.consecutive_failures < limits.max_failures;
    if (impl_->is_stopped() || !pauses) return now;
    impl_->wait(deadline);
    if (impl_->clock.monotonic_ms() > deadline) return impl_->engine.status;
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
  BOATHOUSE_TRY(check_key(key));
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
