#include "server/http/trace_context.hpp"

namespace boathouse::http {
namespace {

// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": version, trace, the caller's span, flags.
constexpr std::size_t kTraceAt = 3;
constexpr std::size_t kTraceLength = 32;
constexpr std::size_t kSpanAt = kTraceAt + kTraceLength + 1;
constexpr std::size_t kSpanLength = 16;
constexpr std::size_t kFlagsAt = kSpanAt + kSpanLength + 1;
constexpr std::size_t kLength = kFlagsAt + 2;

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }
bool is_id(std::string_view text) { return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos; }

}  // namespace

std::string trace_id_of(const Headers& headers) {
  if (headers.count("traceparent") != 1) {
    return "";
  }
  const std::string_view text = *headers.find("traceparent");
  if (text.size() < kLength || text[kTraceAt - 1] != '-' || text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') {
    return "";
  }
  const std::string_view version = text.substr(0, kTraceAt - 1);
  const bool ends_well = text.size() == kLength || (version != "00" && text[kLength] == '-');
  const std::string_view trace = text.substr(kTraceAt, kTraceLength);
  if (!is_hex(version) || version == "ff" || !ends_well || !is_id(trace) || !is_id(text.substr(kSpanAt, kSpanLength)) ||
      !is_hex(text.substr(kFlagsAt, 2))) {
    return "";
  }
  return std::string(trace);
}

}  // namespace boathouse::http
