// What the store hands out: its identity, what waits for the server, what the server said, and how things stand.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/record.hpp"
#include "core/rowing/recording.hpp"
#include "core/wire/batch.hpp"

namespace boathouse::store {

// Made when the file was created; a copied file keeps it.
struct Identity {
  base::Uuid replica_id;
  std::array<std::uint8_t, 8> salt{};
};

// One entry of the outbox with its body.
struct PendingItem {
  std::int64_t id = 0;  // of this store; what acknowledge() takes
  wire::ItemKind kind = wire::ItemKind::chunk;
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;  // chunk
  std::uint64_t from = 0;                          // chunk
  std::uint64_t to = 0;                            // chunk
  std::uint32_t version = 0;                       // chunk
  std::uint32_t revision = 0;                      // seal
  base::Uuid op_id;                                // edit
  base::Digest sha256{};
  base::Bytes body;

  // As it travels. A view: this item must outlive it.
  [[nodiscard]] wire::Item item() const;
};

// What the store knows of an item that somebody holds.
struct KnownItem {
  std::int64_t id = 0;  // 0 = it is not here, or with another hash
  bool pending = false;
};

// What there is to do for one athlete.
struct ToDo {
  std::uint64_t pending_recordings = 0;  // with something that the server has no receipt for
  std::uint64_t pending_items = 0;
  std::uint64_t pending_bytes = 0;     // of their bodies
  std::int64_t oldest_pending_ms = 0;  // UTC, when the oldest of these was begun by its device's clock; 0 = none
  std::uint64_t fetch_bytes = 0;       // of the bodies that are to be fetched

  [[nodiscard]] std::uint64_t bytes() const { return pending_bytes + fetch_bytes; }
};

// A chunk of the outbox without its body.
struct PendingRange {
  std::int64_t id = 0;
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
};

// The server's word about one item. `later` changes nothing in the store.
struct Acknowledgement {
  std::int64_t id = 0;
  wire::Outcome outcome = wire::Outcome::later;
  std::int64_t server_seq = 0;  // stored, duplicate
  std::string detail;           // mismatch, rejected
};

// Of one stream of one recording.
struct StreamCounts {
  std::uint64_t records = 0;  // committed: sealed and not yet sealed
  std::uint64_t sealed = 0;   // of these in chunks
  std::uint64_t chunks = 0;
  std::uint64_t acknowledged = 0;  // records in chunks with a receipt
};

struct RecordingInfo {
  rowing::Birth birth;
  std::string athlete;  // label of the key it belongs to; "" = nobody's yet
  bool ended = false;
  rowing::EndReason reason = rowing::EndReason::stopped;  // if ended
  std::uint32_t revision = 0;                             // of the newest seal; 0 = none
  std::map<rowing::Stream, StreamCounts> streams;         // those with records
  std::uint64_t items = 0;                                // birth, chunks and seals
  std::uint64_t pending_items = 0;                        // without a receipt, not refused
  std::uint64_t pending_bytes = 0;                        // of their bodies
  std::uint64_t refused_items = 0;
  std::uint64_t away_items = 0;  // whose bodies are not on this device, but to be fetched: purged, or never fetched
  // That the server's retention policy removed there; of these nothing is removed here, and nothing can be fetched.
  std::uint64_t retired_records = 0;
  std::string problem;    // not empty: the recording is damaged, and nothing else here can be relied on
  bool verified = false;  // the server counts what the newest seal does, under its current epoch

  // Everything is sealed and the server holds all of it. Of another device's recording the feed can leave holes: what
  // it has not named is not known to be with the server.
  [[nodiscard]] bool safe() const {
    return problem.empty() && ended && pending_items == 0 && refused_items == 0 &&
           std::ranges::all_of(streams, [](const auto& one) { return one.second.acknowledged >= one.second.records; });
  }
};

struct RefusedItem {
  wire::ItemKind kind = wire::ItemKind::chunk;
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;   // chunk
  std::uint64_t from = 0;                           // chunk
  std::uint64_t to = 0;                             // chunk
  std::uint32_t revision = 0;                       // seal
  wire::Outcome outcome = wire::Outcome::rejected;  // mismatch or rejected
  std::string detail;
};

struct StoreStatus {
  std::uint64_t recordings = 0;
  std::uint64_t open_recordings = 0;
  std::uint64_t records = 0;    // of all streams
  std::uint64_t open_rows = 0;  // of these not yet sealed, so not yet in the outbox
  std::uint64_t items = 0;      // birth, chunks and seals
  std::uint64_t pending_items = 0;
  std::uint64_t pending_bytes = 0;  // of their bodies
  std::uint64_t pending_chunks = 0;
  std::uint64_t pending_recordings = 0;
  std::int64_t oldest_pending_ms = 0;  // UTC, when the oldest of these was begun by its device's clock; 0 = none
  std::uint64_t refused_items = 0;
  std::uint64_t unconfirmed_items = 0;  // not on this device, and the server has not named them under its new epoch
  std::string server_epoch;             // of the receipts; "" = the server never answered
  std::uint64_t open_conflicts = 0;     // that await a person's choice
};

// What people wrote about a session, after all edits that are here.
struct SessionFields {
  std::optional<std::string> title;  // nullopt: nobody wrote one; never ""
  std::optional<std::string> notes;
  // Written at the same time elsewhere, and not chosen by anybody yet; "" = it was taken away there.
  std::optional<std::string> other_title;
  std::optional<std::string> other_notes;
  std::vector<std::string> tags;
  bool deleted = false;
  std::int64_t deleted_ms = 0;       // UTC, by the clock of its maker or the server
  std::map<base::Uuid, bool> links;  // the other recording: linked, or decided not to be
  std::map<rowing::Stream, base::Uuid> primaries;
};

// One run of the sync engine, as its log keeps it.
struct Run {
  std::int64_t id = 0;
  std::int64_t started_ms = 0;  // UTC
  std::int64_t ended_ms = 0;    // UTC; of its last rest so far
  std::string report;           // JSON (device/sync/run_log.hpp)
};

// What the athlete sees and counts: one recording, or several that are linked.
struct SessionInfo {
  base::Uuid id;                          // the smallest of its recordings'
  std::vector<RecordingInfo> recordings;  // by id
  // Title and notes of the first recording that has one, tags of all, the rest of the first.
  SessionFields fields;
  std::map<rowing::Stream, base::Uuid> primaries;  // whose records count, of the streams that have any
  // Of the primary alone (its summary if it has one), never a sum; nullopt: it does not tell.
  std::optional<std::int64_t> elapsed_cs;
  std::optional<std::int64_t> distance_dm;
};

// Records [from, to) of one recording's stream.
struct SessionRange {
  base::Uuid rec_id;
  std::uint64_t from = 0;
  std::uint64_t to = 0;

