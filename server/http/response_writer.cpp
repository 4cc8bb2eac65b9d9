#include "server/http/response_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <utility>

#include "core/base/clock.hpp"
#include "core/base/utc_time.hpp"
#include "server/http/gzip.hpp"
#include "server/http/negotiation.hpp"
#include "server/http/problem.hpp"

namespace boathouse::http {
namespace {

// The server's own headers, and the one it never sends.
constexpr std::array<std::string_view, 8> kOwnHeaders = {
    "Date",       "Content-Length", "Transfer-Encoding",      "Connection",
    "Keep-Alive", "Request-Id",     "X-Content-Type-Options", "Server"};

bool is_own(std::string_view name) {
  return std::any_of(kOwnHeaders.begin(), kOwnHeaders.end(),
                     [name](std::string_view own) { return equals_ignoring_case(own, name); });
}

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// "" or what makes the response unfit for the wire. A line break inside a value would let its author write headers.
std::string defect(const Response& response) {
  if (response.status < 200 || response.status > 599) {
    return "a handler answered with status " + std::to_string(response.status);
  }
  for (const Header& header : response.headers) {
    if (header.name.empty() || !std::all_of(header.name.begin(), header.name.end(), is_name_character)) {
      return "a handler set a header with a bad name";
    }
    if (std::any_of(header.value.begin(), header.value.end(), is_control)) {
      return "a handler set header " + header.name + " to a value with control characters";
    }
  }
  return {};
}

bool may_have_body(int status) { return status != 204 && status != 304; }

// The content could go out in another coding too; whether it does is the client's choice, so Vary names it.
bool is_negotiated(const Response& response) {
  const std::string* type = response.headers.find("Content-Type");
  return type != nullptr && is_compressible(*type) && response.headers.find("Content-Encoding") == nullptr &&
         response.headers.find("Content-Range") == nullptr && may_have_body(response.status) &&
         (response.source || response.body.size() >= kCompressFrom);
}

bool names_accept_encoding(const Headers& headers) {
  const std::string vary = headers.joined("Vary");
  constexpr std::string_view kName = "accept-encoding";
  for (std::size_t i = 0; i + kName.size() <= vary.size(); ++i) {
    if (equals_ignoring_case(std::string_view(vary).substr(i, kName.size()), kName)) {
      return true;
    }
  }
  return false;
}

void frame(WireResponse& response, bool more) {
  if (!response.chunked) {
    return;
  }
  std::string framed;
  if (!response.body.empty()) {
    std::array<char, 16> hex;
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), response.body.size(), 16).ptr;
    framed.reserve(response.body.size() + 32);
    framed.append(hex.data(), end);
    framed.append("\r\n").append(response.body).append("\r\n");
  }
  if (!more) {
    framed += "0\r\n\r\n";
  }
  response.body = std::move(framed);
}

// Asks until there is something to send or the end is reached: an empty chunk would mean the end to the client.
base::Result<bool> next_piece(const BodySource& source, std::string& out) {
  try {
    while (true) {
      auto more = source(out);
      if (!more || !*more || !out.empty()) {
        return more;
      }
    }
  } catch (const std::exception& exception) {
    return base::Error{base::ErrorCode::internal, std::string("a body source threw: ") + exception.what()};
  } catch (...) {
    return base::Error{base::ErrorCode::internal, "a body source threw"};
  }
}

