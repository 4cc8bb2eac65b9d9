#include "apps/boathouse/pm5_command.hpp"

#include <cstdio>
#include <fstream>
#include <iostream>

#include "apps/boathouse/output.hpp"
#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/pm5/decode_line.hpp"
#include "core/pm5/simulated_monitor.hpp"

namespace boathouse::app {

int pm5_decode(const std::string& file) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file);
    if (!opened) return fail("cannot read " + file);
  }
  std::istream& in = file == "-" ? std::cin : opened;
  std::string line;
  std::uint64_t number = 0;
  bool all_good = true;
  while (std::getline(in, line)) {
    const pm5::DecodedLine decoded = pm5::decode_line(++number, line);
    all_good = all_good && !decoded.is_error;
    std::fwrite(decoded.json.data(), 1, decoded.json.size(), stdout);
    std::fputc('\n', stdout);
  }
  return all_good ? kDone : kFailed;
}

int pm5_simulate(const MonitorOptions& options) {
  pm5::SimulationOptions simulation;
  simulation.seed = options.seed;
  simulation.machine = options.machine == "ski"    ? pm5::Machine::skierg
                       : options.machine == "bike" ? pm5::Machine::bikeerg
                                                   : pm5::Machine::rowerg;
  simulation.form = options.multiplexed ? pm5::Form::multiplexed : pm5::Form::direct;
  simulation.sample_hz = options.hz;
  simulation.rower.power_w = options.power_w;
  simulation.air.lost = options.lost;
  simulation.keep_samples = false;
  const auto work_cs = static_cast<std::int64_t>(options.minutes * 6000.0);
  auto monitor = pm5::SimulatedMonitor::create(
      pm5::sample_workout(static_cast<std::uint8_t>(options.workout_type), work_cs), simulation);
  if (!monitor) return wrong_use(monitor.error().text);

  pm5::TimedNotification notification;
  std::string line;
  while (monitor->next(notification)) {
    line.clear();
    char characteristic[8];
    std::snprintf(characteristic, sizeof characteristic, "%04X", static_cast<unsigned>(notification.characteristic));
    base::JsonWriter json(line);
    json.begin_object()
        .key("at_ms")
        .value(notification.at_ms)
        .key("char")
        .value(static_cast<const char*>(characteristic));
    json.key("hex").value(base::to_hex(notification.payload)).end_object();
    line += '\n';
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) return kFailed;  // nobody reads any more
  }
  return kDone;
}

}  // namespace boathouse::app
