#include "server/http/problem.hpp"

#include <utility>

#include "core/base/json.hpp"

namespace boathouse::http {
namespace {

struct Row {
  int status;
  std::string_view id;
  std::string_view title;
};

Row row_of(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::malformed_request:
      return {400, "malformed-request", "The request cannot be understood"};
    case ProblemKind::tls_required:
      return {400, "tls-required", "This server speaks TLS"};
    case ProblemKind::invalid_input:
      return {400, "invalid-input", "The request holds something wrong"};
    case ProblemKind::unauthenticated:
      return {401, "unauthenticated", "A valid key is needed"};
    case ProblemKind::forbidden:
      return {403, "forbidden", "The key does not allow this"};
    case ProblemKind::not_found:
      return {404, "not-found", "There is nothing here"};
    case ProblemKind::method_not_allowed:
      return {405, "method-not-allowed", "This cannot be done here"};
    case ProblemKind::conflict:
      return {409, "conflict", "Something else is already there"};
    case ProblemKind::too_large:
      return {413, "too-large", "The request is too large"};
    case ProblemKind::target_too_long:
      return {414, "target-too-long", "The address is too long"};
    case ProblemKind::expectation_failed:
      return {417, "expectation-failed", "The expectation cannot be met"};
    case ProblemKind::unsupported:
      return {422, "unsupported", "This server does not know that version or feature"};
    case ProblemKind::headers_too_large:
      return {431, "headers-too-large", "The request headers are too large"};
    case ProblemKind::internal:
      break;
    case ProblemKind::transfer_coding:
      return {501, "transfer-coding", "The transfer coding is not known"};
    case ProblemKind::unavailable:
      return {503, "unavailable", "Not available at the moment"};
    case ProblemKind::overloaded:
      return {503, "overloaded", "The server is busy"};
    case ProblemKind::version_not_supported:
      return {505, "version-not-supported", "Only HTTP/1.1 is spoken here"};
  }
  return {500, "internal", "The server failed"};
}

ProblemKind kind_of(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::invalid_input:
      return ProblemKind::invalid_input;
    case base::ErrorCode::not_found:
      return ProblemKind::not_found;
    case base::ErrorCode::conflict:
      return ProblemKind::conflict;
    case base::ErrorCode::unauthenticated:
      return ProblemKind::unauthenticated;
    case base::ErrorCode::forbidden:
      return ProblemKind::forbidden;
    case base::ErrorCode::too_large:
      return ProblemKind::too_large;
    case base::ErrorCode::unavailable:
      return ProblemKind::unavailable;
    case base::ErrorCode::unsupported:
      return ProblemKind::unsupported;
    // A full or failing disk is somebody's to mend, and the client's data is wanted then: 503 makes it try again.
    case base::ErrorCode::io:
    case base::ErrorCode::no_room:
      return ProblemKind::unavailable;
    case base::ErrorCode::corrupt:
    case base::ErrorCode::internal:
      break;
  }
  return ProblemKind::internal;
}

// What the client is told instead of a text that speaks of this machine or its neighbours; "" = the text.
std::string_view said_instead(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::unavailable:
      return "The service cannot do this at the moment: send the same again in some seconds. The cause is in the "
             "server's log under this request_id.";
    case base::ErrorCode::no_room:
      return "The server's disk is full, so nothing was done: whoever runs it must free space, then send the same "
             "again. The file is in the server's log under this request_id.";
    case base::ErrorCode::io:
    case base::ErrorCode::corrupt:
    case base::ErrorCode::internal:
      return "The cause is in the server's log under this request_id.";
    default:
      return "";
  }
}

}  // namespace

Problem make_problem(ProblemKind kind, std::string detail) {
  const Row row = row_of(kind);
  Problem problem;
  problem.status = row.status;
  problem.id = row.id;
  problem.title = row.title;
  problem.detail = std::move(detail);
  if (kind == ProblemKind::unavailable) {
    problem.retry_after_s = 5;
  } else if (kind == ProblemKind::overloaded) {
    problem.retry_after_s = 1;
  }
  return problem;
}

Problem problem_of(const base::Error& error) {
  const std::string_view instead = said_instead(error.code);
  if (instead.empty()) {
    return make_problem(kind_of(error.code), error.text);
  }
  Problem problem = make_problem(kind_of(error.code), std::string(instead));
  problem.note = error.text;
  return problem;
}

int status_of(base::ErrorCode code) { return row_of(kind_of(code)).status; }

Response problem_response(const RequestHead& request, const Problem& problem) {
  std::string body;
  base::JsonWriter json(body);
  json.begin_object();
  const bool is_registered = problem.id.find(':') != std::string::npos;
  json.key("type").value(std::string(is_registered ? "" : kProblemTypePrefix) + problem.id);
  json.key("title").value(problem.title);
  json.key("status").value(problem.status);
  if (!problem.detail.empty()) {
    json.key("detail").value(problem.detail);
  }
  if (!request.path.empty()) {
    json.key("instance").value(request.path);
  }
  json.key("request_id").value(request.request_id);
  if (!request.trace_id.empty()) {
    json.key("trace_id").value(request.trace_id);
  }
  if (!problem.errors.empty()) {
    json.key("errors").begin_array();
    for (const FieldError& error : problem.errors) {
      json.begin_object();
      json.key("pointer").value(error.pointer).key("detail").value(error.detail);
      json.end_object();
    }
    json.end_array();
  }
  if (!problem.violated_policies.empty()) {
    json.key("violated-policies").begin_array();
    for (const std::string& policy : problem.violated_policies) {
      json.value(policy);
    }
    json.end_array();
  }
  json.end_object();

  Response response = make_response(problem.status, "application/problem+json", std::move(body));
  response.headers.set("Cache-Control", "no-store");
  if (problem.retry_after_s) {
    response.headers.set("Retry-After", std::to_string(*problem.retry_after_s));
  }
  if (problem.status == 401) {
    response.headers.set("WWW-Authenticate", "Bearer realm=\"boathouse\"");
  }
  response.note = problem.note;
  if (!problem.violated_policies.empty()) {
    response.limited_by = problem.violated_policies.front();
  }
  return response;
}

Response problem_response(const RequestHead& request, const base::Error& error) {
  return problem_response(request, problem_of(error));
}

Response field_problem(const RequestHead& request, std::string pointer, const base::Error& error) {
  Problem problem = problem_of(error);
  if (problem.status < 500) {
    problem.errors.push_back({std::move(pointer), error.text});
  }
  return problem_response(request, problem);
}

std::optional<Response> refuse_unless_json(const RequestHead& request) {
  const std::string* type = request.headers.find("Content-Type");
  const std::string_view essence = type == nullptr ? "" : std::string_view(*type).substr(0, type->find_first_of("; "));
  if (equals_ignoring_case(essence, "application/json")) {
    return std::nullopt;
  }
  Problem problem;
  problem.status = 415;
  problem.id = "unsupported-media-type";
  problem.title = "The body is of another kind than this route takes";
  problem.detail = "send the header \"Content-Type: application/json\"";
  return problem_response(request, problem);
}

}  // namespace boathouse::http
