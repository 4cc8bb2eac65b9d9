#include "tests/simulation/fleet/webhooks.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace boathouse::simulation {
namespace {

constexpr int kMostRounds = 1000;  // of one tell(); the rest comes with the next

std::string header(const webhooks::Post& post, std::string_view name) {
  const auto found = std::ranges::find(post.headers, name, &std::pair<std::string, std::string>::first);
  return found == post.headers.end() ? std::string() : found->second;
}

}  // namespace

Receivers::Receivers(std::uint64_t seed, const base::Uuid& one, const base::Uuid& other) : random_(seed) {
  all_.push_back({one, "https://everything.example:443/in", {}, false, false, {}});
  all_.push_back({one, "https://complete.example:443/in", {"session.complete"}, false, false, {}});
  all_.push_back({other, "https://other.example:443/in", {}, false, false, {}});
}

base::Result<webhooks::Answer> Receivers::take(const webhooks::Post& post) {
  const auto found = std::ranges::find(all_, post.target.url(), &Receiver::url);
  if (found == all_.end()) throw std::runtime_error("a call to " + post.target.url());
  const base::Error nothing{base::ErrorCode::unavailable, "no answer"};
  if (!healed_ && random_.below(100) < 10) return nothing;  // it never came there
  news_.push_back({static_cast<std::size_t>(found - all_.begin()), header(post, "webhook-id"), post.body});
  found->bodies.try_emplace(news_.back().id, post.body);
  if (!healed_ && random_.below(400) == 0) found->gone = true;
  if (found->gone) {
    found->said_gone = true;
    return webhooks::Answer{410, 10};
  }
  if (!healed_ && random_.below(100) < 25) {
    constexpr std::array kStatuses{500, 503, 302, 404, 429};
    const auto which = random_.below(kStatuses.size() + 2);
    if (which >= kStatuses.size()) return nothing;  // its answer is lost
    return webhooks::Answer{kStatuses[which], 10};
  }
  return webhooks::Answer{204, 10};
}

void Receivers::forget() {
  news_.clear();
  for (Receiver& receiver : all_) receiver.said_gone = false;
}

std::vector<Heard> Receivers::news() { return std::exchange(news_, {}); }

base::Result<std::unique_ptr<Webhooks>> Webhooks::open(const Databases& databases, ledger::Ledger& ledger,
                                                       base::Clock& clock, base::RandomSource& random,
                                                       const Receivers& receivers, webhooks::Send send) {
  std::unique_ptr<Webhooks> made(new Webhooks());
  auto store = webhooks::Store::open(databases.place("webhooks.db"), clock, random);
  if (!store) return store.error();
  made->store_ = std::move(*store);
  auto queue = jobs::Queue::open(databases.place("jobs.db"), random);
  if (!queue) return queue.error();
  made->queue_ = std::move(*queue);
  // A process that is alone knows that whoever held a lease is dead.
  if (databases.nodes() == 1) BOATHOUSE_TRY(made->queue_->end_leases(clock.utc_ms()));
  const auto no_log = [](std::string_view) {};
  made->runner_ = std::make_unique<jobs::Runner>(*made->queue_, clock, random, jobs::Runner::Options{}, no_log);
  const auto look_up = [](const base::Uuid&, const std::string&) {
    return base::Result(std::vector{*webhooks::Address::parse("8.8.8.8")});
  };
  made->deliverer_ = std::make_unique<webhooks::Deliverer>(*made->store_, clock, random, webhooks::Policy{}, look_up,
                                                           std::move(send), [](webhooks::CallResult) {});
  made->runner_->handle(
      std::string(webhooks::kDeliveryJob),
      [&deliverer = *made->deliverer_](jobs::Runner::Context& context) { return deliverer.run(context); },
      webhooks::kCallPlaces, webhooks::kLongestWaitMs);
  made->dispatcher_ = std::make_unique<webhooks::Dispatcher>(ledger, *made->store_, *made->runner_, clock, no_log);
  for (const Receiver& receiver : receivers.all()) {
    if (made->endpoint_of(receiver)) continue;
    auto endpoint = made->store_->create(receiver.athlete, receiver.url, receiver.events);
    if (!endpoint) return endpoint.error();
  }
  return made;
}

void Webhooks::tell() {
  if (!recovered_) recovered_ = dispatcher_->recover().ok();
  for (int i = 0; recovered_ && i < kMostRounds; ++i) {
    const auto more = dispatcher_->step();
    if (!more || !*more) break;
  }
  for (int i = 0; i < kMostRounds; ++i) {
    const auto worked = runner_->step();
    if (!worked || !*worked) break;
  }
}

base::Result<std::uint64_t> Webhooks::waiting() {
  const auto lag = store_->lag();
  if (!lag) return lag.error();
  return lag->waiting;
}

std::string Webhooks::unrest() {
  std::string text;
  const auto backlogs = store_->backlogs();
  const auto jobs = queue_->counts();
  if (!backlogs || !jobs) return text;
  for (const webhooks::Store::Backlog& backlog : *backlogs) {
    text += "\n    endpoint " + backlog.endpoint.text() + " waits until " + std::to_string(backlog.due_ms);
  }
  return text + "\n    jobs: " + std::to_string(jobs->waiting) + " wait, " + std::to_string(jobs->running) + " run, " +
         std::to_string(jobs->failed) + " failed";
}

base::Result<bool> Webhooks::is_enabled(const Receiver& receiver) {
  const auto endpoint = endpoint_of(receiver);
  if (!endpoint) return endpoint.error();
  return endpoint->enabled;
}

base::Result<webhooks::Endpoint> Webhooks::endpoint_of(const Receiver& receiver) {
  auto endpoints = store_->endpoints(receiver.athlete);
  if (!endpoints) return endpoints.error();
  for (webhooks::Endpoint& endpoint : *endpoints) {
    if (endpoint.url == receiver.url) return std::move(endpoint);
  }
  return base::Error{base::ErrorCode::not_found, "no webhook with the url " + receiver.url};
}

}  // namespace boathouse::simulation
