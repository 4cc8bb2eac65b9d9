// The writer's half for the erasure of an athlete: hidden, then removed in transactions of bounded size.
#include <array>
#include <string>
#include <vector>

#include "core/wire/chunk.hpp"
#include "server/ledger/results.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {
namespace {

// What is an athlete's beside recordings, by name of its column. The audit stays, and says no more than ids.
constexpr std::array<std::string_view, 6> kOwnTables{"gone", "edit", "feed", "replica", "replica_news", "outbox"};
constexpr std::size_t kChunksErasedAtOnce = 1'000;
constexpr std::size_t kFeedErasedAtOnce = 1'000;

}  // namespace

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

Result<std::optional<Erasure>> Writer::erasure_of(const base::Uuid& athlete) {
  auto select = connection_->prepare("SELECT asked_ms, due_ms, erasing_ms, erased_ms FROM erasure WHERE athlete = ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, athlete.bytes).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return std::optional<Erasure>();
  }
  return std::optional(Erasure{athlete, select->integer(0), select->integer(1), select->optional_integer(2),
                               select->optional_integer(3)});
}

// What was refused may be sent again once the erasure is taken back. Nothing but the audit's records is written: an
// event would be something of this athlete's.
Result<std::vector<wire::ItemResult>> Writer::refuse_all(const Submission& submission, const Erasure& erasure) {
  wire::ItemResult refusal = rejected(std::string(kErasedAthlete));
  if (erasure.state() == ErasureState::hidden) {
    refusal = later(std::string(kHiddenAthlete), kRetryHiddenS);
  }
  std::vector<wire::ItemResult> results;
  for (const Entry& entry : submission.entries) {
    results.push_back(entry.refusal ? *entry.refusal : refusal);
  }
  BOATHOUSE_TRY(audit_submission(submission, results, counters_.last_seq));
  return results;
}

Status Writer::refuse_if_held(const base::Uuid& athlete) {
  const auto held = is_held(athlete);
  if (!held) {
    return held.error();
  }
  return *held ? Status(Error{ErrorCode::conflict,
                              "a legal hold keeps this athlete's data: `boathouse retention show` names it, and "
                              "`boathouse retention release` ends it"})
               : Status();
}

// Until the removal begins a hold keeps it from beginning; from then on one would be a promise that nobody keeps.
Status Writer::refuse_if_erasing(const std::string& scope) {
  if (!scope.starts_with(kAthleteScope)) {
    return {};
  }
  const auto athlete = base::Uuid::parse(scope.substr(kAthleteScope.size()));
  const auto erasure = athlete ? erasure_of(*athlete) : Result<std::optional<Erasure>>(athlete.error());
  if (!erasure) {
    return erasure.error();
  }
  return *erasure && (*erasure)->erasing_ms
             ? Status(Error{ErrorCode::conflict,
                            "it is too late: the removal of this athlete's data has begun, and nothing of it is kept"})
             : Status();
}

// Every session of theirs is written again: as none, or as it was.
Status Writer::mark_all_dirty(const base::Uuid& athlete) {
  stored_ = true;
  auto mark = connection_->prepare(
      "UPDATE session_mark SET seq = ?2, dirty_since = coalesce(dirty_since, ?2) "
      "WHERE rec_id IN (SELECT rec_id FROM recording WHERE athlete = ?1)");
  return mark ? mark->bind(1, athlete.bytes).bind(2, next_seq()).run() : Status(mark.error());
}

Status Writer::audit_erasure(const base::Uuid& athlete, const std::string& kind, const std::optional<base::Uuid>& key,
                             const std::string& what) {
  const auto written = append_audit({kind, key, athlete, {}, what});
  return written ? Status() : Status(written.error());
}