  bool operator==(const SessionRange&) const = default;
};

struct SessionPage {
  std::vector<rowing::Record> records;
  std::vector<SessionRange> ranges;  // whose they are, in the same order
};

// Numbers are in the file: never change or reuse one.
enum class ConflictKind : std::uint8_t {
  title = 1,
  notes = 2,
  overlap = 3,     // two recordings were linked because their data agree
  suggestion = 4,  // two recordings look like one workout; they are not linked
};
enum class Answer : std::uint8_t {
  mine = 1,    // that text; or linked, with that recording's records
  theirs = 2,  // the same
  both = 3,    // both texts, joined; or two sessions, for good
  other = 4,   // settled another way: a new text, a link made by hand
};
std::string_view name(ConflictKind kind);
std::string_view name(Answer answer);
// nullopt for what a person cannot answer.
std::optional<Answer> answer_from_name(std::string_view text);

inline constexpr std::size_t kKeptAnswers = 200;

struct ConflictSide {
  std::string text;   // title, notes
  base::Uuid rec_id;  // overlap, suggestion; as are the following
  std::int64_t started_ms = 0;
  std::optional<std::int64_t> elapsed_cs;
  std::optional<std::int64_t> distance_dm;
  std::string device;  // its monitor's serial number, or the file it came from; "" = not known
};

// Two that wrote the same field without knowing of each other, or two recordings that may be one workout.
struct Conflict {
  std::string id;  // the same on every device
  ConflictKind kind = ConflictKind::title;
  base::Uuid session;  // as it is now
  ConflictSide mine;   // what was written or recorded on this device; if neither or both were: what is shown, the first
  ConflictSide theirs;
  std::string reason;  // overlap, suggestion: why
  std::int64_t since_ms = 0;
  std::optional<Answer> answered;  // nullopt: it is open
  std::int64_t answered_ms = 0;
};

// One athlete whose key this device has synced with.
struct Account {
  std::string athlete;      // label of the key
  base::Uuid athlete_id;    // as the server names them; zero = never heard of
  std::string epoch;        // what the next ones belong to; "" = never synced
  std::int64_t cursor = 0;  // of the changes feed
  std::int64_t purge_safe_seq = 0;
  std::int64_t newest_seq = 0;  // of its epoch: the cursor, or a receipt's among the newest items
};

// A chunk whose body is not on this device.
struct AwayChunk {
  std::int64_t id = 0;  // what take_body() takes
  base::Uuid rec_id;
  rowing::Stream stream = rowing::Stream::sample;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t bytes = 0;  // of its body
};

struct VerifiedRecording {
  base::Uuid rec_id;
  std::uint32_t revision = 0;
};

// What the bodies take, and what could go. Bytes.
struct Space {
  std::uint64_t used = 0;           // by the database file, free pages not counted
  std::uint64_t cap = 0;            // the user's; 0 = none
  std::uint64_t freeable = 0;       // bodies that may be removed now
  std::uint64_t running = 0;        // of the others, each under the first that holds: the recording goes on
  std::uint64_t unsent = 0;         // the server has no receipt for them
  std::uint64_t unverified = 0;     // sent, but the recording is not complete or not yet compared
  std::uint64_t not_backed_up = 0;  // verified, but in no verified backup yet
  std::uint64_t no_backup = 0;      // of these: the server has no verified backup at hand
  bool disk_low = false;            // the disk is nearly full, or its ballast was used and is not whole again
  // Births, edits, splits, summaries and the directory: what no removal can make smaller.
  [[nodiscard]] std::uint64_t always_here() const {
    const std::uint64_t bodies = freeable + running + unsent + unverified + not_backed_up;
    return used > bodies ? used - bodies : 0;
  }
  [[nodiscard]] bool full() const { return cap > 0 && used >= cap; }
};

// What verify() found for one stream.
struct StreamCheck {
  std::uint64_t records = 0;  // counted in the chunks' contents and the open rows
  std::uint64_t chunks = 0;
  base::Digest root{};  // over the hashes of the chunks as they are, each recomputed from its body
  std::uint64_t acknowledged = 0;
  std::uint64_t away = 0;                    // records in chunks whose bodies are not on this device
  std::optional<rowing::StreamSeal> sealed;  // of the newest seal
};

struct VerifyReport {
  base::Uuid rec_id;
  std::map<rowing::Stream, StreamCheck> streams;
  std::uint32_t revision = 0;         // of the newest seal; 0 = none (still open)
  std::vector<std::string> problems;  // each names stream and range; empty = the recording is whole

  [[nodiscard]] bool ok() const { return problems.empty(); }
};

}  // namespace boathouse::store
