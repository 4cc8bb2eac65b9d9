// The sockets: the only file here that knows Boost (its headers cost more to compile than all the rest). Beast parses
// requests and times reads and writes out; responses are written as the bytes that response_writer.hpp made.
//
// Thread rule: a connection lives on its own strand; other threads reach it by post() alone.
#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <exception>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/client_network.hpp"
#include "server/http/dispatcher.hpp"
#include "server/http/listen_address.hpp"
#include "server/http/network_count.hpp"
#include "server/http/registry.hpp"
#include "server/http/server.hpp"
#include "server/http/transfer.hpp"

namespace boathouse::http {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using tcp = net::ip::tcp;
using Strand = net::strand<net::io_context::executor_type>;
using Socket = net::basic_stream_socket<tcp, Strand>;
using Stream = beast::basic_stream<tcp, Strand>;
using Parser = wire::request_parser<wire::string_body>;
using ErrorCode = beast::error_code;
using Buffers = std::array<net::const_buffer, 2>;

constexpr std::size_t kFirstReadBytes = 4 * 1024;
constexpr std::size_t kBufferBytes = 64 * 1024;    // the most that waits between socket and parser
constexpr std::size_t kLingerBytes = 1024 * 1024;  // the most that is read away from a refused client
constexpr std::size_t kTurnedAwayAtOnce = 64;      // connections over the limit that still get an answer
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// The parser found the bytes wrong; anything else (time-out, reset, end) is the connection's end.
bool is_protocol_error(const ErrorCode& error) {
  return error.category() == wire::make_error_code(wire::error::bad_method).category() &&
         error != wire::error::end_of_stream && error != wire::error::partial_message;
}

class Connection;

// What all connections share.
struct Shared {
  Shared(const Options& the_options, RouteTable routes)
      : options(the_options), dispatcher(std::move(routes), the_options) {}

  const Options& options;
  Dispatcher dispatcher;
  Registry<Connection> connections;
  NetworkCount networks;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> cut{0};
};

// One client. While it waits for a handler nothing but `Shared::connections` holds it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Shared& shared, Socket socket, std::string remote_address, NetworkCount::Share place)
      : shared_(shared),
        timeouts_(shared.options.timeouts),
        stream_(std::move(socket)),
        buffer_(std::max(kBufferBytes, shared.options.limits.header_bytes + 1)),
        remote_address_(std::move(remote_address)),
        place_(std::move(place)) {
    ErrorCode error;
    stream_.socket().set_option(tcp::no_delay(true), error);
  }

