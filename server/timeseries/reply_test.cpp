#include "server/timeseries/reply.hpp"

#include <gtest/gtest.h>

namespace boathouse::timeseries {
namespace {

Reply reply(long status, std::string body) {
  Reply out;
  out.status = status;
  out.has_framing = true;
  out.body = std::move(body);
  return out;
}

TEST(Reply, AGoodOneHasNoFailure) { EXPECT_FALSE(failure_of(reply(200, "rows"))); }

TEST(Reply, WhoCouldMendItFollowsFromTheCode) {
  struct Case {
    int code;
    Remedy remedy;
  };
  for (const auto& [code, remedy] :
       {Case{159, Remedy::elsewhere},    Case{202, Remedy::elsewhere},    Case{209, Remedy::another_node},
        Case{210, Remedy::another_node}, Case{241, Remedy::elsewhere},    Case{242, Remedy::another_node},
        Case{252, Remedy::later},        Case{279, Remedy::another_node}, Case{285, Remedy::later},
        Case{319, Remedy::elsewhere},    Case{516, Remedy::another_node}, Case{519, Remedy::later},
        Case{236, Remedy::another_node}, Case{394, Remedy::elsewhere},    Case{667, Remedy::another_node},
        Case{999, Remedy::another_node}, Case{60, Remedy::none},          Case{62, Remedy::none},
        Case{27, Remedy::none},          Case{33, Remedy::none},          Case{53, Remedy::none}}) {
    const auto failure = failure_of(reply(500, "Code: " + std::to_string(code) + ". DB::Exception: why (NAME)"));
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->remedy, remedy) << code;
    EXPECT_EQ(failure->error.code, remedy == Remedy::none ? base::ErrorCode::internal : base::ErrorCode::unavailable);
  }
  EXPECT_EQ(failure_of(reply(503, "the proxy's own words"))->remedy, Remedy::another_node);
  EXPECT_EQ(failure_of(reply(401, ""))->remedy, Remedy::none);
  const auto bare = failure_of(reply(500, "an error page"));
  EXPECT_EQ(bare->remedy, Remedy::another_node);
  EXPECT_EQ(bare->error.code, base::ErrorCode::unavailable);
}

TEST(Reply, WhatToDoAboutItIsSaid) {
  const auto text = [](int code) {
    return failure_of(reply(500, "Code: " + std::to_string(code) + ". DB::Exception: why (NAME)\n"))->error.text;
  };
  for (const int code : {158, 159, 241, 307, 396}) {
    EXPECT_TRUE(text(code).starts_with("ClickHouse answered 500: Code: " + std::to_string(code))) << text(code);
    EXPECT_NE(text(code).find("(NAME) -> ask for less at once"), std::string::npos) << text(code);
  }
  EXPECT_NE(text(202).find("try again"), std::string::npos);
  EXPECT_NE(text(243).find("its disk is full: free or grow it"), std::string::npos);
  EXPECT_NE(text(252).find("InsertsRejected"), std::string::npos);
  EXPECT_NE(text(285).find("ClickHouseDown"), std::string::npos);
  EXPECT_NE(text(519).find("a deletion needs all of them"), std::string::npos);
  EXPECT_NE(text(497).find("users.xml"), std::string::npos);
  for (const int code : {32, 33, 39, 40, 74, 91, 107, 226, 228, 246, 271, 432, 740}) {
    EXPECT_NE(text(code).find("stop the server and run `boathouse reload --data DIR`"), std::string::npos) << code;
  }
  EXPECT_NE(text(1001).find("most likely a part of a table is damaged"), std::string::npos);
  EXPECT_EQ(text(62), "ClickHouse answered 500: Code: 62. DB::Exception: why (NAME)");
}

TEST(Reply, DamageIsTheNodesOwnOnlyWhereItWasAsked) {
  for (const int code : {32, 33, 39, 40, 74, 91, 107, 226, 228, 246, 271, 432, 740, 1001}) {
    const Reply damaged = reply(500, "Code: " + std::to_string(code) + ". DB::Exception: why (NAME)");
    EXPECT_EQ(failure_of_question(damaged)->remedy, Remedy::whole_copy) << code;
    EXPECT_EQ(failure_of_question(damaged)->error.code, base::ErrorCode::internal) << code;
    EXPECT_EQ(failure_of(damaged)->remedy, Remedy::none) << code;
  }
  EXPECT_EQ(failure_of_question(reply(500, "Code: 60. DB::Exception: why"))->remedy, Remedy::none);
  EXPECT_EQ(failure_of_question(reply(500, "Code: 242. DB::Exception: why"))->remedy, Remedy::another_node);
  EXPECT_FALSE(failure_of_question(reply(200, "rows")));
}

TEST(Reply, HeadersAreReadWhateverTheirCase) {
  Reply got;
  read_header(got, "content-length: 12\r\n");
  read_header(got, "X-ClickHouse-Summary: {\"read_rows\":\"3\",\"result_rows\":\"7\",\"elapsed_ns\":\"1\"}\r\n");
  read_header(got, "x-clickhouse-exception-tag: abc\r\n");
  EXPECT_TRUE(got.has_framing);
  EXPECT_EQ(got.result_rows, 7U);
  EXPECT_EQ(got.exception_tag, "abc");
  read_header(got, "HTTP/1.1 200 OK\r\n");
  EXPECT_FALSE(got.has_framing);
  read_header(got, "Transfer-Encoding: chunked");
  EXPECT_TRUE(got.has_framing);
}

TEST(Reply, HalfOfOneIsNotTakenForAWhole) {
  Reply open_end = reply(200, "rows");
  open_end.has_framing = false;
  EXPECT_EQ(failure_of(open_end)->remedy, Remedy::another_node);

  Reply late = reply(
      200, "rows\r\n__exception__\r\nabcd\r\nCode: 241. DB::Exception: no memory\r\n30 abcd\r\n__exception__\r\n");
  EXPECT_FALSE(failure_of(late)) << "only the tag of the head makes it an error";
  late.exception_tag = "abcd";
  EXPECT_EQ(failure_of(late)->remedy, Remedy::elsewhere);

  Reply coded = reply(200, "rows");
  coded.exception_code = 60;
  EXPECT_EQ(failure_of(coded)->remedy, Remedy::none);

  Reply counted = reply(200, "rows");
  EXPECT_FALSE(wrong_row_count(counted, 5));
  counted.result_rows = 7;
  EXPECT_EQ(wrong_row_count(counted, 5)->remedy, Remedy::another_node);
  EXPECT_FALSE(wrong_row_count(counted, 7));
  counted.result_rows = 0;
  EXPECT_FALSE(wrong_row_count(counted, 5));
}

TEST(Reply, TooMuchIsToldFromAway) {
  EXPECT_TRUE(is_overloaded(failure_of(reply(500, "Code: 252. DB::Exception: Too many parts"))->error));
  EXPECT_TRUE(is_overloaded(failure_of(reply(500, "Code: 241. DB::Exception: Memory limit"))->error));
  EXPECT_FALSE(is_overloaded(failure_of(reply(500, "Code: 242. DB::Exception: Table is in readonly mode"))->error));
  EXPECT_FALSE(is_overloaded({base::ErrorCode::unavailable, "ClickHouse is not reached: Timeout was reached"}));
}

TEST(Reply, OneQuestionsExcessIsToldFromAClickHouseThatIsBusyOrAway) {
  EXPECT_TRUE(is_too_much(failure_of(reply(500, "Code: 158. DB::Exception: Limit for rows"))->error));
  EXPECT_TRUE(is_too_much(failure_of(reply(500, "Code: 159. DB::Exception: Timeout exceeded"))->error));
  EXPECT_TRUE(is_too_much(failure_of(reply(500, "Code: 241. DB::Exception: Memory limit"))->error));
  EXPECT_FALSE(is_too_much(failure_of(reply(500, "Code: 202. DB::Exception: Too many queries"))->error));
  EXPECT_FALSE(is_too_much({base::ErrorCode::unavailable, "ClickHouse is not reached: Timeout was reached"}));
}

}  // namespace
}  // namespace boathouse::timeseries
