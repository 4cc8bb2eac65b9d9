#include "server/control/api_key.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/base/bytes.hpp"
#include "core/base/hex.hpp"

namespace boathouse::control {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kIdLength = 32;
constexpr std::size_t kSecretLength = 43;  // 62^43 > 2^256
constexpr std::size_t kCheckLength = 6;    // 62^6 > 2^32
constexpr std::size_t kLength = kApiKeyPrefix.size() + kIdLength + 1 + kSecretLength + kCheckLength;

// CRC-32/ISO-HDLC, bit by bit: 84 bytes of input, once a request at most.
std::uint32_t crc32(std::string_view text) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : base::as_bytes(text)) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0U);
    }
  }
  return ~crc;
}

std::string check_of(std::string_view text) {
  std::uint32_t crc = crc32(text);
  std::string check(kCheckLength, kDigits[0]);
  for (std::size_t i = kCheckLength; i > 0 && crc > 0; --i) {
    check[i - 1] = kDigits[crc % kDigits.size()];
    crc /= static_cast<std::uint32_t>(kDigits.size());
  }
  return check;
}

// Every digit is as likely as any other: bytes that would make the first ones likelier are drawn again.
std::string random_digits(std::size_t count, base::RandomSource& random) {
  constexpr std::size_t kEven = 256 / kDigits.size() * kDigits.size();
  std::string digits;
  std::array<std::uint8_t, 64> bytes{};
  while (digits.size() < count) {
    random.fill(bytes);
    for (const std::uint8_t byte : bytes) {
      if (byte < kEven && digits.size() < count) {
        digits.push_back(kDigits[byte % kDigits.size()]);
      }
    }
  }
  return digits;
}

base::Error unusable(std::string_view why) {
  return base::Error{base::ErrorCode::unauthenticated, "the key " + std::string(why)};
}

}  // namespace

std::string make_api_key(const base::Uuid& id, base::RandomSource& random) {
  std::string key(kApiKeyPrefix);
  key += base::to_hex(id.bytes);
  key += '_';
  key += random_digits(kSecretLength, random);
  return key + check_of(key);
}

base::Result<base::Uuid> parse_api_key(std::string_view text) {
  if (!text.starts_with(kApiKeyPrefix)) {
    return unusable("does not begin with " + std::string(kApiKeyPrefix) + ": is it one of this server's?");
  }
  if (text.size() != kLength) {
    return unusable("has " + std::to_string(text.size()) + " characters, a whole one has " + std::to_string(kLength));
  }
  const std::string_view body = text.substr(0, kLength - kCheckLength);
  if (check_of(body) != text.substr(body.size())) {
    return unusable("has a character that is wrong: copy it again");
  }
  const auto bytes = base::from_hex(text.substr(kApiKeyPrefix.size(), kIdLength));
  if (!bytes || bytes->size() != kIdLength / 2) {
    return unusable("has no id in it: it was not made by this server");
  }
  base::Uuid id;
  std::copy(bytes->begin(), bytes->end(), id.bytes.begin());
  return id;
}

}  // namespace boathouse::control
