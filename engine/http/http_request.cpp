#include "engine/http/http_request.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/http/exception.hpp"

namespace boathouse::engine_http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

base::Error malformed(std::string_view why) { return exception(kBadRequestParameter, why); }

// RFC 9110 5.6.2
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

base::Result<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return malformed("the address has a % without two hexadecimal digits after it");
      }
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(plus_is_blank && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

base::Status parse_parameters(std::string_view text, HttpRequest& request) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) {
      continue;
    }
    const std::size_t equals = pair.find('=');
    auto name = decode_query_text(pair.substr(0, equals));
    auto value = decode_query_text(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!name) return name.error();
    if (!value) return value.error();
    // Which one counts would be a guess.
    if (request.parameter(*name) != nullptr) {
      return malformed("the parameter " + *name + " is there twice");
    }
    if (request.parameters.size() == kMaxParameters) {
      return exception(kQueryIsTooLarge, "more than " + std::to_string(kMaxParameters) + " parameters");
    }
    request.parameters.push_back({std::move(*name), std::move(*value)});
  }
  return base::Done{};
}

base::Status parse_request_line(std::string_view line, HttpRequest& request) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return malformed("the request line is not METHOD ADDRESS VERSION");
  }
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  request.method = line.substr(0, first);
  if (!is_token(request.method)) {
    return malformed("the method is not a word");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return malformed("only HTTP/1.0 and HTTP/1.1 are spoken here");
  }
  request.keep_alive = version == "HTTP/1.1";
  if (!target.starts_with('/') || target.find(' ') != std::string_view::npos) {
    return malformed("the address does not begin with / or has a blank in it");
  }
  const std::size_t question = target.find('?');
  auto path = percent_decode(target.substr(0, question), false);
  if (!path) return path.error();
  request.path = std::move(*path);
  return question == std::string_view::npos ? base::Status(base::Done{})
                                            : parse_parameters(target.substr(question + 1), request);
}

base::Status parse_header_line(std::string_view line, HttpRequest& request) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return malformed("a header line is not NAME: VALUE");
  }
  if (request.headers.size() == kMaxHeaders) {
    return exception(kQueryIsTooLarge, "more than " + std::to_string(kMaxHeaders) + " headers");
  }
  request.headers.push_back({lower(line.substr(0, colon)), std::string(trim(line.substr(colon + 1)))});
  return base::Done{};
}

// Headers that decide where the request ends and what becomes of the connection.
base::Status read_framing(HttpRequest& request, bool version_1_1) {
  for (const Field& header : request.headers) {
    if (header.name == "content-length") {
      std::uint64_t length = 0;
      const char* const end = header.value.data() + header.value.size();
      const auto [at, error] = std::from_chars(header.value.data(), end, length);
      if (error != std::errc() || at != end || header.value.empty()) {
        return malformed("Content-Length is not a number");
      }
      if (request.framing != Framing::none) {
        return malformed("the length of the body is given twice");
      }
      request.framing = Framing::length;
      request.content_length = length;
    } else if (header.name == "transfer-encoding") {
      if (!same_word(header.value, "chunked")) {
        return exception(kNotImplemented, "the only Transfer-Encoding here is chunked");
      }
      if (request.framing != Framing::none || !version_1_1) {
        return malformed("Transfer-Encoding: chunked beside another length, or in HTTP/1.0");
      }
      request.framing = Framing::chunked;
    } else if (header.name == "connection") {
      if (same_word(header.value, "close")) {
        request.keep_alive = false;
      } else if (same_word(header.value, "keep-alive")) {
        request.keep_alive = true;
      }
    } else if (header.name == "expect") {
      if (!same_word(header.value, "100-continue")) {
        return exception(kNotImplemented, "the only Expect here is 100-continue");
      }
      request.expects_continue = version_1_1;
    }
  }
  return base::Done{};
}

const std::string* find(const std::vector<Field>& fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &found->value;
}

}  // namespace

const std::string* HttpRequest::header(std::string_view name) const { return find(headers, name); }
const std::string* HttpRequest::parameter(std::string_view name) const { return find(parameters, name); }

std::optional<std::size_t> head_size(std::string_view buffer) {
  const std::size_t end = buffer.find("\r\n\r\n");
  return end == std::string_view::npos ? std::nullopt : std::optional(end + 4);
}

base::Result<HttpRequest> parse_head(std::string_view head) {
  HttpRequest request;
  bool first = true;
  while (true) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) {
      return malformed("the head has no empty line at its end");
    }
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.empty() && !first) {
      break;
    }
    // Catches a line feed or carriage return alone too.
    if (has_control(line)) {
      return malformed("the head has a control character in it");
    }
    BOATHOUSE_TRY(first ? parse_request_line(line, request) : parse_header_line(line, request));
    first = false;
  }
  const bool version_1_1 = request.keep_alive;
  BOATHOUSE_TRY(read_framing(request, version_1_1));
  return request;
}

base::Result<std::string> decode_query_text(std::string_view text) { return percent_decode(text, true); }

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace boathouse::engine_http
