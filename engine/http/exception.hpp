// Errors in ClickHouse's own shape. The engine's errors are base::Error with the text
// "Code: 62. DB::Exception: why (SYNTAX_ERROR)", whoever made them: libchdb or this program. Clients read the number
// and the name back out of that text, and the HTTP status follows from the number. Pure functions.
#pragma once

#include <string_view>

#include "core/base/result.hpp"

namespace boathouse::engine_http {

// A number and name of ClickHouse's list of error codes (system.errors).
struct ExceptionKind {
  int code;
  std::string_view name;
};

inline constexpr ExceptionKind kCannotReadAllData{33, "CANNOT_READ_ALL_DATA"};
inline constexpr ExceptionKind kNotImplemented{48, "NOT_IMPLEMENTED"};
inline constexpr ExceptionKind kSyntaxError{62, "SYNTAX_ERROR"};
inline constexpr ExceptionKind kUnknownFormat{73, "UNKNOWN_FORMAT"};
inline constexpr ExceptionKind kUnknownSetting{115, "UNKNOWN_SETTING"};
inline constexpr ExceptionKind kReadonly{164, "READONLY"};
inline constexpr ExceptionKind kTooManySimultaneousQueries{202, "TOO_MANY_SIMULTANEOUS_QUERIES"};
inline constexpr ExceptionKind kSocketTimeout{209, "SOCKET_TIMEOUT"};
inline constexpr ExceptionKind kNetworkError{210, "NETWORK_ERROR"};
inline constexpr ExceptionKind kQueryIsTooLarge{229, "QUERY_IS_TOO_LARGE"};
inline constexpr ExceptionKind kCannotDecompress{271, "CANNOT_DECOMPRESS"};
inline constexpr ExceptionKind kHttpLengthRequired{381, "HTTP_LENGTH_REQUIRED"};
inline constexpr ExceptionKind kBadRequestParameter{408, "BAD_REQUEST_PARAMETER"};
inline constexpr ExceptionKind kAuthenticationFailed{516, "AUTHENTICATION_FAILED"};
inline constexpr ExceptionKind kUnsupportedMediaType{779, "UNSUPPORTED_MEDIA_TYPE"};
inline constexpr ExceptionKind kUnknownException{1002, "UNKNOWN_EXCEPTION"};

base::Error exception(ExceptionKind kind, std::string_view why);

// The same for a text that libchdb gave; one without a number becomes code 1002.
base::Error exception_from_engine(std::string_view text);

// The number in "Code: N. ..."; 0 if the text does not begin so.
int exception_code(std::string_view text);

// HTTP status of an error code, as ClickHouse 26.7 answers (src/Server/HTTP/exceptionCodeToHTTPStatus.cpp), but for
// these: 516 is 401, 164 is 403, 33, 271 and 408 are 400, 202 is 503, where ClickHouse says 403 or 500.
int http_status(int code);

}  // namespace boathouse::engine_http
