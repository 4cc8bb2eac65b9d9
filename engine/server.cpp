#include "engine/server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/http/exception.hpp"
#include "engine/http/http_reply.hpp"

namespace boathouse::engine {
namespace {

// Longer than a client's own pool keeps a connection idle, so that it rarely meets one that we are just closing.
constexpr std::chrono::minutes kIdle{5};
constexpr int kTick = 500;  // ms
constexpr int kBacklog = 128;
// Connections over the limit that are being told so; more than these are closed without a word.
constexpr std::size_t kMaxRefusals = 16;

using engine_http::exception;
using engine_http::kTooManySimultaneousQueries;

base::Error io_error(const std::string& what) {
  return base::Error{base::ErrorCode::io, what + ": " + std::strerror(errno)};
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// family 0: not an address.
SocketAddress to_socket_address(const std::string& host, std::uint16_t port) {
  SocketAddress out;
  auto* four = reinterpret_cast<sockaddr_in*>(&out.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    out.size = sizeof *four;
  } else if (inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    out.size = sizeof *six;
  }
  return out;
}

}  // namespace

base::Result<ListenAddress> parse_listen_address(std::string_view text) {
  const base::Error wrong{base::ErrorCode::invalid_input,
                          "--listen " + std::string(text) + ": not ADDR:PORT, e.g. 127.0.0.1:8123 or [::1]:0"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return wrong;
  }
  ListenAddress address;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size()) {
    return wrong;
  }
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  address.host = host == "localhost" ? "127.0.0.1" : std::string(host);
  SocketAddress raw = to_socket_address(address.host, address.port);
  if (raw.size == 0) {
    return wrong;
  }
  address.loopback = address.host == "::1" || (raw.get()->sa_family == AF_INET && address.host.starts_with("127."));
  return address;
}

base::Result<std::unique_ptr<Server>> Server::listen(const ListenAddress& address) {
  SocketAddress raw = to_socket_address(address.host, address.port);
  const int family = raw.get()->sa_family;
  const int socket = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) {
    return io_error("cannot make a socket");
  }
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  if (bind(socket, raw.get(), raw.size) != 0 || ::listen(socket, kBacklog) != 0 ||
      getsockname(socket, bound.get(), &bound.size) != 0) {
    base::Error error = io_error("cannot listen on " + address.host + " port " + std::to_string(address.port));
    close(socket);
    return error;
  }
  const bool six = family == AF_INET6;
  const std::uint16_t port = ntohs(six ? reinterpret_cast<sockaddr_in6*>(&bound.storage)->sin6_port
                                       : reinterpret_cast<sockaddr_in*>(&bound.storage)->sin_port);
  std::string url = "http://" + (six ? "[" + address.host + "]" : address.host) + ":" + std::to_string(port);
  return std::unique_ptr<Server>(new Server(socket, std::move(url)));
}

Server::~Server() {
  if (listener_ >= 0) {
    close(listener_);
  }
}

bool Server::run(QueryHandler& handler, int wake_socket, const std::function<bool()>& should_stop,
                 std::chrono::seconds patience) {
  while (!should_stop()) {
    pollfd waiting[] = {{listener_, POLLIN, 0}, {wake_socket, POLLIN, 0}};
    if (poll(waiting, 2, kTick) > 0 && waiting[0].revents != 0) {
      accept_one(handler);
    }
  }
  return stop(patience);
}

void Server::accept_one(QueryHandler& handler) {
  const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (socket < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      std::cerr << "boathouse-engine: cannot accept a connection: " << std::strerror(errno) << "\n";
      poll(nullptr, 0, kTick);  // the condition stays until some file is closed
    }
    return;
  }
  const std::lock_guard lock(mutex_);
  if (threads_ == kMaxConnections + kMaxRefusals) {
    close(socket);
    return;
  }
  const bool refuse = threads_ >= kMaxConnections;
  try {
    std::thread([this, &handler, socket, refuse] { serve(handler, socket, refuse); }).detach();
  } catch (const std::system_error& error) {
    std::cerr << "boathouse-engine: no thread for a connection: " << error.what() << "\n";
    close(socket);
    return;
  }
  ++threads_;
  connections_.emplace(socket, refuse);
}

bool Server::set_busy(int socket, bool busy) {
  const std::lock_guard lock(mutex_);
  connections_[socket] = busy;
  return !stopping_;
}

void Server::serve(QueryHandler& handler, int socket, bool refuse) {
  {
    Connection connection(socket);
    try {
      if (refuse) {
        const std::string why = "all " + std::to_string(kMaxConnections) + " connections are in use: try again";
        (void)ReplyWriter(connection, false).error(exception(kTooManySimultaneousQueries, why), false);
        connection.linger();
      } else {
        answer(handler, connection, socket);
      }
    } catch (const std::exception& error) {
      // Memory, most likely: this request is lost, the others go on.
      std::cerr << "boathouse-engine: a request failed: " << error.what() << "\n";
    }
    // Before the socket is closed: its number may be another connection's at once.
    const std::lock_guard lock(mutex_);
    connections_.erase(socket);
  }
  const std::lock_guard lock(mutex_);
  --threads_;
  ended_.notify_all();
}

void Server::answer(QueryHandler& handler, Connection& connection, int socket) {
  while (true) {
    const auto request = connection.read_request(kIdle);
    if (request && !*request) {
      return;
    }
    const bool keep_alive = set_busy(socket, true);
    bool go_on = false;
    if (request) {
      go_on = handler.handle(**request, connection, keep_alive);
    } else {
      (void)ReplyWriter(connection, false).error(request.error(), false);
    }
    if (!go_on) {
      connection.linger();
      return;
    }
    if (!set_busy(socket, false)) {
      return;
    }
  }
}

bool Server::stop(std::chrono::seconds patience) {
  close(std::exchange(listener_, -1));
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (const auto& [socket, busy] : connections_) {
    if (!busy) {
      shutdown(socket, SHUT_RD);
    }
  }
  const auto all_ended = [this] { return threads_ == 0; };
  if (ended_.wait_for(lock, patience, all_ended)) {
    return true;
  }
  for (const auto& [socket, busy] : connections_) {
    shutdown(socket, SHUT_RDWR);
  }
  ended_.wait_for(lock, std::chrono::seconds(1), all_ended);
  return false;
}

}  // namespace boathouse::engine
