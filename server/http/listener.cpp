// The door: accepts connections, counts them, and ends them when the server stops.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>
#include <exception>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/http/client_network.hpp"
#include "server/http/connection.hpp"
#include "server/http/listen_address.hpp"
#include "server/http/server.hpp"

namespace boathouse::http {
namespace {

namespace net = boost::asio;
using tcp = net::ip::tcp;
using Strand = net::strand<net::io_context::executor_type>;
using Socket = net::basic_stream_socket<tcp, Strand>;
using BoostError = boost::system::error_code;

constexpr std::size_t kTurnedAwayAtOnce = 64;  // connections over the limit that still get an answer
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

class Server::Listener {
 public:
  Listener(Options options, RouteTable routes) : options_(std::move(options)), routes_(std::move(routes)) {}

  base::Result<std::uint16_t> start() {
    if (shared_) {
      return base::Error{base::ErrorCode::internal, "a Server starts once"};
    }
    BOATHOUSE_TRY(validate(options_));
    CurrentTls::Context tls;
    if (options_.tls) {
      auto made = TlsContext::for_server(*options_.tls);
      if (!made) {
        return made.error();
      }
      tls = std::move(*made);
    }
    BOATHOUSE_TRY(listen());
    shared_.emplace(options_, std::move(routes_));
    shared_->tls.set(std::move(tls));
    net::post(acceptor_.get_executor(), [this] { accept(); });
    for (std::size_t i = 0; i < options_.io_threads; ++i) {
      threads_.emplace_back([this] { run(); });
    }
    return port_;
  }

  base::Result<std::string> reload_tls() {
    if (!options_.tls || !shared_) {
      return base::Error{base::ErrorCode::invalid_input, "the server speaks no TLS"};
    }
    auto made = TlsContext::for_server(*options_.tls);
    if (!made) {
      return made.error();
    }
    std::string certificate = (*made)->certificate();
    shared_->tls.set(std::move(*made));
    return certificate;
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
      BoostError ignored;
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
      is_v6_ = endpoint.protocol() == tcp::v6();
      acceptor_.open(endpoint.protocol());
      acceptor_.set_option(net::socket_base::reuse_address(true));
      acceptor_.bind(endpoint);
      acceptor_.listen();
      port_ = acceptor_.local_endpoint().port();
      return base::Done{};
    } catch (const boost::system::system_error& error) {
      BoostError ignored;
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
    acceptor_.async_accept(net::make_strand(io_), [this](BoostError error, Socket socket) {
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
      pause_.async_wait([this](BoostError cancelled) {
        if (!cancelled) {
          accept();
        }
      });
    });
  }

  void welcome(Socket socket) {
    BoostError error;
    const auto peer = socket.remote_endpoint(error);
    std::string address = error ? std::string() : peer.address().to_string();
    auto place = shared_->networks.enter(client_network(address));
    const Limits& limits = options_.limits;
    const std::size_t most_of_network =
        limits.connections_of_a_network > 0 ? limits.connections_of_a_network : limits.connections;
    const std::size_t open = shared_->connections.count();
    const bool is_full = open >= limits.connections;
    const bool network_is_full = place->count() > most_of_network;
    if (open >= limits.connections + kTurnedAwayAtOnce || place->count() > most_of_network + kTurnedAwayAtOnce) {
      return;
    }
    if (options_.tls && (is_full || network_is_full)) {
      return;  // without a handshake there is no way to tell
    }
    const auto connection =
        make_connection(*shared_, io_, socket.release(), is_v6_, std::move(address), std::move(place));
    if (!connection) {
      return;
    }
    shared_->connections.add(connection);
    if (is_full) {
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
  bool is_v6_ = false;
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

base::Result<std::string> Server::reload_tls() { return listener_->reload_tls(); }

std::size_t Server::stop(std::chrono::milliseconds drain) { return listener_->stop(drain); }

}  // namespace boathouse::http
