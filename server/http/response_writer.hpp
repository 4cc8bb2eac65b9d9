// Makes of a handler's Response the bytes of the wire: headers, coding, framing. Free of sockets, so that it can run on
// a pool thread and be tested alone. Pure but for the clock (Date) and the body source it drives.
#pragma once

#include <cstdint>
#include <string>

#include "server/http/message.hpp"

namespace boathouse::http {

// Bodies below this gain less than the work and the extra header cost.
inline constexpr std::size_t kCompressFrom = 1024;

// What of the request decides how its response is written.
struct ResponseContext {
  RequestHead problem_head;  // request_id, trace_id, path alone: for a problem when the request has moved on
  Headers fields;            // besides those of the response itself
  bool head_only = false;    // HEAD: the same headers, no body
  bool http11 = true;        // else a streamed body ends with the connection
  bool over_tls = false;     // then it asks never to be called without
  bool accepts_gzip = false;
  bool keep_alive = false;  // what the client wants and the request allows
};

struct WireResponse {
  int status = 0;
  std::string head;   // status line and headers, each with its CRLF; without Connection and the empty line, which the
                      // connection adds when it sends, because it may begin to stop in between
  std::string body;   // framed: the whole body, or the next piece of a streamed one
  BodySource source;  // set while more may follow: call pull()
  bool chunked = false;
  bool keep_alive = false;
  std::string failure;     // for the operator's log; "" if all is well
  std::string limited_by;  // Response::limited_by
  bool broken = false;     // the body cannot be ended properly: cut the connection
};

// Whether write_response() would compress or pull, which belongs on a pool thread.
bool needs_work(const Response& response, const ResponseContext& context);

// Never fails: a response that cannot be sent (a status out of range, a header with control characters, a source whose
// first piece fails) becomes a 500 or the source's error, with `failure` set. Response::note becomes `failure` too.
WireResponse write_response(Response response, const ResponseContext& context);

// Replaces `head` (by nothing) and `body` by the next piece.
void pull(WireResponse& response);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7); a clock before 1970 reads as 1970.
std::string http_date(std::int64_t utc_ms);

}  // namespace boathouse::http
