#include "apps/boathouse/engine_access.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"

namespace boathouse::app {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using timeseries::Endpoint;

namespace {

constexpr auto kStartLimit = std::chrono::seconds(60);
constexpr auto kPoll = std::chrono::milliseconds(100);
constexpr int kPolls = 150;  // a server's engine starts within seconds

// An engine has the folder open.
bool is_in_use(const fs::path& folder) {
  const int status = ::open((folder / "status").c_str(), O_RDONLY | O_CLOEXEC);
  if (status < 0) return false;
  const bool used = ::flock(status, LOCK_EX | LOCK_NB) != 0;
  ::close(status);
  return used;
}

// Of the server that runs on the folder; false: none says where its engine is, or it does not answer.
bool reach_running(const fs::path& data, timeseries::ClickHouseClient& client) {
  const auto url = read_password((data / "engine.url").string());
  const auto password = read_password((data / "engine.password").string());
  if (!url || !password) return false;
  client.set_endpoint({*url, "default", *password, "default"});
  return client.ping().ok();
}

base::Status write_private(const fs::path& file, const std::string& line) {
  const mode_t before = ::umask(077);
  std::ofstream out(file, std::ios::trunc);
  ::umask(before);
  out << line << '\n';
  out.close();
  return out ? base::Status() : base::Status(Error{ErrorCode::io, "cannot write " + file.string()});
}

}  // namespace

std::string engine_beside_us() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (error ? fs::path("boathouse-engine") : self.parent_path() / "boathouse-engine").string();
}

base::Result<std::string> make_engine_password(const fs::path& file, base::RandomSource& random) {
  base::Digest bytes{};
  random.fill(bytes);
  const std::string password = base::to_hex(bytes);
  BOATHOUSE_TRY(write_private(file, password));
  return password;
}

base::Result<std::string> read_password(const std::string& file) {
  if (file.empty()) return std::string();
  std::ifstream in(file);
  std::string password;
  if (!std::getline(in, password)) return Error{ErrorCode::io, "cannot read a password from " + file};
  return password;
}

base::Result<std::vector<Endpoint>> clickhouse_servers(const std::string& urls, const std::string& user,
                                                       const std::string& password) {
  std::vector<Endpoint> servers;
  std::istringstream list(urls);
  for (std::string url; std::getline(list, url, ',');) {
    while (url.ends_with('/')) url.pop_back();
    if (!url.starts_with("http://") && !url.starts_with("https://")) {
      return Error{ErrorCode::invalid_input, "--clickhouse: " + url + " is no http:// or https:// URL"};
    }
    servers.push_back({url, user, password, "default", ""});
  }
  return servers;
}

void note_engine(const fs::path& data, const Endpoint& endpoint) {
  const fs::path file = data / "engine.url";
  if (endpoint.url.empty()) {
    std::error_code error;
    fs::remove(file, error);
  } else {
    (void)write_private(file, endpoint.url);
  }
}

base::Result<std::unique_ptr<EngineAccess>> EngineAccess::open(const fs::path& data, const std::string& binary,
                                                               bool make) {
  std::unique_ptr<EngineAccess> access(new EngineAccess);
  std::error_code error;
  // One that is just starting has the folder and has not said where it is.
  for (int polls = 0; polls < kPolls; ++polls) {
    if (reach_running(data, access->client_)) return access;
    if (!is_in_use(data / "clickhouse")) break;
    std::this_thread::sleep_for(kPoll);
  }
  if (!make && !fs::exists(data / "clickhouse", error)) {
    return Error{ErrorCode::not_found, "there is no " + (data / "clickhouse").string()};
  }
  BOATHOUSE_TRY(access->start(data, binary.empty() ? engine_beside_us() : binary));
  return access;
}

base::Status EngineAccess::start(const fs::path& data, const std::string& binary) {
  base::SystemRandom random;
  password_file_ = data / ("engine-" + std::to_string(::getpid()) + ".password");
  auto password = make_engine_password(password_file_, random);
  if (!password) return password.error();
  const auto ready = [this](const Endpoint& endpoint) {
    const std::lock_guard lock(mutex_);
    told_ = endpoint;
    changed_.notify_all();
  };
  engine_ = std::make_unique<timeseries::EngineProcess>(
      timeseries::EngineProcess::Options{binary, (data / "clickhouse").string(), password_file_.string(), *password},
      ready, [](std::string_view) {});
  BOATHOUSE_TRY(engine_->start());
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kStartLimit, [this] { return told_.has_value(); });
  if (!told_ || told_->url.empty()) {
    return Error{ErrorCode::unavailable, "ClickHouse on " + (data / "clickhouse").string() +
                                             " does not start; its own reason is above. Does a server run there?"};
  }
  client_.set_endpoint(*told_);
  return base::Done{};
}

EngineAccess::~EngineAccess() {
  if (engine_) engine_->stop();
  std::error_code error;
  if (!password_file_.empty()) fs::remove(password_file_, error);
}

}  // namespace boathouse::app
