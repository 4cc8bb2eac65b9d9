#include "server/timeseries/engine_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <vector>

#include "core/base/clock.hpp"

extern char** environ;

namespace boathouse::timeseries {
namespace {

using base::Error;
using base::ErrorCode;
using std::chrono::milliseconds;

constexpr std::string_view kListening = "listening on ";
constexpr auto kStopLimit = std::chrono::seconds(15);
constexpr auto kMaxRestartPause = milliseconds(30'000);

// Two in a row, so that a machine that stood still for a moment costs nothing.
constexpr int kSilentLimit = 2;

// One line of the child's stdout without its end; empty when the child closed it.
std::string read_line(int fd) {
  std::string line;
  char c = 0;
  while (true) {
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || c == '\n' || line.size() > 1000) return line;
    line += c;
  }
}

}  // namespace

EngineProcess::EngineProcess(Options options, std::function<void(const Endpoint&)> ready,
                             std::function<void(std::string_view)> log)
    : options_(std::move(options)), ready_(std::move(ready)), log_(std::move(log)) {}

EngineProcess::~EngineProcess() { stop(); }

base::Status EngineProcess::start() {
  if (::access(options_.binary.c_str(), X_OK) != 0) {
    return Error{ErrorCode::not_found, "cannot run " + options_.binary + ": " + std::strerror(errno) +
                                           " (build boathouse-engine, or use --clickhouse URL)"};
  }
  const auto out = spawn();
  if (!out) return out.error();
  const std::lock_guard lock(mutex_);
  thread_ = std::thread([this, fd = *out] { watch(fd); });
  health_thread_ = std::thread([this] { check_health(); });
  return base::Done{};
}

base::Result<int> EngineProcess::spawn() {
  std::array<int, 2> pipe_ends{};
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return Error{ErrorCode::io, "pipe failed"};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  // It outlives a server that is killed for a moment, and must not keep the server's port.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: Ctrl-C at the terminal reaches us, and we stop the engine after the last block is in.
  // We may have signals blocked for our own waiting; the engine must not inherit that.
  sigset_t no_signals;
  sigemptyset(&no_signals);
  posix_spawnattr_setsigmask(&attributes, &no_signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  const std::string stop_with_us = "--stop-with-parent=" + std::to_string(::getpid());
  std::array<const char*, 10> arguments{options_.binary.c_str(),
                                        "--path",
                                        options_.data_path.c_str(),
                                        "--listen",
                                        "127.0.0.1:0",
                                        "--password-file",
                                        options_.password_file.c_str(),
                                        stop_with_us.c_str(),
                                        nullptr};
  if (options_.before_spawn) options_.before_spawn();
  pid_t pid = -1;
  const int error = posix_spawn(&pid, options_.binary.c_str(), &actions, &attributes,
                                const_cast<char* const*>(arguments.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  ::close(pipe_ends[1]);
  if (error != 0) {
    ::close(pipe_ends[0]);
    return Error{ErrorCode::io, "cannot start " + options_.binary + ": " + std::strerror(error)};
  }
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), kBehindAcknowledgements);  // before it has other threads
  const std::lock_guard lock(mutex_);
  child_ = pid;
  if (stopping_) ::kill(pid, SIGKILL);  // stop() has found no child, and waits for us
  return pipe_ends[0];
}

void EngineProcess::wait_for_exit() {
  pid_t pid = -1;
  {
    const std::lock_guard lock(mutex_);
    pid = child_;
  }
  // Wait without reaping first, so that stop() never signals a pid that has been given to somebody else.
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  ::waitpid(pid, nullptr, 0);
  child_ = -1;
  endpoint_ = {};
  changed_.notify_all();
}

void EngineProcess::watch(int out) {
  milliseconds pause{250};
  while (true) {
    const std::string line = read_line(out);
    if (line.starts_with(kListening)) {
      pause = milliseconds{250};
      const Endpoint endpoint{line.substr(kListening.size()), "default", options_.password, "default"};
      {
        const std::lock_guard lock(mutex_);
        endpoint_ = endpoint;
      }
      ready_(endpoint);
      log_("engine " + line);
    }
    wait_for_exit();
    ::close(out);
    std::unique_lock lock(mutex_);
    if (stopping_) return;
    ready_(Endpoint{});
    log_("engine ended; starting it again");
    do {
      changed_.wait_for(lock, pause, [this] { return stopping_; });
      if (stopping_) return;
      pause = std::min(pause * 2, kMaxRestartPause);
      lock.unlock();
      const auto again = spawn();
      lock.lock();
      out = again ? *again : -1;
    } while (out < 0);
  }
}

void EngineProcess::check_health() {
  const base::SystemClock clock;
  pid_t seen = -1;
  int silent = 0;
  int failed = 0;
  int starting = 0;
  // Each keeps its connection, so that whoever fills the engine's doorway later does not keep them out.
  std::optional<ClickHouseClient> door;
  std::optional<ClickHouseClient> work;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait_for(lock, milliseconds(options_.check_every_ms), [this] { return stopping_; });
    if (stopping_) return;
    if (child_ != seen) {
      silent = failed = starting = 0;
      door.reset();
      work.reset();
    }
    seen = child_;
    if (seen < 0) continue;
    if (endpoint_.url.empty()) {
      ++starting;
    } else {
      const Endpoint endpoint = endpoint_;
      lock.unlock();
      if (!door) {
        door.emplace(std::vector{endpoint}, ClickHouseClient::Options{.ping_timeout_ms = options_.silence_limit_ms},
                     clock);
        work.emplace(std::vector{endpoint}, ClickHouseClient::Options{.ping_timeout_ms = options_.statement_limit_ms},
                     clock);
      }
      silent = door->knock() ? 0 : silent + 1;
      if (silent == 0) failed = work->ping() ? 0 : failed + 1;
      lock.lock();
      if (stopping_) return;
    }
    const bool hangs =
        silent >= kSilentLimit || failed >= options_.failed_statements_limit || starting > options_.start_checks_limit;
    if (hangs && child_ == seen) {
      log_("engine hangs: it is killed");
      ::kill(seen, SIGKILL);
      endpoint_ = {};
      silent = failed = starting = 0;
    }
  }
}

bool EngineProcess::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void EngineProcess::stop() {
  std::thread watching;
  std::thread checking;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    if (child_ > 0) {
      ::kill(child_, SIGTERM);
      if (!changed_.wait_for(lock, kStopLimit, [this] { return child_ < 0; })) ::kill(child_, SIGKILL);
    }
    watching = std::move(thread_);
    checking = std::move(health_thread_);
  }
  if (watching.joinable()) watching.join();
  if (checking.joinable()) checking.join();
}

}  // namespace boathouse::timeseries
