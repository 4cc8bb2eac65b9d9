// HTTP over libcurl. Follows no redirects; http and https only; TLS 1.2 at least, certificates are checked.
// Thread rule: one thread at a time, but cancel() may come from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

namespace boathouse::transport {

struct HttpClientOptions {
  std::int64_t connect_timeout_ms = 10 * 1000;
  std::int64_t total_timeout_ms = 120 * 1000;
  std::size_t max_response_bytes = std::size_t{4} << 20;
  // Whom to trust, PEM. Empty: the file in the environment's CURL_CA_BUNDLE or SSL_CERT_FILE, else the system's CAs.
  std::string ca_file{};
  bool read_certificate = false;  // the server's, for HttpReply::certificate_expires
};

// `ca_file`, or the one that the environment names instead; "" = the system's CAs.
std::string trusted_ca_file(const std::string& ca_file);

struct HttpReply {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string certificate_expires = {};  // as libcurl writes it: "Nov 28 12:00:00 2026 GMT"; "" without TLS
};

class HttpClient {
 public:
  explicit HttpClient(const HttpClientOptions& options = {});
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  // Any status is an answer. Errors: unavailable (no connection, time-out, cut off, cancelled), too_large (answer over
  // the limit), invalid_input (the URL, the CA file).
  base::Result<HttpReply> post(const std::string& url, const std::vector<std::pair<std::string, std::string>>& headers,
                               base::ByteView body);
  // The same for any method ("GET", "PUT", ...); GET, HEAD and DELETE go without the body.
  base::Result<HttpReply> request(const std::string& method, const std::string& url,
                                  const std::vector<std::pair<std::string, std::string>>& headers, base::ByteView body);
  // Ends a running post() within about a second, and every later one at once.
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace boathouse::transport
