// For the tests here: a client on a raw socket, a server with what it logged, gunzip. Nothing else may include it.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/message.hpp"
#include "server/http/server.hpp"
#include "server/http/tls.hpp"

namespace boathouse::http::testing {

struct Answer {
  int status = 0;
  Headers headers;
  std::string body;
  bool whole = false;  // framed to its end

  [[nodiscard]] std::string header(std::string_view name) const {
    const std::string* value = headers.find(name);
    return value == nullptr ? std::string() : *value;
  }
};

class Client {
 public:
  Client() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    timeval guard{};
    guard.tv_sec = 60;  // a hanging server fails the test instead of hanging it
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &guard, sizeof guard);
  }
  explicit Client(std::uint16_t port, int receive_buffer = 0) : Client() {
    if (receive_buffer > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    connect(port);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void connect(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  // "", or why there is no TLS.
  std::string begin_tls(const TlsContext& context, const std::string& host = "127.0.0.1") {
    auto session = TlsSession::connect(context, socket_, host);
    EXPECT_TRUE(session.ok());
    tls_.emplace(std::move(*session));
    return tls_->handshake().state == TlsSession::State::done ? "" : tls_->error();
  }

  // False: the server has closed.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent =
          tls_ ? done(tls_->write(text.data(), text.size())) : ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // False: end of stream, reset or the guard's time.
  bool receive_more(std::size_t most = 64 * 1024) {
    std::string buffer(most, '\0');
    const ssize_t got =
        tls_ ? done(tls_->read(buffer.data(), buffer.size())) : ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      return false;
    }
    waiting_.append(buffer, 0, static_cast<std::size_t>(got));
    return true;
  }

  // Something to receive, or the end, within `ms`.
  bool readable(int ms) {
    pollfd entry{socket_, POLLIN, 0};
    return ::poll(&entry, 1, ms) == 1;
  }

  // The next response. Without a length or chunks it reaches to the end of the stream.
  Answer receive(bool head_only = false) {
    Answer answer;
    std::size_t end = 0;
    while ((end = waiting_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive_more()) {
        return answer;
      }
    }
    parse_head(take(end + 4), answer);
    if (head_only || answer.status < 200 || answer.status == 204 || answer.status == 304) {
      answer.whole = true;
    } else if (const std::string* length = answer.headers.find("Content-Length")) {
      answer.whole = fill(std::stoul(*length));
      answer.body = take(std::stoul(*length));
    } else if (answer.header("Transfer-Encoding") == "chunked") {
      answer.whole = receive_chunks(answer.body);
    } else {
      while (receive_more()) {
      }
      answer.whole = true;
      answer.body = take(waiting_.size());
    }
    return answer;
  }

  Answer ask(std::string_view request, bool head_only = false) {
    send(request);
    return receive(head_only);
  }

  // "GET /path" with the headers that every request needs.
  Answer get(std::string_view path, std::string_view headers = "") {
    return ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "\r\n");
  }

  // The server ended the connection and nothing more came.
  bool at_end() { return waiting_.empty() && !receive_more(); }

  std::string& waiting() { return waiting_; }
  [[nodiscard]] int socket() const { return socket_; }

 private:
  static ssize_t done(const TlsSession::Step& step) {
    return step.state == TlsSession::State::done ? static_cast<ssize_t>(step.bytes) : -1;
  }

  std::string take(std::size_t count) {
    std::string front = waiting_.substr(0, count);
    waiting_.erase(0, count);
    return front;
  }

  bool fill(std::size_t count) {
    while (waiting_.size() < count) {
      if (!receive_more()) {
        return false;
      }
    }
    return true;
  }

  static void parse_head(std::string_view head, Answer& answer) {
    std::from_chars(head.data() + 9, head.data() + 12, answer.status);
    head.remove_prefix(head.find("\r\n") + 2);
    while (head != "\r\n") {
      const std::string_view line = head.substr(0, head.find("\r\n"));
      answer.headers.add(line.substr(0, line.find(':')), line.substr(line.find(": ") + 2));
      head.remove_prefix(line.size() + 2);
    }
  }

  bool receive_chunks(std::string& body) {
    while (true) {
      std::size_t end = 0;
      while ((end = waiting_.find("\r\n")) == std::string::npos) {
        if (!receive_more()) {
          return false;
        }
      }
      std::size_t size = 0;
      std::from_chars(waiting_.data(), waiting_.data() + end, size, 16);
      if (!fill(end + 2 + size + 2)) {
        return false;
      }
      body.append(waiting_, end + 2, size);
      waiting_.erase(0, end + 2 + size + 2);
      if (size == 0) {
        return true;
      }
    }
  }

  int socket_;
  std::optional<TlsSession> tls_;
  std::string waiting_;
};

