// What the system says of this process, under the names that every Prometheus client has; and how much memory it keeps.
#pragma once

#include "server/ops/metrics.hpp"

namespace boathouse::ops {

// process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds, process_start_time_seconds.
void add_process_metrics(Registry& registry);

// How much memory that was freed the process keeps: pieces of over 4 MiB go back at once (a backlog's blocks are
// hundreds of megabytes for a moment), of the rest each of at most 4 heaps keeps up to 16 MiB. To keep nothing is dear:
// what a session's samples need (46,000 rows are 20 MB) would come from the system page by page at every question.
// Before any thread exists.
void set_kept_memory();

}  // namespace boathouse::ops
