// The route table: what the server answers, and what OpenAPI is made from. Fill it before the server starts; from then
// on it is read by many threads and never changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.hpp"
#include "server/http/message.hpp"

namespace boathouse::http {

// Runs on a pool thread and may block. An exception becomes a 500 without internals, and a line for the operator.
using Handler = std::function<Response(const Request&)>;

// Completes an asynchronous request: once, from any thread, at any later time (even after the server is gone). It never
// blocks and never throws. Later calls are reported and dropped; if every copy dies uncalled the client gets a 500.
using Reply = std::function<void(Response)>;

// Called on a pool thread, must not block for long; the answer comes through `reply`.
using AsyncHandler = std::function<void(Request, Reply)>;

// Called on a pool thread after the headers, before the body is read. An answer refuses: it is sent, the body is never
// read and the connection closes. nullopt admits; `head.identity` may be set for the handler.
using Admit = std::function<std::optional<Response>(RequestHead& head)>;

// How a route's work is let in.
enum class Admission : std::uint8_t {
  normal,  // queued for the pool; 503 when the queue is full
  bulk,    // the same, on the pool's other threads, which give way: long exports starve nobody
  probe,   // on the I/O thread, at once, even when the pool is full: for /healthz alone, must never block
};

struct Route {
  Method method = Method::get;  // not head, options or other unless they differ from what the server does by itself
  std::string pattern;          // "/v1/sessions/{id}": a {name} takes exactly one segment that is not empty
  std::string name;             // for logs, metrics and OpenAPI's operationId: "getSession"
  std::string summary;          // one line for OpenAPI
  std::variant<Handler, AsyncHandler> handler;
  Admit admit;                     // may be empty
  std::string scope;               // what a key must be allowed to: "sessions:read"; for `admit`, and for OpenAPI
  std::size_t max_body_bytes = 0;  // 0 = a body is refused with 413
  Admission admission = Admission::normal;
  // The handler waits for another server, which may be slow or hang: it runs on threads for such waiting alone, normal
  // and bulk apart, and nothing that needs this server alone waits behind it. Not for a probe.
  bool waits_elsewhere = false;
};

// Where a request leads.
struct Match {
  enum class Outcome : std::uint8_t { found, not_found, wrong_method };
  Outcome outcome = Outcome::not_found;
  const Route* route = nullptr;  // found
  Parameters parameters;         // found: in the pattern's order
  std::string allow;             // wrong_method: "GET, HEAD, OPTIONS"
};

class RouteTable {
 public:
  RouteTable();
  ~RouteTable();
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;

  // invalid_input for a pattern that breaks the rules, an empty handler or name, a probe that is asynchronous or waits
  // elsewhere; conflict for a method and pattern, or a name, that is there already.
  base::Status add(Route route);

  // In the order they were added; addresses stay for the table's life, moves included.
  [[nodiscard]] const std::deque<Route>& routes() const { return routes_; }

  // Exact: no case folding, no trailing slash, no guess. A literal segment wins over a {name}. HEAD finds GET's route
  // if it has none of its own. OPTIONS without a route is wrong_method, and `allow` answers it.
  [[nodiscard]] Match match(Method method, const std::vector<std::string>& segments) const;

  // Every method that some route has, in the form of Match::allow: what OPTIONS * asks for.
  [[nodiscard]] std::string allow_all() const;

 private:
  struct Node;

  std::deque<Route> routes_;
  std::unique_ptr<Node> root_;
};

}  // namespace boathouse::http
