// What the system says of this process, under the names that every Prometheus client has.
#pragma once

#include "server/ops/metrics.hpp"

namespace boathouse::ops {

// process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds, process_start_time_seconds.
void add_process_metrics(Registry& registry);

}  // namespace boathouse::ops
