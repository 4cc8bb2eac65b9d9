// Strict parsers of the request target (RFC 3986, RFC 9112 3.2). Pure functions; every error is invalid_input and names
// the place. What they accept is valid UTF-8 without control characters, so nothing later needs to check that again.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "server/http/message.hpp"

namespace boathouse::http {

inline constexpr std::size_t kMaxQueryParameters = 100;

// "a%20b" -> "a b". Refused: '%' without two hexadecimal digits, anything but visible ASCII in the text as it stands,
// control characters and invalid UTF-8 in the outcome. '+' stays '+'.
base::Result<std::string> percent_decode(std::string_view text);

// "a=1&b=x%20y" without the '?'. '+' is a blank, as HTML forms and URLSearchParams write it (so a zone offset is sent
// as %2B02:00). A piece without '=' has the value ""; an empty piece is passed over, an empty name is refused; over
// kMaxQueryParameters pieces are refused.
base::Result<Parameters> parse_query(std::string_view query);

struct Target {
  std::string path;                   // as sent; "*" for the whole server (only OPTIONS may ask that)
  std::vector<std::string> segments;  // "/a/b%2Fc" -> {"a", "b/c"}; "/" -> {}; "/a/" -> {"a", ""}; "*" -> {}
  Parameters query;
};

// Takes origin-form ("/path?query"), absolute-form ("http://host/path", whose host is ignored) and "*". The path is cut
// at '/' before decoding, so %2F never makes a new segment. Refused: fragments, a segment that is or decodes to "." or
// "..", an empty segment anywhere but at the end.
base::Result<Target> parse_target(std::string_view target);

}  // namespace boathouse::http
