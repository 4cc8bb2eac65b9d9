// How the engine starts, guards itself and stops. Each test starts the real program; see test_engine.hpp.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "engine/test_engine.hpp"

namespace boathouse::engine {
namespace {

class EngineLife : public testing::Test {
 protected:
  void SetUp() override {
    if (!EngineHost::missing().empty()) GTEST_SKIP() << EngineHost::missing();
    host_.emplace();
  }
  std::optional<EngineHost> host_;
};

TEST_F(EngineLife, SaysWhereItListensAndStopsOnASignal) {
  const Engine engine = host_->start();
  EXPECT_EQ(engine.first_line, "listening on http://127.0.0.1:" + std::to_string(engine.port));
  struct stat status {};
  ASSERT_EQ(stat(host_->data().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  // One idle connection, one never used: neither holds it up.
  Client idle(engine.port);
  EXPECT_EQ(idle.request("GET", "/ping", "").status, 200);
  const Client unused(engine.port);
  EXPECT_EQ(host_->stop(engine), 0);
  // The library may have complained about the machine (one without cgroups); the engine has nothing to say.
  EXPECT_EQ(host_->said_on_stderr().find("boathouse-engine: "), std::string::npos) << host_->said_on_stderr();
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(host_->stop(host_->start(), SIGINT), 0);
}

// With libchdb's handlers a crash becomes a process that hangs. Its threads are there once it has answered something.
TEST_F(EngineLife, HandlesNoSignalOfACrash) {
  const Engine engine = host_->start();
  Client client(engine.port);
  ASSERT_EQ(ask(client, "SELECT sum(number) FROM numbers(1000000)"), "499999500000\n");
  std::map<std::string, std::uint64_t> signals;  // by the name of the line: a bit for each
  std::ifstream status("/proc/" + std::to_string(engine.pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Sig") && !line.starts_with("SigQ"))
      signals[line.substr(0, 6)] = std::stoull(line.substr(7), nullptr, 16);
  }
  const auto has = [](std::uint64_t set, int signal) { return (set >> (signal - 1) & 1) != 0; };
  ASSERT_TRUE(signals.contains("SigCgt"));
  EXPECT_TRUE(has(signals["SigBlk"], SIGTERM)) << "it is read from a file";
  for (const int crash : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) {
    EXPECT_FALSE(has(signals["SigCgt"], crash)) << strsignal(crash);
  }
}

TEST_F(EngineLife, DataIsThereAfterAStopAndAfterAKill) {
  constexpr const char* kInsert = "INSERT INTO t FORMAT RowBinary";
  Engine engine = host_->start();
  {
    Client client(engine.port);
    ask(client,
        "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS fsync_after_insert = 1, "
        "fsync_part_directory = 1, non_replicated_deduplication_window = 100");
    EXPECT_EQ(insert(client, kInsert, "\x01\x02", "&insert_deduplication_token=a").status, 200);
  }
  EXPECT_EQ(host_->stop(engine), 0);
  engine = host_->start();
  {
    Client client(engine.port);
    EXPECT_EQ(ask(client, "SELECT count() FROM t"), "2\n");
    EXPECT_EQ(insert(client, kInsert, "\x01\x02", "&insert_deduplication_token=a").status, 200);
    EXPECT_EQ(insert(client, kInsert, "\x03", "&insert_deduplication_token=b").status, 200);
  }
  EXPECT_EQ(host_->stop(engine, SIGKILL), -SIGKILL);
  engine = host_->start();
  Client client(engine.port);
  EXPECT_EQ(ask(client, "SELECT groupArray(a) FROM (SELECT a FROM t ORDER BY a)"), "[1,2,3]\n");
}

TEST_F(EngineLife, ARunningRequestEndsBeforeTheStop) {
  Engine engine = host_->start();
  Client client(engine.port);
  ask(client, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a");
  client.send("POST /?query=" + url_encode("INSERT INTO t FORMAT RowBinary") +
              " HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.line(), "HTTP/1.1 100 Continue");
  EXPECT_EQ(client.line(), "");
  client.send("\x01\x02");
  kill(engine.pid, SIGTERM);
  // It has heard the signal when nobody new is let in.
  while (Client(engine.port).connected()) {
  }
  client.send("\x03\x04");
  EXPECT_EQ(client.reply().status, 200);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(host_->wait(engine), 0);
  engine = host_->start();
  Client again(engine.port);
  EXPECT_EQ(ask(again, "SELECT count() FROM t"), "4\n");
}

TEST_F(EngineLife, ADirectoryInUseIsRefused) {
  const Engine engine = host_->start();
  ASSERT_NE(engine.port, 0);
  const std::string errors = host_->said_on_stderr();
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "127.0.0.1:0"}), 1);
  EXPECT_NE(host_->said_on_stderr().find("another process has it open"), std::string::npos) << host_->said_on_stderr();
  Client client(engine.port);
  EXPECT_EQ(client.request("GET", "/ping", "").status, 200);
  EXPECT_EQ(host_->run({"--path", (host_->directory() / "other").string(), "--listen",
                        "127.0.0.1:" + std::to_string(engine.port)}),
            1);
  EXPECT_NE(host_->said_on_stderr().find("cannot listen on"), std::string::npos);
}

TEST_F(EngineLife, WrongUseIsToldApartFromFailure) {
  EXPECT_EQ(host_->run({"--help"}), 0);
  EXPECT_EQ(host_->run({}), 2);
  EXPECT_EQ(host_->run({"--path", host_->data()}), 2);
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen"}), 2);
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "127.0.0.1"}), 2);
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "127.0.0.1:99999"}), 2);
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "no.such.host:1"}), 2);
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "127.0.0.1:0", "--surprise"}), 2);
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "127.0.0.1:0", "--stop-with-parent=me"}), 2);
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "0.0.0.0:0"}), 2)
      << "open to the network without a password";
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "127.0.0.1:0", "--password-file", "/no/such/file"}), 1);
  std::ofstream(host_->directory() / "file") << "x";
  EXPECT_EQ(host_->run({"--path", (host_->directory() / "file").string(), "--listen", "127.0.0.1:0"}), 1);
  EXPECT_EQ(host_->run({"--path", (host_->directory() / "file" / "below").string(), "--listen", "127.0.0.1:0"}), 1);
  EXPECT_FALSE(std::filesystem::exists(host_->data()));
}

