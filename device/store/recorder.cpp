#include "device/store/recorder.hpp"

#include <algorithm>
#include <utility>

#include "core/base/json.hpp"
#include "core/pm5/assembler.hpp"
#include "core/pm5/piece_tracker.hpp"
#include "core/rowing/catalogue.hpp"
#include "device/store/row_codec.hpp"

namespace boathouse::store {
namespace {

using rowing::EventKind;
using rowing::Record;

constexpr std::int64_t kYear2000Ms = 946'684'800'000;
constexpr std::size_t kMaxNotes = 1000;  // waiting for a recording to begin
// Bounds for times from outside, so that sums of them cannot overflow: 34 years for one, and far more for a file of
// many.
constexpr std::int64_t kMaxAtMs = std::int64_t{1} << 40;
constexpr std::int64_t kMaxNowMs = std::int64_t{1} << 61;

void forget_time(Record& record) {
  if (const auto at = rowing::find_column(record.stream, "at_ms")) record.values[*at] = rowing::kNull;
}

std::string gap_detail(std::string_view reason, std::int64_t from_ms, std::int64_t to_ms) {
  std::string detail;
  base::JsonWriter(detail)
      .begin_object()
      .key("reason")
      .value(reason)
      .key("from_ms")
      .value(from_ms)
      .key("to_ms")
      .value(to_ms)
      .end_object();
  return detail;
}

}  // namespace

struct Recorder::Impl {
  // One recording on its way into the store.
  struct Piece {
    rowing::Birth birth;
    std::int64_t first_ms = 0;
    pm5::Assembler assembler;
    bool untimed = false;  // a notification came without its time of receipt: at_ms is null from there on
    bool begun = false;    // in the store
    bool refused = false;  // it would not begin it, for want of room
    bool erased = false;   // by its owner: it takes nothing more
    std::vector<Record> waiting;
    std::int64_t waiting_since_ms = 0;
    std::optional<std::int64_t> heard_ms;  // the first notification since the last commit: it may be in no record yet
    std::array<std::uint64_t, 8> rows{};   // committed since the last seal
    std::optional<std::int64_t> rows_since_ms;
    std::optional<rowing::EndReason> end_reason;
    std::int64_t ended_ms = 0;
    bool closed = false;  // ended in the store; what comes later makes its next seal revision
  };

  Store& store;
  base::Clock& clock;
  base::UuidV7Source& ids;
  RecorderOptions options;
  RecorderCounters counters;
  pm5::PieceTracker tracker;
  std::vector<std::unique_ptr<Piece>>
      pieces;  // in order; those that the store does not wholly have, and the one for late parts
  std::vector<base::Uuid> made;
  std::vector<Record> notes;
  std::optional<std::int64_t> last_ms;  // of the last notification, on the recorder's own time line
  std::int64_t ticked_ms = 0;           // the furthest that tick() has come on it
  base::Status trouble;                 // of the store, at the last try
  std::int64_t failed_ms = 0;           // when that was
  std::int64_t offset_ms = 0;           // from the source's time to it

