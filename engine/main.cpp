// boathouse-engine: ClickHouse as one small process. See README.md.
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "core/base/result.hpp"
#include "engine/database.hpp"
#include "engine/query_handler.hpp"
#include "engine/server.hpp"

namespace boathouse::engine {
namespace {

namespace fs = std::filesystem;

constexpr int kFailed = 1;
constexpr int kWrongUse = 2;
constexpr std::chrono::seconds kStopPatience{10};

constexpr std::string_view kUsage =
    R"(boathouse-engine --path DIR --listen ADDR:PORT [--password-file FILE] [--stop-with-parent[=PID]]

Embedded ClickHouse (libchdb) behind ClickHouse's HTTP interface.
  --path DIR            where the tables are; made if it is not there; one process at a time
  --listen ADDR:PORT    a numeric address; port 0 takes a free one. Prints `listening on http://ADDR:PORT`
  --password-file FILE  all but /ping then need user `default` with the password in FILE (one line).
                        Needed when ADDR is not a loopback address
  --stop-with-parent    stops when the process that started it is gone; with =PID also if that was gone before this
                        one could look
  --help                this text
SIGTERM or SIGINT: ends running requests (at most 10 s) and stops.
Exit codes: 0 stopped or help, 1 it did not work, 2 wrong use.
)";

struct Options {
  std::string path;
  std::string listen;
  std::optional<std::string> password_file;
  bool stop_with_parent = false;
  std::optional<pid_t> parent;
  bool help = false;
};

base::Error wrong_use(std::string text) { return base::Error{base::ErrorCode::invalid_input, std::move(text)}; }

base::Result<Options> read_options(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    if (argument == "--help" || argument == "-h") {
      options.help = true;
    } else if (name == "--stop-with-parent") {
      options.stop_with_parent = true;
      if (equals != std::string_view::npos) {
        const std::string_view value = argument.substr(equals + 1);
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), pid);
        if (error != std::errc() || end != value.data() + value.size() || pid < 1) {
          return wrong_use("--stop-with-parent=" + std::string(value) + ": the number of a process is wanted");
        }
        options.parent = pid;
      }
    } else if (name == "--path" || name == "--listen" || name == "--password-file") {
      if (equals == std::string_view::npos && i + 1 == count) {
        return wrong_use(std::string(name) + " has no value after it");
      }
      std::string value(equals == std::string_view::npos ? std::string_view(arguments[++i])
                                                         : argument.substr(equals + 1));
      if (name == "--path") {
        options.path = std::move(value);
      } else if (name == "--listen") {
        options.listen = std::move(value);
      } else {
        options.password_file = std::move(value);
      }
    } else {
      return wrong_use("unknown argument " + std::string(argument));
    }
  }
  if (!options.help && (options.path.empty() || options.listen.empty())) {
    return wrong_use("--path and --listen are needed");
  }
  return options;
}

base::Result<std::string> read_password(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string password{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) {
    password.pop_back();
  }
  // An empty one would let everybody in.
  if (!in || password.empty()) {
    return base::Error{base::ErrorCode::io, "--password-file " + file + ": not to be read, or empty"};
  }
  return password;
}

// Absolute, there, and not in use.
base::Result<fs::path> prepare_directory(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    fs::create_directories(path, error);  // 0700: the umask is 077
  }
  const fs::path directory = fs::canonical(path, error);
  if (error || !fs::is_directory(directory)) {
    return base::Error{base::ErrorCode::io, "--path " + path + ": cannot be made or is no directory" +
                                                (error ? " (" + error.message() + ")" : std::string())};
  }
  // libchdb locks this file itself but then only says that it could not connect.
  const int status = open((directory / "status").c_str(), O_RDONLY | O_CLOEXEC);
  if (status >= 0) {
    const bool used = flock(status, LOCK_EX | LOCK_NB) != 0;
    close(status);
    if (used) {
      return base::Error{base::ErrorCode::conflict,
                         "--path " + path + ": another process has it open; only one engine may"};
    }
  }
  return directory;
}

// Blocks SIGTERM and SIGINT in this and all later threads; they come as readable bytes instead.
int make_signal_socket() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

// Every part of a table is a handful of files.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int fail(int code, const std::string& text) {
  std::cerr << "boathouse-engine: " << text << "\n";
  return code;
}

int run(int count, char** arguments) {
  const pid_t started_by = getppid();
  const auto options = read_options(count, arguments);
  if (!options) return fail(kWrongUse, options.error().text + "; see --help");
  if (options->help) {
    std::cout << kUsage;
    return EXIT_SUCCESS;
  }
  // Loading this program takes a while, in which who started it may have died: getppid() is then somebody else already.
  const pid_t parent = options->parent.value_or(started_by);
  const auto is_orphan = [&] { return options->stop_with_parent && getppid() != parent; };
  if (is_orphan()) return EXIT_SUCCESS;
  const auto address = parse_listen_address(options->listen);
  if (!address) return fail(kWrongUse, address.error().text);
  if (!address->loopback && !options->password_file) {
    return fail(kWrongUse, "--listen " + options->listen + " is not a loopback address: --password-file is needed");
  }
  std::string password;
  if (options->password_file) {
    auto read = read_password(*options->password_file);
    if (!read) return fail(kFailed, read.error().text);
    password = std::move(*read);
  }

  umask(077);
  raise_file_limit();
  const int signals = make_signal_socket();
  const auto directory = prepare_directory(options->path);
  if (!directory) return fail(kFailed, directory.error().text);
  Database::Options database_options;
  database_options.directory = *directory;
  database_options.max_threads = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
  auto database = Database::open(database_options);
  if (!database) return fail(kFailed, database.error().text);
  auto server = Server::listen(*address);
  if (!server) return fail(kFailed, server.error().text);

  std::cout << "listening on " << (*server)->url() << std::endl;
  QueryHandler handler(**database, std::move(password));
  const auto should_stop = [&] {
    signalfd_siginfo info{};
    return read(signals, &info, sizeof info) == sizeof info || is_orphan();
  };
  if (!(*server)->run(handler, signals, should_stop, kStopPatience)) {
    // Its threads still use the database; what they had not been told is stored, is not.
    std::cerr << "boathouse-engine: stopped with requests still running after 10 s\n";
    std::_Exit(EXIT_SUCCESS);
  }
  database->reset();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace boathouse::engine

int main(int count, char** arguments) {
  const int code = boathouse::engine::run(count, arguments);
  std::cout.flush();
  // Without the destructors of globals: threads of libchdb may still be there and use them.
  std::_Exit(code);
}
