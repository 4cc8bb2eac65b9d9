// TLS 1.2 and 1.3 on a socket that does not block. A context is what many connections share (certificate and key, or
// the CAs that a client trusts); a session is one of them. OpenSSL is included in tls.cpp alone. An idle session holds
// no buffers: thousands of devices stay connected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace boathouse::http {

// PEM.
struct TlsFiles {
  std::string certificate;  // the server's, then those that lead to the CA
  std::string key;          // without a passphrase; a file that everybody may read is refused
};

// Immutable once made. Any thread.
class TlsContext {
 public:
  // invalid_input: a file cannot be read or is not what it should be; the text names file and fix.
  static base::Result<std::shared_ptr<const TlsContext>> for_server(const TlsFiles& files);
  // `ca_file`: whom to trust; empty = the system's CAs.
  static base::Result<std::shared_ptr<const TlsContext>> for_client(const std::string& ca_file);

  // Of a server: "CN=example.org, valid until Jan  2 12:00:00 2027 GMT".
  [[nodiscard]] std::string certificate() const;
  [[nodiscard]] ssl_ctx_st* native() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

// Thread rule: one thread at a time. Every call does what it can at once and says what it waits for.
class TlsSession {
 public:
  enum class State : std::uint8_t { done, wants_read, wants_write, ended, failed };
  struct Step {
    State state = State::failed;
    std::size_t bytes = 0;
  };

  // The socket is the caller's: it stays open when the session ends. unavailable: no memory.
  static base::Result<TlsSession> accept(const TlsContext& context, int socket);
  // Checks that the certificate is `host`'s (a name or an address).
  static base::Result<TlsSession> connect(const TlsContext& context, int socket, const std::string& host);

  Step handshake();
  Step read(void* into, std::size_t bytes);
  // A call that waited is repeated with the same bytes.
  Step write(const void* from, std::size_t bytes);
  // Tells the other side that nothing follows, if that is possible at once.
  void end();

  // After failed: why, and what mends it.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  explicit TlsSession(ssl_st* session) : session_(session) {}
  Step after(int result, std::size_t bytes);

  std::unique_ptr<ssl_st, Free> session_;
  std::string error_;
  bool broken_ = false;
};

}  // namespace boathouse::http
