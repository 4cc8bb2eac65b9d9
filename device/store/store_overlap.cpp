// Finding the recordings of one workout: what is known of each, an index in which candidates are found without a look
// at all others, and what follows from a verdict.
#include <set>
#include <string>
#include <utility>

#include "core/wire/facts.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

using rowing::Evidence;

constexpr int kLookAtOnce = 256;    // recordings of one call, of which those whose records are read count for more
constexpr int kCostOfRecords = 16;  // so that a recorder beside it never waits long
constexpr std::size_t kMaxCandidates = 32;

base::Result<std::string> facts_json(db::Connection& connection, std::int64_t recording, wire::ItemKind kind,
                                     std::uint32_t first) {
  auto select = connection.prepare(
      "SELECT b.body FROM item AS i JOIN body AS b ON b.item = i.id WHERE i.recording = ?1 AND i.kind = ?2 AND "
      "i.stream = 0 AND i.first = ?3");
  if (!select) return select.error();
  auto there = select->bind(1, recording).bind(2, static_cast<int>(kind)).bind(3, first).step();
  if (!there) return there.error();
  return *there ? std::string(base::as_text(select->blob(0))) : std::string();
}

// What the index has kept of a recording whose seal does not say it.
base::Result<std::optional<rowing::WorkoutFacts>> indexed_facts(db::Connection& connection, std::int64_t recording) {
  auto select = connection.prepare(
      "SELECT elapsed_cs, distance_dm FROM overlap WHERE recording = ?1 AND (elapsed_cs IS NOT NULL OR distance_dm IS "
      "NOT NULL)");
  if (!select) return select.error();
  auto there = select->bind(1, recording).step();
  if (!there) return there.error();
  std::optional<rowing::WorkoutFacts> facts;
  if (!*there) return facts;
  facts.emplace();
  facts->elapsed_cs = select->optional_integer(0);
  facts->distance_dm = select->optional_integer(1);
  return facts;
}

base::Status put_in_index(db::Connection& connection, const RecordingRow& recording, const Evidence& evidence,
                          const rowing::OverlapKeys& keys) {
  const rowing::WorkoutFacts facts = evidence.seal.workout.value_or(rowing::WorkoutFacts());
  auto put = connection.prepare(
      "INSERT INTO overlap(recording, started_ms, elapsed_cs, distance_dm, point_keys) VALUES (?1, ?2, ?3, ?4, ?5) ON "
      "CONFLICT(recording) DO UPDATE SET started_ms = ?2, elapsed_cs = ?3, distance_dm = ?4, point_keys = ?5");
  if (!put) return put.error();
  put->bind(1, recording.id).bind(3, facts.elapsed_cs).bind(4, facts.distance_dm).bind(5, keys.points.size());
  put->bind(2, evidence.birth.started_known ? std::optional(evidence.birth.started_ms) : std::nullopt);
  BOATHOUSE_TRY(put->run());
  auto remove = connection.prepare("DELETE FROM overlap_key WHERE recording = ?1");
  if (!remove) return remove.error();
  BOATHOUSE_TRY(remove->bind(1, recording.id).run());
  auto insert =
      connection.prepare("INSERT INTO overlap_key(key, recording, exact) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING");
  if (!insert) return insert.error();
  for (const auto* list : {&keys.exact, &keys.points}) {
    for (const std::uint64_t key : *list) {
      insert->bind(1, static_cast<std::int64_t>(key)).bind(2, recording.id).bind(3, list == &keys.exact);
      BOATHOUSE_TRY(insert->run());
    }
  }
  return {};
}

base::Status add_by_keys(db::Connection& connection, const RecordingRow& recording, std::size_t point_keys,
                         std::set<base::Uuid>& ids) {
  auto select = connection.prepare(
      "SELECT r.rec_id, sum(mine.exact), count(*), o.point_keys FROM overlap_key AS mine JOIN overlap_key AS other ON "
      "other.key = mine.key AND other.recording <> mine.recording JOIN recording AS r ON r.id = other.recording JOIN "
      "overlap AS o ON o.recording = r.id WHERE mine.recording = ?1 AND r.athlete = ?2 AND r.purged = 0 GROUP BY r.id "
      "ORDER BY sum(mine.exact) DESC, count(*) DESC, r.rec_id");
  if (!select) return select.error();
  select->bind(1, recording.id).bind(2, recording.athlete);
  while (ids.size() < kMaxCandidates) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) break;
    const auto shared = static_cast<std::size_t>(select->integer(2));
    const auto theirs = static_cast<std::size_t>(select->integer(3));
    if (select->integer(1) == 0 && !rowing::share_enough(shared, point_keys, theirs)) continue;
    base::Uuid id;
    if (!copy_exact(select->blob(0), id.bytes)) return damaged("a recording without an id");
    ids.insert(id);
  }
  return {};
}

