// For tests: a scripted ClickHouse, an HTTP server that remembers inserts, answers selects with what it was given, and
// fails or is slow when it is told to.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "server/http/server.hpp"
#include "server/timeseries/native.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::timeseries {

inline base::Uuid recording(std::uint8_t number) {
  base::Uuid id;
  id.bytes[15] = number;
  return id;
}

struct Insert {
  std::string token;
  std::string body;
};

class FakeClickHouse {
 public:
  FakeClickHouse() {
    http::RouteTable routes;
    http::Route route;
    route.method = http::Method::post;
    route.pattern = "/";
    route.name = "query";
    route.max_body_bytes = 1 << 26;
    route.handler = http::Handler([this](const http::Request& request) { return answer(request); });
    EXPECT_TRUE(routes.add(std::move(route)).ok());
    http::Options options;
    options.limits.target_bytes = 1 << 20;  // as ClickHouse's: keys travel in it
    server_ = std::make_unique<http::Server>(options, std::move(routes));
    const auto port = server_->start();
    EXPECT_TRUE(port.ok());
    url_ = "http://127.0.0.1:" + std::to_string(*port);
  }

  [[nodiscard]] const std::string& url() const { return url_; }
  void fail_inserts(int count, std::string why = "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)") {
    const std::lock_guard lock(mutex_);
    failures_ = count;
    why_ = std::move(why);
  }
  // Inserts are answered only after go_on(): it is slow.
  void hold_inserts() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  // The same of selects.
  void hold_selects() {
    const std::lock_guard lock(mutex_);
    selects_held_ = true;
  }
  void until_a_select_is_held() {
    std::unique_lock lock(mutex_);
    go_on_.wait(lock, [this] { return selects_waiting_ > 0; });
  }
  void go_on() {
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
      selects_held_ = false;
    }
    go_on_.notify_all();
  }
  // Selects that name `part` get these rows from now on.
  void answer_selects(std::string part, NativeBlock block) {
    const std::lock_guard lock(mutex_);
    answers_[std::move(part)] = std::move(block);
  }
  // Selects with this in one of their parameters get this error from now on; none when it is empty.
  void fail_selects(std::string parameter_part, std::string why) {
    const std::lock_guard lock(mutex_);
    if (why.empty()) {
      failing_.erase(parameter_part);
      return;
    }
    failing_[std::move(parameter_part)] = std::move(why);
  }
  // Statements that name `part` get this error from now on.
  void fail_statements(std::string part, std::string why) {
    const std::lock_guard lock(mutex_);
    failing_statements_[std::move(part)] = std::move(why);
  }
  // A host of the cluster is away: what is to be done ON CLUSTER is not done there in time, which is an error unless it
  // may be done later.
  void lose_a_host() {
    const std::lock_guard lock(mutex_);
    host_is_away_ = true;
  }
  // The tables are of this version, with the columns that `has` says; all of them without it. A cluster has one shard.
  void has_tables(std::int64_t version, const std::function<bool(std::string_view, std::string_view)>& has = {},
                  bool sharded = false) {
    const auto texts = [](const char* name, std::vector<std::string> values) {
      return NativeColumn{name, "String", {}, std::move(values), {}, {}, {}};
    };
    answer_selects("system.tables", {1,
                                     {texts("comment", {"schema " + std::to_string(version)}),
                                      texts("engine", {sharded ? "Distributed" : "ReplicatedReplacingMergeTree"})}});
    answer_selects("uniqExact(shard_num)", {1, {{"shards", "UInt64", {sharded ? 2 : 1}, {}, {}, {}, {}}}});
    std::vector<std::string> tables;
    std::vector<std::string> names;
    const auto add = [&](const std::string& table, const std::string& column) {
      if (has && !has(table, column)) return;
      tables.push_back(table);
      names.push_back(column);
    };
    for (const std::string& suffix : sharded ? std::vector<std::string>{"", "_shard"} : std::vector<std::string>{""}) {
      for (const rowing::Stream stream : rowing::kStreams) {
        if (!has_table(stream)) continue;
        for (const std::string& column : table_columns(stream)) add(std::string(rowing::name(stream)) + suffix, column);
      }
      add("session" + suffix, "athlete");
    }
    const std::size_t rows = tables.size();
    answer_selects("system.columns", {rows, {texts("table", std::move(tables)), texts("name", std::move(names))}});
  }
  std::vector<std::string> statements() {
    const std::lock_guard lock(mutex_);
    return statements_;
  }
  // The parameters of the selects that name `part`, in order.
  std::vector<std::map<std::string, std::string>> parameters(const std::string& part) {
    const std::lock_guard lock(mutex_);
    std::vector<std::map<std::string, std::string>> found;
    for (std::size_t i = 0; i < statements_.size(); ++i) {
      if (statements_[i].find(part) != std::string::npos) found.push_back(parameters_[i]);
    }
    return found;
  }
  // Inserts into a table, in order, failed ones too.
  std::vector<Insert> inserts(const std::string& table) {
    const std::lock_guard lock(mutex_);
    return inserts_[table];
  }

 private:
  http::Response answer(const http::Request& request) {
    std::unique_lock lock(mutex_);
    const std::string* query = http::find(request.query, "query");
    if (query == nullptr || !query->starts_with("INSERT INTO ")) {
      statements_.push_back(request.body);
      auto& parameters = parameters_.emplace_back();
      for (const http::Parameter& one : request.query) {
        if (one.name.starts_with("param_")) parameters[one.name.substr(6)] = one.value;
      }
      ++selects_waiting_;
      go_on_.notify_all();
      go_on_.wait(lock, [this] { return !selects_held_; });
      --selects_waiting_;
      for (const auto& [part, why] : failing_) {
        const auto names_it = [&part](const auto& one) { return one.second.find(part) != std::string::npos; };
        if (std::ranges::any_of(parameters, names_it)) return http::make_response(500, "text/plain", why);
      }
      for (const auto& [part, why] : failing_statements_) {
        if (request.body.find(part) != std::string::npos) return http::make_response(500, "text/plain", why);
      }
      const std::string* absent = http::find(request.query, "distributed_ddl_output_mode");
      if (host_is_away_ && request.body.find(" ON CLUSTER ") != std::string::npos &&
          (absent == nullptr || *absent != "null_status_on_timeout")) {
        return http::make_response(500, "text/plain",
                                   "Code: 159. DB::Exception: Distributed DDL task is not finished on 1 of 2 hosts. "
                                   "(TIMEOUT_EXCEEDED)");
      }
      for (const auto& [part, block] : answers_) {
        if (request.body.find(part) == std::string::npos) continue;
        base::ByteWriter out;
        write_native(out, block);
        return http::make_response(200, "text/plain", std::string(base::as_text(out.take())));
      }
      return http::make_response(200, "text/plain", "");
    }
    const std::string table = query->substr(12, query->find(' ', 12) - 12);
    inserts_[table].push_back({*http::find(request.query, "insert_deduplication_token"), request.body});
    go_on_.wait(lock, [this] { return !held_; });
    if (failures_ > 0) {
      --failures_;
      return http::make_response(500, "text/plain", why_);
    }
    return http::make_response(200, "text/plain", "");
  }

  std::unique_ptr<http::Server> server_;
  std::string url_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Insert>> inserts_;
  std::map<std::string, NativeBlock> answers_;
  std::map<std::string, std::string> failing_;
  std::map<std::string, std::string> failing_statements_;
  bool host_is_away_ = false;
  std::vector<std::string> statements_;
  std::vector<std::map<std::string, std::string>> parameters_;  // of each statement
  int failures_ = 0;
  std::string why_;
  bool held_ = false;
  bool selects_held_ = false;
  int selects_waiting_ = 0;
  std::condition_variable go_on_;
};

}  // namespace boathouse::timeseries