  void start() {
    post([](Connection& self) { self.await_request(self.timeouts_.header); });
  }
  // Answers 503 without reading anything. `why` outlives the connection.
  void turn_away(const char* why) {
    post([why](Connection& self) { self.refuse(ProblemKind::overloaded, why); });
  }
  // The server stops: goes if there is nothing to finish.
  void drain() {
    post([](Connection& self) {
      if (self.idle_) {
        self.close();
      }
    });
  }
  void cut() {
    post([](Connection& self) {
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
  auto then(void (Connection::*step)(ErrorCode, std::size_t)) {
    return [self = shared_from_this(), step](ErrorCode error, std::size_t bytes) {
      if (!self->closed_) {
        (self.get()->*step)(error, bytes);
      }
    };
  }

  // The same for callers on any thread that may be late: does nothing if the connection is gone.
  template <typename... Args>
  auto later(void (Connection::*step)(Args...)) {
    return [weak = weak_from_this(), step](Args... args) {
      if (const auto self = weak.lock()) {
        self->post([step, ... args = std::move(args)](Connection& on) mutable { (on.*step)(std::move(args)...); });
      }
    };
  }

  // ---- the head ----

  void await_request(std::chrono::milliseconds time) {
    if (shared_.draining) {
      return close();
    }
    if (buffer_.size() > 0) {
      return read_head();
    }
    idle_ = true;
    stream_.expires_after(time);
    stream_.async_read_some(buffer_.prepare(kFirstReadBytes), then(&Connection::on_first_bytes));
  }

  void on_first_bytes(ErrorCode error, std::size_t bytes) {
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
    stream_.expires_after(timeouts_.header);
    wire::async_read_header(stream_, buffer_, *parser_, then(&Connection::on_head));
  }

  void on_head(ErrorCode error, std::size_t bytes) {
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
      return shared_.dispatcher.run(exchange_, later(&Connection::write));
    }
    shared_.dispatcher.admit(exchange_, later(&Connection::begin_body), later(&Connection::write));
  }

  void refuse_head(ErrorCode error) {
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
    }
    write(shared_.dispatcher.refuse(*exchange_, kind, std::move(detail)));
  }

  // ---- the body ----

  void begin_body() {
    parser_->body_limit(exchange_->body_limit);
    incoming_.begin(exchange_->body_limit);
    if (exchange_->expects_continue && buffer_.size() == 0) {
      stream_.expires_after(timeouts_.write);
      net::async_write(stream_, Buffers{net::buffer(kContinue)}, then(&Connection::on_continue));
      return;
    }
    read_body();
  }

  void on_continue(ErrorCode error, std::size_t) { error ? close() : read_body(); }

  // Not eager: an eager parser keeps reading while a chunk's header is cut, and neither the deadline nor the padding
  // would be looked at again.
  void read_body() {
    stream_.expires_at(incoming_.deadline(timeouts_));
    wire::async_read_some(stream_, buffer_, *parser_, then(&Connection::on_body));
  }

  void on_body(ErrorCode error, std::size_t bytes) {
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
    shared_.dispatcher.run(exchange_, later(&Connection::write));
  }

  // ---- the response ----

  void write(WireResponse response) {
    if (response.broken) {
      // A reset, because a plain end could look like the end of the body.
      ErrorCode ignored;
      stream_.socket().set_option(net::socket_base::linger(true, 0), ignored);
      return close();
    }
    outgoing_.load(std::move(response), !shared_.draining);
    write_piece();
  }

  void write_piece() {
    stream_.expires_after(timeouts_.write);
    net::async_write(stream_, Buffers{net::buffer(outgoing_.head()), net::buffer(outgoing_.piece())},
                     then(&Connection::on_written));
  }

  void on_written(ErrorCode error, std::size_t bytes) {
    outgoing_.sent(bytes);
    if (error) {
      return close();
    }
    if (!outgoing_.part_is_done()) {
      return write_piece();
    }
    if (outgoing_.has_more_parts()) {
      return shared_.dispatcher.pull(exchange_, outgoing_.take(), later(&Connection::write));
    }
    const bool keep_alive = outgoing_.keep_alive();
    ErrorCode ignored;
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
    ErrorCode ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    linger_until_ = std::chrono::steady_clock::now() + timeouts_.linger;
    lingered_bytes_ = 0;
    read_away();
  }

  void read_away() {
    buffer_.clear();
    stream_.expires_at(linger_until_);
    stream_.async_read_some(buffer_.prepare(kFirstReadBytes), then(&Connection::on_read_away));
  }

  void on_read_away(ErrorCode error, std::size_t bytes) {
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
  Stream stream_;
  beast::flat_buffer buffer_;
  std::string remote_address_;
  NetworkCount::Share place_;
  bool idle_ = false;  // waits for a request's first byte
  bool closed_ = false;

  std::optional<Parser> parser_;
  ExchangePtr exchange_;  // set from the head to the response's last byte
  Incoming incoming_;
  Outgoing outgoing_;
  std::chrono::steady_clock::time_point linger_until_;
  std::size_t lingered_bytes_ = 0;
};

}  // namespace

class Server::Listener {
 public:
  Listener(Options options, RouteTable routes) : options_(std::move(options)), routes_(std::move(routes)) {}

  base::Result<std::uint16_t> start() {
    if (shared_) {
      return base::Error{base::ErrorCode::internal, "a Server starts once"};
    }
    BOATHOUSE_TRY(validate(options_));
    BOATHOUSE_TRY(listen());
    shared_.emplace(options_, std::move(routes_));
    net::post(acceptor_.get_executor(), [this] { accept(); });
    for (std::size_t i = 0; i < options_.io_threads; ++i) {
      threads_.emplace_back([this] { run(); });
    }
    return port_;
  }

  [[nodiscard]] std::size_t connections() const { return shared_ ? shared_->connections.count() : 0; }

