#include "tests/simulation/fleet/world.hpp"

#include <algorithm>

#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {
namespace {

constexpr std::int64_t kLoaderMs = 3000;

}  // namespace

void World::come_to_rest() {
  note("all faults stop");
  quiet_ = true;
  network_.heal();
  receivers_.heal();
  service_.power_off_at(0);
  service_.look_after(1, true);
  if (!service_.whole()) throw Violation("I7: the server does not start any more");
  check_news();
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    devices_[i]->disk().disarm();
    devices_[i]->disk().power_off_at(0);
    boot(i);
    if (!devices_[i]->running()) throw Violation("I7: a device does not boot any more");
  }
  settle();
  service_.back_up();
  // What was removed from the devices is fetched again, by all of them: it must be there.
  for (std::size_t i = 0; i < devices_.size(); ++i) fetch_all(*devices_[i]);
  settle();
}

void World::fetch_all(Device& device) {
  auto recordings = device.store().recordings();
  if (!recordings) throw Violation("a device's recordings cannot be listed: " + recordings.error().text);
  for (const store::RecordingInfo& info : *recordings) {
    if (auto wanted = device.store().fetch(info.birth.rec_id); !wanted) throw Violation(wanted.error().text);
  }
}

void World::settle() {
  const std::int64_t until_ms = now_ms_ + kQuietMs;
  advance_to(now_ms_ + kLoaderMs);  // what is still under way may be bad news
  for (std::size_t i = 0; i < devices_.size(); ++i) wake_up(i);
  // What one device sends in a round the others hear of in the next.
  for (int round = 0; round < 3; ++round) {
    std::vector<std::int64_t> begun;
    for (const auto& device : devices_) {
      begun.push_back(device->monotonic_ms());
      device->give_all(sync::SyncNow{});
    }
    do {
      if (now_ms_ > until_ms) {
        throw Violation("I7: no rest within " + std::to_string(kQuietMs / 1000) + " s: " + unrest());
      }
      service_.load(false);
      tell();
      advance_to(std::max(next_ms().value_or(now_ms_), now_ms_ + kLoaderMs));
    } while (!all_quiet(begun));
  }
}

void World::wake_up(std::size_t i) {
  by_user(i, "stops rowing", [](Device& one) { return one.stop_rowing(); });
  by_user(i, "ends by hand", [](Device& one) { return one.end_by_hand(); });
  Device& device = *devices_[i];
  if (auto again = device.store().offer_refused_again(); !again) throw Violation(again.error().text);
  if (plan_.guests) sign_in(i);
  device.give_all(sync::NetworkUp{});
  device.give_all(sync::Resume{});
  for (std::size_t who = 0; who < device.athletes().size(); ++who) {
    device.give(who, sync::KeyChanged{device.athletes()[who]->key});
  }
  device.give_all(sync::DataAdded{});
}

bool World::is_quiet(Device& device) {
  if (device.awaits_reply()) return false;
  for (const Tenants::Tenant* athlete : device.athletes()) {
    auto wanted = device.store().wanted(athlete->label, 1);
    auto unverified = device.store().unverified(athlete->label, 1);
    if (!wanted || !unverified) throw Violation("I7: a healthy store cannot be read");
    if (!wanted->empty() || !unverified->empty()) return false;
  }
  auto outbox = device.store().status();
  if (!outbox) throw Violation("I7: a healthy store cannot be read");
  // An erased session's edits may be refused for ever: there is nothing left that they could change.
  const bool refused = outbox->refused_items > 0 && !plan_.erasing;
  return outbox->pending_items == 0 && outbox->open_rows == 0 && !refused;
}

bool World::all_quiet(const std::vector<std::int64_t>& since) {
  if (network_.next_ms()) return false;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    Device& device = *devices_[i];
    for (std::size_t who = 0; who < device.athletes().size(); ++who) {
      if (device.status(who).last_success_ms.value_or(-1) < since[i]) return false;
    }
    if (!is_quiet(device)) return false;
  }
  return true;
}

std::string World::refusals(Device& device) {
  auto refused = device.store().refused();
  if (!refused) return {};
  std::string text;
  for (const store::RefusedItem& item : *refused) {
    text += "; " + std::string(wire::name(item.kind)) + " of " + item.rec_id.text() + ": " + item.detail;
  }
  return text;
}

std::string World::unrest() {
  std::string text;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    Device& device = *devices_[i];
    const auto outbox = device.store().status();
    const auto count = [](const auto& list) { return list ? std::to_string(list->size()) : std::string("?"); };
    for (std::size_t who = 0; who < device.athletes().size(); ++who) {
      const sync::Status& status = device.status(who);
      const std::string& label = device.athletes()[who]->label;
      text += "\n    device " + std::to_string(i) + of(i, who) + " is " + std::string(sync::name(status.state)) + ": " +
              status.reason + "; wanted " + count(device.store().wanted(label, 100)) + ", unverified " +
              count(device.store().unverified(label, 100));
    }
    if (outbox) {
      text += "; pending " + std::to_string(outbox->pending_items) + ", open rows " +
              std::to_string(outbox->open_rows) + ", refused " + std::to_string(outbox->refused_items);
    }
    text += refusals(device);
  }
  return text;
}

}  // namespace boathouse::simulation
