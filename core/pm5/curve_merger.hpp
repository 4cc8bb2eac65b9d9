// Assembles the packets of 0x3D into force curves (see assembler.hpp). Thread rule: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/pm5/notification.hpp"
#include "core/pm5/stroke_merger.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {

// The packets of one drive come in a burst; the next drive is further away than this.
inline constexpr std::int64_t kCurveGapMs = 600;
// A stroke's first 0x35 or 0x36 comes at the end of the drive, as its curve does.
inline constexpr std::int64_t kSameDriveMs = 700;
inline constexpr std::int64_t kCurveOverdueMs = 1000;

// A curve of which some packets have come.
struct OpenCurve {
  std::int64_t at_ms = 0;
  std::int64_t last_ms = 0;
  std::int64_t interval = 0;
  std::optional<std::int64_t> stroke_count;
  std::uint8_t packets = 0;
  std::uint16_t received = 0;  // bit n: packet n
  std::array<ForcePacket, 15> parts{};
  std::map<std::uint8_t, base::Bytes> tails;  // by sequence
  bool handed_out = false;                    // kept only to know repeated packets

  [[nodiscard]] bool has(std::uint8_t sequence) const { return (received >> sequence & 1) != 0; }
  [[nodiscard]] bool complete() const { return received == (1U << packets) - 1; }
};

class CurveMerger {
 public:
  void push(const Notification& notification, std::int64_t at_ms, std::int64_t interval,
            std::vector<rowing::Record>& out);
  // The first notification of a stroke has come.
  void stroke_began(const StrokeKey& key, std::int64_t at_ms, std::vector<rowing::Record>& out);
  void tick(std::int64_t at_ms, std::vector<rowing::Record>& out);
  void flush(std::vector<rowing::Record>& out);

 private:
  struct StrokeStart {
    StrokeKey key;
    std::int64_t at_ms;
  };

  static rowing::Record record_of(const OpenCurve& curve);
  void emit(std::vector<rowing::Record>& out);

  std::optional<OpenCurve> curve_;
  std::optional<StrokeStart> last_stroke_;
};

}  // namespace boathouse::pm5
