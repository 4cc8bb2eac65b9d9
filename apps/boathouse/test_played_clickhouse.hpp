// For tests of the whole service: ClickHouse is played. It writes down what it is asked and has one session.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "server/http/server.hpp"
#include "server/timeseries/native.hpp"
#include "server/timeseries/test_packed.hpp"

namespace boathouse::app {

// Has one session row, and gives it to who may see it or asks for everybody's; all other queries have no rows.
class PlayedClickHouse {
 public:
  PlayedClickHouse() {
    http::Route route;
    route.method = http::Method::post;
    route.pattern = "/";
    route.name = "query";
    route.max_body_bytes = 1 << 20;
    route.handler = http::Handler([this](const http::Request& request) {
      std::unique_lock lock(mutex_);
      queries_.push_back(request.body);
      if (is_held(request.body)) {
        most_held_ = std::max(most_held_, ++held_);
        changed_.notify_all();
        changed_.wait(lock, [this] { return held_part_.empty(); });
        --held_;
      }
      return http::make_response(200, "application/octet-stream", fits(request) ? session_ : "");
    });
    http::RouteTable routes;
    EXPECT_TRUE(routes.add(std::move(route)));
    http::Options options;
    options.limits.target_bytes = 64 * 1024;
    options.limits.header_bytes = 128 * 1024;
    options.worker_threads = 64;  // what holds some back is to be the service
    server_ = std::make_unique<http::Server>(std::move(options), std::move(routes));
    url_ = "http://127.0.0.1:" + std::to_string(*server_->start());
  }
  [[nodiscard]] const std::string& url() const { return url_; }
  void has(const timeseries::NativeBlock& session) {
    const std::lock_guard lock(mutex_);
    base::ByteWriter out;
    timeseries::write_native(out, timeseries::packed_sessions(session));
    session_ = base::as_text(out.take());
    athlete_ = session.find("athlete")->uuids.at(0).text();
    id_ = session.find("session")->uuids.at(0).text();
  }
  std::vector<std::string> take_queries() {
    const std::lock_guard lock(mutex_);
    return std::exchange(queries_, {});
  }

  // Queries with these words in them get no answer before release().
  void hold(std::string part) {
    const std::lock_guard lock(mutex_);
    held_part_ = std::move(part);
  }
  void release() {
    hold("");
    changed_.notify_all();
  }
  void until_held(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return held_ >= count; });
  }
  // At once.
  [[nodiscard]] int most_held() {
    const std::lock_guard lock(mutex_);
    return most_held_;
  }

 private:
  [[nodiscard]] bool is_held(const std::string& query) const {
    return !held_part_.empty() && query.find(held_part_) != std::string::npos;
  }
  [[nodiscard]] bool fits(const http::Request& request) const {
    const auto has = [&request](const char* name, const std::string& value) {
      const std::string* given = http::find(request.query, name);
      return given == nullptr || given->find(value) != std::string::npos;
    };
    return request.body.starts_with("SELECT packed FROM session ") && has("param_athlete", athlete_) &&
           has("param_athletes", athlete_) && has("param_session", id_);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string held_part_;
  int held_ = 0;
  int most_held_ = 0;
  std::vector<std::string> queries_;
  std::string session_, athlete_, id_;
  std::unique_ptr<http::Server> server_;
  std::string url_;
};

}  // namespace boathouse::app
