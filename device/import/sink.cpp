#include "device/import/sink.hpp"

#include <algorithm>
#include <utility>

#include "core/base/json.hpp"
#include "core/pm5/assembler.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/enumerations.hpp"
#include "device/import/values.hpp"

namespace boathouse::import {
namespace {

constexpr std::int64_t kYear2000Ms = 946'684'800'000;  // a date before it is from a clock that nobody had set

}  // namespace

ImportSink::ImportSink(store::ImportTransaction& transaction, base::UuidV7Source& ids, rowing::Birth common,
                       std::string athlete, std::string_view content, ImportReport& report)
    : transaction_(transaction),
      ids_(ids),
      common_(std::move(common)),
      athlete_(std::move(athlete)),
      content_(content),
      report_(report) {}

base::Status ImportSink::begin(const Start& start, std::size_t source_begin) {
  if (begun_) BOATHOUSE_TRY(add_source(source_begin));
  rowing::Birth birth = common_;
  birth.rec_id = ids_.next();
  birth.started_known = start.utc_ms.has_value();
  if (start.utc_ms) birth.started_ms = *start.utc_ms;
  birth.offset_minutes = start.offset_minutes;
  birth.zone = start.zone;
  birth.title = cut_text(start.title, kMaxTitle);
  BOATHOUSE_TRY(transaction_.begin(birth, athlete_));
  begun_ = true;
  report_.recordings.push_back(birth.rec_id);
  for (rowing::Record& event : std::exchange(waiting_, {})) BOATHOUSE_TRY(add(std::move(event)));
  if (!start.utc_ms || *start.utc_ms >= kYear2000Ms) return {};
  std::string detail;
  base::JsonWriter(detail).begin_object().key("clock_ms").value(*start.utc_ms).end_object();
  return add_event(rowing::EventKind::clock_before_2000, detail);
}

base::Status ImportSink::add(rowing::Record record) {
  ++report_.records[static_cast<std::size_t>(record.stream)];
  return transaction_.append(std::move(record));
}

base::Status ImportSink::add_source(std::size_t end) {
  while (source_begin_ < end) {
    const std::size_t size = std::min(end - source_begin_, rowing::kMaxSourceBlock);
    rowing::Record block;
    block.stream = rowing::Stream::source;
    block.values.assign(rowing::metrics(rowing::Stream::source).size(), rowing::kNull);
    block.bytes = content_.substr(source_begin_, size);
    BOATHOUSE_TRY(add(std::move(block)));
    source_begin_ += size;
  }
  return {};
}

void ImportSink::tell(std::uint64_t line, std::string_view column, std::string text) {
  if (report_.problems.size() < kMaxProblems) report_.problems.push_back({line, std::string(column), std::move(text)});
}

base::Status ImportSink::add_event(rowing::EventKind kind, std::string_view detail) {
  if (events_ == kMaxEvents) {
    ++events_left_out_;
    return {};
  }
  ++events_;
  rowing::Record event = pm5::make_event(kind, 0, detail);
  event.values[rowing::column_index(rowing::Stream::event, "at_ms")] = rowing::kNull;
  if (begun_) return add(std::move(event));
  waiting_.push_back(std::move(event));
  return {};
}

base::Status ImportSink::reject_value(std::uint64_t line, std::string_view column, std::string_view cell,
                                      std::string_view why) {
  ++report_.rejected_values;
  const std::string shown = cut_text(cell, kMaxCellInEvent);
  tell(line, column, "\"" + shown + "\" " + std::string(why));
  std::string detail;
  base::JsonWriter(detail)
      .begin_object()
      .key("line")
      .value(line)
      .key("column")
      .value(column)
      .key("text")
      .value(shown)
      .key("reason")
      .value(why)
      .end_object();
  return add_event(rowing::EventKind::rejected_value, detail);
}

base::Status ImportSink::reject_line(std::uint64_t line, std::string_view why) {
  ++report_.rejected_lines;
  tell(line, "", std::string(why));
  std::string detail;
  base::JsonWriter(detail).begin_object().key("line").value(line).key("reason").value(why).end_object();
  return add_event(rowing::EventKind::rejected_line, detail);
}

base::Status ImportSink::finish() {
  if (!begun_) {
    std::string text = "no row can be read";
    if (report_.problems.empty()) {
      text += ": there is none behind the header";
    } else {
      const ImportProblem& first = report_.problems.front();
      text += "; line " + std::to_string(first.line) + (first.column.empty() ? "" : ", column " + first.column) + ": " +
              first.text;
    }
    return base::Error{base::ErrorCode::invalid_input, std::move(text)};
  }
  if (events_left_out_ > 0) {
    std::string detail;
    base::JsonWriter(detail)
        .begin_object()
        .key("reason")
        .value("more than an import keeps events for")
        .key("left_out")
        .value(events_left_out_)
        .end_object();
    events_ = 0;
    BOATHOUSE_TRY(add_event(rowing::EventKind::rejected_line, detail));
  }
  return add_source(content_.size());
}

}  // namespace boathouse::import