TEST_F(EngineLife, APasswordGuardsAllButPing) {
  std::ofstream(host_->directory() / "password") << "open sesame\n";
  std::ofstream(host_->directory() / "empty") << "\n";
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "127.0.0.1:0", "--password-file",
                        (host_->directory() / "empty").string()}),
            1);
  const Engine engine = host_->start({"--path=" + host_->data(), "--listen=127.0.0.1:0",
                                      "--password-file=" + (host_->directory() / "password").string()});
  ASSERT_NE(engine.port, 0) << host_->said_on_stderr();
  const auto status = [&engine](std::string_view target, std::string_view headers) {
    return Client(engine.port).request("GET", target, "", headers).status;
  };
  EXPECT_EQ(status("/ping", ""), 200);
  EXPECT_EQ(status("/?query=SELECT+1", ""), 401);
  EXPECT_EQ(status("/metrics", ""), 401);
  EXPECT_EQ(status("/", ""), 401);
  EXPECT_EQ(status("/nothing", ""), 401);
  EXPECT_EQ(status("/?query=SELECT+1&password=wrong", ""), 401);
  EXPECT_EQ(status("/?query=SELECT+1&password=open+sesame", ""), 200);
  EXPECT_EQ(status("/metrics", "X-ClickHouse-User: default\r\nX-ClickHouse-Key: open sesame\r\n"), 200);
  EXPECT_EQ(status("/?query=SELECT+1", "Authorization: Basic ZGVmYXVsdDpvcGVuIHNlc2FtZQ==\r\n"), 200);
  // Refused before the body is looked at.
  Client client(engine.port);
  client.send("POST /?query=SELECT+1 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  const Reply reply = client.reply();
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.header("X-ClickHouse-Exception-Code"), "516");
}

// Who started it was killed while the program was being loaded.
TEST_F(EngineLife, DoesNotBeginWithoutItsParent) {
  const std::string somebody_else = "--stop-with-parent=" + std::to_string(getppid());
  EXPECT_EQ(host_->run({"--path", host_->data(), "--listen", "127.0.0.1:0", somebody_else}), 0);
  EXPECT_FALSE(std::filesystem::exists(host_->data()));
  const Engine engine = host_->start(
      {"--path", host_->data(), "--listen", "127.0.0.1:0", "--stop-with-parent=" + std::to_string(getpid())});
  EXPECT_NE(engine.port, 0);
}

TEST_F(EngineLife, StopsWithItsParent) {
  // Orphans come to this process, which then can wait for them.
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  int out[2];
  ASSERT_EQ(pipe(out), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    Engine engine = host_->start({"--path", host_->data(), "--listen", "127.0.0.1:0", "--stop-with-parent"});
    const std::string line = std::to_string(engine.port == 0 ? 0 : engine.pid) + "\n";
    _exit(write(out[1], line.data(), line.size()) > 0 ? 0 : 1);
  }
  Engine orphan;
  orphan.pid = static_cast<pid_t>(std::atoi(read_line(out[0]).c_str()));
  close(out[0]);
  close(out[1]);
  EXPECT_EQ(waitpid(parent, nullptr, 0), parent);
  ASSERT_GT(orphan.pid, 0) << host_->said_on_stderr();
  host_->adopt(orphan);
  EXPECT_EQ(host_->wait(orphan), 0);
}

}  // namespace
}  // namespace boathouse::engine