  std::int64_t time_of(std::optional<std::int64_t> at_ms, std::optional<std::int64_t>& went_back_from);
  Piece* running();
  Piece* ended_last();
  Piece& begin_piece(std::int64_t now, bool untimed);
  void end_running(rowing::EndReason reason, std::int64_t now);
  void take(Piece& piece, std::vector<Record> records, std::int64_t now);
  void add_event(Piece& piece, EventKind kind, std::int64_t at_ms, std::string_view detail);
  void pass_time(std::int64_t now);
  void push(Piece& piece, const pm5::Notification& notification, std::int64_t now, bool untimed);
  void refuse(pm5::DecodeStatus status, std::uint16_t characteristic, base::ByteView payload, std::int64_t now);
  base::Status settle(std::int64_t now, bool everything);
  base::Status settle_piece(Piece& piece, std::int64_t now, bool close, bool everything);
  base::Status commit(Piece& piece, std::int64_t now);
  base::Status seal(Piece& piece, std::int64_t now);
  bool forget_if_erased(Piece& piece, const base::Status& status, std::int64_t now);
};

// A source's times may stand still or go back; the recorder's never do.
std::int64_t Recorder::Impl::time_of(std::optional<std::int64_t> at_ms, std::optional<std::int64_t>& went_back_from) {
  if (!at_ms) {
    last_ms = last_ms ? *last_ms + kNominalStepMs : 0;
    return *last_ms;
  }
  const std::int64_t at = std::clamp<std::int64_t>(*at_ms, 0, kMaxAtMs);
  std::int64_t now = at + offset_ms;
  if (last_ms && now < *last_ms) {
    went_back_from = *last_ms - offset_ms;
    offset_ms = *last_ms - at;
    now = *last_ms;
  }
  last_ms = std::min(now, kMaxNowMs);
  return *last_ms;
}

Recorder::Impl::Piece* Recorder::Impl::running() {
  return !pieces.empty() && !pieces.back()->end_reason ? pieces.back().get() : nullptr;
}

Recorder::Impl::Piece* Recorder::Impl::ended_last() {
  const auto found =
      std::find_if(pieces.rbegin(), pieces.rend(), [](const auto& piece) { return piece->end_reason.has_value(); });
  return found == pieces.rend() ? nullptr : found->get();
}

Recorder::Impl::Piece& Recorder::Impl::begin_piece(std::int64_t now, bool untimed) {
  auto piece = std::make_unique<Piece>();
  const std::int64_t utc_ms = clock.utc_ms();
  rowing::Birth& birth = piece->birth;
  birth.rec_id = ids.next();
  birth.started_ms = utc_ms;
  birth.started_known = options.started_known && utc_ms >= kYear2000Ms;
  birth.offset_minutes = options.offset_minutes;
  birth.zone = options.zone;
  birth.origin = options.origin;
  birth.source_name = options.source_name;
  birth.monitor_serial = options.monitor_serial;
  birth.monitor_firmware = options.monitor_firmware;
  piece->first_ms = now;
  piece->untimed = untimed;
  piece->waiting_since_ms = now;
  made.push_back(birth.rec_id);
  ++counters.recordings;
  pieces.push_back(std::move(piece));
  Piece& added = *pieces.back();
  take(added, std::exchange(notes, {}), now);
  if (utc_ms < kYear2000Ms) {
    std::string detail;
    base::JsonWriter(detail).begin_object().key("clock_ms").value(utc_ms).end_object();
    add_event(added, EventKind::clock_before_2000, now, detail);
  }
  return added;
}

void Recorder::Impl::end_running(rowing::EndReason reason, std::int64_t now) {
  if (Piece* piece = running()) {
    piece->end_reason = reason;
    piece->ended_ms = now;
  }
}

void Recorder::Impl::take(Piece& piece, std::vector<Record> records, std::int64_t now) {
  if (records.empty() || piece.erased) return;
  if (piece.waiting.empty()) piece.waiting_since_ms = now;
  for (Record& record : records) {
    if (piece.untimed) forget_time(record);
    // One record that the store would refuse must not hold back all others for ever.
    if (const base::Status fits = check_record(record); !fits) {
      std::string detail;
      base::JsonWriter(detail).begin_object().key("reason").value(fits.error().text).end_object();
      record = pm5::make_event(EventKind::rejected_value, now - piece.first_ms, detail);
      if (piece.untimed) forget_time(record);
    }
    piece.waiting.push_back(std::move(record));
  }
}

void Recorder::Impl::add_event(Piece& piece, EventKind kind, std::int64_t at_ms, std::string_view detail) {
  take(piece, {pm5::make_event(kind, at_ms - piece.first_ms, detail)}, at_ms);
}

void Recorder::Impl::pass_time(std::int64_t now) {
  if (tracker.tick(now)) end_running(tracker.end_reason(), now);
  for (const auto& piece : pieces) {
    std::vector<Record> records;
    piece->assembler.tick(now - piece->first_ms, records);
    take(*piece, std::move(records), now);
  }
}

void Recorder::Impl::push(Piece& piece, const pm5::Notification& notification, std::int64_t now, bool untimed) {
  piece.untimed = piece.untimed || untimed;
  if (!piece.heard_ms) piece.heard_ms = now;
  std::vector<Record> records;
  piece.assembler.push(notification, now - piece.first_ms, records);
  take(piece, std::move(records), now);
}

void Recorder::Impl::refuse(pm5::DecodeStatus status, std::uint16_t characteristic, base::ByteView payload,
                            std::int64_t now) {
  switch (status) {
    case pm5::DecodeStatus::ok:
      return;
    case pm5::DecodeStatus::too_short:
      ++counters.too_short;
      break;
    case pm5::DecodeStatus::unknown_characteristic:
      ++counters.unknown_characteristic;
      break;
    case pm5::DecodeStatus::malformed:
      ++counters.malformed;
      break;
  }
  Piece* piece = running();
  if (piece == nullptr) {
    ++counters.refused_idle;
    return;
  }
  std::vector<Record> records;
  piece->assembler.push_refused(status, characteristic, payload, now - piece->first_ms, records);
  take(*piece, std::move(records), now);
}

base::Status Recorder::Impl::commit(Piece& piece, std::int64_t now) {
  std::vector<Record> tail;
  if (!piece.closed) {
    tail = piece.assembler.unfinished();
    std::erase_if(tail, [](const Record& record) { return !check_record(record); });
    if (piece.untimed) std::ranges::for_each(tail, forget_time);
  }
  BOATHOUSE_TRY(store.append(piece.birth.rec_id, piece.waiting, tail));
  piece.heard_ms.reset();
  for (const Record& record : piece.waiting) {
    ++counters.records[static_cast<std::size_t>(record.stream)];
    if (!piece.closed) ++piece.rows[static_cast<std::size_t>(record.stream)];
  }
  if (!piece.closed && !piece.waiting.empty() && !piece.rows_since_ms) piece.rows_since_ms = now;
  piece.waiting.clear();
  return {};
}

base::Status Recorder::Impl::seal(Piece& piece, std::int64_t now) {
  if (!piece.rows_since_ms) return {};
  const bool overdue = now - *piece.rows_since_ms >= kSealMs;
  const bool whole = std::ranges::any_of(piece.rows, [](std::uint64_t rows) { return rows >= kChunkRecords; });
  if (!overdue && !whole) return {};
  BOATHOUSE_TRY(store.seal(piece.birth.rec_id, overdue));
  for (std::uint64_t& rows : piece.rows) rows = overdue ? 0 : rows % kChunkRecords;
  if (overdue) piece.rows_since_ms.reset();
  return {};
}

base::Status Recorder::Impl::settle_piece(Piece& piece, std::int64_t now, bool close, bool everything) {
  if (close && !piece.closed) {
    std::vector<Record> records;
    piece.assembler.flush(records);
    take(piece, std::move(records), now);
  }
  const bool records_due =
      !piece.waiting.empty() && (piece.waiting.size() >= kGroupRecords || now - piece.waiting_since_ms >= kGroupMs);
  const bool parts_due = piece.heard_ms && now - *piece.heard_ms >= kGroupMs;
  const bool rest_due = !piece.waiting.empty() && (everything || close);
  if (!piece.begun) {
    // The recording itself is durable before its first record.
    const base::Status begun = store.begin(piece.birth, options.athlete);
    piece.refused = !begun && begun.error().code == base::ErrorCode::no_room;
    if (!begun) return begun;
    piece.begun = true;
  }
  if (records_due || parts_due || rest_due) BOATHOUSE_TRY(commit(piece, now));
  if (close && !piece.closed) {
    BOATHOUSE_TRY(store.end(piece.birth.rec_id, *piece.end_reason));
    piece.closed = true;
    piece.rows_since_ms.reset();
  }
  return seal(piece, now);
}

// What its owner erased takes nothing more. The rest of the piece is then heard as idle, the next one is recorded.
bool Recorder::Impl::forget_if_erased(Piece& piece, const base::Status& status, std::int64_t now) {
  if (status || !piece.begun || status.error().code != base::ErrorCode::not_found) return false;
  ++counters.erased;
  counters.erased_records += piece.waiting.size();
  piece.waiting.clear();
  piece.heard_ms.reset();
  piece.rows_since_ms.reset();
  piece.closed = true;
  piece.erased = true;
  if (!piece.end_reason) {
    piece.end_reason = rowing::EndReason::stopped;
    piece.ended_ms = now;
  }
  return true;
}

// Commits what is due. A piece that fails keeps its records and does not hold back the others; the first error is the
// answer.
base::Status Recorder::Impl::settle(std::int64_t now, bool everything) {
  base::Status first;
  // Each try writes all that waits, so a store that fails is tried again once a second, not at each notification.
  if (!trouble && !everything && now - failed_ms < kGroupMs) return trouble;
  trouble = {};
  const Piece* const late_target = ended_last();
  for (const auto& piece : pieces) {
    const bool over =
        piece->end_reason && (everything || piece.get() != late_target || now - piece->ended_ms >= pm5::kLatePartsMs);
    base::Status status = settle_piece(*piece, now, over, everything);
    if (forget_if_erased(*piece, status, now)) continue;
    if (!status && first) first = std::move(status);
  }
  trouble = first;
  if (!first) failed_ms = now;
  std::erase_if(pieces, [&](const auto& piece) {
    const bool may_go = piece.get() != late_target || now - piece->ended_ms > pm5::kRecoveryMs;
    return piece->closed && piece->waiting.empty() && may_go;
  });
  return first;
}

Recorder::Recorder(Store& store, base::Clock& clock, base::UuidV7Source& ids, RecorderOptions options)
    : impl_(new Impl{store, clock, ids, std::move(options), {}, {}, {}, {}, {}, std::nullopt, 0, {}, 0, 0}) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

base::Status Recorder::feed(std::uint16_t characteristic, base::ByteView payload, std::optional<std::int64_t> at_ms) {
  Impl& impl = *impl_;
  const std::optional<std::int64_t> before = impl.last_ms;
  std::optional<std::int64_t> went_back_from;
  const std::int64_t now = impl.time_of(at_ms, went_back_from);
  impl.pass_time(now);
  ++impl.counters.notifications;

  if (Impl::Piece* piece = impl.running()) {
    if (went_back_from) {
      impl.add_event(*piece, EventKind::gap, now, gap_detail("time_went_back", *went_back_from, *at_ms));
    } else if (at_ms && before && now - *before >= kGapMs) {
      impl.add_event(*piece, EventKind::gap, now,
                     gap_detail("silence", *before - piece->first_ms, now - piece->first_ms));
    }
  }

  pm5::Notification notification;
  const pm5::DecodeStatus status = pm5::decode(characteristic, payload, notification);
  if (status != pm5::DecodeStatus::ok) {
    impl.refuse(status, characteristic, payload, now);
    return impl.settle(now, false);
  }
  ++impl.counters.decoded;
  Impl::Piece* target = nullptr;
  const bool untimed = !at_ms;
  const pm5::Verdict verdict = impl.tracker.observe(notification, now);
  switch (verdict) {
    case pm5::Verdict::idle:
      break;
    case pm5::Verdict::begins:
      impl.end_running(impl.tracker.end_reason(), now);
      target = &impl.begin_piece(now, untimed);
      break;
    case pm5::Verdict::belongs:
    case pm5::Verdict::ends:
      target = impl.running();
      break;
    case pm5::Verdict::ended:
      impl.end_running(impl.tracker.end_reason(), now);
      break;
    case pm5::Verdict::late:
      target = impl.ended_last();
      break;
  }
  if (target != nullptr) {
    impl.push(*target, notification, now, untimed);
  } else {
    ++impl.counters.idle;
  }
  if (verdict == pm5::Verdict::ends) impl.end_running(impl.tracker.end_reason(), now);
  return impl.settle(now, false);
}

base::Status Recorder::tick(std::int64_t at_ms) {
  const std::int64_t at = std::clamp<std::int64_t>(at_ms, 0, kMaxAtMs) + impl_->offset_ms;
  const std::int64_t now = std::max(at, impl_->last_ms.value_or(at));
  impl_->ticked_ms = std::max(impl_->ticked_ms, now);
  impl_->pass_time(now);
  return impl_->settle(now, false);
}

base::Status Recorder::note(EventKind kind, std::string_view detail_json) {
  Impl& impl = *impl_;
  if (Impl::Piece* piece = impl.running()) {
    const std::int64_t now = std::max(*impl.last_ms, impl.ticked_ms);
    impl.add_event(*piece, kind, now, detail_json);
    return impl.settle(now, false);
  }
  if (impl.notes.size() < kMaxNotes) {
    impl.notes.push_back(pm5::make_event(kind, 0, detail_json));
  }
  return {};
}

base::Status Recorder::seal() {
  Impl& impl = *impl_;
  const std::int64_t now = std::max(impl.last_ms.value_or(0), impl.ticked_ms);
  BOATHOUSE_TRY(impl.settle(now, false));
  for (const auto& piece : impl.pieces) {
    if (piece->closed) continue;
    base::Status status = piece->waiting.empty() ? base::Status() : impl.commit(*piece, now);
    if (status) status = impl.store.seal(piece->birth.rec_id, true);
    if (impl.forget_if_erased(*piece, status, now)) continue;
    if (!status) return status;
    piece->rows.fill(0);
    piece->rows_since_ms.reset();
  }
  return {};
}

base::Status Recorder::stop(rowing::EndReason reason) {
  Impl& impl = *impl_;
  const std::int64_t now = impl.last_ms.value_or(0);
  impl.tracker.stop(reason, now);
  impl.end_running(reason, now);
  return impl.settle(now, true);
}

const RecorderCounters& Recorder::counters() const { return impl_->counters; }
std::size_t Recorder::unsaved() const {
  std::size_t count = 0;
  for (const auto& piece : impl_->pieces) count += piece->waiting.size();
  return count;
}
bool Recorder::start_refused() const {
  return std::ranges::any_of(impl_->pieces, [](const auto& piece) { return piece->refused; });
}
bool Recorder::running() const { return impl_->tracker.running(); }
const std::vector<base::Uuid>& Recorder::recordings() const { return impl_->made; }

}  // namespace boathouse::store
