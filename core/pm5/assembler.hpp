// Turns the notifications of ONE recording into records. Pure: no clock, no I/O. Thread rule: one instance per
// recording, one thread at a time.
//
// sample   0x31, 0x32 and 0x33 with the same elapsed time are one sample, handed out when all three are there, when
// another elapsed time or a
//          repeated part shows that the next one has begun (elapsed stands still in a rest), or when overdue. Every
//          0x31, 0x32 and 0x33 lands in exactly one sample. 0x3E has no elapsed time: it joins the open sample, or the
//          next.
// interval counted from 0 by the restarts of elapsed AND distance; elapsed alone jumps back inside rests.
// stroke   key (interval, stroke_count): first 0x35 and 0x36 (end of drive) and second 0x35 (end of recovery) are one
// record, handed out when
//          the next stroke begins, or when overdue. What comes after that makes a second record of the same key. A 0x35
//          or 0x36 whose measures are all 0 (end of a planned rest) is no stroke: nothing if all its bytes are 0, else
//          an event rejected_notification "zero_filled".
// curve    the packets of 0x3D in order of their sequence; lost ones are bits in lost_packets; stroke_count from the
// 0x35 or 0x36 of that drive. split    key split_number: 0x37 and 0x38; handed out when both are there, or when
// overdue; a late or changed part makes a second record.
//          In interval pieces `interval` comes from the split's number, since the counters have restarted before it is
//          sent.
// summary  0x39, 0x3A, 0x3B, 0x3C, 0x3F; first handed out when 0x39 and 0x3A are there, or when overdue, then with
// every news.
//
// OF TWO RECORDS WITH THE SAME KEY THE LATER ONE COUNTS and holds all that the earlier one knew (of two summaries too).
// Values: null never covers a value; the newest value wins. Appended bytes are in Record::bytes (docs/pm5.md section
// 6).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/pm5/notification.hpp"
#include "core/rowing/enumerations.hpp"
#include "core/rowing/record.hpp"

namespace boathouse::pm5 {

inline constexpr std::size_t kMaxEventHex = 64;  // bytes of a refused notification that its event keeps

class Assembler {
 public:
  Assembler();
  ~Assembler();
  Assembler(Assembler&&) noexcept;
  Assembler& operator=(Assembler&&) noexcept;

  // `at_ms`: monotonic milliseconds since the start of the recording, at receipt; must not fall. Appends finished
  // records to `out`.
  void push(const Notification& notification, std::int64_t at_ms, std::vector<rowing::Record>& out);

  // A notification that decode() refused: kept as an event with its characteristic, length and hex.
  void push_refused(DecodeStatus status, std::uint16_t characteristic, base::ByteView payload, std::int64_t at_ms,
                    std::vector<rowing::Record>& out);

  // Hands out what waits for a partner that should have come by now.
  void tick(std::int64_t at_ms, std::vector<rowing::Record>& out);

  // Hands out everything that is still open: at the end, before suspension, before a gap. The assembler may go on
  // afterwards.
  void flush(std::vector<rowing::Record>& out);

  // What flush() would hand out now; nothing changes. For who must keep what is not finished yet.
  [[nodiscard]] std::vector<rowing::Record> unfinished() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// An event record; `detail` is JSON text.
rowing::Record make_event(rowing::EventKind kind, std::int64_t at_ms, std::string_view detail);

}  // namespace boathouse::pm5