// A server on a free port of the loopback, and what it told its hooks.
class TestServer {
 public:
  struct Access {
    Method method;
    std::string route;
    int status;
    std::uint64_t bytes;
    std::string request_id;
    bool complete;
    std::string limited_by;
    std::string trace_id;
  };

  explicit TestServer(const std::function<void(RouteTable&)>& fill, Options options = {})
      : server_(make(fill, std::move(options))) {
    const auto port = server_->start();
    EXPECT_TRUE(port.ok()) << (port.ok() ? "" : port.error().text);
    port_ = port.ok() ? *port : 0;
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  std::size_t stop(std::chrono::milliseconds drain) { return server_->stop(drain); }
  base::Result<std::string> reload_tls() { return server_->reload_tls(); }
  void destroy() { server_.reset(); }

  // Waits until `count` requests are logged.
  std::vector<Access> accesses(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(logged_.wait_for(lock, std::chrono::seconds(60), [&] { return accesses_.size() >= count; }));
    return accesses_;
  }
  // Waits until `count` failures are logged.
  std::vector<std::string> failures(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(logged_.wait_for(lock, std::chrono::seconds(60), [&] { return failures_.size() >= count; }));
    return failures_;
  }

 private:
  std::unique_ptr<Server> make(const std::function<void(RouteTable&)>& fill, Options options) {
    options.hooks.access = [this](const AccessRecord& record) {
      const std::lock_guard lock(mutex_);
      accesses_.push_back(Access{record.method, std::string(record.route), record.status, record.bytes,
                                 std::string(record.request_id), record.complete, std::string(record.limited_by),
                                 std::string(record.trace_id)});
      logged_.notify_all();
    };
    options.hooks.failure = [this](const FailureRecord& record) {
      const std::lock_guard lock(mutex_);
      failures_.emplace_back(record.text);
      logged_.notify_all();
    };
    RouteTable routes;
    fill(routes);
    return std::make_unique<Server>(std::move(options), std::move(routes));
  }

  std::mutex mutex_;
  std::condition_variable logged_;
  std::vector<Access> accesses_;
  std::vector<std::string> failures_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
};

// A door that threads wait at until it is opened once.
class Door {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(opened_.wait_for(lock, std::chrono::seconds(60), [this] { return open_; }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

inline void add_route(RouteTable& routes, Route route) {
  const base::Status added = routes.add(std::move(route));
  EXPECT_TRUE(added.ok()) << (added.ok() ? "" : added.error().text);
}

// A GET route that answers with text.
inline Route text_route(std::string pattern, std::string text) {
  Route route;
  route.name = pattern;
  route.pattern = std::move(pattern);
  route.handler = [text](const Request&) { return make_response(200, "text/plain", text); };
  return route;
}

inline std::string gunzip(std::string_view data) {
  z_stream state{};
  EXPECT_EQ(inflateInit2(&state, 15 + 16), Z_OK);
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  state.avail_in = static_cast<uInt>(data.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK) {
    std::string piece(64 * 1024, '\0');
    state.next_out = reinterpret_cast<Bytef*>(piece.data());
    state.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&state, Z_NO_FLUSH);
    out.append(piece, 0, piece.size() - state.avail_out);
  }
  EXPECT_EQ(status, Z_STREAM_END);
  EXPECT_EQ(state.avail_in, 0U);
  inflateEnd(&state);
  return out;
}

}  // namespace boathouse::http::testing
