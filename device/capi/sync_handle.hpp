// A sync of the C ABI: the engine's session with the host's callbacks. Whichever thread brings an event does the work
// of all that have come; the others leave theirs and go.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "device/capi/bridge.hpp"
#include "device/sync/session.hpp"

namespace boathouse::capi {

class SyncHandle {
 public:
  SyncHandle(std::shared_ptr<Device> device, std::string key, std::string athlete,
             const boathouse_callbacks& callbacks);

  // Any thread, callbacks included. Throws what the session throws; then the host is to be woken soon.
  void post(sync::Event event);

  struct Shown {
    sync::Status status;
    bool busy = false;
  };
  [[nodiscard]] Shown shown() const;
  [[nodiscard]] Device& device() const { return *device_; }

 private:
  enum class Next : std::uint8_t { event, show, nothing };

  void work();
  // `nothing`: this thread works no longer.
  Next next(sync::Event& event);
  void publish(bool was_tick);
  void send(const sync::Send& request) const;

  const std::shared_ptr<Device> device_;
  const boathouse_callbacks callbacks_;
  // Of the thread that works.
  sync::Session session_;
  std::optional<std::int64_t> told_wake_ms_;
  // Shared.
  mutable std::mutex mutex_;
  std::deque<sync::Event> events_;
  bool working_ = false;
  bool changed_ = false;  // and not yet told
  Shown shown_;
};

}  // namespace boathouse::capi

struct boathouse_sync {
  boathouse::capi::SyncHandle handle;
};
