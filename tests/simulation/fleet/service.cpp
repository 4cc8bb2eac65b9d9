#include "tests/simulation/fleet/service.hpp"

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <tuple>

#include "core/db/sqlite.hpp"
#include "server/control/test_call.hpp"
#include "server/intake/intake.hpp"
#include "tests/simulation/fleet/violation.hpp"

namespace boathouse::simulation {
namespace {

constexpr const char* kLedgerFile = "/sim/ledger.db";
constexpr std::size_t kBlockRecords = 2000;
constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

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

Service::Service(std::uint64_t seed, base::ManualClock& clock, Tenants& tenants)
    : disk_(seed), clock_(clock), random_(seed), tenants_(tenants) {
  start();
}

void Service::start() {
  ledger::Ledger::Options options;
  options.place.sqlite_file = kLedgerFile;
  options.place.sqlite.vfs = disk_.name();
  options.purge_without_backup = true;  // what is backed up here is told below
  auto opened = ledger::Ledger::open(options, clock_, random_);
  if (!opened) {
    if (!disk_.powered()) return;
    throw Violation("the server does not start again: " + opened.error().text);
  }
  ledger_ = std::move(*opened);
  routes_ = std::make_unique<http::RouteTable>();
  if (const auto added = intake::add_routes(*routes_, tenants_.accounts(), *ledger_); !added) {
    throw std::runtime_error(added.error().text);
  }
}

void Service::look_after(std::uint64_t seed, bool restart) {
  if (!disk_.powered()) {
    routes_.reset();
    ledger_.reset();
    disk_.power_on(seed);
  }
  if (restart && !up()) start();
}

std::optional<http::Response> Service::call(const sync::Send& request) {
  if (!up()) return std::nullopt;
  control::Call call;
  call.method = http::parse_method(request.method);
  call.target = request.path;
  for (const auto& [name, value] : request.headers) call.headers.add(name, value);
  call.body = base::as_text(request.body);
  http::Response response = control::call(*routes_, std::move(call));
  if (!disk_.powered()) return std::nullopt;
  if (request.path == "/v1/sync/hello" && response.status == 200) {
    auto hello = value_of(wire::decode_hello_reply(response.body), "the server's own hello");
    hello.purge_safe_seq = backup_seq_;
    response.body = wire::encode_hello_reply(hello);
  }
  return response;
}

void Service::back_up() {
  if (!up()) return;
  const auto newest = ledger_->purge_safe_seq();
  if (!newest || !disk_.powered()) return;
  backup_ = disk_.contents();
  backup_seq_ = *newest;
}

bool Service::restore() {
  if (!backup_) return false;
  routes_.reset();
  ledger_.reset();
  if (!disk_.powered()) disk_.power_on(1);
  disk_.power_off_at(0);
  disk_.load(*backup_);
  set_epoch(std::string(24, '0') + std::to_string(10'000'000 + ++restores_));
  start();
  return true;
}

// What the operator's restore command does.
void Service::set_epoch(const std::string& epoch) {
  db::Options options;
  options.vfs = disk_.name();
  auto connection = value_of(db::Connection::open(kLedgerFile, options), "the restored ledger");
  auto update = value_of(connection.prepare("UPDATE state SET epoch = ?1"), "the ledger's state");
  if (const auto done = update.bind(1, epoch).run(); !done) throw std::runtime_error(done.error().text);
}

void Service::load(bool forgets) {
  if (!up()) return;
  auto block = ledger_->next_block(kBlockRecords, kBlockBytes);
  if (!block || !*block) return;
  for (const ledger::LoadItem& item : (*block)->items) {
    auto& rows = rows_[{item.rec_id, item.stream}];
    for (std::uint64_t seq = item.from; seq < item.to; ++seq) rows.insert(seq);
  }
  if (forgets) return;
  if (const auto done = ledger_->finish_block((*block)->block_id); !done && disk_.powered()) {
    throw Violation("a loaded block cannot be marked: " + done.error().text);
  }
}

}  // namespace boathouse::simulation
