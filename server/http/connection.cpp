// What happens on one client's socket: Beast parses requests, responses are written as the bytes that
// response_writer.hpp made, with TLS around both or without.
//
// Thread rule: a connection lives on its own strand; other threads reach it by post() alone.
#include "server/http/connection.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/compose.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string_view>
#include <type_traits>

#include "server/http/transfer.hpp"

namespace boathouse::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using tcp = net::ip::tcp;
using Strand = net::strand<net::io_context::executor_type>;
using Socket = net::basic_stream_socket<tcp, Strand>;
using Parser = wire::request_parser<wire::string_body>;
using BoostError = beast::error_code;
using Buffers = std::array<net::const_buffer, 2>;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kFirstReadBytes = 4 * 1024;
constexpr std::size_t kBufferBytes = 64 * 1024;    // the most that waits between socket and parser
constexpr std::size_t kLingerBytes = 1024 * 1024;  // the most that is read away from a refused client
constexpr std::size_t kTlsRecordBytes = 16 * 1024;
constexpr char kTlsHandshake = 0x16;  // the first byte of every TLS connection, and of no HTTP request
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// The parser found the bytes wrong; anything else (time-out, reset, end) is the connection's end.
bool is_protocol_error(const BoostError& error) {
  return error.category() == wire::make_error_code(wire::error::bad_method).category() &&
         error != wire::error::end_of_stream && error != wire::error::partial_message;
}

// A socket, with TLS around it or without: the stream that Beast and Asio read from and write to.
class Channel {
 public:
  using executor_type = Strand;

  explicit Channel(Socket socket) : socket_(std::move(socket)) {}
  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
  [[nodiscard]] Socket& socket() { return socket_; }

  void use(TlsSession tls) { tls_.emplace(std::move(tls)); }
  [[nodiscard]] bool has_tls() const { return tls_.has_value(); }

  template <typename Handler>
  void async_handshake(Handler&& handler) {
    attempt([this] { return tls_->handshake(); }, handler);
  }

  template <typename Into, typename Handler>
  void async_read_some(const Into& buffers, Handler&& handler) {
    if (!tls_) {
      socket_.async_read_some(buffers, std::forward<Handler>(handler));
      return;
    }
    const net::mutable_buffer into = *net::buffer_sequence_begin(buffers);
    attempt([this, into] { return tls_->read(into.data(), into.size()); }, handler);
  }

  // With TLS: the buffers together as one record.
  template <typename From, typename Handler>
  void async_write_some(const From& buffers, Handler&& handler) {
    if (!tls_) {
      socket_.async_write_some(buffers, std::forward<Handler>(handler));
      return;
    }
    attempt(
        [this, buffers] {
          std::array<char, kTlsRecordBytes> record;  // NOLINT: as much of it as is used is written first
          return tls_->write(record.data(), net::buffer_copy(net::buffer(record), buffers));
        },
        handler);
  }

