#include "tests/simulation/fleet/service.hpp"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "server/control/test_call.hpp"
#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {
namespace {

constexpr int kMostTries = 100'000;  // of a question to PostgreSQL: some ten seconds
constexpr std::size_t kBlockRecords = 2000;
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::size_t kChunksDroppedAtOnce = 2;  // so that a purge takes several transactions

template <typename T>
T value_of(base::Result<T> result, const char* what) {
  if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().text);
  return std::move(*result);
}

}  // namespace

Tenants::Tenants() {
  std::string pattern = (std::filesystem::temp_directory_path() / "boathouse-simulation-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the accounts can be made");
  folder_ = pattern;
  accounts_ = value_of(control::Accounts::open(folder_, clock_, random_), "accounts");
  constexpr std::array<std::string_view, kAthletes> kNames{"Anna", "Ben", "Carla"};
  for (std::size_t n = 0; n < kAthletes; ++n) {
    const auto key = value_of(accounts_->create_athlete_key(kNames[n]), "a key");
    athletes_[n] = {key.key.athlete->id, std::string(kNames[n]), key.text};
  }
}

Tenants::~Tenants() {
  accounts_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Service::Service(std::uint64_t seed, std::unique_ptr<Databases> databases, base::ManualClock& clock, Tenants& tenants,
                 Receivers* receivers)
    : databases_(std::move(databases)),
      clock_(clock),
      random_(seed),
      tenants_(tenants),
      receivers_(receivers),
      webhook_random_(seed + 1),
      nodes_(databases_->nodes()) {
  start();
}

void Service::start() {
  for (Node& node : nodes_) {
    if (node.ledger == nullptr) start(node);
  }
}

void Service::start(Node& node) {
  ledger::Ledger::Options options;
  options.place = databases_->place("ledger.db");
  options.checkpoints_beside = false;   // a simulated disk's faults come in the order of what is asked of it
  options.purge_without_backup = true;  // what is backed up here is told below
  auto opened = ledger::Ledger::open(options, clock_, random_);
  if (!opened) {
    if (databases_->has_fault()) return;
    throw Violation("the server does not start again: " + opened.error().text);
  }
  node.ledger = std::move(*opened);
  if (const auto done = open_webhooks(node); !done) {
    end(node);
    if (databases_->has_fault()) return;
    throw Violation("the webhooks do not start again: " + done.error().text);
  }
  node.routes = std::make_unique<http::RouteTable>();
  intake::Options intake_options;
  intake_options.count_visible = [this](const base::Uuid&, const intake::Records& up_to, const intake::Starts&) {
    return counted(up_to);
  };
  if (const auto added = intake::add_routes(*node.routes, tenants_.accounts(), *node.ledger, intake_options); !added) {
    throw std::runtime_error(added.error().text);
  }
}

base::Status Service::open_webhooks(Node& node) {
  if (receivers_ == nullptr) return {};
  auto opened = Webhooks::open(*databases_, *node.ledger, clock_, webhook_random_, *receivers_,
                               [this](const webhooks::Post& post) { return call_out(post); });
  if (!opened) return opened.error();
  node.webhooks = std::move(*opened);
  return {};
}

void Service::end(Node& node) {
  node.routes.reset();
  node.webhooks.reset();
  node.ledger.reset();
}

void Service::end() {
  for (Node& node : nodes_) end(node);
}

bool Service::up() const {
  return std::ranges::any_of(nodes_, [](const Node& node) { return node.ledger != nullptr; });
}

bool Service::whole() const {
  return std::ranges::all_of(nodes_, [](const Node& node) { return node.ledger != nullptr; });
}

Service::Node* Service::running() {
  const auto found = std::ranges::find_if(nodes_, [](const Node& node) { return node.ledger != nullptr; });
  return found == nodes_.end() ? nullptr : &*found;
}

// The one that leads. PostgreSQL notices the end of the session that led a
// moment later.
Service::Node* Service::loading() {
  if (nodes_.size() == 1) return running();
  for (int tries = 0; tries < kMostTries && up(); ++tries) {
    for (Node& node : nodes_) {
      if (node.ledger == nullptr) continue;
      const auto leads = node.ledger->leads();
      if (leads && *leads) return &node;
    }
  }
  if (up()) throw Violation("no node leads");
  return nullptr;
}

void Service::power_off() {
  if (nodes_.size() > 1 && random_.below(100) < 60) return end(nodes_[random_.below(nodes_.size())]);
  databases_->power_off();
}

void Service::look_after(std::uint64_t seed, bool restart) {
  if (!databases_->powered()) {
    end();
    databases_->power_on(seed);
  }
  if (restart) start();
}

std::optional<http::Response> Service::call(const sync::Send& request) {
  Node& node = nodes_[nodes_.size() == 1 ? 0 : random_.below(nodes_.size())];
  if (node.ledger == nullptr) return std::nullopt;
  control::Call call;
  call.method = http::parse_method(request.method);
  call.target = request.path;
  for (const auto& [name, value] : request.headers) call.headers.add(name, value);
  call.body = base::as_text(request.body);
  http::Response response = control::call(*node.routes, std::move(call));
  if (!databases_->powered()) return std::nullopt;
  if (request.path == "/v1/sync/hello" && response.status == 200) {
    auto hello = value_of(wire::decode_hello_reply(response.body), "the server's own hello");
    hello.purge_safe_seq = backup_seq_;
    response.body = wire::encode_hello_reply(hello);
  }
  return response;
}

base::Result<webhooks::Answer> Service::call_out(const webhooks::Post& post) {
  // Nobody calls any more.
  if (!databases_->powered()) return base::Error{base::ErrorCode::unavailable, "no power"};
  auto answer = receivers_->take(post);
  if (std::exchange(dies_when_heard_, false)) databases_->power_off();
  return answer;
}

void Service::tell(bool dies) {
  dies_when_heard_ = dies;
  for (Node& node : nodes_) {
    if (node.webhooks != nullptr) node.webhooks->tell();
  }
  dies_when_heard_ = false;
}

void Service::back_up() {
  if (!up()) return;
  const auto newest = ledger().purge_safe_seq();
  if (!newest || !databases_->powered()) return;
  databases_->keep();
  backup_seq_ = *newest;
}

bool Service::restore() {
  if (!databases_->has_kept()) return false;
  end();
  kept_seq_ = backup_seq_;
  if (receivers_ != nullptr) receivers_->forget();
  databases_->set_back(std::string(24, '0') + std::to_string(10'000'000 + ++restores_));
  start();
  return true;
}

intake::Records Service::counted(intake::Records up_to) const {
  for (auto& [stream, recordings] : up_to) {
    for (auto& [rec_id, count] : recordings) {
      const auto rows = rows_.find({rec_id, stream});
      const auto before = [count = count](std::uint64_t seq) { return seq < count; };
      count = rows == rows_.end() ? 0 : static_cast<std::uint64_t>(std::ranges::count_if(rows->second, before));
    }
  }
  return up_to;
}

void Service::load(bool forgets) {
  Node* const node = loading();
  if (node == nullptr) return;
  if (const auto dropped = node->ledger->drop_some(kChunksDroppedAtOnce); !dropped) {
    if (databases_->has_fault()) return;
    throw Violation("what is purged cannot be dropped: " + dropped.error().text);
  }
  auto block = node->ledger->next_block(kBlockRecords, kBlockBytes);
  if (!block || !*block) return;
  for (const ledger::LoadItem& item : (*block)->items) {
    auto& rows = rows_[{item.rec_id, item.stream}];
    for (std::uint64_t seq = item.from; seq < item.to; ++seq) rows.insert(seq);
  }
  if (forgets) return;
  if (const auto done = node->ledger->finish_block((*block)->block_id); !done && !databases_->has_fault()) {
    throw Violation("a loaded block cannot be marked: " + done.error().text);
  }
}

}  // namespace boathouse::simulation
