#include "core/base/sha256.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/base/hex.hpp"
#include "core/base/random.hpp"

namespace boathouse::base {
namespace {

class Sha256Paths : public testing::TestWithParam<Sha256Path> {
 protected:
  static std::string hex_of(std::string_view text) {
    Sha256 hash(GetParam());
    hash.update(as_bytes(text));
    return to_hex(hash.finish());
  }
};

INSTANTIATE_TEST_SUITE_P(Both, Sha256Paths, testing::Values(Sha256Path::fastest, Sha256Path::portable),
                         [](const auto& path) {
                           return path.param == Sha256Path::portable ? std::string("portable") : std::string("fastest");
                         });

// NIST's examples for FIPS 180-4 and the "long message" of a million letters a.
TEST_P(Sha256Paths, NistVectors) {
  EXPECT_EQ(hex_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex_of("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmno"
                   "pqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(hex_of(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Every padding case: the digest of the digests of 301 messages, as Python's hashlib gives it.
TEST_P(Sha256Paths, EveryLengthUpTo300) {
  Sha256 all(GetParam());
  Sha256 one(GetParam());
  for (std::size_t size = 0; size <= 300; ++size) {
    Bytes message(size);
    for (std::size_t i = 0; i < size; ++i) {
      message[i] = static_cast<std::uint8_t>(i * 7 + size);
    }
    one.update(message);
    all.update(one.finish());
  }
  EXPECT_EQ(to_hex(all.finish()), "60d63ff40b5558727a9b786ac0be9300f7ca58fd9ddd3b2f3681b369018a87dc");
}

TEST_P(Sha256Paths, PiecesMakeNoDifference) {
  SeededRandom random(3);
  for (int round = 0; round < 300; ++round) {
    Bytes message(random.below(1000));
    random.fill(message);
    Sha256 hash(GetParam());
    ByteView rest = message;
    while (!rest.empty()) {
      const std::size_t size = random.below(rest.size() + 1);
      hash.update(rest.first(size));
      rest = rest.subspan(size);
    }
    ASSERT_EQ(hash.finish(), sha256(message)) << message.size();
  }
}

TEST_P(Sha256Paths, ACopyGoesOnByItself) {
  Sha256 first(GetParam());
  first.update(as_bytes("ab"));
  Sha256 second = first;
  second.update(as_bytes("x"));
  first.update(as_bytes("c"));
  EXPECT_EQ(first.finish(), sha256(as_bytes("abc")));
  EXPECT_EQ(second.finish(), sha256(as_bytes("abx")));
}

}  // namespace
}  // namespace boathouse::base
