#include "server/intake/content.hpp"

#include <string>

#include "core/base/sha256.hpp"
#include "core/wire/compression.hpp"
#include "core/wire/content_digest.hpp"

namespace boathouse::intake {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

Result<Coding> content_coding(std::string_view content_encoding) {
  if (content_encoding.empty() || http::equals_ignoring_case(content_encoding, "identity")) {
    return Coding::identity;
  }
  if (http::equals_ignoring_case(content_encoding, "zstd")) {
    return Coding::zstd;
  }
  return Error{ErrorCode::unsupported, "Content-Encoding must be zstd, identity or not there"};
}

Status check_content_digest(std::string_view content_digest, base::ByteView body) {
  if (content_digest.empty()) {
    return {};
  }
  const auto stated = wire::parse_content_digest(content_digest);
  if (!stated && stated.error().code == ErrorCode::unsupported) {
    return {};
  }
  if (!stated) {
    return stated.error();
  }
  if (*stated != base::sha256(body)) {
    return Error{ErrorCode::invalid_input, "the body that arrived (" + std::to_string(body.size()) +
                                               " bytes) is not the one that Content-Digest speaks of: send it again"};
  }
  return {};
}

Result<base::Bytes> decode_content(Coding coding, base::ByteView body, std::size_t max_bytes) {
  if (coding == Coding::identity) {
    return base::Bytes(body.begin(), body.end());
  }
  auto content = wire::decompress_content(body, max_bytes);
  if (!content && content.error().code != ErrorCode::too_large) {
    return Error{ErrorCode::invalid_input, "the body is not what its Content-Encoding says: " + content.error().text};
  }
  return content;
}

}  // namespace boathouse::intake
