// Speed of the PM5 codec on a simulated half hour (2 Hz, all characteristics in their natural mix), one core.
//   decode               the catalogue-driven decoder; items = notifications. Wanted: at least 5 million a second
//   hand_written         the baseline: one function per characteristic with its offsets typed in, the same null rules
//   decode/hand_written  both in turn in the same run; counter `ratio` = time of decode / time of the baseline
//   assemble             decode, merge into records, as a recorder does
//   simulate             making the notifications
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "core/pm5/assembler.hpp"
#include "core/pm5/notification.hpp"
#include "core/pm5/simulated_monitor.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {
namespace {

constexpr std::int64_t kHalfHourCs = 30 * 60 * 100;

std::vector<TimedNotification> simulate() {
  SimulationOptions options;
  options.keep_samples = false;
  auto monitor = SimulatedMonitor::create(sample_workout(5, kHalfHourCs), options).value();
  std::vector<TimedNotification> all;
  TimedNotification timed;
  while (monitor.next(timed)) all.push_back(timed);
  return all;
}

const std::vector<TimedNotification>& stream() {
  static const std::vector<TimedNotification> kStream = simulate();
  return kStream;
}

// ---- the baseline ----

struct HandWritten {
  std::array<std::int64_t, 16> values;
  std::size_t count;
};

std::int64_t u16(const std::uint8_t* at) { return at[0] | at[1] << 8; }
std::int64_t u24(const std::uint8_t* at) { return at[0] | at[1] << 8 | at[2] << 16; }
std::int64_t u32(const std::uint8_t* at) { return u24(at) | std::int64_t{at[3]} << 24; }
std::int64_t known(std::int64_t value, std::int64_t ones) {
  return value == 0 || value == ones ? rowing::kNull : value;
}
std::int64_t above_zero(std::int64_t value) { return value == 0 ? rowing::kNull : value; }

bool hand_written(std::uint16_t id, base::ByteView payload, HandWritten& out) {
  const std::uint8_t* const p = payload.data();
  const std::size_t size = payload.size();
  const auto set = [&](auto... values) {
    out.count = 0;
    ((out.values[out.count++] = values), ...);
    return true;
  };
  switch (id) {
    case 0x31:
      return size >= 19 &&
             set(u24(p), u24(p + 3), p[6], p[7], p[8], p[9], p[10], u24(p + 11), u24(p + 14), p[17], known(p[18], 255));
    case 0x32:
      return size >= 16 &&
             set(u24(p), u16(p + 3), p[5], known(p[6], 255), above_zero(u16(p + 7)), above_zero(u16(p + 9)),
                 u16(p + 11), u24(p + 13), size >= 17 ? std::int64_t{p[16]} : rowing::kNull);
    case 0x33:
      return size >= 20 && set(u24(p), p[3], u16(p + 4), u16(p + 6), above_zero(u16(p + 8)), u16(p + 10), u16(p + 12),
                               u24(p + 14), u24(p + 17));
    case 0x35:
      return size >= 20 && set(u24(p), u24(p + 3), p[6], p[7], u16(p + 8), u16(p + 10), u16(p + 12), u16(p + 14),
                               u16(p + 16), u16(p + 18));
    case 0x36:
      return size >= 15 && set(u24(p), u16(p + 3), u16(p + 5), u16(p + 7), u24(p + 9), u24(p + 12));
    case 0x37:
      return size >= 18 && set(u24(p), u24(p + 3), u24(p + 6), u24(p + 9), u16(p + 12), u16(p + 14), p[16], p[17]);
    case 0x38:
      return size >= 18 &&
             set(u24(p), p[3], known(p[4], 255), known(p[5], 255), above_zero(u16(p + 6)), u16(p + 8), u16(p + 10),
                 u16(p + 12), u16(p + 14), known(p[16], 255), p[17], size >= 19 ? std::int64_t{p[18]} : rowing::kNull);
    case 0x39:
      return size >= 20 && set(u16(p), u16(p + 2), u24(p + 4), u24(p + 7), p[10], known(p[11], 255), known(p[12], 255),
                               known(p[13], 255), known(p[14], 255), known(p[15], 255), known(p[16], 255), p[17],
                               known(u16(p + 18), 0xFFFF));
    case 0x3A:
      return size >= 19 && set(u16(p), u16(p + 2), p[4], u16(p + 5), p[7], u16(p + 8), u16(p + 10), u24(p + 12),
                               u16(p + 15), u16(p + 17));
    case 0x3B:
      return size >= 6 && set(p[0], p[1], u32(p + 2));
    case 0x3D: {
      if (size < 2) return false;
      const std::size_t points = p[0] & 0xF;
      if (points > kMaxForcePoints || size < 2 + 2 * points || p[1] >= p[0] >> 4) return false;
      out.count = 0;
      for (std::size_t i = 0; i < points; ++i) out.values[out.count++] = u16(p + 2 + 2 * i);
      return true;
    }
    case 0x3E:
      return size >= 12 && set(p[0], p[1], u16(p + 2), u16(p + 4), p[6], p[7], p[8], p[9], u16(p + 10),
                               size >= 13 ? std::int64_t{p[12]} : rowing::kNull);
    case 0x3F:
      return size >= 15 && set(u32(p), u32(p + 4), u32(p + 8), u16(p + 12), p[14]);
    default:
      return false;
  }
}

// ---- passes over the whole stream ----

void pass_decode() {
  Notification notification;
  for (const TimedNotification& timed : stream()) {
    benchmark::DoNotOptimize(decode(timed.characteristic, timed.payload, notification));
    benchmark::ClobberMemory();
  }
}

void pass_hand_written() {
  HandWritten out{};
  for (const TimedNotification& timed : stream()) {
    benchmark::DoNotOptimize(hand_written(timed.characteristic, timed.payload, out));
    benchmark::ClobberMemory();
  }
}

void count_items(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(stream().size()) * static_cast<std::int64_t>(state.iterations()));
}

