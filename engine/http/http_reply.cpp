#include "engine/http/http_reply.hpp"

#include <array>
#include <charconv>

#include "engine/http/exception.hpp"

namespace boathouse::engine_http {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

std::string render_head(const ReplyHead& head) {
  std::string out = "HTTP/1.1 " + std::to_string(head.status) + " ";
  out.append(reason(head.status)).append("\r\nContent-Type: ").append(head.content_type).append("\r\n");
  for (const Field& header : head.headers) {
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (head.content_length) {
    out += "Content-Length: " + std::to_string(*head.content_length) + "\r\n";
  } else {
    out += "Transfer-Encoding: chunked\r\n";
  }
  out += head.keep_alive ? "Connection: Keep-Alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return out;
}

ReplyHead error_head(const base::Error& error, bool keep_alive) {
  const int code = exception_code(error.text);
  ReplyHead head;
  head.status = http_status(code);
  head.headers.push_back({"X-ClickHouse-Exception-Code", std::to_string(code)});
  if (head.status == 401) {
    head.headers.push_back({"WWW-Authenticate", "Basic realm=\"boathouse-engine\""});
  }
  head.keep_alive = keep_alive;
  return head;
}

std::string chunk_size_line(std::size_t size) {
  std::array<char, 20> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16);
  return std::string(digits.data(), result.ptr) + "\r\n";
}

std::string to_json(const Summary& summary) {
  std::string out = "{";
  const auto add = [&out](std::string_view name, std::uint64_t value) {
    out.append(out.size() == 1 ? "\"" : ",\"").append(name).append("\":\"").append(std::to_string(value)).append("\"");
  };
  add("read_rows", summary.read_rows);
  add("read_bytes", summary.read_bytes);
  add("written_rows", summary.written_rows);
  add("written_bytes", summary.written_bytes);
  add("result_rows", summary.result_rows);
  add("result_bytes", summary.result_bytes);
  add("elapsed_ns", summary.elapsed_ns);
  return out + "}";
}

}  // namespace boathouse::engine_http