  std::size_t stop(std::chrono::milliseconds drain) {
    if (threads_.empty()) {
      return 0;
    }
    Registry<Connection>& connections = shared_->connections;
    shared_->draining = true;
    std::latch closed(1);
    net::post(acceptor_.get_executor(), [this, &closed] {
      ErrorCode ignored;
      acceptor_.close(ignored);
      pause_.cancel();
      closed.count_down();
    });
    closed.wait();  // from here on no connection is added
    for (const auto& connection : connections.all()) {
      connection->drain();
    }
    if (!connections.wait_until_empty(drain)) {
      for (const auto& connection : connections.all()) {
        connection->cut();
      }
    }
    shared_->dispatcher.stop();
    connections.wait_until_empty();
    io_.stop();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    threads_.clear();
    return shared_->cut;
  }

 private:
  base::Status listen() {
    const auto address = parse_listen_address(options_.listen);
    if (!address) {
      return address.error();
    }
    try {
      const tcp::endpoint endpoint(net::ip::make_address(address->host), address->port);
      acceptor_.open(endpoint.protocol());
      acceptor_.set_option(net::socket_base::reuse_address(true));
      acceptor_.bind(endpoint);
      acceptor_.listen();
      port_ = acceptor_.local_endpoint().port();
      return base::Done{};
    } catch (const boost::system::system_error& error) {
      ErrorCode ignored;
      acceptor_.close(ignored);
      return base::Error{base::ErrorCode::unavailable, "cannot listen on " + to_string(*address) + ": " +
                                                           error.code().message() + "; choose another address"};
    }
  }

  void run() {
    while (true) {
      try {
        io_.run();
        return;
      } catch (const std::exception& exception) {  // memory, in the end; the other connections go on
        shared_->dispatcher.report(nullptr, std::string("an I/O thread went on after: ") + exception.what());
      }
    }
  }

  void accept() {
    acceptor_.async_accept(net::make_strand(io_), [this](ErrorCode error, Socket socket) {
      if (shared_->draining) {
        return;
      }
      if (!error) {
        welcome(std::move(socket));
        accept();
        return;
      }
      // Mostly too many open files: they pass when others close, and trying at once would only burn the processor.
      shared_->dispatcher.report(nullptr, "accepting a connection failed: " + error.message());
      pause_.expires_after(kAcceptPause);
      pause_.async_wait([this](ErrorCode cancelled) {
        if (!cancelled) {
          accept();
        }
      });
    });
  }

  void welcome(Socket socket) {
    ErrorCode error;
    const auto peer = socket.remote_endpoint(error);
    std::string address = error ? std::string() : peer.address().to_string();
    auto place = shared_->networks.enter(client_network(address));
    const Limits& limits = options_.limits;
    const std::size_t most_of_network =
        limits.connections_of_a_network > 0 ? limits.connections_of_a_network : limits.connections;
    const std::size_t open = shared_->connections.count();
    if (open >= limits.connections + kTurnedAwayAtOnce || place->count() > most_of_network + kTurnedAwayAtOnce) {
      return;
    }
    const bool network_is_full = place->count() > most_of_network;
    auto connection = std::make_shared<Connection>(*shared_, std::move(socket), std::move(address), std::move(place));
    shared_->connections.add(connection);
    if (open >= limits.connections) {
      connection->turn_away("Too many connections; try again.");
    } else if (network_is_full) {
      connection->turn_away("Too many connections from this address; close some, or try again later.");
    } else {
      connection->start();
    }
  }

  // In this order: what the sockets' pending work holds dies with `io_`, before what it refers to.
  const Options options_;
  RouteTable routes_;
  std::uint16_t port_ = 0;
  std::optional<Shared> shared_;
  net::io_context io_{static_cast<int>(options_.io_threads)};
  net::basic_socket_acceptor<tcp, Strand> acceptor_{net::make_strand(io_)};
  net::steady_timer pause_{acceptor_.get_executor()};
  net::executor_work_guard<net::io_context::executor_type> work_{io_.get_executor()};
  std::vector<std::thread> threads_;
};

Server::Server(Options options, RouteTable routes)
    : listener_(std::make_unique<Listener>(std::move(options), std::move(routes))) {}

Server::~Server() { stop(std::chrono::milliseconds(0)); }

std::size_t Server::connections() const { return listener_->connections(); }

base::Result<std::uint16_t> Server::start() { return listener_->start(); }

std::size_t Server::stop(std::chrono::milliseconds drain) { return listener_->stop(drain); }

}  // namespace boathouse::http
