// How much of a session is in memory at a time, whatever its records weigh: against a ClickHouse that is played.
#include "server/exports/session_csv.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "server/http/server.hpp"

namespace boathouse::exports {
namespace {

using rowing::Stream;

constexpr std::size_t kHeavy = 64 << 10;  // the longest detail that a record may have
constexpr std::size_t kLight = 20;

// Has the events of one recording, of whose details it knows the lengths, and refuses what is more than was allowed.
class EventsClickHouse {
 public:
  explicit EventsClickHouse(std::vector<std::size_t> lengths) : lengths_(std::move(lengths)) {
    http::Route route;
    route.method = http::Method::post;
    route.pattern = "/";
    route.name = "query";
    route.max_body_bytes = 1 << 20;
    route.handler = http::Handler([this](const http::Request& request) { return answer(request); });
    http::RouteTable routes;
    EXPECT_TRUE(routes.add(std::move(route)));
    server_ = std::make_unique<http::Server>(http::Options{}, std::move(routes));
    url_ = "http://127.0.0.1:" + std::to_string(*server_->start());
  }
  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] std::size_t asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  [[nodiscard]] std::size_t largest_answer() {
    const std::lock_guard lock(mutex_);
    return largest_answer_;
  }

 private:
  static std::size_t number(const http::Request& request, const char* name) {
    const std::string* text = http::find(request.query, name);
    EXPECT_NE(text, nullptr) << name;
    return text == nullptr ? 0 : std::stoul(*text);
  }
  http::Response answer(const http::Request& request) {
    const std::size_t from = number(request, "param_from_seq");
    const std::size_t to = std::min(from + number(request, "param_limit"), lengths_.size());
    timeseries::NativeBlock block;
    block.rows = to - from;
    std::vector<std::int64_t> seqs;
    std::vector<std::string> details;
    for (std::size_t seq = from; seq < to; ++seq) {
      seqs.push_back(static_cast<std::int64_t>(seq));
      details.emplace_back(lengths_[seq], 'x');
    }
    block.columns.push_back({"seq", "UInt32", std::move(seqs), {}, {}, {}, {}});
    for (const rowing::Metric& metric : rowing::metrics(Stream::event)) {
      std::vector<std::int64_t> nulls(block.rows, rowing::kNull);
      block.columns.push_back({std::string(metric.column), "Nullable(UInt32)", std::move(nulls), {}, {}, {}, {}});
    }
    block.columns.push_back({"detail", "String", {}, std::move(details), {}, {}, {}});
    base::ByteWriter out;
    timeseries::write_native(out, block);
    const std::lock_guard lock(mutex_);
    ++asked_;
    if (out.size() > number(request, "max_result_bytes")) {
      return http::make_response(500, "text/plain", "Code: 396. DB::Exception: Limit for result exceeded");
    }
    largest_answer_ = std::max(largest_answer_, out.size());
    return http::make_response(200, "text/plain", std::string(base::as_text(out.take())));
  }

  const std::vector<std::size_t> lengths_;
  std::mutex mutex_;
  std::size_t asked_ = 0;
  std::size_t largest_answer_ = 0;
  std::unique_ptr<http::Server> server_;
  std::string url_;
};

// All rows in order; gives the longest piece.
std::size_t read_all(EventsClickHouse& clickhouse, std::size_t rows) {
  timeseries::ClickHouseClient client{timeseries::Endpoint{clickhouse.url()}};
  SessionCsv csv(client, {{Stream::event, {}}}, {.stream = Stream::event});
  std::size_t longest = 0;
  std::size_t next = 0;
  bool is_first = true;
  while (true) {
    std::string piece;
    const auto more = csv.next(piece);
    EXPECT_TRUE(more) << more.error().text;
    if (!more) break;
    longest = std::max(longest, piece.size());
    std::size_t at = is_first ? piece.find("\r\n") + 2 : 0;
    is_first = false;
    for (; at < piece.size(); at = piece.find("\r\n", at) + 2, ++next) {
      const std::string begin = "event," + std::to_string(next) + ",";
      EXPECT_EQ(piece.substr(at, begin.size()), begin);
    }
    if (!*more) break;
  }
  EXPECT_EQ(next, rows);
  return longest;
}

TEST(SessionCsvPages, LightRowsComeManyAtATime) {
  EventsClickHouse clickhouse(std::vector(5'000, kLight));
  read_all(clickhouse, 5'000);
  EXPECT_EQ(clickhouse.asked(), 3U);
}

TEST(SessionCsvPages, HeavyRowsComeSomeMegabytesAtATime) {
  EventsClickHouse clickhouse(std::vector(300, kHeavy));
  EXPECT_LE(read_all(clickhouse, 300), std::size_t{10} << 20);
  EXPECT_LE(clickhouse.largest_answer(), std::size_t{8} << 20);
  EXPECT_LE(clickhouse.asked(), 8U);
}

TEST(SessionCsvPages, BehindHeavyRowsLightOnesComeManyAtATimeAgain) {
  std::vector<std::size_t> lengths(130, kHeavy);
  lengths.resize(10'000, kLight);
  EventsClickHouse clickhouse(std::move(lengths));
  EXPECT_LE(read_all(clickhouse, 10'000), std::size_t{10} << 20);
  EXPECT_LE(clickhouse.asked(), 12U);
}

}  // namespace
}  // namespace boathouse::exports
