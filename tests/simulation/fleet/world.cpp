#include "tests/simulation/fleet/world.hpp"

#include <algorithm>
#include <exception>

#include "tests/simulation/fleet/feed.hpp"
#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {

World::World(std::uint64_t seed, Stage& stage, const std::function<void(const std::string&)>& tell)
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

Outcome World::run() {
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

Device::Athletes World::athletes_of(std::size_t device) {
  const Tenants& tenants = stage_.tenants;
  if (device >= plan_.devices) return {&tenants.athlete(1)};  // the stranger, or another device of the second one
  Device::Athletes athletes;
  const bool shared = plan_.athletes > 1 && (device == 0 || chance(50));
  for (std::size_t n = 0; n < (shared ? plan_.athletes : 1); ++n) athletes.push_back(&tenants.athlete(n));
  return athletes;
}

void World::add_device(Device::Athletes athletes) {
  const std::size_t i = devices_.size();
  const auto deliver = [this, i](std::size_t athlete, sync::Send request) {
    ++outcome_.requests;
    note(i, request.method + " " + request.path + of(i, athlete));
    network_.send(now_ms_, i, athlete, devices_[i]->process(), std::move(request));
  };
  devices_.push_back(std::make_unique<Device>(random_.below(1'000'000), std::move(athletes), deliver));
  start_.push_back(devices_[i]->monotonic_ms() - now_ms_);
}

std::string World::of(std::size_t i, std::size_t athlete) const {
  const Device::Athletes& athletes = devices_[i]->athletes();
  return athletes.size() > 1 ? " of " + athletes[athlete]->label : "";
}

std::size_t World::some_athlete(std::size_t i) {
  const std::size_t count = devices_[i]->athletes().size();
  return count > 1 ? random_.below(count) : 0;
}

Device::Who World::somebody(std::size_t i) {
  if (plan_.guests && chance(30)) return std::nullopt;
  return some_athlete(i);
}

void World::note(const std::string& what) {
  for (const char c : what) outcome_.digest = (outcome_.digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  if (tell_) tell_(std::to_string(now_ms_) + " " + what);
}

void World::tell() {
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

void World::check_news() {
  if (!plan_.webhooks || !service_.up()) return;
  const auto may_be_gone = [this](const base::Uuid& session) { return oracle_.may_be_gone(session); };
  told_.check_news(service_, receivers_, may_be_gone);
}

void World::tell_the_rest() {
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

void World::check() {
  for (const auto& device : devices_) oracle_.check_device(*device);
  if (!oracle_.check_server(service_)) return;
  for (const auto& device : devices_) {
    oracle_.check_safety(service_, *device);
    oracle_.check_owners(*device);
  }
}

std::optional<std::int64_t> World::next_ms() const {
  std::optional<std::int64_t> next = network_.next_ms();
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    if (const auto due = devices_[i]->next_ms()) {
      const std::int64_t at = std::max(*due - start_[i], now_ms_);
      next = next ? std::min(*next, at) : at;
    }
  }
  return next;
}

void World::pass_to(std::int64_t then_ms) {
  const std::int64_t ms = std::max<std::int64_t>(then_ms - now_ms_, 0);
  now_ms_ += ms;
  server_clock_.advance_ms(ms);
  for (const auto& device : devices_) device->pass(ms);
}

void World::advance_to(std::int64_t until_ms) {
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

void World::deliver(Delivery delivery) {
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

void World::service_dies() {
  const bool was_up = service_.up();
  service_.look_after(random_.u64() % 8, false);
  if (was_up && !service_.up()) {
    ++outcome_.deaths;
    note("the server has died");
  }
}

void World::boot(std::size_t i) {
  if (devices_[i]->running()) return;
  devices_[i]->dies_if_powerless(random_.u64() % 8);  // it went when the process was killed
  const base::Status booted = devices_[i]->boot();
  note(i, booted ? "boots" : "does not boot: " + booted.error().text);
  if (devices_[i]->dies_if_powerless(random_.u64() % 8)) {
    ++outcome_.deaths;
    note(i, "has lost its power while it booted");
  }
}

}  // namespace boathouse::simulation
