// What a dialect writes to: recordings, records, and what it could not take. Keeps the report and the events, and gives
// each recording its part of the file's bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/enumerations.hpp"
#include "core/rowing/record.hpp"
#include "core/rowing/recording.hpp"
#include "device/import/import.hpp"
#include "device/store/store.hpp"

namespace boathouse::import {

inline constexpr std::uint64_t kMaxEvents = 10'000;  // of a file; more are counted, and the last event says how many
inline constexpr std::size_t kMaxTitle = 200;        // code points
inline constexpr std::size_t kMaxCellInEvent = 200;  // code points

// What a dialect knows of a recording before its first record.
struct Start {
  std::optional<std::int64_t> utc_ms;  // nullopt: the file has no date, the moment of the import is taken
  std::optional<int> offset_minutes;
  std::string zone;
  std::string title;
};

class ImportSink {
 public:
  // `common` is what all recordings of the file share; rec_id and start are given here. All references must outlive the
  // sink.
  ImportSink(store::ImportTransaction& transaction, base::UuidV7Source& ids, rowing::Birth common, std::string athlete,
             std::string_view content, ImportReport& report);

  // The next recording; `source_begin` is where its part of the file begins (the first one's is 0 whatever is given,
  // the last one's ends with the file).
  base::Status begin(const Start& start, std::size_t source_begin);
  [[nodiscard]] bool begun() const { return begun_; }
  base::Status add(rowing::Record record);
  void row_read() { ++report_.rows; }

  base::Status reject_value(std::uint64_t line, std::string_view column, std::string_view cell, std::string_view why);
  base::Status reject_line(std::uint64_t line, std::string_view why);

  // After the last row: the rest of the source and of the events. invalid_input when nothing was readable.
  base::Status finish();

 private:
  base::Status add_event(rowing::EventKind kind, std::string_view detail);
  base::Status add_source(std::size_t end);
  void tell(std::uint64_t line, std::string_view column, std::string text);

  store::ImportTransaction& transaction_;
  base::UuidV7Source& ids_;
  rowing::Birth common_;
  std::string athlete_;
  std::string_view content_;
  ImportReport& report_;
  bool begun_ = false;
  std::size_t source_begin_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t events_left_out_ = 0;
  std::vector<rowing::Record> waiting_;  // events before the first recording
};

}  // namespace boathouse::import
