// What happens to one request between its headers and its response: checks, routing, admission, the handler. Free of
// sockets. The connection calls open(), then admit() (if there is a body to hold back) and run(), then pull() while the
// response has more, then finished().
//
// Thread rule: one exchange is worked on by one thread at a time; the calls for different exchanges come from any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/body_budget.hpp"
#include "server/http/gate.hpp"
#include "server/http/problem.hpp"
#include "server/http/response_writer.hpp"
#include "server/http/router.hpp"
#include "server/http/server.hpp"
#include "server/http/throttle.hpp"
#include "server/http/worker_pool.hpp"

namespace boathouse::http {

// A request's head as the parser of the wire gives it.
struct RawHead {
  std::string_view method;
  std::string_view target;
  bool http11 = true;
  bool over_tls = false;
  bool keep_alive = false;
  bool chunked = false;
  std::uint64_t content_length = 0;  // 0 if there is none
  Headers headers;
  std::string_view remote_address;

  [[nodiscard]] bool has_body() const { return chunked || content_length > 0; }
};

struct Exchange {
  Request request;
  const Route* route = nullptr;
  ResponseContext context;
  std::uint64_t body_limit = 0;
  std::uint64_t announced_bytes = 0;  // of the body: Content-Length, or the most that may come
  bool body_unread = false;           // the client sends a body that nobody has read: the connection cannot go on
  bool expects_continue = false;      // the client waits for "100 Continue" before it sends the body
  bool admitted = false;              // `admit` has had its say
  std::chrono::steady_clock::time_point admitted_at;
  Method method = Method::other;  // the request itself moves on into an asynchronous handler
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  BodyBudget::Share body_share;
  std::uint64_t body_bytes = 0;  // received, framing included
  Throttle::Charge charge;
  WorkerPool::Key queue_key = 0;  // whose turn it is: of the key as it was sent, good or not, else of the address
};
using ExchangePtr = std::shared_ptr<Exchange>;

// Gives the response to the connection: once, from any thread while the server runs. Does nothing if the connection is
// gone. A response that is `broken` cuts the connection.
using Send = std::function<void(WireResponse)>;

class Dispatcher {
 public:
  Dispatcher(RouteTable routes, const Options& options);

  // Checks and routes; quick, for the I/O thread. An answer ends the request.
  std::optional<WireResponse> open(Exchange& exchange, RawHead raw);

  // Asks the route's `admit` and the throttle on the pool, then calls `admitted` or `send`.
  void admit(const ExchangePtr& exchange, std::function<void()> admitted, Send send);

  // The same if that has not happened, then the handler.
  void run(const ExchangePtr& exchange, Send send);

  // The next piece of a streamed body.
  void pull(const ExchangePtr& exchange, WireResponse response, Send send);

  // The server's own answer. For a request that could not even be read, `exchange` is new.
  WireResponse refuse(Exchange& exchange, ProblemKind kind, std::string detail);

  // The end of a request: its charge is corrected, the access log.
  void finished(Exchange& exchange, int status, std::uint64_t bytes, bool complete) const;

  // For the operator.
  void report(const Exchange* exchange, std::string_view text) const;

  // Ends the pools; from then on no hook is called and no response passes.
  void stop();

 private:
  class Pending;

  std::optional<WireResponse> answer_at_once(Exchange& exchange, const RawHead& raw);
  std::optional<WireResponse> check(Exchange& exchange, const RawHead& raw);
  std::optional<WireResponse> route(Exchange& exchange);
  std::optional<WireResponse> measure_body(Exchange& exchange, const RawHead& raw);
  void submit(const ExchangePtr& exchange, const Send& send, WorkerPool::Task task);
  void serve(const ExchangePtr& exchange, const Send& send);
  std::optional<Response> ask_admission(Exchange& exchange);
  std::optional<Response> ask_again(Exchange& exchange) const;
  std::optional<Response> ask_route(Exchange& exchange) const;
  std::optional<Response> charge(Exchange& exchange) const;
  std::optional<Response> reserve_body(Exchange& exchange);
  void answer(const Exchange& exchange, Response response, const Send& send) const;
  WorkerPool& pool_of(const Exchange& exchange) { return exchange.route->waits_elsewhere ? waiting_pool_ : pool_; }

  const RouteTable routes_;
  const Limits limits_;
  const std::chrono::milliseconds admission_lasts_;
  const Hooks hooks_;
  Throttle* const throttle_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();  // what a Reply from a foreign thread goes through
  BodyBudget body_budget_;
  WorkerPool pool_;
  WorkerPool waiting_pool_;  // of routes that wait elsewhere: a key's places and turns there are its own
};

// invalid_input for a count that cannot be 0.
base::Status validate(const Options& options);

// Whether a client's Request-Id is taken over: [A-Za-z0-9_-]{8,64}.
bool is_sane_request_id(std::string_view text);

}  // namespace boathouse::http
