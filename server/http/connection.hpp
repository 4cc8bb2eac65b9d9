// One client's connection, as the listener sees it: what it has to do is in connection.cpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "server/http/dispatcher.hpp"
#include "server/http/network_count.hpp"
#include "server/http/registry.hpp"
#include "server/http/server.hpp"
#include "server/http/tls.hpp"

namespace boost::asio {
class io_context;
}

namespace boathouse::http {

// While it waits for a handler nothing but `Shared::connections` holds it. Any thread.
class Connection {
 public:
  Connection() = default;
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  virtual void start() = 0;
  // Answers 503 without reading anything. `why` outlives the connection.
  virtual void turn_away(const char* why) = 0;
  // The server stops: goes if there is nothing to finish.
  virtual void drain() = 0;
  virtual void cut() = 0;
};

// The certificate that new connections get; nullptr = no TLS. Any thread.
class CurrentTls {
 public:
  using Context = std::shared_ptr<const TlsContext>;

  [[nodiscard]] Context get() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }
  void set(Context context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
  }

 private:
  mutable std::mutex mutex_;
  Context context_;
};

// What all connections share.
struct Shared {
  Shared(const Options& the_options, RouteTable routes)
      : options(the_options), dispatcher(std::move(routes), the_options) {}

  const Options& options;
  Dispatcher dispatcher;
  Registry<Connection> connections;
  NetworkCount networks;
  CurrentTls tls;
  std::atomic<bool> draining{false};
  std::atomic<std::size_t> cut{0};
};

// Takes the socket over, whatever happens. nullptr: the system has no room for it.
std::shared_ptr<Connection> make_connection(Shared& shared, boost::asio::io_context& io, int socket, bool is_v6,
                                            std::string remote_address, NetworkCount::Share place);

}  // namespace boathouse::http
