// Listens and gives each connection a thread of its own, at most `max_connections` of them.
// Thread rule: run() and the destructor from one thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/result.hpp"
#include "engine/connection.hpp"
#include "engine/query_handler.hpp"

namespace boathouse::engine {

struct ListenAddress {
  std::string host;  // 127.0.0.1, ::1, ...
  std::uint16_t port = 0;
  bool loopback = false;
};

// ADDR:PORT, [ADDR6]:PORT or localhost:PORT; names are not looked up.
base::Result<ListenAddress> parse_listen_address(std::string_view text);

class Server {
 public:
  static constexpr std::size_t kMaxConnections = 64;

  // Binds and listens. io: why not.
  static base::Result<std::unique_ptr<Server>> listen(const ListenAddress& address);
  ~Server();

  // With the port that the system chose for 0.
  [[nodiscard]] const std::string& url() const { return url_; }

  // Accepts until `should_stop()` says so: asked when `wake_socket` is readable and twice a second. Then running
  // requests get `patience` to end, those that still take bytes are cut off, and false tells that some were.
  bool run(QueryHandler& handler, int wake_socket, const std::function<bool()>& should_stop,
           std::chrono::seconds patience);

 private:
  Server(int socket, std::string url) : listener_(socket), url_(std::move(url)) {}
  void accept_one(QueryHandler& handler);
  // A connection's thread.
  void serve(QueryHandler& handler, int socket, bool refuse);
  void answer(QueryHandler& handler, Connection& connection, int socket);
  // False when stopping: a connection that is between two requests ends there.
  bool set_busy(int socket, bool busy);
  bool stop(std::chrono::seconds patience);

  int listener_;
  const std::string url_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<int, bool> connections_;  // socket -> a request is running
  std::size_t threads_ = 0;          // at the end of one nothing of this object is touched any more
  bool stopping_ = false;
};

}  // namespace boathouse::engine
