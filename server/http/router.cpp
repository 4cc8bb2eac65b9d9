#include "server/http/router.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace boathouse::http {
namespace {

constexpr std::size_t kMethods = static_cast<std::size_t>(Method::other);

std::size_t index(Method method) { return static_cast<std::size_t>(method); }

base::Error invalid_route(const Route& route, std::string_view why) {
  return base::Error{base::ErrorCode::invalid_input,
                     "route " + std::string(name(route.method)) + " " + route.pattern + ": " + std::string(why)};
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

bool is_word(std::string_view text, std::string_view extra) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [extra](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || extra.find(c) != std::string_view::npos;
  });
}

// "/a/{id}" -> {"a", "{id}"}; "/" -> {}.
base::Result<std::vector<std::string>> split_pattern(const Route& route) {
  std::vector<std::string> segments;
  std::string_view rest = route.pattern;
  if (!rest.starts_with('/')) {
    return invalid_route(route, "the pattern must begin with '/'");
  }
  if (rest == "/") {
    return segments;
  }
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(segment.size());
    if (is_parameter(segment)) {
      if (!segment.ends_with('}') || !is_word(segment.substr(1, segment.size() - 2), "")) {
        return invalid_route(route,
                             "a parameter is {name} of lower-case letters, digits and '_', alone in its segment");
      }
      if (std::find(segments.begin(), segments.end(), segment) != segments.end()) {
        return invalid_route(route, "a parameter is named twice");
      }
    } else if (!is_word(segment, ".-~ABCDEFGHIJKLMNOPQRSTUVWXYZ") || segment == "." || segment == "..") {
      return invalid_route(route,
                           "a segment is of letters, digits, '_', '.', '-', '~' and never empty, \".\" or \"..\"");
    }
    segments.emplace_back(segment);
  }
  return segments;
}

bool has_handler(const Route& route) {
  return std::visit([](const auto& handler) { return static_cast<bool>(handler); }, route.handler);
}

using MethodSet = std::array<bool, kMethods>;

std::string allow_text(MethodSet methods) {
  methods[index(Method::head)] |= methods[index(Method::get)];
  methods[index(Method::options)] = true;
  std::string text;
  for (std::size_t i = 0; i < kMethods; ++i) {
    if (methods[i]) {
      text += (text.empty() ? "" : ", ") + std::string(name(static_cast<Method>(i)));
    }
  }
  return text;
}

}  // namespace

struct RouteTable::Node {
  std::map<std::string, Node, std::less<>> literals;
  std::unique_ptr<Node> parameter;
  std::array<const Route*, kMethods> by_method{};

  [[nodiscard]] bool is_resource() const {
    return std::any_of(by_method.begin(), by_method.end(), [](const Route* route) { return route != nullptr; });
  }

  // The resource that the segments from `at` on lead to. The way down is as deep as a pattern is long, and at each step
  // a literal that leads nowhere gives way to the parameter.
  [[nodiscard]] const Node* find(const std::vector<std::string>& segments, std::size_t at) const {
    if (at == segments.size()) {
      return is_resource() ? this : nullptr;
    }
    if (const auto literal = literals.find(segments[at]); literal != literals.end()) {
      if (const Node* found = literal->second.find(segments, at + 1)) {
        return found;
      }
    }
    return parameter && !segments[at].empty() ? parameter->find(segments, at + 1) : nullptr;
  }
};

RouteTable::RouteTable() : root_(std::make_unique<Node>()) {}
RouteTable::~RouteTable() = default;
RouteTable::RouteTable(RouteTable&&) noexcept = default;
RouteTable& RouteTable::operator=(RouteTable&&) noexcept = default;

base::Status RouteTable::add(Route route) {
  if (route.method == Method::other) {
    return invalid_route(route, "a route needs a method that the server knows");
  }
  if (route.name.empty() || !has_handler(route)) {
    return invalid_route(route, "a route needs a name and a handler");
  }
  if (route.admission == Admission::probe &&
      (std::holds_alternative<AsyncHandler>(route.handler) || route.admit || route.waits_elsewhere)) {
    return invalid_route(route, "a probe answers at once, without `admit`");
  }
  auto segments = split_pattern(route);
  if (!segments) {
    return segments.error();
  }
  const auto taken = [&route](const Route& other) { return other.name == route.name; };
  if (std::any_of(routes_.begin(), routes_.end(), taken)) {
    return base::Error{base::ErrorCode::conflict, "two routes are named " + route.name};
  }
  Node* node = root_.get();
  for (const std::string& segment : *segments) {
    if (!is_parameter(segment)) {
      node = &node->literals[segment];
      continue;
    }
    if (!node->parameter) {
      node->parameter = std::make_unique<Node>();
    }
    node = node->parameter.get();
  }
  const Route*& place = node->by_method[index(route.method)];
  if (place != nullptr) {
    return base::Error{base::ErrorCode::conflict,
                       "routes " + place->name + " and " + route.name + " answer the same method and path"};
  }
  place = &routes_.emplace_back(std::move(route));
  return base::Done{};
}

Match RouteTable::match(Method method, const std::vector<std::string>& segments) const {
  Match match;
  const Node* node = root_->find(segments, 0);
  if (node == nullptr) {
    return match;
  }
  if (method != Method::other) {
    match.route = node->by_method[index(method)];
    if (match.route == nullptr && method == Method::head) {
      match.route = node->by_method[index(Method::get)];
    }
  }
  if (match.route == nullptr) {
    match.outcome = Match::Outcome::wrong_method;
    MethodSet methods{};
    for (std::size_t i = 0; i < kMethods; ++i) {
      methods[i] = node->by_method[i] != nullptr;
    }
    match.allow = allow_text(methods);
    return match;
  }
  match.outcome = Match::Outcome::found;
  // The route's own pattern names the segments: two routes may call the same place by two names.
  std::string_view rest = match.route->pattern;
  for (const std::string& segment : segments) {
    rest.remove_prefix(1);
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(part.size());
    if (is_parameter(part)) {
      match.parameters.push_back(Parameter{std::string(part.substr(1, part.size() - 2)), segment});
    }
  }
  return match;
}

std::string RouteTable::allow_all() const {
  MethodSet methods{};
  for (const Route& route : routes_) {
    methods[index(route.method)] = true;
  }
  return allow_text(methods);
}

}  // namespace boathouse::http
