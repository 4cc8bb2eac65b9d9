#include "tests/simulation/fleet/fleet.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "core/base/sha256.hpp"
#include "core/pm5/simulated_monitor.hpp"
#include "tests/simulation/fleet/feed.hpp"
#include "tests/simulation/fleet/told.hpp"
#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {
namespace {

constexpr std::int64_t kTenYearsMs = std::int64_t{10} * 365 * 24 * 3600 * 1000;
constexpr std::int64_t kLoaderMs = 3000;
constexpr std::size_t kMostDevices = 5;
constexpr std::uint64_t kManyPoints = 60;  // I/O points within which a planned fault strikes

class Fleet {
 public:
  Fleet(std::uint64_t seed, Stage& stage, const std::function<void(const std::string&)>& tell)
      : stage_(stage),
        tell_(tell),
        random_(seed),
        plan_(Plan::draw(random_, seed)),
        server_clock_(1'700'000'000'000, 77),
        service_seed_(random_.below(1'000'000)),
        receivers_(seed, stage.tenants.athlete(0).athlete, stage.tenants.athlete(1).athlete),
        service_(service_seed_, stage.databases(service_seed_), server_clock_, stage.tenants,
                 plan_.webhooks ? &receivers_ : nullptr),
        network_(random_.u64(), plan_) {
    const std::size_t count = plan_.devices + (plan_.stranger ? 1 : 0);
    for (std::size_t i = 0; i < count; ++i) add_device(athletes_of(i));
  }

