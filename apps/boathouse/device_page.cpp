#include "apps/boathouse/device_page.hpp"

#include <optional>
#include <string>

#include "apps/web/files.hpp"
#include "device/page/admission.hpp"
#include "server/http/problem.hpp"

namespace boathouse::app {
namespace {

// Nothing from elsewhere, in no frame, and nobody elsewhere learns the address.
void harden(http::Response& response) {
  response.headers.set("Content-Security-Policy",
                       "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  response.headers.set("Referrer-Policy", "no-referrer");
  response.headers.set("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.set("Cross-Origin-Resource-Policy", "same-origin");
}

std::optional<std::string> header(const http::RequestHead& head, std::string_view name) {
  const std::string* found = head.headers.find(name);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::optional<http::Response> admit(const http::RequestHead& head, bool changes) {
  const base::Status allowed = page::admit({changes, header(head, "Host"), header(head, "Origin"),
                                            header(head, "Sec-Fetch-Site"), header(head, "Content-Type")});
  if (allowed) return std::nullopt;
  return http::problem_response(head, allowed.error());
}

http::Route file_route(const web::File& file) {
  http::Route route;
  route.pattern = file.path;
  route.name = "getFile:" + std::string(file.path);
  route.handler = http::Handler([&file](const http::Request&) {
    http::Response response = http::make_response(200, file.content_type, std::string(file.content));
    response.headers.set("Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
    harden(response);
    return response;
  });
  return route;
}

http::Route call_route(const page::Endpoint& endpoint, page::Page& page) {
  http::Route route;
  route.method = endpoint.changes ? http::Method::post : http::Method::get;
  route.pattern = endpoint.pattern;
  route.name = endpoint.name;
  route.max_body_bytes = endpoint.max_body;
  route.admit = [&endpoint](http::RequestHead& head) { return admit(head, endpoint.changes); };
  route.handler = http::Handler([&endpoint, &page](const http::Request& request) {
    page::Question question;
    question.id = request.path_parameter("id");
    for (const http::Parameter& parameter : request.query) question.query.emplace_back(parameter.name, parameter.value);
    question.body = request.body;
    auto answer = page.answer(endpoint, question);
    http::Response response = answer ? http::make_response(200, endpoint.content_type, std::move(*answer))
                                     : device_problem(request, answer.error());
    response.headers.set("Cache-Control", "no-store");
    harden(response);
    return response;
  });
  return route;
}

}  // namespace

http::Response device_problem(const http::RequestHead& request, const base::Error& error) {
  http::Problem problem = http::problem_of(error);
  problem.detail = error.text;
  return http::problem_response(request, problem);
}

base::Status add_page_routes(http::RouteTable& routes, page::Page& page) {
  for (const web::File& file : web::device_files()) BOATHOUSE_TRY(routes.add(file_route(file)));
  for (const page::Endpoint& endpoint : page::Page::endpoints()) BOATHOUSE_TRY(routes.add(call_route(endpoint, page)));
  return {};
}

}  // namespace boathouse::app