void write_head(const Response& response, const ResponseContext& context, WireResponse& out) {
  std::string& head = out.head;
  head.reserve(512);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ").append(reason(response.status));
  head.append("\r\nDate: ").append(http_date(base::SystemClock().utc_ms()));
  head.append("\r\nRequest-Id: ").append(context.problem_head.request_id);
  head.append("\r\nX-Content-Type-Options: nosniff\r\n");
  if (context.over_tls) {
    head.append("Strict-Transport-Security: max-age=31536000\r\n");  // a year, RFC 6797
  }
  // What is no page shows nothing and runs nothing, whatever it holds; a page brings a policy of its own.
  if (response.headers.find("Content-Security-Policy") == nullptr) {
    head.append("Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
  }
  for (const Header& header : response.headers) {
    if (!is_own(header.name)) {
      head.append(header.name).append(": ").append(header.value).append("\r\n");
    }
  }
  for (const Header& header : context.fields) {
    head.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (out.chunked) {
    head.append("Transfer-Encoding: chunked\r\n");
  } else if (may_have_body(response.status) && !response.source) {
    head.append("Content-Length: ").append(std::to_string(out.body.size())).append("\r\n");
  }
}

}  // namespace

bool needs_work(const Response& response, const ResponseContext& context) {
  return response.source || (context.accepts_gzip && is_negotiated(response));
}

WireResponse write_response(Response response, const ResponseContext& context) {
  WireResponse out;
  out.failure = response.note;
  out.limited_by = std::exchange(response.limited_by, {});
  if (std::string why = defect(response); !why.empty()) {
    response = problem_response(context.problem_head, base::Error{base::ErrorCode::internal, std::move(why)});
    out.failure = response.note;
  }
  if (is_negotiated(response)) {
    if (!names_accept_encoding(response.headers)) {
      response.headers.add("Vary", "Accept-Encoding");
    }
    if (context.accepts_gzip) {
      response.headers.set("Content-Encoding", "gzip");
      if (const std::string* etag = response.headers.find("ETag")) {
        response.headers.set("ETag", gzip_etag(*etag));
      }
      if (response.source) {
        response.source = gzip_source(std::move(response.source));
      } else {
        response.body = gzip(response.body);
      }
    }
  }
  if (!may_have_body(response.status)) {
    response.source = nullptr;
    response.body.clear();
  }

  bool more = false;
  if (response.source) {
    response.body.clear();
    if (!context.head_only) {
      const auto first = next_piece(response.source, response.body);
      if (!first) {
        const base::Error& error = first.error();
        WireResponse failed = write_response(problem_response(context.problem_head, error), context);
        failed.failure = error.within("the body's first piece").text;
        return failed;
      }
      more = *first;
    }
  }
  out.status = response.status;
  out.body = std::move(response.body);
  out.chunked = response.source && context.http11;
  out.keep_alive = context.keep_alive && (!response.source || out.chunked);
  write_head(response, context, out);
  if (context.head_only) {
    out.body.clear();
    return out;
  }
  frame(out, more);
  if (more) {
    out.source = std::move(response.source);
  }
  return out;
}

void pull(WireResponse& response) {
  response.head.clear();
  response.body.clear();
  const auto more = next_piece(response.source, response.body);
  if (!more) {
    response.failure = more.error().within("the body broke off").text;
    response.broken = true;
    response.source = nullptr;
    return;
  }
  frame(response, *more);
  if (!*more) {
    response.source = nullptr;
  }
}

std::string http_date(std::int64_t utc_ms) {
  constexpr std::array<std::string_view, 7> kDays = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};  // from day 0
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr std::int64_t kDaySeconds = 86400;
  const std::int64_t seconds = std::max<std::int64_t>(0, utc_ms) / 1000;
  const std::int64_t days = seconds / kDaySeconds;
  const std::int64_t of_day = seconds % kDaySeconds;
  const base::CivilDate date = base::civil_from_days(days);
  const auto two = [](std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  std::string text(kDays[static_cast<std::size_t>(days % 7)]);
  text.append(", ").append(two(date.day)).append(" ").append(kMonths[static_cast<std::size_t>(date.month - 1)]);
  text.append(" ").append(std::to_string(date.year)).append(" ").append(two(of_day / 3600)).append(":");
  text.append(two(of_day / 60 % 60)).append(":").append(two(of_day % 60)).append(" GMT");
  return text;
}

}  // namespace boathouse::http
