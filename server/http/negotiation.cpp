#include "server/http/negotiation.hpp"

#include <algorithm>
#include <array>

namespace boathouse::http {
namespace {

constexpr std::string_view kGzipSuffix = "-gzip";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ), in thousandths.
std::optional<int> parse_qvalue(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') || (text.size() > 1 && text[1] != '.')) {
    return std::nullopt;
  }
  int value = (text[0] - '0') * 1000;
  int weight = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    value += (c - '0') * weight;
    weight /= 10;
  }
  return value <= 1000 ? std::optional(value) : std::nullopt;
}

// The entity tags of an If-None-Match list without "W/": weak comparison (RFC 9110 8.8.3.2) is what it asks for.
// Stops at what is no tag.
template <typename Take>
void for_each_tag(std::string_view list, Take take) {
  while (true) {
    list = trim(list);
    if (list.starts_with(',')) {
      list.remove_prefix(1);
      continue;
    }
    if (list.starts_with("W/")) {
      list.remove_prefix(2);
    }
    const std::size_t end = list.starts_with('"') ? list.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
      return;
    }
    take(list.substr(0, end + 1));
    list.remove_prefix(end + 1);
  }
}

}  // namespace

Coding choose_coding(std::string_view accept_encoding) {
  std::optional<int> gzip;
  std::optional<int> any;
  int identity = 0;
  while (!accept_encoding.empty()) {
    const std::size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view entry = trim(accept_encoding.substr(0, comma));
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    if (entry.empty()) {
      continue;
    }
    const std::size_t semicolon = entry.find(';');
    const std::string_view coding = trim(entry.substr(0, semicolon));
    int q = 1000;
    if (semicolon != std::string_view::npos) {
      const std::string_view weight = trim(entry.substr(semicolon + 1));
      const bool named = weight.size() > 2 && (weight[0] == 'q' || weight[0] == 'Q') && weight[1] == '=';
      const auto value = named ? parse_qvalue(weight.substr(2)) : std::nullopt;
      if (!value) {
        return Coding::identity;
      }
      q = *value;
    }
    if (!is_token(coding)) {
      return Coding::identity;
    }
    if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip")) {
      gzip = std::max(gzip.value_or(0), q);
    } else if (coding == "*") {
      any = q;
    } else if (equals_ignoring_case(coding, "identity")) {
      identity = q;
    }
  }
  const int q = gzip.value_or(any.value_or(0));
  return q > 0 && q >= identity ? Coding::gzip : Coding::identity;
}

bool is_compressible(std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  const auto begins = [type](std::string_view with) { return equals_ignoring_case(type.substr(0, with.size()), with); };
  const auto ends = [type](std::string_view with) {
    return type.size() >= with.size() && equals_ignoring_case(type.substr(type.size() - with.size()), with);
  };
  if (begins("text/")) {
    return !equals_ignoring_case(type, "text/event-stream");
  }
  constexpr std::array<std::string_view, 4> kTypes = {"application/json", "application/xml", "application/javascript",
                                                      "application/x-ndjson"};
  return ends("+json") || ends("+xml") || std::any_of(kTypes.begin(), kTypes.end(), [type](std::string_view known) {
           return equals_ignoring_case(type, known);
         });
}

std::string make_etag(std::string_view opaque) { return '"' + std::string(opaque) + '"'; }

std::string gzip_etag(std::string_view etag) {
  if (etag.size() < 2 || etag.back() != '"') {
    return std::string(etag);
  }
  return std::string(etag.substr(0, etag.size() - 1)) + std::string(kGzipSuffix) + '"';
}

std::optional<Response> not_modified(const RequestHead& request, std::string_view etag) {
  const std::string condition = request.headers.joined("If-None-Match");
  std::string matched;
  if (trim(condition) == "*") {
    matched = etag;
  } else {
    const std::string compressed = gzip_etag(etag);
    for_each_tag(condition, [&](std::string_view tag) {
      if (matched.empty() && (tag == etag || tag == compressed)) {
        matched = tag;
      }
    });
  }
  if (matched.empty()) {
    return std::nullopt;
  }
  Response response;
  response.status = 304;
  // The tag that the client holds, so that it can tell which of its stored responses is still good.
  response.headers.set("ETag", matched);
  response.headers.set("Vary", "Accept-Encoding");
  return response;
}

}  // namespace boathouse::http
