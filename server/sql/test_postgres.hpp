// For tests: a PostgreSQL server of this process's own (Debian's programs, a new folder, a socket in it and no port),
// started by the first that asks and ended with the process.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/sql/sql.hpp"

namespace boathouse::sql {

class TestPostgres {
 public:
  static TestPostgres& get() {
    static TestPostgres server;
    return server;
  }
  // Not empty: why no server can be had here; then nothing else may be called.
  [[nodiscard]] const std::string& missing() const { return missing_; }

  TestPostgres(const TestPostgres&) = delete;
  TestPostgres& operator=(const TestPostgres&) = delete;
  ~TestPostgres() { end(); }

  // Puts tables, and what is in them, into an empty one. One that cannot ends the process.
  using Fill = void (*)(const Place&);

  // A new one: empty, or as `fill` makes it, which is called once a process: the tables of a ledger take longer to make
  // than most of its tests.
  Place make_database(Fill fill = nullptr) {
    if (fill == nullptr) return create_database("");
    const auto [filled, first] = filled_.try_emplace(fill);
    if (first) {
      filled->second = create_database("");
      fill(filled->second);
    }
    return copy_database(filled->second);
  }
  // A new one with all that is in another, which nobody has open.
  Place copy_database(const Place& other) { return create_database(" TEMPLATE " + name_of(other)); }
  void drop_database(const Place& place) {
    if (missing_.empty()) (void)execute("DROP DATABASE IF EXISTS " + name_of(place) + " WITH (FORCE)");
  }

  // Of a process that ends without its destructors; nothing else may be called then.
  void end() {
    stop(SIGQUIT);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // As a power cut of the server would: nothing is said to anybody.
  void kill_and_restart() {
    stop(SIGQUIT);
    start();
  }

  // All its processes stand still until thaw(): it takes connections, and answers nothing.
  void freeze() { signal_all(SIGSTOP); }
  void thaw() { signal_all(SIGCONT); }

 private:
  // The server first when it stops, so that it starts no others meanwhile.
  void signal_all(int signal) const {
    ::kill(server_, signal);
    int status = 0;
    if (signal == SIGSTOP && ::waitpid(server_, &status, WUNTRACED) != server_) std::abort();
    const std::string number = std::to_string(server_);
    std::ifstream children("/proc/" + number + "/task/" + number + "/children");
    for (pid_t child = 0; children >> child;) ::kill(child, signal);
  }

  TestPostgres() {
    bin_ = find_programs();
    if (bin_.empty()) {
      missing_ = "PostgreSQL's server is not installed (Debian: apt-get install postgresql)";
      return;
    }
    const bool in_memory = ::access("/dev/shm", W_OK) == 0;
    std::string pattern = std::string(in_memory ? "/dev/shm" : "/tmp") + "/boathouse_pg_XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    if (const passwd* user = user_to_be()) {
      if (::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0) std::abort();
    }
    if (wait_for(run({bin_ + "/initdb", "-D", folder_ + "/data", "-U", "boathouse", "-A", "trust", "-E", "UTF8",
                      "--locale=C.UTF-8", "--no-sync", "--no-instructions"})) != 0) {
      missing_ = "PostgreSQL's initdb failed, see " + folder_ + "/log";
      return;
    }
    start();
  }

  [[nodiscard]] Place place(const std::string& database) const {
    Place place;
    place.postgres_url = "postgresql:///" + database + "?user=boathouse&host=" + folder_;
    return place;
  }

  Place create_database(const std::string& how) {
    const std::string name = "test" + std::to_string(++databases_);
    // By files: through the log, PostgreSQL's own way, it takes twice as long.
    if (!execute("CREATE DATABASE " + name + " STRATEGY FILE_COPY" + how)) std::abort();
    return place(name);
  }

  // In a session that is kept: PostgreSQL starts a process for each, which takes as long as a small database.
  base::Status execute(const std::string& sql) {
    if (!session_) {
      auto connection = Connection::open(place("postgres"));
      if (!connection) return connection.error();
      session_.emplace(std::move(*connection));
    }
    return session_->execute(sql);
  }

  static std::string name_of(const Place& place) {
    const std::string& url = place.postgres_url;
    return url.substr(14, url.find('?') - 14);
  }

  static std::string find_programs() {
    std::error_code error;
    std::string newest;
    for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", error)) {
      const std::string bin = entry.path().string() + "/bin";
      if (std::filesystem::exists(bin + "/initdb", error) && bin > newest) newest = bin;
    }
    return newest;
  }

  // PostgreSQL does not run as root.
  static const passwd* user_to_be() { return ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr; }

  pid_t run(const std::vector<std::string>& command) const {
    const passwd* user = user_to_be();
    const pid_t process = ::fork();
    if (process != 0) return process;
    if (user != nullptr &&
        (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)) {
      ::_exit(126);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int log = ::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(log, 1);
    ::dup2(log, 2);
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    if (::chdir("/") != 0) ::_exit(126);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }

  static int wait_for(pid_t process) {
    int status = 0;
    ::waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  void start() {
    server_ = run({bin_ + "/postgres", "-D", folder_ + "/data", "-k", folder_, "-c", "listen_addresses=", "-c",
                   "shared_buffers=32MB", "-c", "max_connections=100", "-c", "max_wal_size=128MB"});
    for (int i = 0; i < 1000; ++i) {
      if (Connection::open(place("postgres"))) return;
      if (::waitpid(server_, nullptr, WNOHANG) != 0) break;
      ::usleep(20'000);
    }
    std::abort();
  }

  void stop(int signal) {
    if (server_ <= 0) return;
    session_.reset();
    ::kill(server_, signal);
    ::waitpid(server_, nullptr, 0);
    server_ = 0;
  }

  std::string bin_;
  std::string folder_;
  std::string missing_;
  pid_t server_ = 0;
  int databases_ = 0;
  std::map<Fill, Place> filled_;
  std::optional<Connection> session_;
};

// A test's own database: `file` for SQLite (its folder is the test's), or one of the server's, dropped at the end.
// The server's has what `fill` makes; in SQLite's file, which is nothing yet, the first that opens it makes the same.
class TestDatabase {
 public:
  TestDatabase(Dialect dialect, const std::string& file, TestPostgres::Fill fill = nullptr) {
    if (dialect == Dialect::sqlite) {
      place_.sqlite_file = file;
    } else if (TestPostgres::get().missing().empty()) {
      place_ = TestPostgres::get().make_database(fill);
    }
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;
  ~TestDatabase() {
    if (!place_.postgres_url.empty()) TestPostgres::get().drop_database(place_);
  }

  [[nodiscard]] const Place& place() const { return place_; }
  // For SetUp(): "", or why this test cannot run. A failure and no skip: half of what is promised would go untested.
  [[nodiscard]] std::string missing() const {
    const bool there = !place_.sqlite_file.empty() || !place_.postgres_url.empty();
    return there ? "" : TestPostgres::get().missing();
  }

 private:
  Place place_;
};

}  // namespace boathouse::sql
