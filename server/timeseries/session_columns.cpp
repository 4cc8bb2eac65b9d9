#include "server/timeseries/session_columns.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/rowing/record.hpp"

namespace boathouse::timeseries {
namespace {

using rowing::Figure;
using rowing::FigureSource;
using rowing::kNull;
using rowing::Stream;

constexpr std::int64_t kNoRecording = 255;

// Of rowing::kTotals.
constexpr std::array<std::string_view, rowing::kTotals.size()> kTotalTypes{
    "Nullable(UInt32)", "Nullable(UInt32)", "Nullable(UInt32)", "Nullable(UInt32)", "Nullable(UInt32)",
    "Nullable(UInt16)", "Nullable(UInt16)", "Nullable(UInt8)",  "Nullable(UInt8)",  "Nullable(UInt8)",
    "Nullable(UInt8)",  "Nullable(UInt32)", "Nullable(UInt32)", "Nullable(UInt8)"};

std::int64_t largest(std::string_view type) {
  if (type.find("UInt8") != std::string_view::npos) return 0xFF;
  return type.find("UInt16") != std::string_view::npos ? 0xFFFF : 0xFFFFFFFF;
}

// One row: the first makes the columns, the others name them in the same order.
class Row {
 public:
  explicit Row(NativeBlock& block) : block_(block) {}

  void integer(std::string_view name, std::string_view type, std::int64_t value) {
    column(name, type).integers.push_back(value);
  }
  // A value that the column cannot hold is shown as unknown rather than wrapped; the raw records keep it.
  void bounded(std::string_view name, std::string_view type, std::int64_t value) {
    integer(name, type, value < 0 || value > largest(type) ? kNull : value);
  }
  void text(std::string_view name, std::string_view value) { column(name, "String").texts.emplace_back(value); }
  void uuid(std::string_view name, const base::Uuid& value) { column(name, "UUID").uuids.push_back(value); }
  void integers(std::string_view name, std::string_view type, std::vector<std::int64_t> values) {
    column(name, type).arrays.push_back(std::move(values));
  }
  void texts(std::string_view name, std::vector<std::string> values) {
    column(name, "Array(String)").text_arrays.push_back(std::move(values));
  }
  void uuids(std::string_view name, std::vector<base::Uuid> values) {
    column(name, "Array(UUID)").uuid_arrays.push_back(std::move(values));
  }
  void end() { ++block_.rows; }

 private:
  NativeColumn& column(std::string_view name, std::string_view type) {
    if (block_.rows == 0) block_.columns.push_back({std::string(name), std::string(type), {}, {}, {}, {}, {}});
    return block_.columns[next_++];
  }

