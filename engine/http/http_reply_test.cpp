#include "engine/http/http_reply.hpp"

#include <gtest/gtest.h>

#include "engine/http/exception.hpp"

namespace boathouse::engine_http {
namespace {

TEST(Reply, HeadsAreExact) {
  ReplyHead head;
  head.headers.push_back({"X-A", "b"});
  head.content_length = 3;
  EXPECT_EQ(render_head(head),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nX-A: b\r\nContent-Length: 3\r\n"
            "Connection: Keep-Alive\r\n\r\n");
  EXPECT_EQ(
      render_head(error_head(exception(kAuthenticationFailed, "x"), false)),
      "HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain; charset=UTF-8\r\nX-ClickHouse-Exception-Code: 516\r\n"
      "WWW-Authenticate: Basic realm=\"boathouse-engine\"\r\nTransfer-Encoding: chunked\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_EQ(chunk_size_line(1048576), "100000\r\n");
  Summary summary;
  summary.written_rows = 5;
  EXPECT_EQ(to_json(summary),
            "{\"read_rows\":\"0\",\"read_bytes\":\"0\",\"written_rows\":\"5\",\"written_bytes\":\"0\","
            "\"result_rows\":\"0\",\"result_bytes\":\"0\",\"elapsed_ns\":\"0\"}");
}

}  // namespace
}  // namespace boathouse::engine_http
