// The engine's keeper over programs that stand for the engine: a script that says where it listens, and in its place a
// socket that says nothing or a server that answers as the test wants.
#include "server/timeseries/engine_process.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/http/server.hpp"
#include "server/timeseries/test_listener.hpp"

namespace boathouse::timeseries {
namespace {

// Answers /ping, and statements with `statement_status`.
class Answers {
 public:
  explicit Answers(int statement_status) {
    http::RouteTable routes;
    http::Route ping;
    ping.method = http::Method::get;
    ping.pattern = "/ping";
    ping.name = "ping";
    ping.handler = http::Handler([](const http::Request&) { return http::make_response(200, "text/plain", "Ok.\n"); });
    EXPECT_TRUE(routes.add(std::move(ping)).ok());
    http::Route statement;
    statement.method = http::Method::post;
    statement.pattern = "/";
    statement.name = "query";
    statement.max_body_bytes = 1000;
    statement.handler = http::Handler([this, statement_status](const http::Request&) {
      const std::lock_guard lock(mutex_);
      ++statements_;
      changed_.notify_all();
      return http::make_response(statement_status, "text/plain", "");
    });
    EXPECT_TRUE(routes.add(std::move(statement)).ok());
    server_ = std::make_unique<http::Server>(http::Options{}, std::move(routes));
    const auto port = server_->start();
    EXPECT_TRUE(port.ok());
    url_ = "http://127.0.0.1:" + std::to_string(*port);
  }
  [[nodiscard]] const std::string& url() const { return url_; }
  void wait_for_statements(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return statements_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int statements_ = 0;
  std::unique_ptr<http::Server> server_;
  std::string url_;
};

class EngineProcessTest : public ::testing::Test {
 protected:
  EngineProcessTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "engine_process_XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~EngineProcessTest() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start(const std::string& url) { start_program("echo listening on " + url + "\nexec tail -f /dev/null\n"); }
  void start_program(const std::string& script, EngineProcess::Options options = {}) {
    const std::string program = folder_ / "engine";
    std::ofstream(program) << "#!/bin/sh\n" << script;
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    options.binary = program;
    options.check_every_ms = 1;
    options.silence_limit_ms = 50;
    options.failed_statements_limit = 3;
    engine_ = std::make_unique<EngineProcess>(
        options,
        [this](const Endpoint& endpoint) {
          const std::lock_guard lock(mutex_);
          if (!endpoint.url.empty()) ++starts_;
          changed_.notify_all();
        },
        [this](std::string_view line) {
          const std::lock_guard lock(mutex_);
          log_.emplace_back(line);
          changed_.notify_all();
        });
    ASSERT_TRUE(engine_->start().ok());
  }
  void wait_for_starts(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return starts_ >= count; });
  }
  void wait_for_lines(std::string_view line, int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return std::count(log_.begin(), log_.end(), line) >= count; });
  }
  int starts() {
    const std::lock_guard lock(mutex_);
    return starts_;
  }
  int times_logged(std::string_view line) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::count(log_.begin(), log_.end(), line));
  }

  std::filesystem::path folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int starts_ = 0;
  std::vector<std::string> log_;
  std::unique_ptr<EngineProcess> engine_;
};

TEST_F(EngineProcessTest, OneThatSaysNothingIsKilledAndStartedAgain) {
  const TestListener silence;  // takes connections and never says a word, as a stopped process does
  start(silence.url());
  wait_for_starts(2);
  EXPECT_GE(times_logged("engine hangs: it is killed"), 1);
  engine_->stop();
}

TEST_F(EngineProcessTest, OneThatAnswersTheDoorButRunsNothingIsToo) {
  Answers answers(500);
  start(answers.url());
  wait_for_starts(2);
  EXPECT_GE(times_logged("engine hangs: it is killed"), 1);
  engine_->stop();
}

TEST_F(EngineProcessTest, OneThatNeverComesToListenIsToo) {
  EngineProcess::Options options;
  options.start_checks_limit = 3;
  start_program("exec tail -f /dev/null\n", options);
  wait_for_lines("engine hangs: it is killed", 2);
  EXPECT_EQ(starts(), 0);
  engine_->stop();
}

// stop() finds no child then, and the new one would be waited for without end.
TEST_F(EngineProcessTest, OneThatIsBeingStartedWhileItIsStoppedEndsAtOnce) {
  std::thread stopper;
  std::promise<void> stopped;
  int spawns = 0;
  EngineProcess::Options options;
  options.before_spawn = [&] {
    if (++spawns < 2) return;
    stopper = std::thread([&] {
      engine_->stop();
      stopped.set_value();
    });
    while (!engine_->stopping()) std::this_thread::yield();
  };
  const std::string mark = folder_ / "second";
  start_program("[ -e " + mark + " ] || { touch " + mark + "; exit 1; }\nexec tail -f /dev/null\n", options);
  stopped.get_future().wait();
  stopper.join();
  EXPECT_EQ(spawns, 2);
}

TEST_F(EngineProcessTest, OneThatIsWellIsLeftAlone) {
  Answers answers(200);
  start(answers.url());
  answers.wait_for_statements(20);
  EXPECT_EQ(starts(), 1);
  EXPECT_EQ(times_logged("engine hangs: it is killed"), 0);
  engine_->stop();
}

}  // namespace
}  // namespace boathouse::timeseries
