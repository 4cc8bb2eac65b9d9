// The writer's rules of edits.
#include <optional>
#include <string>
#include <utility>

#include "core/rowing/edit_order.hpp"
#include "server/ledger/edit_values.hpp"
#include "server/ledger/lookups.hpp"
#include "server/ledger/results.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;
using wire::ItemResult;
using wire::Outcome;

Result<ItemResult> Writer::store_edit(const Submission& submission, const Entry& entry) {
  if (!entry.edit || entry.edit->session != entry.rec_id) {
    return Error{ErrorCode::internal, "an edit was submitted without what its JSON says"};
  }
  const rowing::Edit& edit = *entry.edit;
  bool op_id_taken = false;
  base::Uuid maker;
  base::Digest stored{};
  {
    auto select = connection_->prepare("SELECT athlete, sha256, server_seq FROM edit WHERE op_id = ?1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, edit.op_id.bytes).step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      op_id_taken = true;
      maker = uuid_of(select->blob(0));
      stored = digest_of(select->blob(1));
      if (maker == submission.athlete && stored == entry.sha256) {
        return with_receipt(Outcome::duplicate, select->integer(2));
      }
    }
  }
  const auto owner = owner_of(*connection_, edit.session);
  if (!owner) {
    return owner.error();
  }
  // Before the quarantine, where it would count among the other athlete's.
  if (*owner && (*owner)->athlete != submission.athlete) {
    return rejected("this session cannot be edited: it is not of this key's athlete");
  }
  if (op_id_taken && maker != submission.athlete) {
    return rejected("this op_id cannot be used: every edit gets a new random one");
  }
  if (op_id_taken) {
    return quarantine(submission, entry, stored, other_content(stored));
  }
  const bool is_purge = edit.field == rowing::EditField::purged;
  if (is_purge) {
    const auto held = is_held(submission.athlete);
    if (!held) {
      return held.error();
    }
    if (*held) {
      return rejected("a legal hold keeps this session: it can be purged when the hold has ended");
    }
    const auto deleted = is_deleted(*connection_, submission.athlete, edit.session);
    if (!deleted) {
      return deleted.error();
    }
    if (!*deleted) {
      return rejected("only a deleted session can be purged: send the edit that deletes it first");
    }
    const auto just_restored = is_just_restored();
    if (!just_restored) {
      return just_restored.error();
    }
    if (*just_restored) {
      return later(std::string(kRestoredLedger), kRetryHiddenS);
    }
  }
  const std::int64_t server_seq = next_seq();
  BOATHOUSE_TRY(insert_edit(submission.athlete, entry, server_seq));
  BOATHOUSE_TRY(feed({submission.athlete, server_seq, FeedKind::edit, edit.session, {}, {}, {}}));
  const bool is_there = *owner && !(*owner)->purged;
  if (is_purge && (is_there || !*owner)) {
    BOATHOUSE_TRY(purge(submission.athlete, edit.session, {submission.key, submission.replica}));
  } else if (is_there) {
    BOATHOUSE_TRY(mark_dirty(edit.session, server_seq));  // else its birth does it
    // Not what this edit says, but what it led to: it may have lost to a newer one.
    const auto deleted = edit.field == rowing::EditField::deleted
                             ? is_deleted(*connection_, submission.athlete, edit.session)
                             : Result<bool>(false);
    if (!deleted) {
      return deleted.error();
    }
    BOATHOUSE_TRY(tell_of_session(*deleted ? EventKind::session_deleted : EventKind::session_updated,
                                  submission.athlete, edit.session, {}));
  }
  return with_receipt(Outcome::stored, server_seq);
}

Status Writer::insert_edit(const base::Uuid& athlete, const Entry& entry, std::int64_t server_seq) {
  const rowing::Edit& edit = *entry.edit;
  auto insert = connection_->prepare(
      "INSERT INTO edit (server_seq, op_id, session, athlete, replica, op_seq, field, received_ms, effective_ms, "
      "effective_count, sha256, json, deletes, placed_ms, placed_count, field_group, adds, tag_ms, tag_count) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, server_seq).bind(2, edit.op_id.bytes).bind(3, edit.session.bytes).bind(4, athlete.bytes);
  insert->bind(5, edit.replica_id.bytes).bind(6, edit.op_seq).bind(7, rowing::field_key(edit)).bind(8, now_ms_);
  const rowing::Stamp placed = rowing::placed_stamp(edit, now_ms_);
  if (placed != edit.stamp) {
    insert->bind(9, placed.ms).bind(10, placed.count);
  } else {
    insert->bind(9, nullptr).bind(10, nullptr);
  }
  const bool flag = edit.flag == true;
  insert->bind(11, entry.sha256).bind(12, entry.body);
  insert->bind(13, edit.field == rowing::EditField::deleted ? std::optional(flag) : std::nullopt);
  insert->bind(14, placed.ms).bind(15, placed.count).bind(16, static_cast<int>(group_of(edit.field)));
  if (edit.field == rowing::EditField::tag) {
    const rowing::Stamp& decides = flag ? placed : edit.seen;
    insert->bind(17, flag).bind(18, decides.ms).bind(19, decides.count);
  } else {
    insert->bind(17, nullptr).bind(18, nullptr).bind(19, nullptr);
  }
  return insert->run();
}

}  // namespace boathouse::ledger
