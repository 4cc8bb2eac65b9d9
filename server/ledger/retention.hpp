// Retention and erasure as the ledger keeps them: the rules, the holds, what is on its way out. docs/retention.md says
// what they mean. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/stream.hpp"
#include "core/wire/batch.hpp"

namespace boathouse::ledger {

// Whom a rule or a hold is about: "all", "team:UUID" (rules alone) or "athlete:UUID".
inline constexpr std::string_view kScopeAll = "all";
inline constexpr std::string_view kTeamScope = "team:";
inline constexpr std::string_view kAthleteScope = "athlete:";
std::string scope_of_athlete(const base::Uuid& athlete);
std::string scope_of_team(const base::Uuid& team);

inline constexpr int kMinYears = 1;
inline constexpr int kMaxYears = 100;
inline constexpr std::size_t kMaxHoldReason = 500;  // bytes

// How long the records of one stream are kept.
struct RetentionRule {
  std::string scope;
  rowing::Stream stream = rowing::Stream::sample;
  std::optional<int> years;  // nullopt: for ever
  std::int64_t set_ms = 0;
};

// Nothing of whom it is about is removed, whatever the rules say.
struct LegalHold {
  std::string scope;
  std::string reason;
  std::int64_t set_ms = 0;
};

// Rows that ClickHouse may still have of what is gone from the ledger.
struct RowsToErase {
  std::int64_t server_seq = 0;  // of the removal: hand it back to rows_erased()
  base::Uuid athlete;
  std::optional<base::Uuid> rec_id;      // nullopt: everything of the athlete
  std::int64_t started_ms = 0;           // the recording's first stored start
  std::optional<rowing::Stream> stream;  // nullopt: the whole recording
  wire::Range range;
};

// What is stored of one stream of one recording, for a plan.
struct AgedStream {
  base::Uuid rec_id;
  base::Uuid athlete;
  // The latest of the start and the receipts of the birth, of the seals and of the stream's chunks. The receipt of a
  // chunk that came before the ledger's version 10 is not known.
  std::int64_t age_from_ms = 0;
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t chunks = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;      // of bodies
  std::uint64_t to = 0;         // past the last record
  std::int64_t newest_seq = 0;  // of its chunks
  bool on_its_way = false;      // some of it waits for ClickHouse, or its session's row does
  bool lacking = false;         // the backup lacks some of it (backup_mark.hpp), and the next one may have it
  bool lost = false;            // the backup lacks some of it, which is lost here, too: no backup will have it
};

// Of an applied plan: one stream of one recording, of its records before `to` those that were there for the plan.
struct Retirement {
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t to = 0;
  std::string plan;
  std::int64_t newest_seq = 0;  // AgedStream's; a chunk of later stays
};

// What a session comes to, to be kept when its records go.
struct FiguresToKeep {
  // A recording as it was when they were reckoned: with its RecordingState::server_seq.
  struct Seen {
    base::Uuid rec_id;
    std::int64_t mark = 0;
  };
  base::Uuid rec_id;  // of the recording that they are kept under
  std::int64_t mark = 0;
  base::Bytes figures = {};        // empty: nothing is to be kept
  std::vector<Seen> made_of = {};  // other recordings of the session, whose records count in them
};

// What became of retirements. What stays is in the audit, too.
struct RetiredCounts {
  std::uint64_t removed = 0;  // streams
  std::uint64_t partly = 0;   // streams of which some chunks went; the others at another time
  std::uint64_t chunks = 0;
  std::uint64_t held = 0;           // a hold has come meanwhile: they stay, until another plan
  std::uint64_t not_backed_up = 0;  // no verified backup has them, or has them any more: they stay, until another plan
  std::uint64_t later = 0;          // the recording changes: try again
};

enum class ErasureState : std::uint8_t { hidden, erasing, erased };

// One athlete's.
struct Erasure {
  base::Uuid athlete;
  std::int64_t asked_ms = 0;
  std::int64_t due_ms = 0;  // from then on there is no way back
  std::optional<std::int64_t> erasing_ms;
  std::optional<std::int64_t> erased_ms;

  [[nodiscard]] ErasureState state() const {
    return erased_ms ? ErasureState::erased : (erasing_ms ? ErasureState::erasing : ErasureState::hidden);
  }
};

// How many rows of a table are an athlete's.
struct TableCount {
  std::string table;
  std::uint64_t rows = 0;
};

}  // namespace boathouse::ledger
