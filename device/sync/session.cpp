#include "device/sync/session.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

namespace boathouse::sync {
namespace {

constexpr std::size_t kWantedTogether = 32;  // looked at; one is fetched at a time

}  // namespace

base::Status check_key(std::string_view key) {
  const auto is_visible_ascii = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!key.empty() && std::ranges::all_of(key, is_visible_ascii)) return {};
  return base::Error{base::ErrorCode::invalid_input, "the key must be printable ASCII without blanks"};
}

Session::Session(store::Store& store, base::Clock& clock, base::RandomSource& random, std::string key,
                 std::string athlete)
    : store_(store),
      clock_(clock),
      random_(random),
      engine_(make_engine(store.identity(), std::move(key), std::move(athlete))) {}

std::optional<Send> Session::take(Event event) {
  if (std::exchange(interrupted_, true)) {
    events_.clear();
    events_.push_back(resumption());
  }
  request_.reset();
  events_.push_back(std::move(event));
  handle_all();
  if (!busy() && is_left_behind()) {
    events_.emplace_back(DataAdded{});
    handle_all();
  }
  interrupted_ = false;
  return std::exchange(request_, std::nullopt);
}

void Session::handle_all() {
  while (!events_.empty()) {
    const Event next = std::move(events_.front());
    events_.pop_front();
    handle(next);
  }
}

// The session of another athlete of this store has met another history of the server: the receipts that it has
// forgotten were this one's, too.
bool Session::is_left_behind() const {
  if (engine_.epoch.empty()) return false;
  const auto known = store_.server_epoch();
  return known && *known != engine_.epoch;
}

void Session::handle(const Event& event) {
  Moment moment;
  moment.monotonic_ms = clock_.monotonic_ms();
  moment.utc_ms = clock_.utc_ms();
  std::array<std::uint8_t, 8> bytes{};
  random_.fill(bytes);
  moment.random = base::ByteReader(bytes).u64();
  const Status before = engine_.status;
  Step result = step(engine_, event, moment);  // a copy: what throws has changed nothing
  engine_ = std::move(result.state);
  for (Command& command : result.commands) {
    std::visit([this](auto& one) { execute(one); }, command);
  }
  // A log that cannot be written now must not keep anything from being synced.
  if (const auto run = log_.observe(event, before, engine_, moment.utc_ms)) {
    if (const auto id = store_.put_run(*run)) log_.written(*id);
  }
}

Event Session::resumption() const {
  constexpr const char* kInterrupted = "interrupted by an exception";
  if (engine_.phase == Phase::sending) return HttpFailed{engine_.next_request_id - 1, kInterrupted};
  return StoreFailed{{base::ErrorCode::internal, kInterrupted}};  // when nothing waits for it, it means nothing
}

base::Result<Loaded> Session::load(const Load& command) {
  const store::PendingQuery& query = command.query;
  auto outbox = store_.status();
  if (!outbox) return outbox.error();
  auto account = store_.account(query.athlete);
  if (!account) return account.error();
  auto items = store_.pending(query);
  if (!items) return items.error();
  auto wanted = store_.wanted(query.athlete, kWantedTogether);
  if (!wanted) return wanted.error();
  auto to_do = store_.to_do(query.athlete);
  if (!to_do) return to_do.error();
  Loaded work{std::move(*outbox), std::move(*account), std::move(*items), std::move(*wanted), {}, {}, *to_do, 0};
  if (work.items.empty()) {
    auto unverified = store_.unverified(query.athlete, wire::kMaxVerifyRecordings);
    if (!unverified) return unverified.error();
    work.unverified = std::move(*unverified);
  }
  if (command.max_ranges > 0) {
    auto ranges = store_.pending_ranges(query.athlete, command.max_ranges);
    if (!ranges) return ranges.error();
    work.ranges = std::move(*ranges);
  }
  if (work.to_do.oldest_pending_ms > 0) {
    work.oldest_age_s = std::max<std::int64_t>(clock_.utc_ms() - work.to_do.oldest_pending_ms, 0) / 1000;
  }
  return work;
}

void Session::execute(Load& command) {
  auto work = load(command);
  if (work) {
    events_.emplace_back(std::move(*work));
  } else {
    events_.emplace_back(StoreFailed{work.error()});
  }
}

void Session::stored(const base::Status& result) {
  if (result) {
    events_.emplace_back(Stored{});
  } else {
    events_.emplace_back(StoreFailed{result.error()});
  }
}

}  // namespace boathouse::sync
