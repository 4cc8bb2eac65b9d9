#include "server/http/uri.hpp"

#include <utility>

#include "core/base/utf8.hpp"

namespace boathouse::http {
namespace {

base::Error invalid_uri(std::string text) { return base::Error{base::ErrorCode::invalid_input, std::move(text)}; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

base::Result<std::string> decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c <= 0x20 || c >= 0x7f) {  // char may be signed: bytes from 0x80 are caught either way
      return invalid_uri("character " + std::to_string(i + 1) + " must be percent-encoded");
    }
    if (c == '%') {
      const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return invalid_uri("'%' at character " + std::to_string(i + 1) + " needs two hexadecimal digits after it");
      }
      const auto byte = static_cast<unsigned char>(high * 16 + low);
      if (byte < 0x20 || byte == 0x7f) {
        return invalid_uri("the control character at character " + std::to_string(i + 1) + " is not allowed");
      }
      c = static_cast<char>(byte);
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    out.push_back(c);
  }
  if (!base::is_valid_utf8(out)) {
    return invalid_uri("the percent-encoded bytes are not valid UTF-8");
  }
  return out;
}

// Calls `take` for each part of `text` between separators, with its number from 1.
template <typename Take>
base::Status for_each_part(std::string_view text, char separator, Take take) {
  std::size_t number = 0;
  while (true) {
    const std::size_t end = text.find(separator);
    BOATHOUSE_TRY(take(++number, text.substr(0, end)));
    if (end == std::string_view::npos) {
      return base::Done{};
    }
    text.remove_prefix(end + 1);
  }
}

base::Result<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> segments;
  if (path == "/") {
    return segments;
  }
  bool empty_before = false;
  BOATHOUSE_TRY(for_each_part(path.substr(1), '/', [&](std::size_t number, std::string_view part) -> base::Status {
    const std::string place = "path segment " + std::to_string(number);
    auto segment = percent_decode(part);
    if (!segment) {
      return segment.error().within(place);
    }
    if (empty_before) {
      return invalid_uri("path segment " + std::to_string(number - 1) + " is empty");
    }
    if (*segment == "." || *segment == "..") {
      return invalid_uri(place + " is \".\" or \"..\", which is not allowed");
    }
    empty_before = segment->empty();
    segments.push_back(std::move(*segment));
    return base::Done{};
  }));
  return segments;
}

// "http://host/path" -> "/path", "http://host" -> "/"; other text stays.
std::string_view without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() > scheme.size() && equals_ignoring_case(target.substr(0, scheme.size()), scheme)) {
      const std::size_t path = target.find_first_of("/?", scheme.size());
      return path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    }
  }
  return target;
}

}  // namespace

base::Result<std::string> percent_decode(std::string_view text) { return decode(text, false); }

base::Result<Parameters> parse_query(std::string_view query) {
  Parameters parameters;
  BOATHOUSE_TRY(for_each_part(query, '&', [&](std::size_t number, std::string_view part) -> base::Status {
    const std::string place = "query parameter " + std::to_string(number);
    if (number > kMaxQueryParameters) {
      return invalid_uri("more than " + std::to_string(kMaxQueryParameters) + " query parameters");
    }
    if (part.empty()) {
      return base::Done{};
    }
    const std::size_t equals = part.find('=');
    auto name = decode(part.substr(0, equals), true);
    auto value = decode(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1), true);
    if (!name) {
      return name.error().within(place + " (name)");
    }
    if (!value) {
      return value.error().within(place + " (value)");
    }
    if (name->empty()) {
      return invalid_uri(place + " has no name");
    }
    parameters.push_back(Parameter{std::move(*name), std::move(*value)});
    return base::Done{};
  }));
  return parameters;
}

base::Result<Target> parse_target(std::string_view target) {
  Target parsed;
  if (target == "*") {
    parsed.path = "*";
    return parsed;
  }
  if (target.find('#') != std::string_view::npos) {
    return invalid_uri("the request target has a fragment ('#'), which a client must not send");
  }
  target = without_authority(target);
  const std::size_t question = target.find('?');
  std::string_view path = target.substr(0, question);
  if (path.empty() && question == 0) {
    path = "/";  // "http://host?query"
  }
  if (path.empty() || path.front() != '/') {
    return invalid_uri("the request target must begin with '/'");
  }
  auto segments = split_path(path);
  if (!segments) {
    return segments.error();
  }
  if (question != std::string_view::npos) {
    auto query = parse_query(target.substr(question + 1));
    if (!query) {
      return query.error();
    }
    parsed.query = std::move(*query);
  }
  parsed.path = path;
  parsed.segments = std::move(*segments);
  return parsed;
}

}  // namespace boathouse::http
