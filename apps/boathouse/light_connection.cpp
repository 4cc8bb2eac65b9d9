#include "apps/boathouse/light_connection.hpp"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "device/transport/http_client.hpp"

namespace boathouse::app {
namespace {

using base::Error;
using base::ErrorCode;

constexpr std::size_t kMaxLightAnswer = std::size_t{1} << 20;

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::int64_t parsed_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

LightConnection::LightConnection(LightConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), tls_(std::move(other.tls_)) {}

base::Status LightConnection::begin(const LightServer& server, int epoll, std::uint64_t id, std::string request) {
  out_ = std::move(request);
  sent_ = 0;
  in_.clear();
  if (socket_ >= 0) {
    // Sends alone: the answer is for go_on() to find.
    if (write() == Progress::failed) return Error{ErrorCode::unavailable, error_};
    return base::Done{};
  }
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) {
    return Error{ErrorCode::unavailable, std::string("no socket: ") + std::strerror(errno) + " (ulimit -n?)"};
  }
  const int yes = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.u64 = id;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket_, &event);
  const auto* address = reinterpret_cast<const sockaddr*>(&server.address);
  if (::connect(socket_, address, sizeof server.address) != 0 && errno != EINPROGRESS) {
    const std::string why = std::strerror(errno);
    close();
    return Error{ErrorCode::unavailable, "no connection: " + why};
  }
  if (server.tls) {
    auto session = http::TlsSession::connect(*server.tls, socket_, server.host);
    if (!session) return session.error();
    tls_.emplace(std::move(*session));
  }
  return base::Done{};
}

LightConnection::Progress LightConnection::go_on() {
  if (socket_ < 0 || write() == Progress::failed) return Progress::failed;
  return read();
}

ssize_t LightConnection::result_of(const http::TlsSession::Step& step) {
  switch (step.state) {
    case http::TlsSession::State::done:
      return static_cast<ssize_t>(step.bytes);
    case http::TlsSession::State::ended:
      return 0;
    case http::TlsSession::State::wants_read:
    case http::TlsSession::State::wants_write:
      errno = EAGAIN;
      break;
    case http::TlsSession::State::failed:
      errno = EPROTO;
      break;
  }
  return -1;
}

ssize_t LightConnection::send_some(std::string_view bytes) {
  return tls_ ? result_of(tls_->write(bytes.data(), bytes.size()))
              : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

ssize_t LightConnection::receive_some(char* into, std::size_t bytes) {
  return tls_ ? result_of(tls_->read(into, bytes)) : ::recv(socket_, into, bytes, 0);
}

LightConnection::Progress LightConnection::write() {
  while (sent_ < out_.size()) {
    const ssize_t wrote = send_some(std::string_view(out_).substr(sent_));
    if (wrote > 0) {
      sent_ += static_cast<std::size_t>(wrote);
    } else if (errno == EAGAIN || errno == EINPROGRESS || errno == ENOTCONN) {
      break;
    } else {
      return fail(tls_ ? tls_->error() : std::strerror(errno));
    }
  }
  return Progress::under_way;
}

LightConnection::Progress LightConnection::read() {
  std::array<char, 16 * 1024> piece{};
  while (true) {
    const ssize_t got = receive_some(piece.data(), piece.size());
    if (got > 0) {
      in_.append(piece.data(), static_cast<std::size_t>(got));
      if (in_.size() > kMaxLightAnswer) return fail("the answer is too long");
      continue;
    }
    if (got == 0) return parse(true);
    if (errno == EAGAIN || errno == ENOTCONN) return parse(false);
    return fail(tls_ ? tls_->error() : std::strerror(errno));
  }
}

LightConnection::Progress LightConnection::parse(bool ended) {
  const std::size_t head_end = in_.find("\r\n\r\n");
  if (head_end == std::string::npos) return ended ? fail("the server closed the connection") : Progress::under_way;
  std::string_view head = std::string_view(in_).substr(0, head_end);
  status_ = static_cast<int>(parsed_number(head.substr(std::min(head.find(' '), head.size()))));
  std::int64_t length = -1;
  bool keep = true;
  retry_after_s_ = 0;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 1);
    if (same_name(name, "content-length")) length = parsed_number(value);
    if (same_name(name, "retry-after")) retry_after_s_ = parsed_number(value);
    if (same_name(name, "connection")) keep = value.find("close") == std::string_view::npos;
  }
  if (length < 0) return fail("an answer without Content-Length");
  if (in_.size() < head_end + 4 + static_cast<std::size_t>(length)) {
    return ended ? fail("the answer was cut off") : Progress::under_way;
  }
  body_ = in_.substr(head_end + 4, static_cast<std::size_t>(length));
  in_.clear();
  if (!keep || ended) close();
  return Progress::answered;
}

LightConnection::Progress LightConnection::fail(std::string_view what) {
  error_ = what;
  close();
  return Progress::failed;
}

void LightConnection::close() {
  if (tls_) tls_->end();
  tls_.reset();
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

base::Result<LightServer> resolve_server(const std::string& url, const std::string& ca_file) {
  const bool secure = url.starts_with("https://");
  const std::size_t scheme = secure ? 8 : url.starts_with("http://") ? 7 : url.size();
  LightServer server;
  server.host = url.substr(scheme);
  while (server.host.ends_with('/')) server.host.pop_back();
  const std::size_t colon = server.host.rfind(':');
  const std::string port = colon == std::string::npos ? (secure ? "443" : "80") : server.host.substr(colon + 1);
  server.host = server.host.substr(0, colon);
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (server.host.empty() || ::getaddrinfo(server.host.c_str(), port.c_str(), &hints, &found) != 0 ||
      found == nullptr) {
    return Error{ErrorCode::invalid_input,
                 "light devices need --server http(s)://ADDR:PORT with an IPv4 address, not " + url};
  }
  std::memcpy(&server.address, found->ai_addr, sizeof server.address);
  ::freeaddrinfo(found);
  if (secure) {
    auto tls = http::TlsContext::for_client(transport::trusted_ca_file(ca_file));
    if (!tls) return tls.error();
    server.tls = std::move(*tls);
  }
  return server;
}

}  // namespace boathouse::app
