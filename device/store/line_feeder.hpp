// Captured or live notifications as JSON lines (core/pm5/notification_line.hpp has the shapes), one after the other
// into a recorder. A line that cannot be read is counted, told with its number, kept as an event `rejected_line` of the
// recording (the first kMaxLineEvents), and the rest goes on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "device/store/recorder.hpp"

namespace boathouse::store {

inline constexpr std::size_t kMaxRejectedLines = 100;  // told one by one; the rest are counted
inline constexpr std::uint64_t kMaxLineEvents = 1000;

struct RejectedLine {
  std::uint64_t line = 0;  // from 1
  std::string reason;
};

struct LineCounters {
  std::uint64_t lines = 0;    // = fed + skipped + rejected
  std::uint64_t fed = 0;      // notifications given to the recorder
  std::uint64_t skipped = 0;  // blank and meta lines, characteristics of other services
  std::uint64_t rejected = 0;
};

class LineFeeder {
 public:
  // `recorder` must outlive the feeder.
  explicit LineFeeder(Recorder& recorder) : recorder_(recorder) {}

  // `received_ms`: for a live source, the moment of receipt, used when the line has no at_ms of its own. The error is
  // the store's; a bad line is not an error here.
  base::Status feed(std::string_view line, std::optional<std::int64_t> received_ms);
  // Time passes without lines; call it about twice a second. `received_ms` is of the clock of feed()'s: the feeder
  // knows how far the lines' own time is from it.
  base::Status tick(std::int64_t received_ms);
  // All lines of a text.
  base::Status feed_all(std::string_view text);

  [[nodiscard]] const LineCounters& counters() const { return counters_; }
  // The first kMaxRejectedLines.
  [[nodiscard]] const std::vector<RejectedLine>& rejected() const { return rejected_; }

 private:
  base::Status reject(const std::string& reason);

  Recorder& recorder_;
  LineCounters counters_;
  std::optional<std::int64_t> source_offset_ms_;  // from the clock of receipt to that of the last line
  std::vector<RejectedLine> rejected_;
};

}  // namespace boathouse::store
