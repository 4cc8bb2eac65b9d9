// The client against nodes that answer, byte for byte, what the test tells them: whole, half, wrong, or nothing.
#include "server/timeseries/clickhouse_client.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/timeseries/schema.hpp"
#include "server/timeseries/test_listener.hpp"

namespace boathouse::timeseries {
namespace {

std::string read_request(int socket) {
  std::string all;
  while (true) {
    const std::size_t head = all.find("\r\n\r\n");
    if (head != std::string::npos) {
      constexpr std::string_view kLength = "Content-Length: ";
      const std::size_t at = all.find(kLength);
      const std::size_t body =
          at == std::string::npos ? 0 : std::strtoul(all.c_str() + at + kLength.size(), nullptr, 10);
      if (all.size() >= head + 4 + body) return all;
    }
    char buffer[4096];
    const ssize_t got = recv(socket, buffer, sizeof buffer, 0);
    if (got <= 0) return all;
    all.append(buffer, static_cast<std::size_t>(got));
  }
}

// A server of one connection after the other, each with one request and one answer.
class ScriptedNode {
 public:
  ScriptedNode() : thread_([this] { run(); }) {}
  ~ScriptedNode() { die(); }
  ScriptedNode(const ScriptedNode&) = delete;
  ScriptedNode& operator=(const ScriptedNode&) = delete;

  [[nodiscard]] Endpoint endpoint() const { return Endpoint{listener_.url()}; }
  // All bytes of each answer from now on; "" = the connection ends without one.
  void answer(std::string bytes) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(bytes);
  }
  // Each answer comes so much later, on that clock; it must outlive the node.
  void take_its_time(base::ManualClock& clock, std::int64_t ms) {
    const std::lock_guard lock(mutex_);
    clock_ = &clock;
    takes_ms_ = ms;
  }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  void die() {
    if (!thread_.joinable()) return;
    shutdown(listener_.socket(), SHUT_RDWR);
    thread_.join();
    listener_.close();
  }