base::Status add_by_totals(db::Connection& connection, const RecordingRow& recording, const Evidence& evidence,
                           std::set<base::Uuid>& ids) {
  const auto& facts = evidence.seal.workout;
  if (!facts || !facts->elapsed_cs || !facts->distance_dm || !evidence.birth.started_known) return {};
  auto select = connection.prepare(
      "SELECT r.rec_id FROM overlap AS o JOIN recording AS r ON r.id = o.recording WHERE o.elapsed_cs BETWEEN ?1 AND "
      "?2 AND o.distance_dm BETWEEN ?3 AND ?4 AND o.started_ms BETWEEN ?5 AND ?6 AND r.id <> ?7 AND r.athlete = ?8 "
      "AND r.purged = 0 ORDER BY r.rec_id LIMIT ?9");
  if (!select) return select.error();
  select->bind(1, *facts->elapsed_cs - rowing::kSameElapsedCs)
      .bind(2, *facts->elapsed_cs + rowing::kSameElapsedCs)
      .bind(3, *facts->distance_dm - rowing::kSameDistanceDm)
      .bind(4, *facts->distance_dm + rowing::kSameDistanceDm)
      .bind(5, evidence.birth.started_ms - rowing::kMaxStartDifferenceMs)
      .bind(6, evidence.birth.started_ms + rowing::kMaxStartDifferenceMs)
      .bind(7, recording.id)
      .bind(8, recording.athlete)
      .bind(9, kMaxCandidates);
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return {};
    base::Uuid id;
    if (!copy_exact(select->blob(0), id.bytes)) return damaged("a recording without an id");
    ids.insert(id);
  }
}

// Recordings of the same athlete that have something in common.
base::Result<std::vector<RecordingRow>> candidates(db::Connection& connection, const RecordingRow& recording,
                                                   const Evidence& evidence, std::size_t point_keys) {
  std::set<base::Uuid> ids;
  BOATHOUSE_TRY(add_by_keys(connection, recording, point_keys, ids));
  BOATHOUSE_TRY(add_by_totals(connection, recording, evidence, ids));
  std::vector<RecordingRow> rows;
  for (const base::Uuid& id : ids) {
    auto row = get_recording(connection, id);
    if (!row) return row.error();
    rows.push_back(std::move(*row));
  }
  return rows;
}

base::Status compare(db::Connection& connection, base::UuidV7Source& ids, const Evidence& evidence,
                     const RecordingRow& candidate) {
  const rowing::Pair pair = rowing::Pair::of(evidence.birth.rec_id, candidate.rec_id);
  auto link = find_link(connection, pair);
  if (!link) return link.error();
  if (*link && !(*link)->linked) return {};  // somebody keeps them apart
  auto other = read_evidence(connection, candidate, false);
  if (!other) return other.error();
  if (!*other) return {};
  rowing::Verdict verdict = rowing::judge(evidence, **other);
  if (verdict.overlap == rowing::Overlap::none && !evidence.points.empty()) {
    other = read_evidence(connection, candidate, true);
    if (!other) return other.error();
    if (*other) verdict = rowing::judge(evidence, **other);
  }
  const std::int64_t now_ms = made_ms(ids.next().bytes);
  switch (verdict.overlap) {
    case rowing::Overlap::none:
      return {};
    case rowing::Overlap::suggested: {
      auto members = session_members(connection, pair.low);
      if (!members) return members.error();
      const bool together = std::ranges::find(*members, pair.high) != members->end();
      if (*link || together) return {};
      return log_overlap(connection, ConflictKind::suggestion, pair, verdict.reason, now_ms);
    }
    case rowing::Overlap::flagged:
      BOATHOUSE_TRY(log_overlap(connection, ConflictKind::overlap, pair, verdict.reason, now_ms));
      break;
    case rowing::Overlap::certain:
      break;
  }
  return *link ? settle_overlap(connection, pair) : write_link(connection, ids, pair, true, now_ms);
}

base::Result<std::optional<RecordingRow>> next_unexamined(db::Connection& connection) {
  base::Uuid id;
  {
    auto select = connection.prepare(
        "SELECT rec_id FROM recording INDEXED BY recording_unexamined WHERE ended = 1 AND purged = 0 AND examined < "
        "revision ORDER BY id DESC LIMIT 1");
    if (!select) return select.error();
    auto there = select->step();
    if (!there) return there.error();
    if (!*there) return std::optional<RecordingRow>();
    if (!copy_exact(select->blob(0), id.bytes)) return damaged("a recording without an id");
  }
  return find_recording(connection, id);
}

}  // namespace

