#include "server/query/cursor.hpp"

#include <algorithm>

#include "core/base/base64.hpp"
#include "core/base/bytes.hpp"

namespace boathouse::query {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kPayloadSize = 1 + 8 + 16;
constexpr std::size_t kSignatureSize = 16;

base::Error bad_cursor() {
  return {base::ErrorCode::invalid_input,
          "the cursor is not one of this query; ask for the first page again, without cursor"};
}

bool equal_in_constant_time(base::ByteView a, base::ByteView b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

// HMAC-SHA256 (RFC 2104); the 32-byte secret is shorter than a block.
base::Digest CursorCodec::sign(base::ByteView payload, std::string_view scope) const {
  std::array<std::uint8_t, 64> inner_pad{};
  std::array<std::uint8_t, 64> outer_pad{};
  for (std::size_t i = 0; i < inner_pad.size(); ++i) {
    const std::uint8_t key = i < secret_.size() ? secret_[i] : 0;
    inner_pad[i] = key ^ 0x36;
    outer_pad[i] = key ^ 0x5C;
  }
  base::Sha256 inner;
  inner.update(inner_pad);
  inner.update(payload);
  inner.update(base::as_bytes(scope));
  const base::Digest inner_digest = inner.finish();
  base::Sha256 outer;
  outer.update(outer_pad);
  outer.update(inner_digest);
  return outer.finish();
}

std::string CursorCodec::encode(const PageKey& key, std::string_view scope) const {
  base::ByteWriter out;
  out.u8(kVersion);
  out.u64(static_cast<std::uint64_t>(key.started_ms));
  out.bytes(key.session.bytes);
  const base::Digest signature = sign(out.view(), scope);
  out.bytes(base::ByteView(signature).first(kSignatureSize));
  return base::to_base64url(out.view());
}

base::Result<PageKey> CursorCodec::decode(std::string_view text, std::string_view scope) const {
  const auto bytes = base::from_base64url(text);
  if (!bytes || bytes->size() != kPayloadSize + kSignatureSize) return bad_cursor();
  const base::ByteView payload = base::ByteView(*bytes).first(kPayloadSize);
  const base::Digest expected = sign(payload, scope);
  if (!equal_in_constant_time(base::ByteView(expected).first(kSignatureSize),
                              base::ByteView(*bytes).subspan(kPayloadSize))) {
    return bad_cursor();
  }
  base::ByteReader in(payload);
  if (in.u8() != kVersion) return bad_cursor();
  PageKey key;
  key.started_ms = static_cast<std::int64_t>(in.u64());
  std::ranges::copy(in.bytes(16), key.session.bytes.begin());
  return key;
}

}  // namespace boathouse::query
