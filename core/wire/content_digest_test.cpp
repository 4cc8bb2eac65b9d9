#include "core/wire/content_digest.hpp"

#include <gtest/gtest.h>

namespace boathouse::wire {
namespace {

using base::ErrorCode;

// RFC 9530 appendix B.1.
const std::string kBody = "{\"hello\": \"world\"}\n";
const std::string kField = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";

TEST(ContentDigest, TheExampleOfTheRfc) {
  EXPECT_EQ(make_content_digest(base::as_bytes(kBody)), kField);
  EXPECT_EQ(*parse_content_digest(kField), base::sha256(base::as_bytes(kBody)));
}

TEST(ContentDigest, OtherAlgorithmsMayStandBesideIt) {
  const auto hash = base::sha256(base::as_bytes(kBody));
  EXPECT_EQ(*parse_content_digest("sha-512=:AAAA:, " + kField), hash);
  EXPECT_EQ(*parse_content_digest("  " + kField + " ,\tunixsum=:AAAA: "), hash);
  const std::string other = make_content_digest({});
  EXPECT_EQ(*parse_content_digest(other + "," + kField), hash);  // the last of two counts
  EXPECT_EQ(parse_content_digest("sha-512=:AAAA:").error().code, ErrorCode::unsupported);
}

TEST(ContentDigest, AnythingElseIsRefused) {
  for (const std::string& field :
       {std::string(), std::string(" "), std::string(","), kField + ",", std::string("sha-256"),
        std::string("sha-256="), std::string("sha-256=:"), std::string("sha-256=::"), std::string("sha-256=abc"),
        std::string("sha-256=:AAAA:"), std::string("sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg:"),
        std::string("sha-256=:RK_0qy18MlBSVnWgjwz6lZEWjP_lF5HF9bvEF8FabDg=:"), kField + kField}) {
    const auto digest = parse_content_digest(field);
    ASSERT_FALSE(digest.ok()) << field;
    EXPECT_EQ(digest.error().code, ErrorCode::invalid_input) << field;
  }
}

}  // namespace
}  // namespace boathouse::wire
