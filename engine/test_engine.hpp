// For the engine's own tests: the real program as a child process, and an HTTP client that can misbehave.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/chunked_body.hpp"
#include "engine/http/http_request.hpp"
#include "tests/support/paths.hpp"

namespace boathouse::engine {

inline constexpr int kPatience = 60'000;  // ms; a wait that long is a failure, no test needs a tenth of it

inline std::string read_whole_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct Reply {
  int status = 0;  // 0: no whole reply came
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool cut = false;  // the connection ended inside the body

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (engine_http::same_word(key, name)) return value;
    }
    return {};
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_), have_(std::move(other.have_)) {}
  ~Client() {
    if (socket_ >= 0) close(socket_);
  }

  [[nodiscard]] bool connected() const { return connected_; }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the reply tells
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void end_sending() { shutdown(socket_, SHUT_WR); }

  // The next line of the reply, without its CR LF.
  std::string line() {
    std::size_t end = 0;
    while ((end = have_.find("\r\n")) == std::string::npos) {
      if (!receive()) return {};
    }
    std::string out = have_.substr(0, end);
    have_.erase(0, end + 2);
    return out;
  }

  Reply reply() {
    Reply out;
    const std::string status = line();
    if (status.size() < 12) return out;
    std::from_chars(status.data() + 9, status.data() + 12, out.status);
    for (std::string header = line(); !header.empty(); header = line()) {
      const std::size_t colon = header.find(": ");
      out.headers.emplace_back(header.substr(0, colon), header.substr(colon + 2));
    }
    if (out.header("Transfer-Encoding") == "chunked") {
      engine_http::ChunkedBody chunks;
      while (!chunks.ended()) {
        const auto step = chunks.next(have_);
        if (!step || (step->consumed == 0 && !receive())) {
          out.cut = true;
          return out;
        }
        out.body += step->data;
        have_.erase(0, step->consumed);
      }
      return out;
    }
    const std::size_t length = std::strtoul(out.header("Content-Length").c_str(), nullptr, 10);
    while (have_.size() < length) {
      if (!receive()) {
        out.cut = true;
        return out;
      }
    }
    out.body = have_.substr(0, length);
    have_.erase(0, length);
    return out;
  }

  // `target` as it goes out, e.g. "/?query=SELECT+1"; `headers` lines with CR LF.
  Reply request(std::string_view method, std::string_view target, std::string_view body,
                std::string_view headers = {}) {
    send(std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    send(body);
    return reply();
  }
  Reply post(std::string_view target, std::string_view body, std::string_view headers = {}) {
    return request("POST", target, body, headers);
  }

  // Nothing more comes: true when the other side ended the connection.
  bool ended() {
    while (receive()) {
    }
    return true;
  }

 private:
  bool receive() {
    pollfd waiting{socket_, POLLIN, 0};
    if (poll(&waiting, 1, kPatience) <= 0) {
      ADD_FAILURE() << "the engine said nothing for a minute";
      return false;
    }
    char buffer[65536];
    const ssize_t got = recv(socket_, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    have_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  int socket_;
  bool connected_ = false;
  std::string have_;
};

// %XX for everything but letters and digits.
inline std::string url_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

struct Engine {
  pid_t pid = -1;
  std::uint16_t port = 0;  // 0: it ended without a word
  std::string first_line;
};

inline std::string read_line(int file) {
  std::string line;
  pollfd waiting{file, POLLIN, 0};
  char c = 0;
  while (poll(&waiting, 1, kPatience) > 0 && read(file, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

// A directory of its own, and engines that end with this object.
class EngineHost {
 public:
  // Why there is no engine program to start; empty if there is one.
  static std::string missing() {
    const auto binary = program();
    return access(binary.c_str(), X_OK) == 0 ? "" : "there is no engine program at " + binary.string();
  }

  EngineHost() : binary_(program().string()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "engine-test-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  ~EngineHost() {
    for (const pid_t pid : running_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }
  EngineHost(const EngineHost&) = delete;
  EngineHost& operator=(const EngineHost&) = delete;

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  [[nodiscard]] std::string data() const { return (directory_ / "data").string(); }
  [[nodiscard]] std::string said_on_stderr() const { return read_whole_file(directory_ / "stderr"); }

  // Waits for its first line.
  Engine start(std::vector<std::string> arguments) {
    int out[2];
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    arguments.insert(arguments.begin(), binary_);
    std::vector<char*> raw;
    for (std::string& argument : arguments) raw.push_back(argument.data());
    raw.push_back(nullptr);
    const std::string errors = (directory_ / "stderr").string();
    Engine engine;
    engine.pid = fork();
    if (engine.pid == 0) {
      dup2(out[1], STDOUT_FILENO);
      dup2(open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
      execv(raw[0], raw.data());
      _exit(127);
    }
    close(out[1]);
    running_.push_back(engine.pid);
    engine.first_line = read_line(out[0]);
    close(out[0]);
    const std::size_t colon = engine.first_line.rfind(':');
    if (colon != std::string::npos) {
      engine.port = static_cast<std::uint16_t>(std::atoi(engine.first_line.c_str() + colon + 1));
    }
    return engine;
  }
  Engine start() { return start({"--path", data(), "--listen", "127.0.0.1:0"}); }
  // One that was started elsewhere and is this process's child now.
  void adopt(const Engine& engine) { running_.push_back(engine.pid); }

  // Exit code, or minus the signal that ended it.
  int wait(const Engine& engine) {
    int status = 0;
    EXPECT_EQ(waitpid(engine.pid, &status, 0), engine.pid);
    running_.erase(std::remove(running_.begin(), running_.end(), engine.pid), running_.end());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int stop(const Engine& engine, int signal = SIGTERM) {
    kill(engine.pid, signal);
    return wait(engine);
  }
  int run(std::vector<std::string> arguments) { return wait(start(std::move(arguments))); }

 private:
  static std::filesystem::path program() {
    const char* named = std::getenv("BOATHOUSE_ENGINE_BINARY");
    return named != nullptr ? std::filesystem::path(named) : test_support::engine_binary();
  }

  std::string binary_;
  std::filesystem::path directory_;
  std::vector<pid_t> running_;
};

// A statement that must work; gives its result.
inline std::string ask(Client& client, std::string_view sql, std::string_view settings = {}) {
  const Reply reply = client.post("/?wait_end_of_query=1" + std::string(settings), sql);
  EXPECT_EQ(reply.status, 200) << sql << ": " << reply.body;
  return reply.body;
}

inline Reply insert(Client& client, std::string_view sql, std::string_view rows, std::string_view settings = {},
                    std::string_view headers = {}) {
  return client.post("/?query=" + url_encode(sql) + std::string(settings), rows, headers);
}

}  // namespace boathouse::engine
