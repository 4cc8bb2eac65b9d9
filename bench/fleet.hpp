// A fleet of rowers, generated: what sizes and speeds of the tables are measured on when no real data of that amount
// are to be had. Per 20.4 M samples about 5,080 sessions of 1,911 athletes over two years; 60 % of them at 2 Hz, 25 %
// at 1 Hz, 15 % at 10 Hz. Pace is a random walk from stroke to stroke, heart rate a slow one, the timer jitters by some
// milliseconds, every stroke has a force curve of 35 points. The same seed gives the same fleet.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/base/random.hpp"
#include "core/base/uuid.hpp"

namespace boathouse::bench {

inline constexpr std::size_t kCurvePoints = 35;

// The nine core metrics, in the monitor's units.
struct Sample {
  std::int64_t elapsed_cs, distance_dm, pace_cs, power_w, spm, heart_rate_bpm, calories, drag, state;
};

struct Stroke {
  std::int64_t elapsed_cs, distance_dm, drive_length_cm, drive_time_cs, recovery_time_cs, distance_cm, peak_dlbf,
      avg_dlbf, work_dj, count, power_w, cal_per_hour;
  std::array<std::int64_t, kCurvePoints> curve;
};

struct FleetSession {
  base::Uuid athlete;
  base::Uuid rec_id;
  std::int64_t started_ms = 0;
  std::vector<Sample> samples;
  std::vector<Stroke> strokes;
};

class Fleet {
 public:
  explicit Fleet(std::uint64_t samples, std::uint64_t seed = 1)
      : random_(seed),
        wanted_(samples),
        athletes_(std::max<std::uint64_t>(1, samples / 10'675)),
        step_ms_(static_cast<double>(kTwoYearsMs) / std::max(1.0, static_cast<double>(samples) / kSamplesASession)) {}

  // False at the end: `samples` were made, give or take one session.
  bool next(FleetSession& out) {
    if (made_ >= wanted_) return false;
    out.athlete = id(random_.below(athletes_), 0xA7);
    out.rec_id = id(number_++, 0x5E);
    clock_ms_ += step_ms_ * (0.5 + random_.unit());
    out.started_ms = kBeginMs + static_cast<std::int64_t>(clock_ms_);
    row(out);
    made_ += out.samples.size();
    return true;
  }

 private:
  static constexpr std::int64_t kBeginMs = 1'704'067'200'000;  // 2024-01-01
  static constexpr std::int64_t kTwoYearsMs = std::int64_t{730} * 86'400'000;
  static constexpr double kSamplesASession = 4015;

  static base::Uuid id(std::uint64_t number, std::uint8_t kind) {
    base::SeededRandom random(number * 256 + kind);
    base::Uuid uuid;
    random.fill(uuid.bytes);
    uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | (uuid.bytes[6] & 0xF));
    uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3F));
    return uuid;
  }
  double noise(double deviation) { return random_.normal() * deviation; }
  static std::int64_t whole(double value) { return static_cast<std::int64_t>(std::lround(value)); }

  void row(FleetSession& out) {
    out.samples.clear();
    out.strokes.clear();
    const std::uint64_t kind = random_.below(100);
    const double hertz = kind < 60 ? 2 : kind < 85 ? 1 : 10;
    const double minutes = std::clamp(std::exp(std::log(19.4) + noise(0.5)), 3.0, 90.0);
    const double base_pace = 105 + random_.unit() * 40;  // s per 500 m
    const auto drag = static_cast<std::int64_t>(100 + random_.below(40));
    double pace = base_pace;
    double heart = 100 + random_.unit() * 20;
    const double heart_goal = 140 + random_.unit() * 40;
    double spm = 18 + random_.unit() * 12;
    double metres = 0;
    double calories = 0;
    double stroke_end = 0;
    double power = 0;
    double jitter_s = 0;
    std::int64_t strokes = 0;
    for (double at = 0; at < minutes * 60; at += 1 / hertz) {
      while (at >= stroke_end) {
        pace += (base_pace - pace) * 0.05 + noise(0.7);
        spm = std::clamp(spm + noise(0.25), 16.0, 40.0);
        power = 2.8 / std::pow(pace / 500, 3);
        const double length = 60 / spm;
        if (stroke_end > 0) out.strokes.push_back(stroke(stroke_end, metres, length, pace, power, ++strokes));
        stroke_end += length;
      }
      heart += (heart_goal - heart) * 0.004 / hertz + noise(0.25 / std::sqrt(hertz));
      metres += 500 / pace / hertz;
      calories += (power * 4 * 0.8604 + 300) / 3600 / hertz;
      jitter_s = noise(0.003);
      out.samples.push_back({std::max<std::int64_t>(0, whole((at + jitter_s) * 100)), whole(metres * 10),
                             whole(pace * 100), whole(power), whole(spm),
                             std::clamp<std::int64_t>(whole(heart), 60, 205), whole(calories), drag,
                             at + 3 > minutes * 60 ? 0 : 1});
    }
  }

  Stroke stroke(double at, double metres, double length, double pace, double power, std::int64_t count) {
    Stroke out{};
    out.elapsed_cs = whole(at * 100);
    out.distance_dm = whole(metres * 10);
    out.drive_length_cm = whole(138 + noise(2));
    out.drive_time_cs = whole(72 + noise(2));
    out.recovery_time_cs = std::max<std::int64_t>(0, whole(length * 100) - out.drive_time_cs);
    out.distance_cm = whole(500 / pace * length * 100);
    out.power_w = whole(power);
    out.work_dj = whole(power * length * 10);
    out.cal_per_hour = whole(power * 4 * 0.8604 + 300);
    out.count = count;
    const double peak = power * 0.55 + 40 + noise(2);
    double sum = 0;
    for (std::size_t i = 0; i < kCurvePoints; ++i) {
      const double x = (static_cast<double>(i) + 0.5) / kCurvePoints;
      const double force = peak * std::sin(3.14159265 * std::pow(x, 0.85)) + noise(0.8);
      out.curve[i] = std::max<std::int64_t>(0, whole(force));
      sum += static_cast<double>(out.curve[i]);
    }
    out.peak_dlbf = *std::ranges::max_element(out.curve) * 10;
    out.avg_dlbf = whole(sum / kCurvePoints * 10);
    return out;
  }

  base::SeededRandom random_;
  std::uint64_t wanted_;
  std::uint64_t athletes_;
  double step_ms_;
  double clock_ms_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace boathouse::bench
