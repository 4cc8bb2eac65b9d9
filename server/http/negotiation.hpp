// Which content coding a response gets, and conditional requests (RFC 9110 12.5.3 and 13.1.2). Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.hpp"

namespace boathouse::http {

enum class Coding : std::uint8_t { identity, gzip };

// gzip if the client names it (or "x-gzip", or "*") with a q above 0 and not below that of a named identity.
// A header that breaks the grammar, or no header (""), means identity: always safe.
Coding choose_coding(std::string_view accept_encoding);

// Text-like content, worth compressing: text/*, JSON, XML and their +json / +xml kin, JavaScript, SVG. Not
// text/event-stream, which must not wait in a compressor.
bool is_compressible(std::string_view content_type);

// `opaque` in quotes: a strong entity tag. It must be visible ASCII without '"'; hex digits are best.
std::string make_etag(std::string_view opaque);

// The tag of the same content sent with gzip: "abc" -> "abc-gzip", since a strong tag belongs to exact bytes.
std::string gzip_etag(std::string_view etag);

// For a handler of GET: 304 if the client's If-None-Match holds this version, in either coding; nullopt = send it.
// `etag` is the tag that the handler would set on its 200.
//   if (auto fresh = not_modified(request, etag)) return *fresh;
std::optional<Response> not_modified(const RequestHead& request, std::string_view etag);

}  // namespace boathouse::http
