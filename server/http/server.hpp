// The HTTP/1.1 server: a listener, a route table, limits on everything that a client could use up.
//
// I/O threads read, write and time out; handlers run on a pool of worker threads with a bounded queue, those that wait
// for another server on a second one. A connection
// handles one request at a time (pipelined ones wait in the socket), so slow work pushes back on the client by itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "server/http/router.hpp"
#include "server/http/tls.hpp"

namespace boathouse::http {

class Throttle;

struct Limits {
  std::size_t header_bytes = 8 * 1024;       // request line and headers; over it 431 (414 if it is the request line)
  std::size_t target_bytes = 4 * 1024;       // over it 414
  std::size_t connections = 1024;            // over it 503 and close
  std::size_t connections_of_a_network = 0;  // client_network(); over it 503 and close; 0 = no limit of its own
  std::size_t body_bytes_in_flight = 256 << 20;  // of all requests together, counted before they are read; over it 503
  std::size_t body_bytes_share = 64 << 20;       // of them, of one client (RequestHead::account, else as of
                                                 // queue_share); over it 503, but one body at a time is let in
                                                 // whatever its length
};

struct Timeouts {
  std::chrono::milliseconds handshake{10'000};  // of TLS, from the connection on
  std::chrono::milliseconds header{10'000};     // from a request's first byte to the end of its headers; also for the
                                                // first byte on a new connection
  std::chrono::milliseconds idle{75'000};       // between requests
  // A body may take `body` and, for every body_bytes_per_second that came, one second more: a slow phone is served, a
  // client that drips is not.
  std::chrono::milliseconds body{30'000};
  std::size_t body_bytes_per_second = 1024;
  // So long an admission is good; it is asked again before the handler runs if the body, or a place in the queue, took
  // longer: the key may have been revoked.
  std::chrono::milliseconds admission{1'000};
  std::chrono::milliseconds write{30'000};  // for every 64 KiB of a response
  std::chrono::milliseconds linger{
      2'000};  // to read away what a refused client still sends, so that it sees the answer
};

// One finished request. The views are valid during the call.
struct AccessRecord {
  Method method = Method::other;
  std::string_view route;        // Route::name, or "" if no route was found
  int status = 0;                // 0: the connection ended before there was an answer
  double ms = 0;                 // from the end of the request's headers to the last byte given to the system
  std::uint64_t bytes = 0;       // sent, headers and framing included
  std::uint64_t body_bytes = 0;  // received, framing included
  std::string_view request_id;
  std::string_view trace_id;    // RequestHead::trace_id
  std::string_view caller;      // RequestHead::caller
  std::string_view replica;     // RequestHead::replica
  std::string_view limited_by;  // the policy whose quota is used up, if that was the answer
  bool complete = false;        // the whole answer went out
};

// Something that the operator should see; `text` may name internals, never a client's secret. The views are valid
// during the call.
struct FailureRecord {
  std::string_view route;       // "" outside of a request
  std::string_view request_id;  // "" outside of a request
  std::string_view trace_id;    // RequestHead::trace_id
  std::string_view text;
};

// Called from several threads at once; must be quick, must not throw and must not call the server. Not called after
// stop() has returned.
struct Hooks {
  std::function<void(const AccessRecord&)> access;
  std::function<void(const FailureRecord&)> failure;
};

struct Options {
  std::string listen = "127.0.0.1:0";  // parse_listen_address()
  std::size_t io_threads = 1;
  // Half of them for large bodies and bulk routes (WorkerPool). As many again, divided the same way and with queues of
  // the same length, for routes that wait for another server (Route::waits_elsewhere): 16 threads in all.
  std::size_t worker_threads = 8;
  std::size_t queue_length = 2048;  // requests that wait for a worker; over it 503
  std::size_t queue_share = 256;    // of them, of one client (its key, or its address where it sends none); over it 503
  std::optional<TlsFiles> tls;      // nothing = plain HTTP
  Limits limits;
  Throttle* throttle = nullptr;  // nullptr = no quotas; must outlive the server
  Timeouts timeouts;
  Hooks hooks;
};

// start() and stop() belong to one thread, which is none of the server's own.
class Server {
 public:
  Server(Options options, RouteTable routes);
  // stop(0).
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens and answers from now on; gives the port. invalid_input for a bad address, a count of 0 or TLS files that
  // cannot be used, unavailable if the address is taken or may not be used. Once per object.
  base::Result<std::uint16_t> start();

  // Reads the TLS files again for the connections to come; those that are open stay as they are. Gives
  // TlsContext::certificate(). After an error the old ones go on. Any thread, after start().
  base::Result<std::string> reload_tls();

  // That are open now; 0 before start() and after stop(). Any thread.
  [[nodiscard]] std::size_t connections() const;

  // Takes no new connection, closes the idle ones, lets running requests finish (asynchronous ones too) for up to
  // `drain`, cuts the rest, waits for the handlers that run and ends the threads. Returns how many connections were
  // cut. A handler that never returns keeps stop() waiting. Later calls do nothing and return 0.
  std::size_t stop(std::chrono::milliseconds drain);

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace boathouse::http
