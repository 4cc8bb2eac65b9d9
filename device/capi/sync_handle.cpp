#include "device/capi/sync_handle.hpp"

#include <utility>
#include <vector>

namespace boathouse::capi {
namespace {

constexpr std::int64_t kAfterExceptionMs = 1000;

}  // namespace

SyncHandle::SyncHandle(std::shared_ptr<Device> device, std::string key, std::string athlete,
                       const boathouse_callbacks& callbacks)
    : device_(std::move(device)),
      callbacks_(callbacks),
      session_(*device_->store, device_->clock, device_->random, std::move(key), std::move(athlete)) {}

void SyncHandle::post(sync::Event event) {
  {
    const std::lock_guard guard(mutex_);
    events_.push_back(std::move(event));
    if (std::exchange(working_, true)) return;
  }
  try {
    work();
  } catch (...) {
    callbacks_.wake(callbacks_.context, kAfterExceptionMs);
    const std::lock_guard guard(mutex_);
    working_ = false;
    throw;
  }
}

SyncHandle::Next SyncHandle::next(sync::Event& event) {
  const std::lock_guard guard(mutex_);
  if (!events_.empty()) {
    event = std::move(events_.front());
    events_.pop_front();
    return Next::event;
  }
  // Once for all that came; what the host tells from in there comes next.
  if (std::exchange(changed_, false)) return Next::show;
  working_ = false;
  return Next::nothing;
}

void SyncHandle::work() {
  for (;;) {
    sync::Event event;
    switch (next(event)) {
      case Next::event: {
        const bool was_tick = std::holds_alternative<sync::Tick>(event);
        const auto request = session_.take(std::move(event));
        publish(was_tick);
        if (request) send(*request);
        break;
      }
      case Next::show:
        if (callbacks_.status_changed != nullptr) callbacks_.status_changed(callbacks_.context);
        break;
      case Next::nothing:
        return;
    }
  }
}

void SyncHandle::publish(bool was_tick) {
  const sync::Status& now = session_.status();
  {
    const std::lock_guard guard(mutex_);
    changed_ = changed_ || !(shown_.status == now) || shown_.busy != session_.busy();
    shown_ = {now, session_.busy()};
  }
  // The timer of a tick is gone, even if it was too early.
  if (now.next_try_ms == told_wake_ms_ && !was_tick) return;
  told_wake_ms_ = now.next_try_ms;
  const std::int64_t in_ms =
      told_wake_ms_ ? std::max<std::int64_t>(*told_wake_ms_ - device_->clock.monotonic_ms(), 0) : -1;
  callbacks_.wake(callbacks_.context, in_ms);
}

void SyncHandle::send(const sync::Send& request) const {
  std::vector<boathouse_header> headers;
  headers.reserve(request.headers.size());
  for (const auto& [name, value] : request.headers) headers.push_back({name.c_str(), value.c_str()});
  boathouse_request given = BOATHOUSE_INIT(boathouse_request);
  given.id = request.request_id;
  given.method = request.method.c_str();
  given.path = request.path.c_str();
  given.headers = headers.data();
  given.header_count = headers.size();
  given.body = request.body.data();
  given.body_size = request.body.size();
  callbacks_.send(callbacks_.context, &given);
}

SyncHandle::Shown SyncHandle::shown() const {
  const std::lock_guard guard(mutex_);
  return shown_;
}

}  // namespace boathouse::capi
