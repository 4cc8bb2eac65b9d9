#include "server/http/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace boathouse::http {
namespace {

using base::Error;
using base::ErrorCode;
using base::Status;

constexpr std::string_view kProtocol = "\x08http/1.1";  // as ALPN writes it: length, name

// With forward secrecy and authenticated encryption alone; TLS 1.3 has nothing else.
constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

Error wrong(const std::string& text) { return {ErrorCode::invalid_input, text}; }

Status check_key_file(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) {
    return wrong("cannot read the TLS key " + file + ": " + std::strerror(errno));
  }
  if ((info.st_mode & S_IRWXO) != 0) {
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", info.st_mode & 07777U);
    return wrong("the TLS key " + file + " may be used by everybody on this machine (mode " + mode.data() +
                 "): chmod 600 " + file);
  }
  return {};
}

int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* offered,
                    unsigned int length, void*) {
  unsigned char* chosen = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(kProtocol.data());
  if (SSL_select_next_proto(&chosen, out_length, ours, kProtocol.size(), offered, length) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// What both ends have in common.
SSL_CTX* make_context(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  if (context == nullptr) {
    return nullptr;
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kTls12Ciphers);
  // HTTP says how long a message is, so a peer that leaves without a word cuts nothing off unseen.
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

// OpenSSL's own socket calls write(), which would end the process with SIGPIPE when a client has gone.
int send_to_socket(BIO* bio, const char* data, int length) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent =
      ::send(static_cast<int>(BIO_get_fd(bio, nullptr)), data, static_cast<std::size_t>(length), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN)) {
    BIO_set_retry_write(bio);
  }
  return static_cast<int>(sent);
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const kMethod = [] {
    const BIO_METHOD* theirs = BIO_s_socket();
    BIO_METHOD* ours = BIO_meth_new(BIO_TYPE_SOCKET, "socket");
    BIO_meth_set_write(ours, &send_to_socket);
    BIO_meth_set_read(ours, BIO_meth_get_read(theirs));
    BIO_meth_set_ctrl(ours, BIO_meth_get_ctrl(theirs));
    BIO_meth_set_create(ours, BIO_meth_get_create(theirs));
    BIO_meth_set_destroy(ours, BIO_meth_get_destroy(theirs));
    return ours;
  }();
  return kMethod;
}

bool use_socket(SSL* session, int socket) {
  BIO* bio = BIO_new(socket_method());
  if (bio == nullptr) {
    return false;
  }
  BIO_set_fd(bio, socket, BIO_NOCLOSE);
  SSL_set_bio(session, bio, bio);
  return true;
}

bool is_ip_address(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string name_of(const X509* certificate) {
  std::array<char, 256> name{};
  BIO* out = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0,
                     XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ);
  const int length = BIO_read(out, name.data(), static_cast<int>(name.size()));
  BIO_free(out);
  return {name.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

std::string text_of(const ASN1_TIME* time) {
  std::array<char, 64> text{};
  BIO* out = BIO_new(BIO_s_mem());
  ASN1_TIME_print(out, time);
  const int length = BIO_read(out, text.data(), static_cast<int>(text.size()));
  BIO_free(out);
  return {text.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

base::Result<std::shared_ptr<const TlsContext>> TlsContext::for_server(const TlsFiles& files) {
  BOATHOUSE_TRY(check_key_file(files.key));
  ERR_clear_error();
  const std::shared_ptr<const TlsContext> made(new TlsContext(make_context(TLS_server_method())));
  SSL_CTX* context = made->native();
  if (context == nullptr) {
    return Error{ErrorCode::unavailable, "TLS cannot be started: " + openssl_reason()};
  }
  // A returning client brings its session along in a ticket: nothing is kept for those that do not return.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_alpn_select_cb(context, &choose_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return wrong("cannot use the TLS certificate " + files.certificate +
                 " (PEM, the server's first): " + openssl_reason());
  }
  bool asked_for_passphrase = false;
  SSL_CTX_set_default_passwd_cb(context, &no_passphrase);
  SSL_CTX_set_default_passwd_cb_userdata(context, &asked_for_passphrase);
  const bool used = SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  if (asked_for_passphrase) {
    return wrong("the TLS key " + files.key + " has a passphrase; give one without (openssl pkey -in ... -out ...)");
  }
  if (!used && ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH) {
    return wrong("the TLS key " + files.key + " is not that of the certificate " + files.certificate);
  }
  if (!used) {
    return wrong("cannot use the TLS key " + files.key + " (PEM): " + openssl_reason());
  }
  return made;
}

base::Result<std::shared_ptr<const TlsContext>> TlsContext::for_client(const std::string& ca_file) {
  ERR_clear_error();
  const std::shared_ptr<const TlsContext> made(new TlsContext(make_context(TLS_client_method())));
  SSL_CTX* context = made->native();
  if (context == nullptr) {
    return Error{ErrorCode::unavailable, "TLS cannot be started: " + openssl_reason()};
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(kProtocol.data()), kProtocol.size());
  const int trusted =
      ca_file.empty() ? SSL_CTX_set_default_verify_paths(context) : SSL_CTX_load_verify_file(context, ca_file.c_str());
  if (trusted != 1) {
    return wrong("cannot use the CA file " + ca_file + " (PEM): " + openssl_reason());
  }
  return made;
}

std::string TlsContext::certificate() const {
  const X509* certificate = SSL_CTX_get0_certificate(context_.get());
  return certificate == nullptr ? std::string()
                                : name_of(certificate) + ", valid until " + text_of(X509_get0_notAfter(certificate));
}

base::Result<TlsSession> TlsSession::accept(const TlsContext& context, int socket) {
  TlsSession made(SSL_new(context.native()));
  if (!made.session_ || !use_socket(made.session_.get(), socket)) {
    return Error{ErrorCode::unavailable, "no memory for a TLS session"};
  }
  SSL_set_accept_state(made.session_.get());
  return made;
}

base::Result<TlsSession> TlsSession::connect(const TlsContext& context, int socket, const std::string& host) {
  TlsSession made(SSL_new(context.native()));
  SSL* session = made.session_.get();
  if (session == nullptr || !use_socket(session, socket)) {
    return Error{ErrorCode::unavailable, "no memory for a TLS session"};
  }
  const bool told = is_ip_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str()) == 1
                                        : SSL_set1_host(session, host.c_str()) == 1 &&
                                              SSL_set_tlsext_host_name(session, host.c_str()) == 1;
  if (!told) {
    return wrong("no host that a certificate could name: " + host);
  }
  SSL_set_connect_state(session);
  return made;
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  Step step = after(SSL_do_handshake(session_.get()), 0);
  if (step.state == State::ended) {
    error_ = "the connection ended before there was TLS";
    step.state = State::failed;
  }
  return step;
}

TlsSession::Step TlsSession::read(void* into, std::size_t bytes) {
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(session_.get(), into, bytes, &got);
  return after(result, got);
}

TlsSession::Step TlsSession::write(const void* from, std::size_t bytes) {
  ERR_clear_error();
  std::size_t wrote = 0;
  const int result = SSL_write_ex(session_.get(), from, bytes, &wrote);
  return after(result, wrote);
}

void TlsSession::end() {
  if (!broken_ && SSL_is_init_finished(session_.get()) == 1) {
    ERR_clear_error();
    SSL_shutdown(session_.get());
  }
}

TlsSession::Step TlsSession::after(int result, std::size_t bytes) {
  if (result == 1) {
    return {State::done, bytes};
  }
  const int saved = errno;
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {State::wants_read, 0};
    case SSL_ERROR_WANT_WRITE:
      return {State::wants_write, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {State::ended, 0};
    case SSL_ERROR_SYSCALL:
      error_ = saved == 0 ? "the connection ended" : std::strerror(saved);
      break;
    default:
      error_ = "TLS: " + openssl_reason();
      if (const long verified = SSL_get_verify_result(session_.get()); verified != X509_V_OK) {
        error_ = std::string("the server's certificate is not trusted: ") + X509_verify_cert_error_string(verified) +
                 " (--ca-file FILE names a private CA)";
      }
  }
  broken_ = true;
  return {State::failed, 0};
}

}  // namespace boathouse::http
