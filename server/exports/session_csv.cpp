#include "server/exports/session_csv.hpp"

#include <algorithm>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/hex.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/edge.hpp"
#include "server/exports/csv.hpp"

namespace boathouse::exports {
namespace {

using rowing::Stream;

constexpr std::size_t kPageRows = 2000;
// Of one page as ClickHouse counts it. Here it is that much again as a block and, where it is bytes that become hex,
// twice that as text.
constexpr std::size_t kPageBytes = std::size_t{8} << 20;
constexpr std::size_t kFewer = 4;  // times fewer rows are asked for when a page was too large

// What a reader wants first comes first.
constexpr Stream kFileOrder[] = {Stream::summary,     Stream::split,  Stream::stroke,
                                 Stream::force_curve, Stream::sample, Stream::event};

std::vector<Stream> streams_of(const std::optional<Stream>& one) {
  if (one) return {*one};
  return {std::begin(kFileOrder), std::end(kFileOrder)};
}

constexpr std::string_view kPointsColumn = "force_curve_lbf";

// Appended bytes are binary; an event's detail is text.
std::string bytes_header(Stream stream) {
  return stream == Stream::event ? "detail" : std::string(rowing::bytes_column(stream)) + "_hex";
}

// As many as make half a page if they are like these.
std::size_t rows_like(const timeseries::NativeBlock& block, Stream stream) {
  std::size_t bytes = 1;
  for (const std::string& text : block.find(rowing::bytes_column(stream))->texts) bytes += text.size();
  if (const auto* const points = block.find("points")) {
    for (const auto& row : points->arrays) bytes += row.size() * sizeof(std::uint16_t);
  }
  return std::clamp<std::size_t>(block.rows * (kPageBytes / 2) / bytes, 1, kPageRows);
}

}  // namespace

std::vector<std::string> csv_header(const std::optional<Stream>& stream) {
  std::vector<std::string> header{"stream", "seq"};
  const auto add = [&header](std::string_view name) {
    if (std::ranges::find(header, name) == header.end()) header.emplace_back(name);
  };
  for (const Stream each : streams_of(stream)) {
    for (const rowing::EdgeField& field : rowing::edge_fields(each)) add(field.name);
    if (rowing::has_points(each)) add(kPointsColumn);
  }
  for (const Stream each : streams_of(stream)) add(bytes_header(each));
  return header;
}

struct SessionCsv::State {
  timeseries::ClickHouseClient& client;
  query::RecordKeys keys;
  CsvOptions options;
  std::vector<std::string> header;
  std::vector<Stream> streams;
  std::size_t stream_index = 0;
  std::uint64_t next_seq = 0;
  std::size_t page_rows = kPageRows;
  bool header_written = false;

  base::Result<timeseries::NativeBlock> page();
  void write_rows(const timeseries::NativeBlock& block, std::string& out) const;
};

// Rows may be some bytes or 64 KiB: as many are asked for as fit by what the last ones weighed, and if they do not,
// fewer.
base::Result<timeseries::NativeBlock> SessionCsv::State::page() {
  const Stream stream = streams[stream_index];
  while (true) {
    auto block = query::records(client, keys.at(stream), stream,
                                {.from_seq = next_seq,
                                 .limit = page_rows,
                                 .counted_only = !options.superseded,
                                 .with_bytes = true,
                                 .most_bytes = kPageBytes});
    if (block || block.error().code != base::ErrorCode::too_large || page_rows == 1) return block;
    page_rows = std::max<std::size_t>(page_rows / kFewer, 1);
  }
}

// Cells of one row, then in the order of the header.
void SessionCsv::State::write_rows(const timeseries::NativeBlock& block, std::string& out) const {
  if (block.rows == 0) return;  // then it may have no columns either
  const Stream stream = streams[stream_index];
  const auto fields = rowing::edge_fields(stream);
  const auto metrics = rowing::metrics(stream);
  std::vector<const rowing::EdgeField*> field_of(header.size(), nullptr);
  for (std::size_t i = 0; i < header.size(); ++i) {
    const auto found = std::ranges::find(fields, header[i], &rowing::EdgeField::name);
    if (found != fields.end()) field_of[i] = &*found;
  }
  std::vector<const std::vector<std::int64_t>*> columns;
  for (const rowing::Metric& metric : metrics) columns.push_back(&block.find(metric.column)->integers);
  const auto* const points = block.find("points");
  const auto& bytes = block.find(rowing::bytes_column(stream))->texts;
  const std::string bytes_name = bytes_header(stream);

  CsvWriter csv(out);
  std::vector<std::int64_t> values(metrics.size());
  for (std::size_t row = 0; row < block.rows; ++row) {
    for (std::size_t m = 0; m < metrics.size(); ++m) values[m] = (*columns[m])[row];
    for (std::size_t i = 0; i < header.size(); ++i) {
      if (i == 0) {
        csv.number(rowing::name(stream));
      } else if (i == 1) {
        csv.number(std::to_string(block.integer("seq", row)));
      } else if (const rowing::EdgeField* field = field_of[i]) {
        const auto text = field->render(*field, values);
        if (!text) {
          csv.empty();
        } else if (field->type == rowing::EdgeType::text) {
          csv.text(*text);
        } else {
          csv.number(*text);
        }
      } else if (points != nullptr && header[i] == kPointsColumn) {
        std::string list;
        for (const std::int64_t point : points->arrays[row]) list += (list.empty() ? "" : " ") + std::to_string(point);
        csv.number(list);
      } else if (header[i] == bytes_name) {
        if (stream == Stream::event) {
          csv.text(bytes[row]);
        } else {
          csv.number(base::to_hex(base::as_bytes(bytes[row])));
        }
      } else {
        csv.empty();
      }
    }
    csv.end_row();
  }
}

SessionCsv::SessionCsv(timeseries::ClickHouseClient& client, query::RecordKeys keys, CsvOptions options)
    : state_(std::make_unique<State>(
          State{client, std::move(keys), options, csv_header(options.stream), streams_of(options.stream)})) {
  std::erase_if(state_->streams, [this](Stream stream) { return !state_->keys.contains(stream); });
}
SessionCsv::~SessionCsv() = default;
SessionCsv::SessionCsv(SessionCsv&&) noexcept = default;
SessionCsv& SessionCsv::operator=(SessionCsv&&) noexcept = default;

base::Result<bool> SessionCsv::next(std::string& out) {
  State& state = *state_;
  if (!state.header_written) {
    CsvWriter csv(out);
    for (const std::string& name : state.header) csv.text(name);
    csv.end_row();
    state.header_written = true;
  }
  if (state.stream_index == state.streams.size()) return false;
  const auto block = state.page();
  if (!block) return block.error();
  const bool is_last = block->rows < state.page_rows;
  if (block->rows > 0) {
    state.write_rows(*block, out);
    state.next_seq = static_cast<std::uint64_t>(block->integer("seq", block->rows - 1)) + 1;
    state.page_rows = rows_like(*block, state.streams[state.stream_index]);
  }
  if (is_last) {
    ++state.stream_index;
    state.next_seq = 0;
    state.page_rows = kPageRows;
  }
  return state.stream_index < state.streams.size();
}

}  // namespace boathouse::exports
