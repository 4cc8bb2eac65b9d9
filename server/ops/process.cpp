#include "server/ops/process.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace boathouse::ops {
namespace {

std::vector<Sample> one(double value) { return {{{}, value}}; }

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double pages = 0;
  double resident = 0;
  in >> pages >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double open_files() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  return error ? 0 : static_cast<double>(std::distance(begin(files), end(files)) - 1);  // one of them is this look
}

}  // namespace

void add_process_metrics(Registry& registry) {
  const double started = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  registry.collect("process_resident_memory_bytes", "Memory that is in use, in bytes.", {},
                   [] { return one(resident_bytes()); });
  registry.collect(
      "process_cpu_seconds_total", "Processor time of all threads, in seconds.", {}, [] { return one(cpu_seconds()); },
      true);
  registry.collect("process_open_fds", "Open files and sockets.", {}, [] { return one(open_files()); });
  registry.collect("process_start_time_seconds", "When it started, in seconds since 1970.", {},
                   [started] { return one(started); });
}

void set_kept_memory() {
  // To set the one ends glibc's own guess at both.
  ::mallopt(M_MMAP_THRESHOLD, 4 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 16 << 20);
  ::mallopt(M_ARENA_MAX, 4);
}

}  // namespace boathouse::ops