  void shutdown_send() {
    if (tls_) {
      tls_->end();
    }
    BoostError ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void close() {
    if (tls_) {
      tls_->end();
    }
    BoostError ignored;
    socket_.close(ignored);
  }

  // A reset, because a plain end could look like the end of a body.
  void reset() {
    tls_.reset();
    BoostError ignored;
    socket_.set_option(net::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
  }

 private:
  // Tries until TLS has what it waits for.
  template <typename Try>
  struct Operation {
    Channel& channel;
    Try next;
    bool begun = false;
    bool over = false;
    BoostError outcome{};
    std::size_t bytes = 0;

    template <typename Self>
    void operator()(Self& self, BoostError error = {}) {
      if (!error && !channel.socket_.is_open()) {
        error = net::error::operation_aborted;  // closed while this was on its way: its number may be another's by now
      }
      if (error || over) {
        return self.complete(error ? error : outcome, bytes);
      }
      const bool within_initiation = !std::exchange(begun, true);
      const TlsSession::Step step = next();
      switch (step.state) {
        case TlsSession::State::wants_read:
          return channel.socket_.async_wait(tcp::socket::wait_read, std::move(self));
        case TlsSession::State::wants_write:
          return channel.socket_.async_wait(tcp::socket::wait_write, std::move(self));
        case TlsSession::State::done:
          bytes = step.bytes;
          break;
        case TlsSession::State::ended:
          outcome = net::error::eof;
          break;
        case TlsSession::State::failed:
          outcome = net::error::connection_aborted;
          break;
      }
      over = true;
      if (within_initiation) {  // no handler is called by the function that was given it
        return net::post(channel.get_executor(), std::move(self));
      }
      self.complete(outcome, bytes);
    }
  };

  template <typename Try, typename Handler>
  void attempt(Try next, Handler& handler) {
    net::async_compose<std::decay_t<Handler>, void(BoostError, std::size_t)>(Operation<Try>{*this, std::move(next)},
                                                                             handler, socket_);
  }

  Socket socket_;
  std::optional<TlsSession> tls_;
};

class SocketConnection final : public Connection, public std::enable_shared_from_this<SocketConnection> {
 public:
  SocketConnection(Shared& shared, Socket socket, std::string remote_address, NetworkCount::Share place)
      : shared_(shared),
        timeouts_(shared.options.timeouts),
        stream_(std::move(socket)),
        alarm_(stream_.get_executor()),
        buffer_(std::max(kBufferBytes, shared.options.limits.header_bytes + 1)),
        remote_address_(std::move(remote_address)),
        place_(std::move(place)) {
    BoostError error;
    stream_.socket().set_option(tcp::no_delay(true), error);
  }

  void start() override {
    post([](SocketConnection& self) { self.begin(); });
  }
  void turn_away(const char* why) override {
    post([why](SocketConnection& self) { self.refuse(ProblemKind::overloaded, why); });
  }
  void drain() override {
    post([](SocketConnection& self) {
      if (self.idle_) {
        self.close();
      }
    });
  }
  void cut() override {
    post([](SocketConnection& self) {
      self.shared_.cut += self.exchange_ ? 1 : 0;
      self.close();
    });
  }

 private:
  // Any thread.
  template <typename Step>
  void post(Step step) {
    net::post(stream_.get_executor(), [self = shared_from_this(), step = std::move(step)]() mutable {
      if (!self->closed_) {
        step(*self);
      }
    });
  }

  // A completion handler that calls `step` unless the connection was closed meanwhile.
  auto then(void (SocketConnection::*step)(BoostError, std::size_t)) {
    return [self = shared_from_this(), step](BoostError error, std::size_t bytes = 0) {
      self->deadline_.reset();
      if (!self->closed_) {
        (self.get()->*step)(error, bytes);
      }
    };
  }

  // The same for callers on any thread that may be late: does nothing if the connection is gone.
  template <typename... Args>
  auto later(void (SocketConnection::*step)(Args...)) {
    return [weak = weak_from_this(), step](Args... args) {
      if (const auto self = weak.lock()) {
        self->post(
            [step, ... args = std::move(args)](SocketConnection& on) mutable { (on.*step)(std::move(args)...); });
      }
    };
  }

  // ---- time ----

  // Until the next completion. One alarm serves all: it rings at the earliest deadline since it was set, and looks.
  void expires_at(Clock::time_point time) {
    deadline_ = time;
    if (!rings_at_ || time < *rings_at_) {
      set_alarm(time);
    }
  }
  void expires_after(std::chrono::milliseconds time) { expires_at(Clock::now() + time); }

  void set_alarm(Clock::time_point time) {
    rings_at_ = time;
    alarm_.expires_at(time);
    alarm_.async_wait([weak = weak_from_this()](BoostError cancelled) {
      const auto self = cancelled ? nullptr : weak.lock();
      if (self && !self->closed_) {
        self->on_alarm();
      }
    });
  }

  void on_alarm() {
    rings_at_.reset();
    if (deadline_ && *deadline_ <= Clock::now()) {
      close();
    } else if (deadline_) {
      set_alarm(*deadline_);
    }
  }

  // ---- TLS ----

  void begin() {
    if (!shared_.tls.get()) {
      return await_request(timeouts_.header);
    }
    idle_ = true;
    handshake_until_ = Clock::now() + timeouts_.handshake;
    expires_at(handshake_until_);
    stream_.socket().async_wait(tcp::socket::wait_read, then(&SocketConnection::on_hello));
  }

  // Nothing is spent on TLS before the client has said something.
  void on_hello(BoostError error, std::size_t) {
    if (error) {
      return close();
    }
    char first = 0;
    const auto got = ::recv(stream_.socket().native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {  // woken for nothing
      return stream_.socket().async_wait(tcp::socket::wait_read, then(&SocketConnection::on_hello));
    }
    if (got != 1) {
      return close();
    }
    if (first != kTlsHandshake) {
      idle_ = false;
      return refuse(ProblemKind::tls_required, "This server speaks TLS here: use https:// in its address.");
    }
    const auto context = shared_.tls.get();
    auto session = TlsSession::accept(*context, stream_.socket().native_handle());
    if (!session) {
      return close();
    }
    stream_.use(std::move(*session));
    expires_at(handshake_until_);
    stream_.async_handshake(then(&SocketConnection::on_handshake));
  }

  void on_handshake(BoostError error, std::size_t) { error ? close() : await_request(timeouts_.header); }

  // ---- the head ----

  void await_request(std::chrono::milliseconds time) {
    if (shared_.draining) {
      return close();
    }
    if (buffer_.size() > 0) {
      return read_head();
    }
    idle_ = true;
    expires_after(time);
    stream_.async_read_some(buffer_.prepare(kFirstReadBytes), then(&SocketConnection::on_first_bytes));
  }

  void on_first_bytes(BoostError error, std::size_t bytes) {
    idle_ = false;
    if (error) {
      return close();
    }
    buffer_.commit(bytes);
    read_head();
  }

  void read_head() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_.options.limits.header_bytes));
    parser_->body_limit(boost::none);  // open() compares the announced length with the route's limit
    expires_after(timeouts_.header);
    wire::async_read_header(stream_, buffer_, *parser_, then(&SocketConnection::on_head));
  }

