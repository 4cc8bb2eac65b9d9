// `boathouse simulate`: a crew of simulated monitors, each on a device of its own, as load or demo.
#pragma once

#include <cstdint>
#include <string>

namespace boathouse::app {

struct SimulateOptions {
  int ergs = 8;
  int hz = 2;
  double speed = 60;   // erg seconds a second; 0 = as fast as possible
  double minutes = 5;  // erg minutes
  std::uint64_t seed = 1;
  bool light = false;  // devices without a store, a connection and a batch a minute each
  std::string server;
  std::string key;          // the operator's
  std::string ca_file{};    // as of transport::HttpClientOptions
  std::string keys_file{};  // light: the crew's keys, read, or written when it is not there; empty = new ones
  bool storm = false;       // light: before its last batch every device loses its connection, and all come back at once
  std::string data;         // folder for the devices' stores; empty = a temporary one that is removed at the end
};

// Makes athletes sim-1..N and a key each, rows, waits until all is acknowledged. The last line is one JSON object
// {records, acked, errors, ack_ms: {p50, p99}}. Exit 1 if acked < records.
int simulate(const SimulateOptions& options);

}  // namespace boathouse::app
