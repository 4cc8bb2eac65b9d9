// Bytes as each part of a request that the server takes apart by itself: target, headers, body coding, and the address
// of --listen. What is accepted is put together again and read as an equal value; what comes out is bounded.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/utf8.hpp"
#include "server/http/client_network.hpp"
#include "server/http/listen_address.hpp"
#include "server/http/message.hpp"
#include "server/http/negotiation.hpp"
#include "server/http/uri.hpp"
#include "server/intake/content.hpp"

using namespace boathouse;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

bool is_clean(const std::string& text) {
  return base::is_valid_utf8(text) && std::ranges::none_of(text, [](char c) {
           const auto byte = static_cast<std::uint8_t>(c);
           return byte < 0x20 || byte == 0x7F;
         });
}

// Everything but letters and digits as %XX.
std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (plain) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

std::string put_together(const http::Parameters& query) {
  std::string text;
  for (const http::Parameter& parameter : query) {
    text += (text.empty() ? "" : "&") + percent_encode(parameter.name) + "=" + percent_encode(parameter.value);
  }
  return text;
}

void check_target(std::string_view text) {
  if (const auto decoded = http::percent_decode(text); decoded.ok()) {
    must(is_clean(*decoded) && decoded->size() <= text.size());
    must(*http::percent_decode(percent_encode(*decoded)) == *decoded);
  }
  if (const auto query = http::parse_query(text); query.ok()) {
    must(query->size() <= http::kMaxQueryParameters);
    for (const http::Parameter& parameter : *query) {
      must(!parameter.name.empty() && is_clean(parameter.name) && is_clean(parameter.value));
    }
    must(*http::parse_query(put_together(*query)) == *query);
  }
  const auto target = http::parse_target(text);
  if (!target.ok() || target->path == "*") return;
  std::string again;
  for (std::size_t i = 0; i < target->segments.size(); ++i) {
    const std::string& segment = target->segments[i];
    must(is_clean(segment) && segment != "." && segment != "..");
    must(!segment.empty() || i + 1 == target->segments.size());
    again += "/" + percent_encode(segment);
  }
  const auto same = http::parse_target((again.empty() ? "/" : again) + "?" + put_together(target->query));
  must(same.ok() && same->segments == target->segments && same->query == target->query);
}

void check_headers(std::string_view text) {
  (void)http::choose_coding(text);
  (void)http::is_compressible(text);
  (void)http::parse_method(text);
  http::RequestHead head;
  head.headers.add("If-None-Match", text);
  if (const auto fresh = http::not_modified(head, http::make_etag("abc"))) must(fresh->status == 304);
  constexpr std::string_view kBody = "a body";
  const auto digest = intake::check_content_digest(text, base::as_bytes(kBody));
  must(digest.ok() || digest.error().code == base::ErrorCode::invalid_input);
  const auto coding = intake::content_coding(text);
  must(coding.ok() || coding.error().code == base::ErrorCode::unsupported);
}

void check_addresses(std::string_view text) {
  if (const auto address = http::parse_listen_address(text); address.ok()) {
    const auto again = http::parse_listen_address(http::to_string(*address));
    must(again.ok() && *again == *address);
  }
  const std::string network = http::client_network(text);
  must(network.size() <= std::max<std::size_t>(text.size(), 64) && http::client_network(network) == network);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  check_target(text);
  check_headers(text);
  check_addresses(text);
  constexpr std::size_t kMostOpened = std::size_t{1} << 16;
  if (const auto body = intake::decode_content(intake::Coding::zstd, {data, size}, kMostOpened); body.ok()) {
    must(body->size() <= kMostOpened);
  }
  return 0;
}
