#include "server/webhooks/signature.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "core/base/base64.hpp"

namespace boathouse::webhooks {
namespace {

constexpr std::string_view kBody = R"({"test": 2432232314})";

// The test vector of Standard Webhooks' own libraries. Its secret has 24 bytes; HMAC fills a short key with zeros.
Secret secret_of_the_standard() {
  const auto bytes = base::from_base64("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  Secret secret{};
  std::copy(bytes->begin(), bytes->end(), secret.begin());
  return secret;
}

TEST(Signature, IsThatOfTheStandardsVector) {
  const std::array<Secret, 1> secrets{secret_of_the_standard()};
  EXPECT_EQ(signatures(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, kBody),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Signature, TwoSecretsSignInOrder) {
  base::SeededRandom random{1};
  const std::array<Secret, 2> both{new_secret(random), secret_of_the_standard()};
  const std::string first = signatures({both.data(), 1}, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, kBody);
  EXPECT_EQ(signatures(both, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, kBody),
            first + " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Signature, CoversIdTimeAndBody) {
  const std::array<Secret, 1> secrets{secret_of_the_standard()};
  const std::string right = signatures(secrets, "msg_1", 5, "body");
  EXPECT_NE(signatures(secrets, "msg_2", 5, "body"), right);
  EXPECT_NE(signatures(secrets, "msg_1", 6, "body"), right);
  EXPECT_NE(signatures(secrets, "msg_1", 5, "bodY"), right);
}

TEST(Signature, ASecretIsShownAsTheStandardHasIt) {
  base::SeededRandom random{1};
  const Secret secret = new_secret(random);
  const std::string text = secret_text(secret);
  ASSERT_TRUE(text.starts_with("whsec_"));
  const auto bytes = base::from_base64(text.substr(6));
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(std::equal(bytes->begin(), bytes->end(), secret.begin(), secret.end()));
  EXPECT_NE(new_secret(random), secret);
}

}  // namespace
}  // namespace boathouse::webhooks
