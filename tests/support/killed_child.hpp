// For tests: a child process that works until it is killed, and reports through a pipe.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace boathouse::test_support {

// Runs `run(pipe)`, which writes values of `Report` (smaller than PIPE_BUF, so never torn) and does not end by itself,
// and kills it after so many of them, at whatever it is doing then. `take` is called for each, and for what the pipe
// still held.
template <typename Report, typename Run, typename Take>
void kill_after(std::uint64_t reports, Run run, Take take) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(ends[0]);
    run(ends[1]);
  }
  close(ends[1]);
  std::uint64_t received = 0;
  Report report{};
  while (read(ends[0], &report, sizeof report) == sizeof report) {
    take(report);
    if (++received == reports) {
      kill(child, SIGKILL);
    }
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << WEXITSTATUS(status);
}

}  // namespace boathouse::test_support