base::Result<std::optional<rowing::Survey>> survey_recording(db::Connection& connection, std::int64_t recording) {
  rowing::Survey survey;
  auto select = connection.prepare(
      "SELECT i.sha256, b.body FROM item AS i LEFT JOIN body AS b ON b.item = i.id WHERE i.recording = ?1 AND i.kind = "
      "2 AND i.stream BETWEEN 1 AND 5 ORDER BY i.stream, i.first");
  if (!select) return select.error();
  select->bind(1, recording);
  for (;;) {
    auto row = select->step();
    if (!row) return row.error();
    if (!*row) return std::optional(std::move(survey));
    base::Digest sha256{};
    if (select->is_null(1) || !copy_exact(select->blob(0), sha256)) return std::optional<rowing::Survey>();
    const auto chunk = wire::open_chunk(select->blob(1), sha256);
    if (!chunk) return std::optional<rowing::Survey>();  // verify() names it
    for (const rowing::Record& record : wire::records_of(*chunk)) survey.observe(record);
  }
}

base::Result<std::optional<Evidence>> read_evidence(db::Connection& connection, const RecordingRow& recording,
                                                    bool points) {
  Evidence evidence;
  const auto birth = facts_json(connection, recording.id, wire::ItemKind::birth, 0);
  if (!birth) return birth.error();
  const auto seal = facts_json(connection, recording.id, wire::ItemKind::seal, recording.revision);
  if (!seal) return seal.error();
  if (birth->empty() || seal->empty()) return std::optional<Evidence>();
  auto decoded_birth = wire::decode_birth(*birth);
  auto decoded_seal = wire::decode_seal(*seal);
  if (!decoded_birth || !decoded_seal) return std::optional<Evidence>();  // verify() says what is wrong
  evidence.birth = std::move(*decoded_birth);
  evidence.seal = std::move(*decoded_seal);
  if (points) {
    auto survey = survey_recording(connection, recording.id);
    if (!survey) return survey.error();
    if (*survey) {
      evidence.seal.workout = (*survey)->facts();
      evidence.points = (*survey)->points();
    }
  }
  if (!evidence.seal.workout) {
    auto facts = indexed_facts(connection, recording.id);
    if (!facts) return facts.error();
    evidence.seal.workout = std::move(*facts);
  }
  return std::optional(std::move(evidence));
}

namespace {

base::Status mark_examined(db::Connection& connection, const RecordingRow& recording) {
  auto update = connection.prepare("UPDATE recording SET examined = revision WHERE id = ?1");
  if (!update) return update.error();
  return update->bind(1, recording.id).run();
}

// What it took, in units of kLookAtOnce.
base::Result<int> examine(db::Connection& connection, base::UuidV7Source& ids, const RecordingRow& recording) {
  auto evidence = read_evidence(connection, recording, false);
  if (!evidence) return evidence.error();
  if (!*evidence) return 1;
  // No rule asks for the points where the monitor is not known; what an older program's seal does not say is read.
  const bool read_records = !(*evidence)->birth.monitor_serial.empty() || !(*evidence)->seal.workout;
  if (read_records) {
    evidence = read_evidence(connection, recording, true);
    if (!evidence) return evidence.error();
  }
  const rowing::OverlapKeys keys = rowing::overlap_keys(**evidence);
  BOATHOUSE_TRY(put_in_index(connection, recording, **evidence, keys));
  auto others = candidates(connection, recording, **evidence, keys.points.size());
  if (!others) return others.error();
  for (const RecordingRow& other : *others) BOATHOUSE_TRY(compare(connection, ids, **evidence, other));
  return read_records ? kCostOfRecords : 1;
}

}  // namespace

base::Result<std::uint64_t> Store::Impl::find_overlaps() {
  for (int budget = kLookAtOnce; budget > 0;) {
    const std::lock_guard guard(mutex);
    auto recording = next_unexamined(connection);
    if (!recording) return recording.error();
    if (!*recording) return std::uint64_t{0};
    const auto look = [&]() -> base::Status {
      auto cost = examine(connection, *ids, **recording);
      if (!cost) return cost.error();
      budget -= *cost;
      return mark_examined(connection, **recording);
    };
    if (const base::Status looked = in_transaction(connection, look); !looked) {
      // One that is damaged must not hold up the others; verify() names what is wrong with it.
      if (looked.error().code != base::ErrorCode::corrupt) return looked.error();
      BOATHOUSE_TRY(mark_examined(connection, **recording));
      --budget;
    }
  }
  const std::lock_guard guard(mutex);
  auto select = connection.prepare(
      "SELECT count(*) FROM recording INDEXED BY recording_unexamined WHERE ended = 1 AND purged = 0 AND examined < "
      "revision");
  if (!select) return select.error();
  auto row = select->step();
  if (!row) return row.error();
  return static_cast<std::uint64_t>(select->integer(0));
}

base::Result<std::uint64_t> Store::find_overlaps() { return impl_->find_overlaps(); }

}  // namespace boathouse::store
