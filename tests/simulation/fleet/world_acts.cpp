#include "tests/simulation/fleet/world.hpp"

#include <array>
#include <vector>

#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {
namespace {

constexpr std::int64_t kTenYearsMs = std::int64_t{10} * 365 * 24 * 3600 * 1000;
constexpr std::size_t kMostDevices = 5;
constexpr std::uint64_t kManyPoints = 60;  // I/O points within which a planned fault strikes

}  // namespace

void World::act() {
  const std::size_t i = random_.below(devices_.size());
  Device& device = *devices_[i];
  if (!device.running() && chance(50)) boot(i);
  switch (random_.below(12)) {
    case 0:
    case 1:
    case 2:
      row(i);
      break;
    case 3:
      by_user(i, "begins by hand", [&](Device& one) {
        const auto who = somebody(i);
        return one.begin_by_hand(who, some_start_ms());
      });
      [[fallthrough]];
    case 4:
      by_user(i, "appends", [&](Device& one) { return one.append_by_hand(1 + random_.below(60)); });
      break;
    case 5:
      by_user(i, "ends by hand", [&](Device& one) { return one.end_by_hand(); });
      break;
    case 6:
      by_user(i, "imports", [&](Device& one) {
        const auto who = somebody(i);
        return one.import(who, some_start_ms(), 1 + random_.below(600));
      });
      break;
    case 7:
      edit(i);
      break;
    case 8:
      meddle(i);
      break;
    case 9:
      meddle_with_server();
      break;
    case 10:
      if (plan_.links) link(i);
      break;
    case 11:
      if (plan_.copies && devices_.size() < kMostDevices && chance(20)) copy(i);
      break;
    default:
      break;
  }
  if (plan_.small_cap && chance(30)) make_room(i);
  if (chance(50)) service_.load(plan_.loader_trouble && chance(30));
  tell();
  if (!service_.whole() && chance(40)) {
    service_.look_after(1, true);
    note("the server starts again");
    check_news();
  }
  advance_to(now_ms_ + static_cast<std::int64_t>(chance(10) ? random_.below(1'200'000) : random_.below(15'000)));
}

void World::row(std::size_t i) {
  if (devices_[i]->rowing() && chance(15)) {
    by_user(i, "stops rowing", [](Device& one) { return one.stop_rowing(); });
    return;
  }
  const auto& workout = stage_.workouts[i % stage_.workouts.size()];
  const auto who = somebody(i);
  by_user(i, "rows", [&](Device& one) { return one.row(who, workout, 1 + random_.below(80)); });
}

std::optional<base::Uuid> World::some_session(Device& device) {
  auto recordings = device.store().recordings();
  if (!recordings || recordings->empty()) return std::nullopt;
  return (*recordings)[random_.below(recordings->size())].birth.rec_id;
}

void World::edit(std::size_t i) {
  if (!devices_[i]->running()) return;
  const auto session = some_session(*devices_[i]);
  if (!session) return;
  rowing::Edit edit;
  edit.session = *session;
  switch (random_.below(plan_.erasing ? 5 : 3)) {
    case 0:
      edit.text = "title " + std::to_string(random_.below(100));
      break;
    case 1:
      edit.field = rowing::EditField::tag;
      edit.name = chance(50) ? "race" : "steady";
      edit.flag = chance(70);
      break;
    case 2:
      edit.field = rowing::EditField::notes;
      edit.text = "notes " + std::to_string(random_.below(100));
      break;
    case 3:
      edit.field = rowing::EditField::deleted;
      edit.flag = chance(70);
      break;
    default: {
      auto fields = devices_[i]->store().fields(*session);
      if (!fields || !fields->deleted) return;
      edit.field = rowing::EditField::purged;
      edit.flag = true;
      oracle_.erasing(*session);
      break;
    }
  }
  by_user(i, "edits", [&](Device& one) { return one.edit(edit); });
}

void World::make_room(std::size_t i) {
  by_user(i, "makes room", [&](Device& one) -> base::Status {
    auto freed = one.store().free_space(random_.below(20'000));
    if (!freed) return freed.error();
    if (*freed > 0) note(i, "freed " + std::to_string(*freed));
    if (!chance(20)) return {};
    const auto session = some_session(one);
    if (!session) return {};
    auto wanted = one.store().fetch(*session);
    return wanted ? base::Status() : base::Status(wanted.error());
  });
}

void World::meddle(std::size_t i) {
  Device& device = *devices_[i];
  switch (random_.below(6)) {
    case 0:
      if (!plan_.kills) return;
      note(i, "is killed");
      ++outcome_.deaths;
      device.kill();
      if (chance(70)) boot(i);
      return;
    case 1:
      if (!plan_.power_cuts) return;
      device.disk().power_off_at(1 + random_.below(kManyPoints));
      return;
    case 2:
      if (!plan_.bad_disks) return;
      if (chance(50)) return device.disk().disarm();
      device.disk().arm({.at = 1 + random_.below(kManyPoints),
                         .from_then_on = chance(50),
                         .error = chance(50) ? DiskError::io : DiskError::full});
      return;
    case 3:
      if (plan_.clock_jumps) {
        const auto jump = static_cast<std::int64_t>(random_.below(2 * kTenYearsMs)) - kTenYearsMs;
        const std::int64_t utc_ms = 1'700'000'000'000 + (chance(50) ? jump : jump % 600'000);
        if (chance(30)) {
          note("the server's clock is set to " + std::to_string(utc_ms));
          server_clock_.set_utc_ms(utc_ms);
        } else {
          device.set_clock(utc_ms);
        }
      }
      return;
    case 4:
      if (plan_.flapping) {
        if (chance(50)) {
          after(i, [&] { device.give_all(sync::NetworkDown{}); });
        } else {
          after(i, [&] { device.give_all(sync::NetworkUp{}); });
        }
      }
      return;
    default:
      if (plan_.guests && chance(50)) return sign_in(i);
      if (plan_.people) people(i);
      return;
  }
}

void World::link(std::size_t i) {
  if (!devices_[i]->running()) return;
  const auto a = some_session(*devices_[i]);
  const auto b = some_session(*devices_[i]);
  if (!a || !b) return;
  switch (random_.below(4)) {
    case 0:
    case 1:
      return by_user(i, "links", [&](Device& one) { return one.link(*a, *b); });
    case 2:
      return part(i);
    default:
      return answer(i);
  }
}

void World::part(std::size_t i) {
  auto sessions = devices_[i]->store().sessions();
  if (!sessions) return;
  std::erase_if(*sessions, [](const store::SessionInfo& one) { return one.recordings.size() < 2; });
  if (sessions->empty()) return;
  const auto& members = (*sessions)[random_.below(sessions->size())].recordings;
  const base::Uuid stays = members.front().birth.rec_id;
  const base::Uuid leaves = members[1 + random_.below(members.size() - 1)].birth.rec_id;
  by_user(i, "parts", [&](Device& one) { return one.unlink(stays, leaves); });
}

void World::answer(std::size_t i) {
  auto conflicts = devices_[i]->store().conflicts();
  if (!conflicts || conflicts->empty()) return;
  const std::string id = (*conflicts)[random_.below(conflicts->size())].id;
  constexpr std::array kAnswers{store::Answer::mine, store::Answer::theirs, store::Answer::both};
  const store::Answer answer = kAnswers[random_.below(kAnswers.size())];
  by_user(i, "answers", [&](Device& one) { return one.answer(id, answer); });
}

void World::copy(std::size_t i) {
  add_device(devices_[i]->athletes());
  note(i, "is copied");
  devices_.back()->copy_from(*devices_[i]);
  boot(devices_.size() - 1);
}

void World::people(std::size_t i) {
  const std::size_t who = some_athlete(i);
  after(i, [&] {
    Device& device = *devices_[i];
    switch (random_.below(6)) {
      case 0:
        return device.give(who, sync::Pause{});
      case 1:
        return device.give(who, sync::Resume{});
      case 2:
        return device.give(who, sync::KeyChanged{""});
      case 3:
        return device.give(who, sync::KeyChanged{device.athletes()[who]->key});
      default:
        return device.give(who, sync::SyncNow{});
    }
  });
}

void World::sign_in(std::size_t i) {
  if (!devices_[i]->running()) return;
  auto recordings = devices_[i]->store().recordings();
  if (!recordings) return;
  for (const store::RecordingInfo& info : *recordings) {
    if (info.athlete.empty()) oracle_.claiming(info.birth.rec_id);
  }
  by_user(i, "claims the guests'", [](Device& one) { return one.claim_guests(); });
  after(i, [&] {
    Device& device = *devices_[i];
    device.give(device.athletes().size() - 1, sync::KeyChanged{device.athletes().back()->key});
  });
}

void World::meddle_with_server() {
  if (chance(30)) {
    note("a backup");
    service_.back_up();
  }
  if (plan_.server_crashes && chance(30)) {
    service_.power_off();
    service_dies();
  }
  if (plan_.restores && chance(15) && service_.restore()) note("the server is set back to its backup");
}

}  // namespace boathouse::simulation
