// W3C Trace Context: to which trace of the caller's a request belongs. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "server/http/message.hpp"

namespace boathouse::http {

// The trace-id, 32 hex digits, of the one traceparent in `headers`; "" without one or with one that the standard calls
// invalid: it is no reason to refuse a request. Of a later version what version 00 has is read.
std::string trace_id_of(const Headers& headers);

}  // namespace boathouse::http