  void on_head(BoostError error, std::size_t bytes) {
    if (!error && bytes > shared_.options.limits.header_bytes) {
      error = wire::error::header_limit;
    }
    if (error) {
      return is_protocol_error(error) ? refuse_head(error) : close();
    }
    const auto& message = parser_->get();
    RawHead raw;
    raw.method = view(message.method_string());
    raw.target = view(message.target());
    raw.http11 = message.version() == 11;
    raw.over_tls = stream_.has_tls();
    raw.keep_alive = parser_->keep_alive();
    raw.chunked = parser_->chunked();
    raw.content_length = parser_->content_length().value_or(0);
    raw.remote_address = remote_address_;
    for (const auto& field : message) {
      raw.headers.add(view(field.name_string()), view(field.value()));
    }
    exchange_ = std::make_shared<Exchange>();
    if (auto answer = shared_.dispatcher.open(*exchange_, std::move(raw))) {
      return write(std::move(*answer));
    }
    if (!exchange_->body_unread) {
      return shared_.dispatcher.run(exchange_, later(&SocketConnection::write));
    }
    shared_.dispatcher.admit(exchange_, later(&SocketConnection::begin_body), later(&SocketConnection::write));
  }

  void refuse_head(BoostError error) {
    if (error == wire::error::header_limit || error == wire::error::buffer_overflow) {
      // The parser takes the request line out of the buffer when it understands it, or waits for the whole head.
      const std::string_view waiting(static_cast<const char*>(buffer_.data().data()), buffer_.size());
      if (parser_->get().target().empty() && waiting.find('\n') == std::string_view::npos) {
        return refuse(ProblemKind::target_too_long, "The request line is too long.");
      }
      const std::string most = std::to_string(shared_.options.limits.header_bytes);
      return refuse(ProblemKind::headers_too_large, "Request line and headers may have " + most + " bytes.");
    }
    if (error == wire::error::bad_version) {
      return refuse(ProblemKind::version_not_supported, "The request is not HTTP/1.1.");
    }
    refuse(ProblemKind::malformed_request, "The request is not valid HTTP: " + error.message() + ".");
  }

  // The server's own answer, before any handler was asked.
  void refuse(ProblemKind kind, std::string detail) {
    if (!exchange_) {  // no request could be read, and nothing after it can be trusted either
      exchange_ = std::make_shared<Exchange>();
      exchange_->body_unread = true;
      exchange_->context.over_tls = stream_.has_tls();
    }
    write(shared_.dispatcher.refuse(*exchange_, kind, std::move(detail)));
  }

  // ---- the body ----

  void begin_body() {
    parser_->body_limit(exchange_->body_limit);
    incoming_.begin(exchange_->body_limit);
    if (exchange_->expects_continue && buffer_.size() == 0) {
      expires_after(timeouts_.write);
      net::async_write(stream_, Buffers{net::buffer(kContinue)}, then(&SocketConnection::on_continue));
      return;
    }
    read_body();
  }

  void on_continue(BoostError error, std::size_t) { error ? close() : read_body(); }

  // Not eager: an eager parser keeps reading while a chunk's header is cut, and neither the deadline nor the padding
  // would be looked at again.
  void read_body() {
    expires_at(incoming_.deadline(timeouts_));
    wire::async_read_some(stream_, buffer_, *parser_, then(&SocketConnection::on_body));
  }

