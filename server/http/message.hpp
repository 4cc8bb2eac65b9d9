// What goes into a handler and what comes out of it. Plain values: no thread rule of their own.
#pragma once

#include <any>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace boathouse::http {

// `other` = every method that no route can have (TRACE, CONNECT, invented ones).
enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, other };

// "GET", ..., and "OTHER": never the client's own text, so that logs and metrics stay bounded.
std::string_view name(Method method);
// Exact, as RFC 9110 has it: "get" is `other`.
Method parse_method(std::string_view text);

// ASCII letters without case, everything else exact.
bool equals_ignoring_case(std::string_view a, std::string_view b);

struct Header {
  std::string name;
  std::string value;
};

// In the order of the wire; names without case.
class Headers {
 public:
  void add(std::string_view name, std::string_view value);
  // Replaces every header of that name.
  void set(std::string_view name, std::string_view value);

  // The first of that name; nullptr if there is none. Valid until the next change.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  // All values of a list header, joined by ", " (RFC 9110 5.2); "" if there is none.
  [[nodiscard]] std::string joined(std::string_view name) const;
  [[nodiscard]] std::size_t count(std::string_view name) const;

  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() const { return entries_.end(); }

 private:
  std::vector<Header> entries_;
};

// A decoded name and value of a query string or of a path pattern.
struct Parameter {
  std::string name;
  std::string value;

  friend bool operator==(const Parameter&, const Parameter&) = default;
};
using Parameters = std::vector<Parameter>;

// The first of that name; nullptr if there is none. Valid as long as `parameters` is unchanged.
const std::string* find(const Parameters& parameters, std::string_view name);

// Everything known before the body is read.
struct RequestHead {
  Method method = Method::other;
  std::string path;                   // as it was sent, without the query: fit for logs and `instance`
  std::vector<std::string> segments;  // of the path, decoded one by one; never "", "." or ".."; but "" last for "/a/"
  Parameters path_parameters;         // what the pattern's {names} matched
  Parameters query;                   // in the order of the wire, repeated names kept
  Headers headers;
  std::string request_id;
  std::string trace_id;        // of the caller's traceparent; "" = none
  std::string remote_address;  // of the peer's socket, no port; a proxy in front is its own address
  std::string_view scope;      // of the route, see router.hpp
  std::any identity;           // whatever the route's `admit` found out about the caller, for the handler
  std::string caller;          // set by `admit`: the id (no secret) of the good key; "" = nobody is known
  std::string account;         // set by `admit`: whose key it is, or the key itself where it is nobody's; "" as caller
  std::string replica;         // set by `admit`, if the route asks for one: which of the caller's devices
  bool is_unlimited = false;   // set by `admit`: no quota holds for this caller

  // The value that the pattern's {name} matched; "" if the pattern has no such name (a match itself is never empty).
  [[nodiscard]] std::string_view path_parameter(std::string_view name) const;
};

struct Request : RequestHead {
  std::string body;
};

// The next piece of a long body. Called on pool threads, never two at once, and only when the client has taken most of
// what came before. Appends to `out` (empty at the call); true = ask again (even if nothing was appended), false = that
// was all. After an error the connection is cut, so that the client cannot take a part for the whole; an error of the
// very first call still becomes a clean error response.
using BodySource = std::function<base::Result<bool>(std::string& out)>;

// The server itself sets Date, Content-Length, Transfer-Encoding, Connection, Request-Id and X-Content-Type-Options and
// never sends Server; the same names here are passed over.
struct Response {
  int status = 200;  // 200 to 599
  Headers headers;
  std::string body;
  BodySource source;            // if set, `body` is not sent
  std::string note;             // for the operator's log, never sent: what an error response may not say aloud
  std::string limited_by = {};  // for the access log: the quota that is used up, if this says so
};

Response make_response(int status, std::string_view content_type, std::string body);

// The reason phrase of RFC 9110 ("Not Found"); "" for a status that it does not know.
std::string_view reason(int status);

}  // namespace boathouse::http
