#include "server/http/message.hpp"

#include <gtest/gtest.h>

namespace boathouse::http {
namespace {

TEST(Method, NamesAndTexts) {
  for (const Method method :
       {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::delete_, Method::options}) {
    EXPECT_EQ(parse_method(name(method)), method);
  }
  for (const std::string_view text : {"", "get", "TRACE", "CONNECT", "OTHER", "GETT"}) {
    EXPECT_EQ(parse_method(text), Method::other) << text;
  }
}

TEST(Headers, IgnoreTheCaseOfNames) {
  Headers headers;
  headers.add("Accept", "a");
  headers.add("X", "1");
  headers.add("ACCEPT", "b");
  EXPECT_EQ(*headers.find("accept"), "a");
  EXPECT_EQ(headers.joined("aCCEPT"), "a, b");
  EXPECT_EQ(headers.count("accept"), 2U);
  EXPECT_EQ(headers.find("accep"), nullptr);
  EXPECT_EQ(headers.joined("none"), "");
  headers.set("accept", "c");
  EXPECT_EQ(headers.joined("Accept"), "c");
  EXPECT_EQ(headers.count("X"), 1U);
}

TEST(RequestHead, PathParameters) {
  RequestHead head;
  head.path_parameters = {{"id", "7"}};
  EXPECT_EQ(head.path_parameter("id"), "7");
  EXPECT_EQ(head.path_parameter("other"), "");
}

}  // namespace
}  // namespace boathouse::http
