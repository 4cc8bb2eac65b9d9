// Errors as RFC 9457 application/problem+json. The one place where a failure becomes an HTTP status.
//
// A problem's `type` is "urn:boathouse:problem:" + a stable id. Ids are part of the API: clients compare them, so one
// is never renamed or given another meaning; a type that is registered is named as it is there. README.md lists them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "server/http/message.hpp"

namespace boathouse::http {

inline constexpr std::string_view kProblemTypePrefix = "urn:boathouse:problem:";

// Of 429: draft-ietf-httpapi-ratelimit-headers registers it, with `violated-policies`.
inline constexpr const char* kQuotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded";

// One wrong place of the request.
struct FieldError {
  std::string pointer;  // JSON Pointer into the body ("/items/3/title"), or "query:NAME", "header:NAME", "path:NAME"
  std::string detail;
};

struct Problem {
  int status = 500;
  std::string id;      // "not-found", or a registered type's URI
  std::string title;   // the same words for every occurrence of the id
  std::string detail;  // this occurrence: what is wrong and what mends it
  std::vector<FieldError> errors;
  std::vector<std::string> violated_policies;  // 429: names of quotas, as in RateLimit-Policy
  std::optional<int> retry_after_s;
  std::string note;  // Response::note
};

// What the server itself and every ErrorCode answer with. Other rooms fill in a Problem for ids of their own.
enum class ProblemKind : std::uint8_t {
  malformed_request,      // 400: not HTTP, or not as this server wants it
  tls_required,           // 400: plain HTTP where TLS is spoken
  invalid_input,          // 400
  unauthenticated,        // 401, with WWW-Authenticate
  forbidden,              // 403
  not_found,              // 404
  method_not_allowed,     // 405
  conflict,               // 409
  too_large,              // 413
  target_too_long,        // 414
  expectation_failed,     // 417
  unsupported,            // 422
  headers_too_large,      // 431
  internal,               // 500
  transfer_coding,        // 501
  unavailable,            // 503
  overloaded,             // 503: this server is at a limit; the same request can succeed later
  version_not_supported,  // 505
};

Problem make_problem(ProblemKind kind, std::string detail);

// unavailable, no_room, io, corrupt and internal keep their text out of the detail and put it into the note: it speaks
// of this machine, of its database, of the servers behind it. Whoever has words for the client fills in a Problem.
Problem problem_of(const base::Error& error);

// The status that problem_of() gives.
int status_of(base::ErrorCode code);

// `instance` is the request's path. Sent with Cache-Control: no-store.
Response problem_response(const RequestHead& request, const Problem& problem);
Response problem_response(const RequestHead& request, const base::Error& error);
// The same with the place in the body (a JSON pointer), if the failure is the client's: the text of another one may not
// be said aloud.
Response field_problem(const RequestHead& request, std::string pointer, const base::Error& error);
// For a handler that reads JSON: 415 for a body of another kind; nullopt = read it.
std::optional<Response> refuse_unless_json(const RequestHead& request);

}  // namespace boathouse::http
