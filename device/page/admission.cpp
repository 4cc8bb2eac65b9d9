#include "device/page/admission.hpp"

#include <algorithm>

namespace boathouse::page {
namespace {

using base::Error;
using base::ErrorCode;

bool is_digits(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Four numbers: a browser writes every other spelling of an address as this one.
bool is_ipv4(std::string_view text) {
  for (int i = 0; i < 3; ++i) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || !is_digits(text.substr(0, dot), 3)) return false;
    text.remove_prefix(dot + 1);
  }
  return is_digits(text, 3);
}

bool is_ipv6(std::string_view text) {
  return text.size() >= 4 && text.starts_with('[') && text.ends_with(']') &&
         text.find_first_not_of("0123456789abcdefABCDEF:.", 1) == text.size() - 1;
}

bool is_own_host(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && colon >= host.rfind(']') + 1) {
    if (!is_digits(host.substr(colon + 1), 5)) return false;
    host = host.substr(0, colon);
  }
  return host == "localhost" || is_ipv4(host) || is_ipv6(host);
}

Error forbidden(std::string_view what) {
  return Error{ErrorCode::forbidden, std::string(what) + ": only this device's own page may ask"};
}

}  // namespace

base::Status admit(const Visitor& visitor) {
  if (!visitor.host || !is_own_host(*visitor.host)) return forbidden("the Host is neither localhost nor an address");
  if (visitor.origin && *visitor.origin != "http://" + *visitor.host) return forbidden("the Origin is another page");
  if (visitor.fetch_site && *visitor.fetch_site != "same-origin" &&
      (visitor.changes || *visitor.fetch_site != "none")) {
    return forbidden("the request comes from another site");
  }
  if (!visitor.changes) return {};
  const std::string_view type = visitor.content_type ? std::string_view(*visitor.content_type) : "";
  if (type != "application/json" && !type.starts_with("application/json;")) {
    return Error{ErrorCode::unsupported, "the Content-Type must be application/json"};
  }
  return {};
}

}  // namespace boathouse::page