Status Writer::ask_erasure(const base::Uuid& athlete, std::int64_t due_ms, const std::optional<base::Uuid>& key) {
  const auto there = erasure_of(athlete);
  if (!there) {
    return there.error();
  }
  if (*there) {
    return Error{ErrorCode::conflict, "the erasure of this athlete has been asked for already"};
  }
  BOATHOUSE_TRY(refuse_if_held(athlete));
  auto insert = connection_->prepare("INSERT INTO erasure (athlete, key_id, asked_ms, due_ms) VALUES (?1, ?2, ?3, ?4)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, athlete.bytes);
  key ? insert->bind(2, key->bytes) : insert->bind(2, nullptr);
  BOATHOUSE_TRY(insert->bind(3, now_ms_).bind(4, due_ms).run());
  BOATHOUSE_TRY(mark_all_dirty(athlete));
  return audit_erasure(athlete, "erasure.ask", key, "due_ms=" + std::to_string(due_ms));
}

Status Writer::take_back_erasure(const base::Uuid& athlete, const std::optional<base::Uuid>& key) {
  const auto there = erasure_of(athlete);
  if (!there) {
    return there.error();
  }
  if (!*there) {
    return Error{ErrorCode::not_found, "the erasure of this athlete was not asked for"};
  }
  if ((*there)->erasing_ms) {
    return Error{ErrorCode::conflict, "it is too late: the removal of this athlete's data has begun"};
  }
  auto remove = connection_->prepare("DELETE FROM erasure WHERE athlete = ?1");
  if (!remove) {
    return remove.error();
  }
  BOATHOUSE_TRY(remove->bind(1, athlete.bytes).run());
  BOATHOUSE_TRY(mark_all_dirty(athlete));
  return audit_erasure(athlete, "erasure.restore", key, "");
}

Status Writer::begin_erasing(const base::Uuid& athlete) {
  const auto there = erasure_of(athlete);
  if (!there) {
    return there.error();
  }
  if (!*there) {
    return Error{ErrorCode::not_found, "the erasure of this athlete was taken back"};
  }
  if ((*there)->erasing_ms) {
    return {};
  }
  if (now_ms_ < (*there)->due_ms) {
    // Not `unavailable`: that is the database's, and fails all that are in the same commit.
    return Error{ErrorCode::invalid_input, "the erasure of this athlete is not due"};
  }
  const auto just_restored = is_just_restored();
  if (!just_restored) {
    return just_restored.error();
  }
  if (*just_restored) {
    return Error{ErrorCode::invalid_input, "no erasure begins within a day after the ledger was restored"};
  }
  BOATHOUSE_TRY(refuse_if_held(athlete));
  auto update = connection_->prepare("UPDATE erasure SET erasing_ms = ?2 WHERE athlete = ?1");
  if (!update) {
    return update.error();
  }
  BOATHOUSE_TRY(update->bind(1, athlete.bytes).bind(2, now_ms_).run());
  return audit_erasure(athlete, "erasure.begin", {}, "");
}

Result<bool> Writer::erase_some(const base::Uuid& athlete, std::size_t limit) {
  const auto there = erasure_of(athlete);
  if (!there) {
    return there.error();
  }
  if (!*there || (*there)->state() != ErasureState::erasing) {
    return Error{ErrorCode::conflict, "the erasure of this athlete has not begun, or has ended"};
  }
  std::vector<base::Uuid> recordings;
  {
    auto select = connection_->prepare("SELECT rec_id FROM recording WHERE athlete = ?1 ORDER BY rec_id LIMIT ?2");
    if (!select) {
      return select.error();
    }
    select->bind(1, athlete.bytes).bind(2, limit);
    while (true) {
      const auto row = select->step();
      if (!row) {
        return row.error();
      }
      if (!*row) {
        break;
      }
      recordings.push_back(uuid_of(select->blob(0)));
    }
  }
  for (const base::Uuid& rec_id : recordings) {
    BOATHOUSE_TRY(purge(athlete, rec_id, {}));
  }
  if (!recordings.empty()) {
    return true;
  }
  if (const auto dropped = drop_some(kChunksErasedAtOnce, athlete); !dropped || *dropped) {
    return dropped;
  }
  if (const auto erased = erase_first_of_feed(athlete, kFeedErasedAtOnce); !erased || *erased) {
    return erased;
  }
  BOATHOUSE_TRY(erase_rest(athlete));
  return false;
}

// Edits and tombstones. Each has its row in the feed, whose key finds an athlete's first ones however many others there
// are. False: there was nothing.
Result<bool> Writer::erase_first_of_feed(const base::Uuid& athlete, std::size_t limit) {
  const std::string first = "(SELECT server_seq FROM feed WHERE athlete = ?1 ORDER BY server_seq LIMIT ?2)";
  for (const std::string& sql :
       {"DELETE FROM session_mark WHERE rec_id IN (SELECT rec_id FROM gone WHERE server_seq IN " + first + ")",
        "DELETE FROM edit WHERE server_seq IN " + first, "DELETE FROM gone WHERE server_seq IN " + first,
        "DELETE FROM feed WHERE athlete = ?1 AND server_seq IN " + first}) {
    auto remove = connection_->prepare(sql);
    if (!remove) {
      return remove.error();
    }
    BOATHOUSE_TRY(remove->bind(1, athlete.bytes).bind(2, limit).run());
  }
  return connection_->changes() > 0;  // of the last one
}

// What is left when there are no recordings, and the word to ClickHouse.
Status Writer::erase_rest(const base::Uuid& athlete) {
  std::vector<std::string> statements{
      "DELETE FROM session_mark WHERE rec_id IN (SELECT rec_id FROM gone WHERE athlete = ?1)",
      "DELETE FROM erasing WHERE athlete = ?1"};
  for (const std::string_view table : kOwnTables) {
    statements.push_back("DELETE FROM " + std::string(table) + " WHERE athlete = ?1");
  }
  for (const std::string& sql : statements) {
    auto remove = connection_->prepare(sql);
    if (!remove) {
      return remove.error();
    }
    BOATHOUSE_TRY(remove->bind(1, athlete.bytes).run());
  }
  auto quarantined = connection_->prepare("DELETE FROM quarantine WHERE athlete = ?1");
  if (!quarantined) {
    return quarantined.error();
  }
  BOATHOUSE_TRY(quarantined->bind(1, athlete.bytes).run());
  counters_.quarantined -= connection_->changes();
  // A hold may have come from a program that let one come too late.
  for (const char* sql : {"DELETE FROM retention_rule WHERE scope = ?1", "DELETE FROM legal_hold WHERE scope = ?1"}) {
    auto remove = connection_->prepare(sql);
    if (!remove) {
      return remove.error();
    }
    BOATHOUSE_TRY(remove->bind(1, scope_of_athlete(athlete)).run());
  }
  return erase_rows({next_seq(), athlete, {}, 0, {}, {0, wire::kMaxSequence}});
}

Status Writer::finish_erasure(const base::Uuid& athlete) {
  auto update = connection_->prepare(
      "UPDATE erasure SET erased_ms = ?2 WHERE athlete = ?1 AND erasing_ms IS NOT NULL AND erased_ms IS NULL "
      "AND NOT EXISTS (SELECT 1 FROM erasing WHERE athlete = ?1) "
      "AND NOT EXISTS (SELECT 1 FROM dropping WHERE athlete = ?1) "
      "AND NOT EXISTS (SELECT 1 FROM recording WHERE athlete = ?1)");
  if (!update) {
    return update.error();
  }
  BOATHOUSE_TRY(update->bind(1, athlete.bytes).bind(2, now_ms_).run());
  if (connection_->changes() == 0) {
    return Error{ErrorCode::conflict, "something of this athlete is still there"};
  }
  return audit_erasure(athlete, "erasure.done", {}, "");
}

}  // namespace boathouse::ledger
