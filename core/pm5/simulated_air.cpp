#include "core/pm5/simulated_air.hpp"

namespace boathouse::pm5 {

void AirModel::send(TimedNotification notification) {
  ++counts_.sent;
  // Drawn in any case, so that the fate of one notification does not change that of the next ones.
  const double fate_lost = random_.unit();
  const double fate_late = random_.unit();
  const double fate_repeated = random_.unit();
  const auto delay = static_cast<std::int64_t>(random_.unit() * static_cast<double>(air_.late_ms)) + 1;
  if (fate_lost < air_.lost) {
    ++counts_.lost;
    return;
  }
  if (fate_late < air_.late) {
    ++counts_.late;
    notification.at_ms += delay;
  }
  if (fate_repeated < air_.repeated) {
    ++counts_.repeated;
    TimedNotification copy = notification;
    copy.at_ms += 1;
    put(std::move(copy));
  }
  put(std::move(notification));
}

void AirModel::put(TimedNotification notification) {
  const std::pair key{notification.at_ms, next_++};
  under_way_.emplace(key, std::move(notification));
}

bool AirModel::receive(std::int64_t now_ms, TimedNotification& out) {
  if (under_way_.empty() || under_way_.begin()->first.first > now_ms) return false;
  out = std::move(under_way_.begin()->second);
  under_way_.erase(under_way_.begin());
  return true;
}

}  // namespace boathouse::pm5
