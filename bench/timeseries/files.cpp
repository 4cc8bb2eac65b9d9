#include "bench/timeseries/bench.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.hpp"
#include "server/timeseries/schema.hpp"

namespace boathouse::bench {

namespace fs = std::filesystem;
using rowing::Stream;
using timeseries::ClickHouseClient;

// ---- csv: for the peers ----

void csv(const Options& options) {
  Fleet fleet(options.number("samples", 2'000'000));
  FleetSession session;
  std::string out;
  while (fleet.next(session)) {
    const std::string key =
        session.athlete.text() + "," + std::to_string(session.started_ms) + "," + session.rec_id.text() + ",";
    for (std::size_t i = 0; i < session.samples.size(); ++i) {
      const Sample& s = session.samples[i];
      out += key + std::to_string(i);
      for (const std::int64_t value :
           {s.elapsed_cs, s.distance_dm, s.pace_cs, s.power_w, s.spm, s.heart_rate_bpm, s.calories, s.drag, s.state}) {
        out += "," + std::to_string(value);
      }
      out += "\n";
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
    out.clear();
  }
}

// ---- blocks: Native bodies in files, for the engine against the library in process ----

void native_blocks(const Options& options) {
  const fs::path folder = options.text("work");
  fs::create_directories(folder);
  const std::size_t limit = options.number("block", 500'000);
  RowBlock block(Stream::sample, kCoreColumns);
  Fleet fleet(options.number("samples", 10'000'000));
  FleetSession session;
  std::size_t number = 0;
  const auto write = [&] {
    auto [sql, body] = block.take();
    std::ofstream(folder / (std::to_string(1000 + number++) + ".native"), std::ios::binary)
        .write(reinterpret_cast<const char*>(body.data()), static_cast<std::streamsize>(body.size()));
    std::ofstream(folder / "insert.sql") << sql;
  };
  while (fleet.next(session)) {
    for (std::size_t i = 0; i < session.samples.size(); ++i) {
      add_sample(block, session, i);
      if (block.rows() == limit) write();
    }
  }
  if (block.rows() > 0) write();
}

// Sends such a folder over HTTP: seconds, as `bench-engine-in-process` prints them.
void send_blocks(const Options& options) {
  ClickHouseClient client = patient_client(options);
  need(timeseries::migrate(client));
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(options.text("work"))) {
    if (entry.path().extension() == ".native") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::string sql;
  std::getline(std::ifstream(fs::path(options.text("work")) / "insert.sql"), sql);
  std::vector<base::Bytes> bodies;
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    base::Bytes& body = bodies.emplace_back(fs::file_size(file));
    in.read(reinterpret_cast<char*>(body.data()), static_cast<std::streamsize>(body.size()));
  }
  need(client.execute("TRUNCATE TABLE sample"));
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> senders;
  const auto begin = Steady::now();
  for (std::uint64_t c = 0; c < options.number("connections", 2); ++c) {
    senders.emplace_back([&] {
      for (std::size_t i = next++; i < bodies.size(); i = next++) {
        need(client.insert(sql, bodies[i], files[i].filename().string()));
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  std::printf("%.6f\n", seconds_since(begin));
}

}  // namespace boathouse::bench
