// The head of an HTTP/1.1 request (RFC 9112) as a value. Strict, because a head that two readers understand
// differently is how requests get smuggled: lines end in CR LF, no folded lines, one length, no length beside chunks.
// Errors are engine exceptions (exception.hpp): code 408 (status 400) malformed, 229 (413) over a limit, 48 (501) a
// feature that is not here. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace boathouse::engine_http {

// Request line and headers together; query parameters travel in the request line.
inline constexpr std::size_t kMaxHeadBytes = 256 * 1024;
inline constexpr std::size_t kMaxHeaders = 100;
inline constexpr std::size_t kMaxParameters = 1000;

struct Field {
  std::string name;
  std::string value;
};

enum class Framing : std::uint8_t { none, length, chunked };

struct HttpRequest {
  std::string method;
  std::string path;               // percent-decoded, begins with '/'
  std::vector<Field> parameters;  // of the query string, decoded, in order, each name once
  std::vector<Field> headers;     // names in lower case, values without blanks around them
  Framing framing = Framing::none;
  std::uint64_t content_length = 0;  // with Framing::length
  bool keep_alive = true;
  bool expects_continue = false;

  // nullptr if absent; `name` in lower case. Of a repeated header the first.
  [[nodiscard]] const std::string* header(std::string_view name) const;
  [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

// How many bytes of `buffer` the head takes, its empty line included; nothing while that line is not there.
std::optional<std::size_t> head_size(std::string_view buffer);

// `head` ends with its empty line.
base::Result<HttpRequest> parse_head(std::string_view head);

// %XX and, as in a form, '+' for a blank. The result may hold any byte.
base::Result<std::string> decode_query_text(std::string_view text);

// ASCII without regard to case.
bool same_word(std::string_view a, std::string_view b);

}  // namespace boathouse::engine_http