 private:
  void run() {
    while (true) {
      const int socket = accept4(listener_.socket(), nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      const std::string request = read_request(socket);
      std::string bytes;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        bytes = answer_;
        if (clock_ != nullptr) clock_->advance_ms(takes_ms_);
      }
      EXPECT_EQ(send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
      close(socket);
    }
  }

  TestListener listener_;
  std::mutex mutex_;
  std::string answer_;
  base::ManualClock* clock_ = nullptr;
  std::int64_t takes_ms_ = 0;
  std::vector<std::string> requests_;
  std::thread thread_;
};

std::string ok(const std::string& body, const std::string& headers = {}) {
  return "HTTP/1.1 200 OK\r\n" + headers + "Connection: close\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string error(int status, const std::string& text) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Error\r\nConnection: close\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

std::string rows(std::vector<std::int64_t> values) {
  NativeBlock block;
  block.rows = values.size();
  block.columns.push_back({"n", "UInt32", std::move(values), {}, {}, {}, {}});
  base::ByteWriter out;
  write_native(out, block);
  return std::string(base::as_text(out.take()));
}

class ClusterClientTest : public ::testing::Test {
 protected:
  // How many rows came, or -1 and why.
  int select() {
    const auto block = client_.select("SELECT n FROM t");
    why_ = block ? "" : block.error().text;
    return block ? static_cast<int>(block->rows) : -1;
  }
  base::Status insert() {
    const std::array<base::ByteView, 3> pieces{base::as_bytes(std::string_view("the r")), base::ByteView(),
                                               base::as_bytes(std::string_view("ows"))};
    return client_.insert("INSERT INTO t (n)", pieces, "a token");
  }

  base::ManualClock clock_;
  ScriptedNode first_;
  ScriptedNode second_;
  std::vector<std::string> damaged_;  // nodes that said so
  ClickHouseClient client_{
      {first_.endpoint(), second_.endpoint()},
      {.cool_off_ms = 1000,
       .on_damage = [this](const std::string& url, const base::Error&) { damaged_.push_back(url); }},
      clock_};
  std::string why_;
};

TEST_F(ClusterClientTest, ReadsAreSpread) {
  first_.answer(ok(rows({1, 2, 3})));
  second_.answer(ok(rows({1, 2, 3})));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(select(), 3) << why_;
  EXPECT_EQ(first_.requests().size(), 3U);
  EXPECT_EQ(second_.requests().size(), 3U);
}

// Nothing that changes rows or tables is cut off in the middle, nor is what reads all there is.
TEST_F(ClusterClientTest, OnlyQuestionsEndByThemselves) {
  first_.answer(ok(rows({1})));
  second_.answer(ok(rows({1})));
  const auto limit = [this] {
    std::string all;
    for (ScriptedNode* node : {&first_, &second_}) {
      for (const std::string& request : node->requests()) all += request.substr(0, request.find("\r\n")) + "\n";
    }
    const std::size_t at = all.rfind("max_execution_time=");
    return at == std::string::npos ? "" : all.substr(at + 19, all.find_first_of("& ", at) - at - 19);
  };
  EXPECT_TRUE(client_.select("CHECK TABLE t"));
  EXPECT_TRUE(client_.execute("ALTER TABLE t DELETE WHERE 1"));
  EXPECT_TRUE(insert());
  EXPECT_EQ(limit(), "");
  EXPECT_EQ(select(), 1) << why_;
  EXPECT_EQ(limit(), "85.000");
  for (int node = 0; node < 2; ++node) EXPECT_TRUE(client_.select("SELECT n FROM t", {}, {.within_ms = 1500}));
  EXPECT_EQ(limit(), "1.125") << "it says so itself, before it is taken for one that is away";
}

// It says nothing until the part is read, when another call would have been given up long ago.
TEST(ClickHouseClient, ACheckMayTakeLongerThanACall) {
  base::ManualClock clock;
  const TestListener listener;
  std::promise<void> asked;
  std::promise<void> read;
  std::thread node([&] {
    const int socket = accept4(listener.socket(), nullptr, nullptr, SOCK_CLOEXEC);
    read_request(socket);
    asked.set_value();
    read.get_future().wait();
    const std::string whole = ok(rows({1}));
    send(socket, whole.data(), whole.size(), MSG_NOSIGNAL);
    close(socket);
  });
  ClickHouseClient client({{.url = listener.url()}}, {.call_timeout_ms = 50}, clock);
  auto check = std::async(std::launch::async, [&client] { return client.select("CHECK TABLE t PART 'p'"); });
  asked.get_future().wait();
  const TestListener silent;
  ClickHouseClient other({{.url = silent.url()}}, {.call_timeout_ms = 100}, clock);
  EXPECT_FALSE(other.execute("SELECT 1"));  // which began later, and is over
  read.set_value();
  node.join();
  const auto checked = check.get();
  EXPECT_TRUE(checked) << checked.error().text;
}

// Too much for the time is no fault of a node, and the rest of the time is none for another one.
TEST_F(ClusterClientTest, WhatIsTooMuchForTheTimeIsNotAskedElsewhere) {
  first_.answer(error(500, "Code: 159. DB::Exception: Timeout exceeded"));
  second_.answer(error(500, "Code: 159. DB::Exception: Timeout exceeded"));
  const auto none = client_.select("SELECT n FROM t", {}, {.within_ms = 1500});
  ASSERT_FALSE(none);
  EXPECT_TRUE(is_too_much(none.error())) << none.error().text;
  EXPECT_EQ(first_.requests().size() + second_.requests().size(), 1U);
}

// ClickHouse ends it by itself; should it not, no more is taken than was allowed. No other node has less of it.
TEST_F(ClusterClientTest, AResultThatIsTooLargeEndsAndIsNotAskedElsewhere) {
  const std::string whole = rows(std::vector<std::int64_t>(100, 1));
  const std::vector<std::string> answers = {
      error(500, "Code: 396. DB::Exception: Limit for result exceeded (TOO_MANY_ROWS_OR_BYTES)"), ok(whole)};
  for (const std::string& answer : answers) {
    first_.answer(answer);
    second_.answer(answer);
    const std::size_t before = first_.requests().size() + second_.requests().size();
    const auto none = client_.select("SELECT n FROM t", {}, {.result_bytes = whole.size() - 1});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, base::ErrorCode::too_large);
    EXPECT_EQ(none.error().text, "the result has more than " + std::to_string(whole.size() - 1) + " bytes");
    EXPECT_EQ(first_.requests().size() + second_.requests().size(), before + 1);
  }
  const auto all = client_.select("SELECT n FROM t", {}, {.result_bytes = whole.size()});
  ASSERT_TRUE(all) << all.error().text;
  EXPECT_EQ(all->rows, 100U);
  EXPECT_NE(first_.requests().back().find("&max_result_bytes="), std::string::npos);
  EXPECT_NE(first_.requests().back().find("&result_overflow_mode=throw"), std::string::npos);
}

TEST_F(ClusterClientTest, AQuestionThatTakesTooLongRunsOnce) {
  const std::string too_long = error(500, "Code: 159. DB::Exception: Timeout exceeded (TIMEOUT_EXCEEDED)");
  first_.answer(too_long);
  first_.take_its_time(clock_, 85'000);
  second_.answer(ok(rows({1})));
  EXPECT_EQ(select(), -1);
  EXPECT_NE(why_.find("(TIMEOUT_EXCEEDED) -> ask for less at once"), std::string::npos) << why_;
  EXPECT_EQ(second_.requests().size(), 0U);
}

TEST_F(ClusterClientTest, WhatANodeDidNotTakeTheNextOneHas) {
  first_.answer(error(500, "Code: 241. DB::Exception: no memory"));
  first_.take_its_time(clock_, 20'500);
  second_.answer(ok(rows({1})));
  EXPECT_EQ(select(), 1) << why_;
  ASSERT_EQ(second_.requests().size(), 1U);
  EXPECT_NE(second_.requests()[0].find("max_execution_time=64.500&"), std::string::npos) << second_.requests()[0];
}

// Both take the connection and say nothing.
TEST_F(ClusterClientTest, AQuestionThatMayOnlyTakeSoLongIsGivenUp) {
  const TestListener silent;
  const TestListener silent_too;
  ClickHouseClient client({{.url = silent.url()}, {.url = silent_too.url()}}, {}, clock_);
  EXPECT_EQ(client.select("SELECT 1", {}, {.within_ms = 50}).error().code, base::ErrorCode::unavailable);
}

// A server's profile may say otherwise: rows that are acknowledged before they are in a table, or that count twice.
TEST(ClickHouseClient, AnInsertSaysWhatItsAcknowledgementMeans) {
  ScriptedNode node;
  node.answer(ok(""));
  Endpoint endpoint = node.endpoint();
  endpoint.settings = kClusterSettings;
  ClickHouseClient client(endpoint);
  ASSERT_TRUE(client.insert("INSERT INTO t (n)", base::as_bytes(std::string_view("rows")), "hash-1"));
  ASSERT_TRUE(client.select("SELECT n FROM t"));
  const auto requests = node.requests();
  ASSERT_EQ(requests.size(), 2U);
  const auto says = [&](std::size_t request, const std::string& parameter) {
    std::string line = requests[request].substr(0, requests[request].find("\r\n"));
    EXPECT_TRUE(line.starts_with("POST /?") && line.ends_with(" HTTP/1.1")) << line;
    line = "&" + line.substr(7, line.size() - 7 - 9) + "&";
    return line.find("&" + parameter + "&") != std::string::npos;
  };
  for (const char* parameter :
       {"async_insert=0", "insert_deduplicate=1", "deduplicate_insert=enable", "insert_deduplication_token=hash-1",
        "wait_end_of_query=1", "max_partitions_per_insert_block=0", "distributed_foreground_insert=1",
        "query=INSERT%20INTO%20t%20%28n%29%20FORMAT%20Native", "database=default"}) {
    EXPECT_TRUE(says(0, parameter)) << parameter << " in " << requests[0];
  }
  for (const char* parameter : {"wait_end_of_query=1", "max_execution_time=85.000", "distributed_product_mode=local"}) {
    EXPECT_TRUE(says(1, parameter)) << parameter << " in " << requests[1];
  }
  EXPECT_FALSE(says(1, "async_insert=0")) << "a word of inserts: it would be found anywhere";
}

TEST_F(ClusterClientTest, ANodeThatIsAwayIsPassedOverAndAskedAgainLater) {
  first_.die();
  second_.answer(ok(rows({1})));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(select(), 1) << why_;
  EXPECT_EQ(second_.requests().size(), 4U);
}

TEST_F(ClusterClientTest, HalfABodyIsNeverAResult) {
  const std::string whole = rows({1, 2, 3, 4, 5, 6, 7, 8});
  const std::string half = whole.substr(0, whole.size() / 2);
  const std::string length = std::to_string(whole.size());
  const std::vector<std::pair<const char*, std::string>> halves = {
      {"less than its length", "HTTP/1.1 200 OK\r\nContent-Length: " + length + "\r\n\r\n" + half},
      {"chunks without the last one",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n" + whole.substr(0, 8)},
      {"an end that nothing marks", "HTTP/1.1 200 OK\r\n\r\n" + whole},
      {"a length that is too short", ok(half)},
      {"fewer rows than the head says", ok(rows({1, 2}), "X-ClickHouse-Summary: {\"result_rows\":\"8\"}\r\n")},
      {"an error behind the first rows",
       ok(whole + "\r\n__exception__\r\ntag\r\nCode: 241. DB::Exception: no memory\r\n37 tag\r\n__exception__\r\n",
          "X-ClickHouse-Exception-Tag: tag\r\n")},
      {"an error's number above rows", ok(whole, "X-ClickHouse-Exception-Code: 241\r\n")},
      {"nothing at all", ""},
  };
  second_.answer(ok(whole, "X-ClickHouse-Summary: {\"result_rows\":\"8\"}\r\n"));
  for (const auto& [what, bytes] : halves) {
    first_.answer(bytes);
    clock_.advance_ms(1000);
    const std::size_t before = first_.requests().size();
    for (int i = 0; i < 2; ++i) EXPECT_EQ(select(), 8) << what << ": " << why_;
    EXPECT_EQ(first_.requests().size(), before + 1) << what;
  }
  second_.answer(halves[0].second);
  first_.answer(halves[3].second);
  EXPECT_EQ(select(), -1);
  EXPECT_TRUE(is_transient(client_.select("SELECT n FROM t").error()));
}

TEST_F(ClusterClientTest, WhatOneNodeHasDamagedAnotherAnswersAndItIsTold) {
  second_.answer(ok(rows({1, 2})));
  first_.answer(error(500, "Code: 1001. DB::Exception: std::filesystem: in file_size: No such file (STD_EXCEPTION)"));
  for (int i = 0; i < 2; ++i) EXPECT_EQ(select(), 2) << why_;
  ASSERT_EQ(damaged_.size(), 1U);
  damaged_.clear();

  const std::string broken = "Code: 40. DB::Exception: Checksum doesn't match (CHECKSUM_DOESNT_MATCH)";
  first_.answer(error(500, broken));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(select(), 2) << why_;
  EXPECT_EQ(first_.requests().size(), 3U) << "it does not rest: what else it has is whole";
  EXPECT_EQ(damaged_, std::vector(2, first_.endpoint().url));

  EXPECT_FALSE(client_.select("CHECK TABLE t") && client_.select("CHECK TABLE t")) << "each is asked of itself";
  EXPECT_EQ(damaged_.size(), 2U);

  second_.answer(error(500, broken));
  EXPECT_EQ(select(), -1);
  EXPECT_NE(why_.find("CHECKSUM_DOESNT_MATCH) -> a part of a table is damaged"), std::string::npos) << why_;
  EXPECT_EQ(damaged_.size(), 4U);
  EXPECT_FALSE(is_transient(client_.select("SELECT n FROM t").error()));
}

TEST_F(ClusterClientTest, AnInsertGoesToAnotherNodeUnderTheSameToken) {
  second_.answer(ok(""));
  for (const int code : {159, 202, 209, 210, 241, 242, 279, 319, 516, 999}) {
    first_.answer(error(500, "Code: " + std::to_string(code) + ". DB::Exception: why"));
    clock_.advance_ms(1000);
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(insert().ok()) << code;
  }
  const auto refused = first_.requests();
  const auto taken = second_.requests();
  ASSERT_GE(refused.size(), 9U);
  for (const auto& requests : {refused, taken}) {
    for (const std::string& request : requests) {
      EXPECT_NE(request.find("insert_deduplication_token=a%20token"), std::string::npos);
      EXPECT_TRUE(request.ends_with("\r\n\r\nthe rows"));
    }
  }
}

TEST_F(ClusterClientTest, ABodyOfPiecesLargerThanAnyBufferArrivesWhole) {
  first_.answer(ok(""));
  second_.answer(ok(""));
  std::string all;
  std::vector<std::string> texts;
  for (const std::size_t size : {std::size_t{1}, std::size_t{3'000'001}, std::size_t{0}, std::size_t{2'000'003}}) {
    texts.emplace_back(size, static_cast<char>('a' + texts.size()));
    all += texts.back();
  }
  std::vector<base::ByteView> pieces;
  for (const std::string& text : texts) pieces.push_back(base::as_bytes(text));
  ASSERT_TRUE(client_.insert("INSERT INTO t (n)", pieces, "a token").ok());
  auto requests = first_.requests();
  for (std::string& request : second_.requests()) requests.push_back(std::move(request));
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_TRUE(requests[0].substr(requests[0].find("\r\n\r\n") + 4) == all);
}

// A kept-alive connection whose node says nothing more in the middle of an insert's body: curl sends it again over
// another, from its begin. (After a reset it may give up instead, as its send or its receive hears of it first.)
TEST(ClickHouseClient, ABodyOfPiecesIsSentAgainFromItsBegin) {
  const TestListener listener;
  std::string again;
  std::thread node([&] {
    const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    const int first = accept4(listener.socket(), nullptr, nullptr, SOCK_CLOEXEC);
    read_request(first);
    EXPECT_EQ(send(first, whole.data(), whole.size(), MSG_NOSIGNAL), static_cast<ssize_t>(whole.size()));
    std::vector<char> some(100'000);
    EXPECT_EQ(recv(first, some.data(), some.size(), MSG_WAITALL), static_cast<ssize_t>(some.size()));
    shutdown(first, SHUT_WR);
    while (recv(first, some.data(), some.size(), 0) > 0) continue;
    close(first);
    const int second = accept4(listener.socket(), nullptr, nullptr, SOCK_CLOEXEC);
    if (second < 0) return;
    again = read_request(second);
    EXPECT_EQ(send(second, whole.data(), whole.size(), MSG_NOSIGNAL), static_cast<ssize_t>(whole.size()));
    close(second);
  });
  ClickHouseClient client(Endpoint{listener.url()});
  EXPECT_TRUE(client.execute("SELECT 1").ok());
  std::string all;
  std::vector<std::string> texts;
  for (const std::size_t size : {std::size_t{70'001}, std::size_t{0}, std::size_t{30'000'000}}) {
    texts.emplace_back(size, static_cast<char>('a' + texts.size()));
    all += texts.back();
  }
  const std::vector<base::ByteView> pieces{base::as_bytes(texts[0]), base::as_bytes(texts[1]),
                                           base::as_bytes(texts[2])};
  const auto status = client.insert("INSERT INTO t (n)", pieces, "a token");
  shutdown(listener.socket(), SHUT_RDWR);  // should nobody have come again
  node.join();
  EXPECT_TRUE(status.ok()) << status.error().text;
  EXPECT_TRUE(again.ends_with("\r\n\r\n" + all));
}

TEST_F(ClusterClientTest, WhereNoNodeHasItBetterNoneIsAskedInstead) {
  for (const int code : {252, 285, 60, 62, 27, 33, 53}) {
    const std::string text = "Code: " + std::to_string(code) + ". DB::Exception: why";
    first_.answer(error(500, text));
    second_.answer(error(500, text));
    const std::size_t before = first_.requests().size() + second_.requests().size();
    const auto status = insert();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(is_transient(status.error()), code == 252 || code == 285) << code;
    EXPECT_EQ(first_.requests().size() + second_.requests().size(), before + 1) << code;
  }
}

// Such an engine is not killed as one that hangs.
TEST_F(ClusterClientTest, WhoSaysThatHeIsFullIsAlive) {
  for (ScriptedNode* node : {&first_, &second_})
    node->answer(error(503, "Code: 202. DB::Exception: all connections are in use"));
  EXPECT_TRUE(client_.knock().ok());
  EXPECT_EQ(client_.ping().error().code, base::ErrorCode::unavailable);
}

TEST_F(ClusterClientTest, AllAwayIsUnavailable) {
  first_.die();
  second_.die();
  EXPECT_EQ(insert().error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(client_.ping().error().code, base::ErrorCode::unavailable);
  EXPECT_EQ(client_.knock().error().code, base::ErrorCode::unavailable);
}

}  // namespace
}  // namespace boathouse::timeseries
