// What a running service says on stderr: one line for each request (but for the probes), failure and event. Any thread.
#pragma once

#include <string_view>

#include "server/http/server.hpp"
#include "server/ops/log_line.hpp"

namespace boathouse::app {

// Before the first line and the first thread; text otherwise.
void set_log_format(ops::LogFormat format);

void log_line(std::string_view text);
void log_request(const http::AccessRecord& record);
void log_failure(const http::FailureRecord& record);

}  // namespace boathouse::app