  NativeBlock& block_;
  std::size_t next_ = 0;
};

std::int64_t records(const ledger::RecordingState* recording, Stream stream) {
  if (recording == nullptr) return 0;
  const auto found = std::ranges::find(recording->streams, stream, &ledger::StreamState::stream);
  return found == recording->streams.end() ? 0 : static_cast<std::int64_t>(found->records);
}

// Whose start, origin and monitor are the session's.
const ledger::RecordingState& leading_recording(const ledger::SessionState& session) {
  for (const Stream stream : rowing::kStreams) {
    if (const ledger::RecordingState* const recording = primary_recording(session, stream)) return *recording;
  }
  return session.recordings.front();
}

std::string_view totals_from(const rowing::SessionFigures& figures) {
  if (figures.work_distance_dm.source == FigureSource::monitor) return "monitor";
  return figures.work_distance_dm.source == FigureSource::derived ? "derived" : "none";
}

std::string title_of(const ledger::SessionState& session) {
  std::string title = session.title;
  for (const ledger::RecordingState& recording : session.recordings) {
    if (title.empty()) title = recording.birth.title;
  }
  return title;
}

template <typename Figures>
std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> values_and_sources(const Figures& figures) {
  std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> columns;
  for (const Figure& figure : figures) {
    columns.first.push_back(std::clamp<std::int64_t>(figure.value, 0, 0xFFFFFFFF));
    columns.second.push_back(static_cast<std::int64_t>(figure.source));
  }
  return columns;
}

using Histogram = std::map<std::int64_t, std::int64_t>;

std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> columns_of(const Histogram& histogram) {
  std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>> columns;
  for (const auto& [value, held_ms] : histogram) {
    columns.first.push_back(value);
    columns.second.push_back(std::min<std::int64_t>(held_ms, 0xFFFFFFFF));
  }
  return columns;
}

void write_recordings(Row& row, const ledger::SessionState& session) {
  std::vector<base::Uuid> ids;
  std::vector<std::int64_t> starts;
  for (const ledger::RecordingState& recording : session.recordings) {
    ids.push_back(recording.rec_id);
    starts.push_back(recording.birth.started_ms);
  }
  std::vector<std::int64_t> primaries;
  for (const Stream stream : rowing::kStreams) {
    const ledger::RecordingState* const primary = primary_recording(session, stream);
    const std::int64_t place = primary == nullptr ? kNoRecording : primary - session.recordings.data();
    primaries.push_back(std::min(place, kNoRecording));
  }
  row.uuids("recordings", std::move(ids));
  row.integers("recordings_started", "Array(DateTime64(3, 'UTC'))", std::move(starts));
  row.integers("primaries", "Array(UInt8)", std::move(primaries));
}

void write_figures(Row& row, const rowing::SessionFigures& figures) {
  std::int64_t monitor_totals = 0;
  for (std::size_t i = 0; i < rowing::kTotals.size(); ++i) {
    const Figure& figure = figures.*rowing::kTotals[i].figure;
    row.bounded(rowing::kTotals[i].name, kTotalTypes[i], figure.value);
    if (figure.source == FigureSource::monitor) monitor_totals |= std::int64_t{1} << i;
  }
  row.integer("monitor_totals", "UInt32", monitor_totals);
  row.text("totals_from", totals_from(figures));
  row.bounded("workout_type", "Nullable(UInt8)", figures.workout_type);
  row.bounded("erg_machine_type", "Nullable(UInt8)", figures.erg_machine_type);
  auto [times, times_from] = values_and_sources(figures.best_times_cs);
  row.integers("best_times_cs", "Array(UInt32)", std::move(times));
  row.integers("best_times_from", "Array(UInt8)", std::move(times_from));
  auto [distances, distances_from] = values_and_sources(figures.best_distances_dm);
  row.integers("best_distances_dm", "Array(UInt32)", std::move(distances));
  row.integers("best_distances_from", "Array(UInt8)", std::move(distances_from));
  row.integers("power_w", "Array(UInt16)", figures.power_w);
  row.integer("power_from", "UInt8", static_cast<std::int64_t>(figures.power_from));
  auto [heart_rates, heart_rates_ms] = columns_of(figures.heart_rate_ms);
  row.integers("heart_rate_bpm", "Array(UInt8)", std::move(heart_rates));
  row.integers("heart_rate_ms", "Array(UInt32)", std::move(heart_rates_ms));
  auto [paces, paces_ms] = columns_of(figures.pace_ms);
  row.integers("pace_s_per_500m", "Array(UInt16)", std::move(paces));
  row.integers("pace_ms", "Array(UInt32)", std::move(paces_ms));
  row.integer("gaps", "UInt32", figures.gaps);
  row.integer("clock_jumps", "UInt32", figures.clock_jumps);
  row.integer("has_summary", "UInt8", figures.has_summary ? 1 : 0);
}

// Bit n: retention took something of the n-th of rowing::kStreams.
std::int64_t removed_streams(const ledger::SessionState& session) {
  std::int64_t bits = 0;
  for (std::size_t i = 0; i < rowing::kStreams.size(); ++i) {
    const bool removed = std::ranges::any_of(
        session.recordings, [&](const auto& recording) { return recording.removed.contains(rowing::kStreams[i]); });
    bits |= std::int64_t{removed ? 1 : 0} << i;
  }
  return bits;
}

void write_row(NativeBlock& block, const SessionKey& key, const ledger::SessionState& session,
               const rowing::SessionFigures& figures, std::int64_t version, bool is_deleted) {
  static const ledger::RecordingState kNobody{};
  const bool empty = session.recordings.empty();
  const ledger::RecordingState& leading = empty ? kNobody : leading_recording(session);
  const rowing::Birth& birth = leading.birth;
  const bool sealed =
      !empty && std::ranges::all_of(session.recordings, [](const auto& one) { return one.seal.has_value(); });
  Row row(block);
  row.uuid("athlete", key.athlete);
  row.integer("started", "DateTime64(3, 'UTC')", key.started_ms);
  row.uuid("session", key.session);
  row.uuid("primary_rec", leading.rec_id);
  row.integer("started_known", "UInt8", birth.started_known ? 1 : 0);
  row.integer("offset_minutes", "Nullable(Int16)", birth.offset_minutes ? *birth.offset_minutes : kNull);
  row.text("zone", birth.zone);
  row.integer("origin", "UInt8", static_cast<std::int64_t>(birth.origin));
  row.text("dialect", birth.dialect);
  row.text("source_name", birth.source_name);
  row.text("title", title_of(session));
  row.text("notes", session.notes);
  row.texts("tags", session.tags);
  row.text("monitor_serial", birth.monitor_serial);
  row.integer("sealed", "UInt8", sealed ? 1 : 0);
  row.integer("end_reason", "UInt8", leading.seal ? static_cast<std::int64_t>(leading.seal->reason) : 0);
  write_recordings(row, session);
  write_figures(row, figures);
  constexpr std::array<std::string_view, 7> kCounts{"samples",   "strokes", "force_curves", "splits",
                                                    "summaries", "events",  "sources"};
  for (std::size_t i = 0; i < kCounts.size(); ++i) {
    row.integer(kCounts[i], "UInt32", records(primary_recording(session, rowing::kStreams[i]), rowing::kStreams[i]));
  }
  row.integer("removed_streams", "UInt8", removed_streams(session));
  row.integer("missing_records", "UInt64", static_cast<std::int64_t>(missing_records(session)));
  row.integer("summary_version", "UInt32", rowing::kFiguresVersion);
  row.integer("ver", "UInt64", version);
  row.integer("is_deleted", "UInt8", is_deleted ? 1 : 0);
  row.end();
}

template <std::size_t N>
void read_bests(std::array<Figure, N>& bests, const NativeBlock& sessions, std::size_t row, std::string_view values,
                std::string_view sources) {
  const auto& value = sessions.find(values)->arrays.at(row);
  const auto& source = sessions.find(sources)->arrays.at(row);
  for (std::size_t i = 0; i < std::min({N, value.size(), source.size()}); ++i) {
    const auto from = static_cast<FigureSource>(source[i]);
    if (from != FigureSource::none) bests[i] = {value[i], from};
  }
}

Histogram read_histogram(const NativeBlock& sessions, std::size_t row, std::string_view values,
                         std::string_view held_ms) {
  const auto& value = sessions.find(values)->arrays.at(row);
  const auto& held = sessions.find(held_ms)->arrays.at(row);
  Histogram histogram;
  for (std::size_t i = 0; i < std::min(value.size(), held.size()); ++i) histogram[value[i]] = held[i];
  return histogram;
}

}  // namespace

const ledger::RecordingState* primary_recording(const ledger::SessionState& session, Stream stream) {
  const auto primary = session.primaries.find(stream);
  if (primary == session.primaries.end()) return nullptr;
  const auto found = std::ranges::find(session.recordings, primary->second, &ledger::RecordingState::rec_id);
  return found == session.recordings.end() ? nullptr : &*found;
}

SessionKey session_key(const ledger::SessionState& session) {
  const ledger::RecordingState& first = session.recordings.front();
  return {first.athlete, leading_recording(session).birth.started_ms, first.rec_id};
}

std::uint64_t missing_records(const ledger::SessionState& session) {
  std::uint64_t missing = 0;
  for (const ledger::RecordingState& recording : session.recordings) {
    for (const Stream stream : rowing::kStreams) {
      const ledger::RecordingState* const primary = primary_recording(session, stream);
      // Of a stream that a seal promises and of which nothing is there, every recording counts.
      if (primary != nullptr && primary != &recording) continue;
      std::uint64_t promised = 0;
      std::uint64_t there = 0;
      if (recording.seal && recording.seal->streams.contains(stream))
        promised = recording.seal->streams.at(stream).count;
      const auto state = std::ranges::find(recording.streams, stream, &ledger::StreamState::stream);
      if (state != recording.streams.end()) {
        there = state->records;
        if (!state->have.empty()) promised = std::max(promised, state->have.back().to);
      }
      const auto removed = recording.removed.find(stream);
      if (removed != recording.removed.end()) there += removed->second;
      missing += promised - std::min(promised, there);
    }
  }
  return missing;
}

void add_session_row(NativeBlock& block, const ledger::SessionState& session, const rowing::SessionFigures& figures,
                     std::int64_t version) {
  write_row(block, session_key(session), session, figures, version, false);
}

void add_tombstone(NativeBlock& block, const SessionKey& key, std::int64_t version) {
  write_row(block, key, {}, {}, version, true);
}

base::Result<NativeBlock> unpack_sessions(std::span<const std::string> packed) {
  static const NativeBlock kLayout = [] {
    NativeBlock block;
    add_tombstone(block, {}, 0);
    return block;
  }();
  return read_row_binary(packed, kLayout);
}

base::Bytes pack_figures(const rowing::SessionFigures& figures) {
  NativeBlock block;
  Row row(block);
  write_figures(row, figures);
  row.integer("summary_version", "UInt32", rowing::kFiguresVersion);
  row.end();
  base::ByteWriter out;
  write_native(out, block);
  return out.take();
}

base::Result<rowing::SessionFigures> unpack_figures(base::ByteView packed) {
  const auto block = read_native(packed);
  if (!block) return block.error();
  if (block->rows != 1 || block->find("has_summary") == nullptr || block->find("summary_version") == nullptr) {
    return base::Error{base::ErrorCode::corrupt, "kept figures are no figures; restore the ledger from a backup"};
  }
  return figures_of(*block, 0);
}

rowing::SessionFigures figures_of(const NativeBlock& sessions, std::size_t row) {
  rowing::SessionFigures figures;
  const std::int64_t monitor_totals = sessions.integer("monitor_totals", row);
  // A row of before the sources were told has them all from one.
  const bool is_old = sessions.integer("summary_version", row) == 0;
  const bool old_monitor = is_old && sessions.find("totals_from")->texts.at(row) == "monitor";
  for (std::size_t i = 0; i < rowing::kTotals.size(); ++i) {
    const std::int64_t value = sessions.integer(rowing::kTotals[i].name, row);
    if (value == kNull) continue;
    const bool monitor = old_monitor || (monitor_totals >> i & 1) != 0;
    figures.*rowing::kTotals[i].figure = {value, monitor ? FigureSource::monitor : FigureSource::derived};
  }
  figures.workout_type = sessions.integer("workout_type", row);
  figures.erg_machine_type = sessions.integer("erg_machine_type", row);
  read_bests(figures.best_times_cs, sessions, row, "best_times_cs", "best_times_from");
  read_bests(figures.best_distances_dm, sessions, row, "best_distances_dm", "best_distances_from");
  figures.power_w = sessions.find("power_w")->arrays.at(row);
  figures.power_from = static_cast<rowing::PowerSource>(sessions.integer("power_from", row));
  figures.heart_rate_ms = read_histogram(sessions, row, "heart_rate_bpm", "heart_rate_ms");
  figures.pace_ms = read_histogram(sessions, row, "pace_s_per_500m", "pace_ms");
  figures.gaps = sessions.integer("gaps", row);
  figures.clock_jumps = sessions.integer("clock_jumps", row);
  figures.has_summary = sessions.integer("has_summary", row) != 0;
  return figures;
}

}  // namespace boathouse::timeseries
