// One device's connection as cheap as it can be: a socket that does not block and one request at a time. Thousands of
// them on one thread cost a load test less than the server that it measures. HTTP/1.1, with TLS or without, answers
// with a Content-Length. Thread rule: one thread at a time.
#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "server/http/tls.hpp"

namespace boathouse::app {

struct LightServer {
  sockaddr_in address{};
  std::string host;                             // that its certificate must name
  std::shared_ptr<const http::TlsContext> tls;  // nullptr = plain
};

class LightConnection {
 public:
  enum class Progress : std::uint8_t { under_way, answered, failed };

  LightConnection() = default;
  LightConnection(LightConnection&& other) noexcept;
  LightConnection& operator=(LightConnection&&) = delete;
  ~LightConnection() { close(); }

  // Sends on the open connection, or on a new one. `epoll` tells when go_on() has something to do, with `id` as its
  // data. unavailable: no socket could be had, or the server had closed the connection.
  base::Status begin(const LightServer& server, int epoll, std::uint64_t id, std::string request);
  // After failed, error() says why, and the next begin() connects anew.
  Progress go_on();
  // Ends it, an answer that is awaited too.
  void close();

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] std::string_view body() const { return body_; }
  [[nodiscard]] std::int64_t retry_after_s() const { return retry_after_s_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  Progress fail(std::string_view what);
  Progress write();
  Progress read();
  Progress parse(bool ended);
  // As of ::send and ::recv, with errno EAGAIN where it has to wait.
  ssize_t send_some(std::string_view bytes);
  ssize_t receive_some(char* into, std::size_t bytes);
  ssize_t result_of(const http::TlsSession::Step& step);

  int socket_ = -1;
  std::optional<http::TlsSession> tls_;
  std::string out_;
  std::size_t sent_ = 0;
  std::string in_;
  int status_ = 0;
  std::string body_;
  std::int64_t retry_after_s_ = 0;
  std::string error_;
};

// "http://127.0.0.1:8080" or "https://...": an IPv4 address or a name that has one. `ca_file` as of
// transport::HttpClientOptions. invalid_input for anything else, and for a CA file that cannot be used.
base::Result<LightServer> resolve_server(const std::string& url, const std::string& ca_file);

}  // namespace boathouse::app
