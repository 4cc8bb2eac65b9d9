#include "engine/http/query_request.hpp"

#include <gtest/gtest.h>

#include <string>

#include "engine/http/exception.hpp"
#include "engine/http/http_reply.hpp"

namespace boathouse::engine_http {
namespace {

HttpRequest request(std::vector<Field> parameters, std::vector<Field> headers = {}) {
  HttpRequest out;
  out.parameters = std::move(parameters);
  out.headers = std::move(headers);
  return out;
}

TEST(QueryRequest, SortsParametersFromSettings) {
  const auto asked = read_query_request(request({{"query", "SELECT 1"},
                                                 {"database", "d"},
                                                 {"default_format", "CSV"},
                                                 {"query_id", "q-1"},
                                                 {"user", "default"},
                                                 {"password", "p"},
                                                 {"wait_end_of_query", "1"},
                                                 {"param_a", "x\\ty"},
                                                 {"max_threads", "2"},
                                                 {"insert_deduplication_token", "t'1"}},
                                                {{"x-clickhouse-format", "JSON"}, {"x-clickhouse-database", "e"}}));
  ASSERT_TRUE(asked) << asked.error().text;
  EXPECT_EQ(asked->query, "SELECT 1");
  EXPECT_EQ(asked->database, "d");
  EXPECT_EQ(asked->format, "CSV");
  EXPECT_EQ(asked->query_id, "q-1");
  EXPECT_TRUE(asked->wait_end_of_query);
  ASSERT_EQ(asked->parameters.size(), 1U);
  EXPECT_EQ(asked->parameters[0].name, "a");
  EXPECT_EQ(asked->parameters[0].value, "x\\ty");
  EXPECT_EQ(set_statement(asked->settings), "SET max_threads = '2', insert_deduplication_token = 't\\'1'");
}

TEST(QueryRequest, HeadersCountWhereTheAddressSaysNothing) {
  const auto asked = read_query_request(request({}, {{"x-clickhouse-format", "JSON"}, {"x-clickhouse-database", "e"}}));
  ASSERT_TRUE(asked);
  EXPECT_FALSE(asked->query);
  EXPECT_EQ(asked->format, "JSON");
  EXPECT_EQ(asked->database, "e");
  EXPECT_EQ(set_statement(asked->settings), "");
}

TEST(QueryRequest, NamesThatCouldBeSqlOrHeadersAreRefused) {
  for (const char* name : {"", "a b", "a=1,b", "A", "a.b", "a'"}) {
    EXPECT_FALSE(read_query_request(request({{name, "1"}}))) << name;
  }
  EXPECT_FALSE(read_query_request(request({{std::string(129, 'a'), "1"}})));
  EXPECT_FALSE(read_query_request(request({{"query_id", "a\r\nSet-Cookie: b"}})));
  EXPECT_FALSE(read_query_request(request({{"default_format", "CSV\r\nA: b"}})));
}

TEST(QueryRequest, ResultsMayBeCompressedUnlessItSaysNo) {
  QueryRequest request;
  EXPECT_TRUE(may_be_compressed(request));
  request.settings = {{"max_threads", "0"}, {"enable_http_compression", "1"}};
  EXPECT_TRUE(may_be_compressed(request));
  request.settings[1].value = "0";
  EXPECT_FALSE(may_be_compressed(request));
}

TEST(QueryRequest, QuotesCannotBeLeft) {
  EXPECT_EQ(set_statement({{"a", "\\'; DROP TABLE t"}}), "SET a = '\\\\\\'; DROP TABLE t'");
  EXPECT_EQ(quote_identifier("a`b\\"), "`a\\`b\\\\`");
}

TEST(Password, IsFoundInThreePlaces) {
  const auto ok = [](const HttpRequest& asked) { return check_password(asked, "s3cret:x").ok(); };
  EXPECT_TRUE(ok(request({}, {{"x-clickhouse-user", "default"}, {"x-clickhouse-key", "s3cret:x"}})));
  EXPECT_TRUE(ok(request({}, {{"x-clickhouse-key", "s3cret:x"}})));
  EXPECT_TRUE(ok(request({}, {{"authorization", "Basic ZGVmYXVsdDpzM2NyZXQ6eA=="}})));
  EXPECT_TRUE(ok(request({{"user", "default"}, {"password", "s3cret:x"}})));
}

TEST(Password, OthersAreRefused) {
  for (const auto& asked :
       {request({}), request({{"password", "s3cret:"}}), request({{"password", ""}}),
        request({{"password", "s3cret:y"}}), request({{"password", "s3cret:xs3cret:x"}}),
        request({{"user", "root"}, {"password", "s3cret:x"}}), request({}, {{"x-clickhouse-user", "default"}}),
        request({}, {{"authorization", "Bearer s3cret:x"}}), request({}, {{"authorization", "Basic !"}}),
        request({}, {{"authorization", "Basic"}}), request({}, {{"authorization", "Basic czNjcmV0"}}),
        // The header counts, not the address.
        request({{"password", "s3cret:x"}}, {{"x-clickhouse-key", "wrong"}})}) {
    const auto status = check_password(asked, "s3cret:x");
    ASSERT_FALSE(status);
    EXPECT_EQ(exception_code(status.error().text), 516);
    EXPECT_EQ(error_head(status.error(), true).status, 401);
  }
}

}  // namespace
}  // namespace boathouse::engine_http
