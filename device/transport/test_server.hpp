// A server on loopback for tests: reads one request a connection, lets a function answer it with raw bytes, closes.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace boathouse::transport {

struct SeenRequest {
  std::string head;
  std::string body;
};

class TestServer {
 public:
  using Answer = std::function<std::string(const SeenRequest&)>;

  explicit TestServer(Answer answer)
      : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 16) != 0 || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("cannot listen on loopback");
    }
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  [[nodiscard]] const std::string& url() const { return url_; }
  std::vector<SeenRequest> seen() {
    const std::lock_guard guard(mutex_);
    return seen_;
  }

  static std::string reply(const std::string& status, const std::string& body, const std::string& headers = "") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n" +
           headers + "\r\n" + body;
  }

 private:
  void serve() {
    for (;;) {
      const int peer = ::accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      const SeenRequest request = read(peer);
      {
        const std::lock_guard guard(mutex_);
        seen_.push_back(request);
      }
      const std::string answer = answer_(request);
      std::size_t sent = 0;
      while (sent < answer.size()) {
        const ssize_t n = ::send(peer, answer.data() + sent, answer.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) break;
        sent += static_cast<std::size_t>(n);
      }
      ::close(peer);
    }
  }

  static SeenRequest read(int peer) {
    std::string data;
    std::size_t head_end = std::string::npos;
    std::size_t length = 0;
    while (head_end == std::string::npos || data.size() < head_end + 4 + length) {
      char buffer[16384];
      const ssize_t n = ::recv(peer, buffer, sizeof(buffer), 0);
      if (n <= 0) break;
      data.append(buffer, static_cast<std::size_t>(n));
      if (head_end == std::string::npos) {
        head_end = data.find("\r\n\r\n");
        const std::size_t at = data.find("Content-Length: ");
        if (head_end != std::string::npos && at < head_end) length = std::stoul(data.substr(at + 16));
      }
    }
    if (head_end == std::string::npos) return {data, ""};
    return {data.substr(0, head_end + 2), data.substr(head_end + 4)};
  }

  Answer answer_;
  int listener_;
  std::string url_;
  std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  std::thread thread_;
};

}  // namespace boathouse::transport
