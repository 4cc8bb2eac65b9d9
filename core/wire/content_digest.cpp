#include "core/wire/content_digest.hpp"

#include <algorithm>
#include <optional>

#include "core/base/base64.hpp"

namespace boathouse::wire {
namespace {

using base::Digest;
using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::string_view kAlgorithm = "sha-256";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Error malformed(std::string_view member) {
  return {ErrorCode::invalid_input,
          "Content-Digest: \"" + std::string(member.substr(0, 100)) + "\" is not of the form sha-256=:BASE64:"};
}

}  // namespace

std::string make_content_digest(base::ByteView body) {
  return std::string(kAlgorithm) + "=:" + base::to_base64(base::sha256(body)) + ":";
}

// A dictionary of byte sequences (RFC 8941 3.2 and 3.3.5). Base64 holds no comma, so members are what commas separate.
Result<Digest> parse_content_digest(std::string_view field) {
  std::optional<Digest> found;
  while (true) {
    const std::size_t comma = field.find(',');
    const std::string_view member = trimmed(field.substr(0, comma));
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos) {
      return malformed(member);
    }
    const std::string_view value = member.substr(equals + 1);
    if (value.size() < 2 || value.front() != ':' || value.back() != ':') {
      return malformed(member);
    }
    if (member.substr(0, equals) == kAlgorithm) {
      const auto bytes = base::from_base64(value.substr(1, value.size() - 2));
      if (!bytes.ok() || bytes->size() != Digest().size()) {
        return malformed(member);
      }
      std::copy(bytes->begin(), bytes->end(), found.emplace().begin());  // of several the last counts: RFC 8941 3.2
    }
    if (comma == std::string_view::npos) {
      break;
    }
    field.remove_prefix(comma + 1);
  }
  if (!found) {
    return Error{ErrorCode::unsupported, "Content-Digest: no sha-256 in it, and nothing else is checked here"};
  }
  return *found;
}

}  // namespace boathouse::wire