  void on_body(BoostError error, std::size_t bytes) {
    incoming_.add(bytes);
    exchange_->body_bytes += bytes;
    if (error == wire::error::body_limit || (!error && incoming_.is_padded())) {
      const std::string most = std::to_string(exchange_->body_limit);
      return refuse(ProblemKind::too_large, "The body may have " + most + " bytes here.");
    }
    if (is_protocol_error(error)) {
      return refuse(ProblemKind::malformed_request, "The body is not valid: " + error.message() + ".");
    }
    if (error) {
      return close();
    }
    if (!parser_->is_done()) {
      return read_body();
    }
    exchange_->request.body = std::move(parser_->get().body());
    exchange_->body_unread = false;
    parser_.reset();
    shared_.dispatcher.run(exchange_, later(&SocketConnection::write));
  }

  // ---- the response ----

  void write(WireResponse response) {
    if (response.broken) {
      stream_.reset();
      return close();
    }
    if (exchange_->charge.refused_by.empty()) {  // a quota of the route's own
      exchange_->charge.refused_by = std::exchange(response.limited_by, {});
    }
    outgoing_.load(std::move(response), !shared_.draining);
    write_piece();
  }

  void write_piece() {
    expires_after(timeouts_.write);
    net::async_write(stream_, Buffers{net::buffer(outgoing_.head()), net::buffer(outgoing_.piece())},
                     then(&SocketConnection::on_written));
  }

  void on_written(BoostError error, std::size_t bytes) {
    outgoing_.sent(bytes);
    if (error) {
      return close();
    }
    if (!outgoing_.part_is_done()) {
      return write_piece();
    }
    if (outgoing_.has_more_parts()) {
      return shared_.dispatcher.pull(exchange_, outgoing_.take(), later(&SocketConnection::write));
    }
    const bool keep_alive = outgoing_.keep_alive();
    BoostError ignored;
    const bool unread = exchange_->body_unread || buffer_.size() > 0 || stream_.socket().available(ignored) > 0;
    finish(true);
    if (keep_alive) {
      await_request(timeouts_.idle);
    } else if (unread) {
      hang_up_slowly();
    } else {
      close();
    }
  }

  void finish(bool complete) {
    shared_.dispatcher.finished(*exchange_, outgoing_.status(), outgoing_.bytes(), complete);
    exchange_.reset();
    outgoing_ = {};
  }

  // ---- the end ----

  // Closing a socket with unread bytes resets the connection, and the reset can overtake the answer.
  void hang_up_slowly() {
    stream_.shutdown_send();
    linger_until_ = Clock::now() + timeouts_.linger;
    lingered_bytes_ = 0;
    read_away();
  }

  void read_away() {
    buffer_.clear();
    expires_at(linger_until_);
    stream_.async_read_some(buffer_.prepare(kFirstReadBytes), then(&SocketConnection::on_read_away));
  }

  void on_read_away(BoostError error, std::size_t bytes) {
    lingered_bytes_ += bytes;
    error || lingered_bytes_ > kLingerBytes ? close() : read_away();
  }

  void close() {
    closed_ = true;
    if (exchange_) {
      finish(false);
    }
    stream_.close();
    place_.reset();
    shared_.connections.remove(this);
  }

  Shared& shared_;
  const Timeouts& timeouts_;
  Channel stream_;
  net::steady_timer alarm_;
  std::optional<Clock::time_point> rings_at_;
  std::optional<Clock::time_point> deadline_;  // of what runs
  Clock::time_point handshake_until_;
  beast::flat_buffer buffer_;
  std::string remote_address_;
  NetworkCount::Share place_;
  bool idle_ = false;  // waits for a request's first byte
  bool closed_ = false;

  std::optional<Parser> parser_;
  ExchangePtr exchange_;  // set from the head to the response's last byte
  Incoming incoming_;
  Outgoing outgoing_;
  Clock::time_point linger_until_;
  std::size_t lingered_bytes_ = 0;
};

}  // namespace

std::shared_ptr<Connection> make_connection(Shared& shared, boost::asio::io_context& io, int socket, bool is_v6,
                                            std::string remote_address, NetworkCount::Share place) {
  Socket owner(net::make_strand(io));
  BoostError error;
  owner.assign(is_v6 ? tcp::v6() : tcp::v4(), socket, error);
  if (!error) {
    owner.native_non_blocking(true, error);
  } else {
    ::close(socket);
  }
  return error ? nullptr
               : std::make_shared<SocketConnection>(shared, std::move(owner), std::move(remote_address),
                                                    std::move(place));
}

}  // namespace boathouse::http
