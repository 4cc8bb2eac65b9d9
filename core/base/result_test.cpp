#include "core/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace boathouse::base {
namespace {

TEST(ErrorCodeName, IsTheEnumeratorAndUnique) {
  EXPECT_EQ(name(ErrorCode::invalid_input), "invalid_input");
  EXPECT_EQ(name(ErrorCode::corrupt), "corrupt");
  std::set<std::string_view> names;
  constexpr int kCount = static_cast<int>(ErrorCode::no_room) + 1;
  for (int code = 0; code < kCount; ++code) {
    names.insert(name(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), std::size_t{kCount});
}

Status positive(int n) {
  if (n <= 0) {
    return Error{ErrorCode::invalid_input, "not positive"};
  }
  return {};
}

Result<int> half(int n) {
  BOATHOUSE_TRY(positive(n));
  return n / 2;
}

TEST(Result, CarriesAValueOrAnError) {
  const Result<int> good = half(8);
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*good, 4);

  const Result<int> bad = half(0);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, ErrorCode::invalid_input);
  EXPECT_EQ(bad.error().within("row 3").text, "row 3: not positive");
}

TEST(Result, MovesAValueOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

}  // namespace
}  // namespace boathouse::base
