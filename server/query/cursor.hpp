// Opaque page cursors: version, key of the last row, and what the page was asked for, signed so that a cursor cannot be
// made up or used with another filter or by another tenant. base64url text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::query {

struct PageKey {
  std::int64_t started_ms = 0;
  base::Uuid session;
};

// What the secret is made for (control::Accounts::secret_for()).
inline constexpr std::string_view kCursorPurpose = "page cursors";

class CursorCodec {
 public:
  // Every node needs the same secret, at every start: the next page may be asked of another one.
  explicit CursorCodec(const base::Digest& secret) : secret_(secret) {}

  // `scope` = everything that the page depends on but the position: tenant and filter, as text.
  [[nodiscard]] std::string encode(const PageKey& key, std::string_view scope) const;
  // invalid_input for anything that encode() did not make for the same scope.
  [[nodiscard]] base::Result<PageKey> decode(std::string_view text, std::string_view scope) const;

 private:
  [[nodiscard]] base::Digest sign(base::ByteView payload, std::string_view scope) const;

  base::Digest secret_;
};

}  // namespace boathouse::query
