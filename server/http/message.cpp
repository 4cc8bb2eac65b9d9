#include "server/http/message.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace boathouse::http {
namespace {

constexpr std::array<std::string_view, 8> kMethodNames = {"GET",   "HEAD",   "POST",    "PUT",
                                                          "PATCH", "DELETE", "OPTIONS", "OTHER"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string_view name(Method method) { return kMethodNames[static_cast<std::size_t>(method)]; }

Method parse_method(std::string_view text) {
  const auto known = std::find(kMethodNames.begin(), kMethodNames.end() - 1, text);
  return static_cast<Method>(known - kMethodNames.begin());
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

void Headers::add(std::string_view name, std::string_view value) {
  entries_.push_back(Header{std::string(name), std::string(value)});
}

void Headers::set(std::string_view name, std::string_view value) {
  std::erase_if(entries_, [name](const Header& header) { return equals_ignoring_case(header.name, name); });
  add(name, value);
}

const std::string* Headers::find(std::string_view name) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [name](const Header& header) { return equals_ignoring_case(header.name, name); });
  return found == entries_.end() ? nullptr : &found->value;
}

std::string Headers::joined(std::string_view name) const {
  std::string all;
  bool first = true;
  for (const Header& header : entries_) {
    if (equals_ignoring_case(header.name, name)) {
      all += first ? "" : ", ";
      all += header.value;
      first = false;
    }
  }
  return all;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [name](const Header& header) {
    return equals_ignoring_case(header.name, name);
  }));
}

const std::string* find(const Parameters& parameters, std::string_view name) {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [name](const Parameter& parameter) { return parameter.name == name; });
  return found == parameters.end() ? nullptr : &found->value;
}

std::string_view RequestHead::path_parameter(std::string_view name) const {
  const std::string* value = find(path_parameters, name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

Response make_response(int status, std::string_view content_type, std::string body) {
  Response response;
  response.status = status;
  response.headers.set("Content-Type", content_type);
  response.body = std::move(body);
  return response;
}

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

}  // namespace boathouse::http
