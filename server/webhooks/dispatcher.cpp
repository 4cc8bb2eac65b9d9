#include "server/webhooks/dispatcher.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/json.hpp"
#include "core/base/planted.hpp"
#include "core/base/utc_time.hpp"
#include "server/webhooks/delivery.hpp"

namespace boathouse::webhooks {
namespace {

using base::Result;
using base::Status;

constexpr std::size_t kEventsAtATime = 200;
constexpr std::size_t kOrdersAtATime = 200;  // in one transaction: acknowledgements may share its lock
// What other nodes store wakes nobody here; and what failed is tried again.
constexpr std::chrono::milliseconds kLookEvery(1000);

}  // namespace

Message message_of(const ledger::Event& event, const std::string& epoch) {
  Message message;
  message.event_id = "msg_" + epoch + "_" + std::to_string(event.id);
  message.type = event.type;
  base::JsonWriter json(message.body);
  json.begin_object().key("type").value(event.type).key("timestamp").value(base::format_utc_ms(event.at_ms));
  json.end_object();
  message.body.insert(message.body.size() - 1, ",\"data\":" + event.data);  // an object that the ledger has written
  return message;
}

void Dispatcher::start() {
  thread_ = std::thread([this] { loop(); });
}

void Dispatcher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Dispatcher::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  wake_.notify_all();
}

void Dispatcher::loop() {
  bool well = true;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    woken_ = false;
    lock.unlock();
    const auto more = step();
    if (more.ok() != well) {
      well = more.ok();
      log_(well ? "events go to the webhooks again" : "events do not reach the webhooks: " + more.error().text);
    }
    lock.lock();
    if (!more || !*more) {
      // What fails is not asked more often than this.
      wake_.wait_for(lock, kLookEvery, [&] { return stopping_ || (woken_ && well); });
    }
  }
}

Status Dispatcher::recover() {
  const auto backlogs = store_.backlogs();
  if (!backlogs) {
    return backlogs.error();
  }
  const std::int64_t now_ms = clock_.utc_ms();
  std::vector<jobs::Order> orders;
  for (const Store::Backlog& backlog : *backlogs) {
    orders.push_back(Deliverer::order(backlog.endpoint, std::max(backlog.due_ms, now_ms)));
    if (orders.size() == kOrdersAtATime || &backlog == &backlogs->back()) {
      BOATHOUSE_TRY(runner_.add(orders));
      orders.clear();
    }
  }
  return {};
}

Status Dispatcher::recover_now_and_then() {
  const std::int64_t now_ms = clock_.monotonic_ms();
  if (recovered_ms_ && now_ms - *recovered_ms_ < kRecoverEveryMs) {
    return {};
  }
  BOATHOUSE_TRY(recover());
  recovered_ms_ = now_ms;
  return {};
}

Result<bool> Dispatcher::step() {
  BOATHOUSE_TRY(recover_now_and_then());
  const auto leads = ledger_.leads();
  if (!leads) {
    return leads.error();
  }
  if (!*leads) {
    return false;
  }
  const auto events = ledger_.events(kEventsAtATime);
  if (!events) {
    return events.error();
  }
  if (events->empty()) {
    return false;
  }
  if (base::planted(base::Plant::events_forgotten_first)) {
    BOATHOUSE_TRY(ledger_.events_told(events->back().id));
  }
  const std::string epoch = ledger_.epoch();
  std::vector<Store::News> news;
  for (const ledger::Event& event : *events) {
    news.push_back({event.athlete, message_of(event, epoch)});
  }
  const auto to_tell = store_.fan_out(news);
  if (!to_tell) {
    return to_tell.error();
  }
  std::vector<jobs::Order> orders;
  for (const base::Uuid& endpoint : *to_tell) {
    orders.push_back(Deliverer::order(endpoint, clock_.utc_ms()));
  }
  if (!orders.empty()) {
    BOATHOUSE_TRY(runner_.add(orders));
  }
  BOATHOUSE_TRY(ledger_.events_told(events->back().id));
  return events->size() == kEventsAtATime;
}

}  // namespace boathouse::webhooks