  Outcome run() {
    try {
      for (std::size_t i = 0; i < devices_.size(); ++i) boot(i);
      for (std::size_t turn = 0; turn < plan_.turns; ++turn) {
        act();
        if (turn % 8 == 0) check();
      }
      come_to_rest();
      oracle_.check_quiet(service_, devices_);
      tell_the_rest();
      for (const auto& state : *service_.ledger().recordings(std::nullopt, std::nullopt, 100'000)) {
        for (const auto& stream : state.streams) outcome_.records += stream.records;
      }
    } catch (const Violation& violation) {
      outcome_.violation = violation.what();
    } catch (const std::exception& failure) {
      outcome_.violation = std::string("the simulation itself failed: ") + failure.what();
    }
    outcome_.network_faults = network_.faults();
    outcome_.virtual_ms = now_ms_;
    return outcome_;
  }

 private:
  // The first device is the one that is shared, where one is. Of two, the other may be the first athlete's alone.
  Device::Athletes athletes_of(std::size_t device) {
    const Tenants& tenants = stage_.tenants;
    if (device >= plan_.devices) return {&tenants.athlete(1)};  // the stranger, or another device of the second one
    Device::Athletes athletes;
    const bool shared = plan_.athletes > 1 && (device == 0 || chance(50));
    for (std::size_t n = 0; n < (shared ? plan_.athletes : 1); ++n) athletes.push_back(&tenants.athlete(n));
    return athletes;
  }

  void add_device(Device::Athletes athletes) {
    const std::size_t i = devices_.size();
    const auto deliver = [this, i](std::size_t athlete, sync::Send request) {
      ++outcome_.requests;
      note(i, request.method + " " + request.path + of(i, athlete));
      network_.send(now_ms_, i, athlete, devices_[i]->process(), std::move(request));
    };
    devices_.push_back(std::make_unique<Device>(random_.below(1'000'000), std::move(athletes), deliver));
    start_.push_back(devices_[i]->monotonic_ms() - now_ms_);
  }

  [[nodiscard]] std::string of(std::size_t i, std::size_t athlete) const {
    const Device::Athletes& athletes = devices_[i]->athletes();
    return athletes.size() > 1 ? " of " + athletes[athlete]->label : "";
  }

  // Nothing is drawn where there is no choice.
  std::size_t some_athlete(std::size_t i) {
    const std::size_t count = devices_[i]->athletes().size();
    return count > 1 ? random_.below(count) : 0;
  }

  // Who rows or imports.
  Device::Who somebody(std::size_t i) {
    if (plan_.guests && chance(30)) return std::nullopt;
    return some_athlete(i);
  }

  bool chance(std::uint64_t percent) { return random_.below(100) < percent; }

  void note(std::size_t device, const std::string& what) { note("device " + std::to_string(device) + ": " + what); }
  void note(const std::string& what) {
    for (const char c : what) outcome_.digest = (outcome_.digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    if (tell_) tell_(std::to_string(now_ms_) + " " + what);
  }

  // Webhooks are called.
  void tell() {
    if (!plan_.webhooks || !service_.up()) return;
    const bool may_die = plan_.server_crashes && !quiet_;
    if (may_die && chance(15)) {
      note("the server's power goes with some write for its webhooks");
      service_.power_off_at(1 + random_.below(60));
    }
    if (may_die && chance(10)) service_.fail_at(1 + random_.below(40));
    service_.tell(may_die && chance(5));
    service_.fail_at(0);
    service_dies();
    check_news();
  }

  void check_news() {
    if (!plan_.webhooks || !service_.up()) return;
    const auto may_be_gone = [this](const base::Uuid& session) { return oracle_.may_be_gone(session); };
    told_.check_news(service_, receivers_, may_be_gone);
  }

  // Receivers are well again: all that waits for its time is told.
  void tell_the_rest() {
    if (!plan_.webhooks) return;
    constexpr std::int64_t kStepMs = 600'000;
    constexpr std::int64_t kMostMs = std::int64_t{100} * 3'600'000;
    for (std::int64_t ms = 0; read(service_.webhooks()->waiting(), "the webhooks") > 0; ms += kStepMs) {
      if (ms > kMostMs) throw Violation("I14: webhooks wait for ever:" + service_.webhooks()->unrest());
      server_clock_.advance_ms(kStepMs);
      tell();
    }
    const auto may_be_gone = [this](const base::Uuid& session) { return oracle_.may_be_gone(session); };
    told_.check_all(service_, receivers_, may_be_gone);
  }

  void check() {
    for (const auto& device : devices_) oracle_.check_device(*device);
    if (!oracle_.check_server(service_)) return;
    for (const auto& device : devices_) {
      oracle_.check_safety(service_, *device);
      oracle_.check_owners(*device);
    }
  }

  // --- Time ---

  [[nodiscard]] std::optional<std::int64_t> next_ms() const {
    std::optional<std::int64_t> next = network_.next_ms();
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      if (const auto due = devices_[i]->next_ms()) {
        const std::int64_t at = std::max(*due - start_[i], now_ms_);
        next = next ? std::min(*next, at) : at;
      }
    }
    return next;
  }

  void pass_to(std::int64_t then_ms) {
    const std::int64_t ms = std::max<std::int64_t>(then_ms - now_ms_, 0);
    now_ms_ += ms;
    server_clock_.advance_ms(ms);
    for (const auto& device : devices_) device->pass(ms);
  }

  // Whatever is due by then happens, in order.
  void advance_to(std::int64_t until_ms) {
    while (const auto next = next_ms()) {
      if (*next > until_ms) break;
      pass_to(*next);
      while (auto delivery = network_.take(now_ms_)) deliver(std::move(*delivery));
      for (std::size_t i = 0; i < devices_.size(); ++i) {
        const auto due = devices_[i]->next_ms();
        if (due && *due - start_[i] <= now_ms_) after(i, [&] { devices_[i]->tick(); });
      }
    }
    pass_to(until_ms);
    for (std::size_t i = 0; i < devices_.size(); ++i) after(i, [&] { devices_[i]->tick(); });
  }

  void deliver(Delivery delivery) {
    const std::size_t i = delivery.device;
    if (delivery.kind == Delivery::Kind::request) {
      if (plan_.server_crashes && !quiet_ && chance(5)) {
        note("the server's power goes with some write");
        service_.power_off_at(1 + random_.below(12));
      }
      if (plan_.server_crashes && !quiet_ && chance(5)) {
        note("the server's disk fails once");
        service_.fail_at(1 + random_.below(12));
      }
      auto response = service_.call(delivery.request);
      service_.fail_at(0);
      const std::uint64_t before = outcome_.deaths;
      service_dies();
      note("server: " + delivery.request.path + " -> " + (response ? std::to_string(response->status) : "nothing"));
      // It had done it, and did not come to say so.
      if (outcome_.deaths == before && plan_.server_crashes && !quiet_ && chance(4)) {
        note("the server dies before it answers");
        service_.power_off();
        service_dies();
        response.reset();
      }
      network_.answer(now_ms_, delivery, response);
      return;
    }
    Device& device = *devices_[i];
    if (!device.running() || delivery.connection != device.process()) return;
    after(i, [&] {
      if (delivery.kind == Delivery::Kind::response) {
        note(i, "hears " + std::to_string(delivery.response.status) + of(i, delivery.athlete));
        if (tell_) tell_("    " + delivery.response.body.substr(0, 2000));
        device.give(delivery.athlete, std::move(delivery.response));
      } else {
        note(i, "hears nothing" + of(i, delivery.athlete));
        device.give(delivery.athlete, sync::HttpFailed{delivery.response.request_id, delivery.error});
      }
    });
  }

  void service_dies() {
    const bool was_up = service_.up();
    service_.look_after(random_.u64() % 8, false);
    if (was_up && !service_.up()) {
      ++outcome_.deaths;
      note("the server has died");
    }
  }

  // A device did something: its power may have gone with one of its writes.
  template <typename Work>
  void after(std::size_t i, Work work) {
    if (!devices_[i]->running()) return;
    work();
    if (devices_[i]->dies_if_powerless(random_.u64() % 8)) {
      ++outcome_.deaths;
      note(i, "has lost its power");
    }
  }

  // A user's doing; whatever came of it, the outbox may have grown.
  template <typename Work>
  void by_user(std::size_t i, const char* what, Work work) {
    after(i, [&] {
      const base::Status done = work(*devices_[i]);
      note(i, std::string(what) + (done ? "" : ": " + done.error().text));
      if (devices_[i]->running() && devices_[i]->disk().powered()) devices_[i]->give_all(sync::DataAdded{});
    });
  }

  void boot(std::size_t i) {
    if (devices_[i]->running()) return;
    devices_[i]->dies_if_powerless(random_.u64() % 8);  // it went when the process was killed
    const base::Status booted = devices_[i]->boot();
    note(i, booted ? "boots" : "does not boot: " + booted.error().text);
    if (devices_[i]->dies_if_powerless(random_.u64() % 8)) {
      ++outcome_.deaths;
      note(i, "has lost its power while it booted");
    }
  }

  // --- One turn ---

  void act() {
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

  // Few moments, so that some sessions begin at the same one.
  std::int64_t some_start_ms() { return 1'700'000'000'000 + static_cast<std::int64_t>(random_.below(4)) * 3'600'000; }

  void row(std::size_t i) {
    if (devices_[i]->rowing() && chance(15)) {
      by_user(i, "stops rowing", [](Device& one) { return one.stop_rowing(); });
      return;
    }
    const auto& workout = stage_.workouts[i % stage_.workouts.size()];
    const auto who = somebody(i);
    by_user(i, "rows", [&](Device& one) { return one.row(who, workout, 1 + random_.below(80)); });
  }

  std::optional<base::Uuid> some_session(Device& device) {
    auto recordings = device.store().recordings();
    if (!recordings || recordings->empty()) return std::nullopt;
    return (*recordings)[random_.below(recordings->size())].birth.rec_id;
  }

  void edit(std::size_t i) {
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

  void make_room(std::size_t i) {
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

  void meddle(std::size_t i) {
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
          device.set_clock(1'700'000'000'000 + (chance(50) ? jump : jump % 600'000));
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

  void link(std::size_t i) {
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

  void part(std::size_t i) {
    auto sessions = devices_[i]->store().sessions();
    if (!sessions) return;
    std::erase_if(*sessions, [](const store::SessionInfo& one) { return one.recordings.size() < 2; });
    if (sessions->empty()) return;
    const auto& members = (*sessions)[random_.below(sessions->size())].recordings;
    const base::Uuid stays = members.front().birth.rec_id;
    const base::Uuid leaves = members[1 + random_.below(members.size() - 1)].birth.rec_id;
    by_user(i, "parts", [&](Device& one) { return one.unlink(stays, leaves); });
  }

  void answer(std::size_t i) {
    auto conflicts = devices_[i]->store().conflicts();
    if (!conflicts || conflicts->empty()) return;
    const std::string id = (*conflicts)[random_.below(conflicts->size())].id;
    constexpr std::array kAnswers{store::Answer::mine, store::Answer::theirs, store::Answer::both};
    const store::Answer answer = kAnswers[random_.below(kAnswers.size())];
    by_user(i, "answers", [&](Device& one) { return one.answer(id, answer); });
  }

  void copy(std::size_t i) {
    add_device(devices_[i]->athletes());
    note(i, "is copied");
    devices_.back()->copy_from(*devices_[i]);
    boot(devices_.size() - 1);
  }

  void people(std::size_t i) {
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

  // Of the last athlete, who says that what the guests recorded is theirs.
  void sign_in(std::size_t i) {
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

  void meddle_with_server() {
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

  // --- The end ---

  // No faults any more, everybody is at home.
  void come_to_rest() {
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

  void fetch_all(Device& device) {
    auto recordings = device.store().recordings();
    if (!recordings) throw Violation("a device's recordings cannot be listed: " + recordings.error().text);
    for (const store::RecordingInfo& info : *recordings) {
      if (auto wanted = device.store().fetch(info.birth.rec_id); !wanted) throw Violation(wanted.error().text);
    }
  }

  // Everybody signs in and syncs, until nobody has anything left to do.
  void settle() {
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

  void wake_up(std::size_t i) {
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

  bool is_quiet(Device& device) {
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

  // Nobody has anything to do, and all of them had a good answer since.
  bool all_quiet(const std::vector<std::int64_t>& since) {
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

  static std::string refusals(Device& device) {
    auto refused = device.store().refused();
    if (!refused) return {};
    std::string text;
    for (const store::RefusedItem& item : *refused) {
      text += "; " + std::string(wire::name(item.kind)) + " of " + item.rec_id.text() + ": " + item.detail;
    }
    return text;
  }

  // How all of them stand.
  std::string unrest() {
    std::string text;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      Device& device = *devices_[i];
      const auto outbox = device.store().status();
      const auto count = [](const auto& list) { return list ? std::to_string(list->size()) : std::string("?"); };
      for (std::size_t who = 0; who < device.athletes().size(); ++who) {
        const sync::Status& status = device.status(who);
        const std::string& label = device.athletes()[who]->label;
        text += "\n    device " + std::to_string(i) + of(i, who) + " is " + std::string(sync::name(status.state)) +
                ": " + status.reason + "; wanted " + count(device.store().wanted(label, 100)) + ", unverified " +
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

  Stage& stage_;
  const std::function<void(const std::string&)>& tell_;
  base::SeededRandom random_;
  Plan plan_;
  base::ManualClock server_clock_;
  std::uint64_t service_seed_;
  Receivers receivers_;
  Service service_;
  Network network_;
  Devices devices_;
  std::vector<std::int64_t> start_;  // of their monotonic clocks
  Oracle oracle_;
  Told told_;
  Outcome outcome_;
  std::int64_t now_ms_ = 0;
  bool quiet_ = false;
};

std::vector<pm5::TimedNotification> workout_of(std::uint64_t seed) {
  pm5::SimulatedWorkout plan;
  plan.type = 5;  // a time with splits
  plan.goal = pm5::Goal::time;
  plan.length = static_cast<std::int64_t>(20 + 15 * seed) * 100;
  plan.split = plan.length / 2;
  pm5::SimulationOptions options;
  options.seed = seed;
  options.sample_hz = 1;
  options.rower.has_belt = seed % 2 == 0;
  options.air = {.lost = 0.02, .repeated = 0.01, .late = 0.02};
  auto monitor = pm5::SimulatedMonitor::create(plan, options);
  if (!monitor) throw std::runtime_error(monitor.error().text);
  std::vector<pm5::TimedNotification> heard;
  pm5::TimedNotification next;
  while (monitor->next(next)) heard.push_back(next);
  return heard;
}

}  // namespace

Stage::Stage(Home home) {
  if (home == Home::postgres) postgres.emplace();
  for (std::uint64_t seed = 1; seed <= 4; ++seed) workouts.push_back(workout_of(seed));
}

std::unique_ptr<Databases> Stage::databases(std::uint64_t seed) const {
  return postgres ? postgres->copy() : make_disk(seed);
}

Outcome simulate(std::uint64_t seed, Stage& stage, const std::function<void(const std::string&)>& tell) {
  return Fleet(seed, stage, tell).run();
}

}  // namespace boathouse::simulation
