// What the benches share that start programs: a folder, a child that says where it listens, what it has used.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

extern char** environ;

namespace boathouse::bench {

namespace fs = std::filesystem;

// A benchmark without its parts is none.
template <typename T>
T need(base::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().text.c_str());
    std::exit(1);
  }
  return std::move(*result);
}
inline void need(const base::Status& status) {
  if (status) return;
  std::fprintf(stderr, "%s\n", status.error().text.c_str());
  std::exit(1);
}

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "boathouse-bulk-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) need(base::Status(base::Error{base::ErrorCode::io, "mkdtemp"}));
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] double bytes(const std::string& name) const {
    double sum = 0;
    std::error_code error;  // parts go while one looks
    for (fs::recursive_directory_iterator entry(file(name), error), end; entry != end; entry.increment(error)) {
      std::error_code gone;
      const std::uintmax_t size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
      if (!gone) sum += static_cast<double>(size);
    }
    return sum;
  }

 private:
  std::string path_;
};

// What a process has used so far: CPU seconds and the most memory.
struct Used {
  double cpu_s = 0;
  double most_mb = 0;
};
inline Used used_by(pid_t process) {
  Used used;
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(stat, text);
  unsigned long user = 0;
  unsigned long system = 0;
  const std::size_t after_name = text.rfind(')');
  if (after_name == std::string::npos ||
      std::sscanf(text.c_str() + after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                  &system) != 2) {
    return used;
  }
  used.cpu_s = static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) used.most_mb = std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return used;
}

// A child that says where it listens.
class Process {
 public:
  Process(const std::string& program, std::vector<std::string> arguments) {
    int out[2];
    if (::pipe(out) != 0) need(base::Status(base::Error{base::ErrorCode::io, "pipe"}));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", 1, 0);  // a line a request
    arguments.insert(arguments.begin(), program);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (::posix_spawn(&id_, program.c_str(), &actions, nullptr, argv.data(), environ) != 0) {
      need(base::Status(base::Error{base::ErrorCode::io, "cannot start " + program}));
    }
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(out[0]);
    constexpr std::string_view kBegin = "listening on ";
    if (!line.starts_with(kBegin)) need(base::Status(base::Error{base::ErrorCode::io, program + " did not start"}));
    url_ = line.substr(kBegin.size());
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    ::kill(id_, SIGTERM);
    ::waitpid(id_, nullptr, 0);
  }
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] Used used() const { return used_by(id_); }

 private:
  pid_t id_ = -1;
  std::string url_;
};

}  // namespace boathouse::bench
