// For tests: a folder of its own, and a request that goes through a route table as the server would take it, without
// sockets.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "server/http/router.hpp"
#include "server/http/uri.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::control {

using test_support::TemporaryFolder;

struct Call {
  http::Method method = http::Method::get;
  std::string target;
  http::Headers headers;
  std::string body;
  std::string remote_address = {};
};

// Status 404 or 405, without a body, where no route leads. A refusal of `admit` comes before the body is looked at, as
// in the server; so does 413.
inline http::Response call(const http::RouteTable& routes, Call from) {
  http::Request request;
  auto target = http::parse_target(from.target);
  if (!target) {
    return http::make_response(400, "text/plain", target.error().text);
  }
  request.method = from.method;
  request.path = target->path;
  request.segments = target->segments;
  request.query = target->query;
  request.headers = std::move(from.headers);
  request.request_id = "test-request";
  request.remote_address = std::move(from.remote_address);
  const http::Match match = routes.match(request.method, request.segments);
  if (match.outcome != http::Match::Outcome::found) {
    return http::make_response(match.outcome == http::Match::Outcome::not_found ? 404 : 405, "", "");
  }
  request.path_parameters = match.parameters;
  request.scope = match.route->scope;
  if (from.body.size() > match.route->max_body_bytes) {
    return http::make_response(413, "", "");
  }
  if (match.route->admit) {
    if (auto refusal = match.route->admit(request)) {
      return std::move(*refusal);
    }
  }
  request.body = std::move(from.body);
  if (const auto* handler = std::get_if<http::Handler>(&match.route->handler)) {
    return (*handler)(request);
  }
  const auto answer = std::make_shared<std::promise<http::Response>>();
  auto response = answer->get_future();
  std::get<http::AsyncHandler>(match.route->handler)(
      std::move(request), [answer](http::Response one) { answer->set_value(std::move(one)); });
  return response.get();
}

}  // namespace boathouse::control
