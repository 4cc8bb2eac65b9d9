#include "engine/http/exception.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace boathouse::engine_http {
namespace {

TEST(Exception, NumbersAndStatus) {
  EXPECT_EQ(exception(kSyntaxError, "why").text, "Code: 62. DB::Exception: why (SYNTAX_ERROR)");
  EXPECT_EQ(exception_code("Code: 60. DB::Exception: x"), 60);
  for (const char* text : {"", "Code: ", "Code: x.", "Code: 60", "code: 60.", "Code: -6."}) {
    EXPECT_EQ(exception_code(text), 0) << text;
  }
  EXPECT_EQ(exception_code(exception_from_engine("send_insert requires an INSERT query").text), 1002);
  EXPECT_EQ(exception_from_engine("Code: 81. DB::Exception: x").code, base::ErrorCode::not_found);
  for (const auto& [code, status] : {std::pair{62, 400},
                                     {26, 400},
                                     {27, 400},
                                     {33, 400},
                                     {53, 400},
                                     {60, 404},
                                     {81, 404},
                                     {497, 403},
                                     {516, 401},
                                     {202, 503},
                                     {241, 500},
                                     {999, 500},
                                     {229, 413}}) {
    EXPECT_EQ(http_status(code), status) << code;
  }
}

}  // namespace
}  // namespace boathouse::engine_http