void decode_all(benchmark::State& state) {
  (void)stream();
  for (auto _ : state) pass_decode();
  count_items(state);
}
BENCHMARK(decode_all)->Name("decode")->Unit(benchmark::kMillisecond);

void hand_written_all(benchmark::State& state) {
  (void)stream();
  for (auto _ : state) pass_hand_written();
  count_items(state);
}
BENCHMARK(hand_written_all)->Name("hand_written")->Unit(benchmark::kMillisecond);

void ratio(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  (void)stream();
  Clock::duration ours{};
  Clock::duration baseline{};
  for (auto _ : state) {
    const auto begin = Clock::now();
    pass_decode();
    const auto middle = Clock::now();
    pass_hand_written();
    ours += middle - begin;
    baseline += Clock::now() - middle;
  }
  state.counters["ratio"] = static_cast<double>(ours.count()) / static_cast<double>(baseline.count());
}
BENCHMARK(ratio)->Name("decode/hand_written")->Unit(benchmark::kMillisecond);

void assemble_all(benchmark::State& state) {
  (void)stream();
  std::vector<rowing::Record> records;
  std::size_t made = 0;
  for (auto _ : state) {
    Assembler assembler;
    Notification notification;
    for (const TimedNotification& timed : stream()) {
      if (decode(timed.characteristic, timed.payload, notification) != DecodeStatus::ok) continue;
      assembler.push(notification, timed.at_ms, records);
      made += records.size();
      records.clear();
    }
    assembler.flush(records);
    benchmark::DoNotOptimize(made);
  }
  count_items(state);
}
BENCHMARK(assemble_all)->Name("assemble")->Unit(benchmark::kMillisecond);

void simulate_all(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(simulate());
  count_items(state);
}
BENCHMARK(simulate_all)->Name("simulate")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace boathouse::pm5
