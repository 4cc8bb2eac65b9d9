// What the writer tells others of: events.hpp.
#include <utility>

#include "core/base/json.hpp"
#include "core/wire/facts.hpp"
#include "server/ledger/events.hpp"
#include "server/ledger/lookups.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {

using base::JsonWriter;
using base::Result;
using base::Status;

// The same word about the same thing, with nothing between, is said once a transaction.
Status Writer::tell(EventKind kind, const base::Uuid& athlete, const base::Uuid& subject, std::string data) {
  std::string word = std::string(name(kind)) + data;
  std::string& last = told_[subject];
  if (last == word) {
    return {};
  }
  last = std::move(word);
  auto insert = connection_->prepare("INSERT INTO outbox (athlete, kind, data, at_ms) VALUES (?1, ?2, ?3, ?4)");
  if (!insert) {
    return insert.error();
  }
  stored_ = true;
  return insert->bind(1, athlete.bytes).bind(2, name(kind)).bind(3, data).bind(4, now_ms_).run();
}

Status Writer::tell_of_session(EventKind kind, const base::Uuid& athlete, const base::Uuid& session, SessionNews news) {
  std::string data;
  JsonWriter json(data);
  json.begin_object().key("athlete_id").value("ath_" + athlete.text()).key("session_id").value("ses_" + session.text());
  if (news.revision != 0) {
    json.key("revision").value(news.revision);
  }
  if (kind == EventKind::session_deleted) {
    json.key("purged").value(news.purged);
  }
  json.end_object();
  return tell(kind, athlete, session, std::move(data));
}

Status Writer::tell_of_sync(EventKind kind, const base::Uuid& athlete, const base::Uuid& replica, SyncNews news) {
  std::string data;
  JsonWriter json(data);
  json.begin_object().key("athlete_id").value("ath_" + athlete.text()).key("replica_id").value(replica.text());
  if (news.recording) {
    json.key("recording_id").value("rec_" + news.recording->text());
  }
  if (news.items) {
    json.key("items").value(*news.items);
  }
  if (news.oldest_age_s) {
    json.key("oldest_age_s").value(*news.oldest_age_s);
  }
  json.end_object();
  return tell(kind, athlete, replica, std::move(data));
}

// Said once for each revision: the first makes the session complete, a later one updates it.
Status Writer::tell_if_complete(const base::Uuid& athlete, const base::Uuid& rec_id) {
  const auto stored = newest_seal(*connection_, rec_id);
  if (!stored) {
    return stored.error();
  }
  if (!*stored) {
    return {};
  }
  const auto seal = wire::decode_seal(base::as_text(**stored));
  if (!seal) {
    return {};  // an error would end the transaction of everybody's
  }
  const std::int64_t revision = seal->revision;
  const auto said = sql::first_integer(*connection_, "SELECT revision FROM completed WHERE rec_id = ?1", rec_id.bytes);
  if (!said) {
    return said.error();
  }
  if (*said && **said >= revision) {
    return {};
  }
  for (const auto& [stream, sealed] : seal->streams) {
    const auto held = holds_up_to(rec_id, stream, sealed.count);
    if (!held) {
      return held.error();
    }
    if (!*held) {
      return {};
    }
  }
  auto note = connection_->prepare(
      "INSERT INTO completed (rec_id, revision) VALUES (?1, ?2) ON CONFLICT (rec_id) DO UPDATE SET revision = ?2");
  if (!note) {
    return note.error();
  }
  BOATHOUSE_TRY(note->bind(1, rec_id.bytes).bind(2, revision).run());
  return tell_of_session(*said ? EventKind::session_updated : EventKind::session_complete, athlete, rec_id,
                         {.revision = seal->revision});
}

const std::string_view kGapQuery =
    "SELECT 1 FROM chunk WHERE rec_id = ?1 AND stream = ?2 AND from_seq < ?3 AND gap_before = 1 LIMIT 1";

const std::string_view kLastChunkQuery =
    "SELECT to_seq FROM chunk WHERE rec_id = ?1 AND stream = ?2 AND from_seq < ?3 ORDER BY from_seq DESC LIMIT 1";

// All chunks of [0, count): the last one ends there, and none of them has a gap before it. Two rows of indexes, for a
// stream may have very many and everybody waits meanwhile.
Result<bool> Writer::holds_up_to(const base::Uuid& rec_id, rowing::Stream stream, std::uint64_t count) {
  if (count == 0) {
    return true;
  }
  auto last = connection_->prepare(kLastChunkQuery);
  if (!last) {
    return last.error();
  }
  const auto there = last->bind(1, rec_id.bytes).bind(2, number(stream)).bind(3, count).step();
  if (!there) {
    return there.error();
  }
  if (!*there || static_cast<std::uint64_t>(last->integer(0)) != count) {
    return false;
  }
  auto gap = connection_->prepare(kGapQuery);
  if (!gap) {
    return gap.error();
  }
  const auto found = gap->bind(1, rec_id.bytes).bind(2, number(stream)).bind(3, count).step();
  return found ? Result<bool>(!*found) : found;
}

Status Writer::set_gap_before(const base::Uuid& rec_id, rowing::Stream stream, std::uint64_t from, bool gap) {
  auto update =
      connection_->prepare("UPDATE chunk SET gap_before = ?4 WHERE rec_id = ?1 AND stream = ?2 AND from_seq = ?3");
  if (!update) {
    return update.error();
  }
  return update->bind(1, rec_id.bytes).bind(2, number(stream)).bind(3, from).bind(4, gap).run();
}

Result<Writer::ReplicaNews> Writer::replica_news(const base::Uuid& athlete, const base::Uuid& replica) {
  auto select = connection_->prepare("SELECT owes, stuck FROM replica_news WHERE athlete = ?1 AND replica_id = ?2");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, athlete.bytes).bind(2, replica.bytes).step();
  if (!row) {
    return row.error();
  }
  return *row ? ReplicaNews{select->integer(0) != 0, select->integer(1) != 0} : ReplicaNews{};
}

Status Writer::set_replica_news(const base::Uuid& athlete, const base::Uuid& replica, const ReplicaNews& news) {
  const auto note = [&](const char* sql) -> Status {
    auto statement = connection_->prepare(sql);
    if (!statement) {
      return statement.error();
    }
    return statement->bind(1, athlete.bytes).bind(2, replica.bytes).bind(3, news.owes).bind(4, news.stuck).run();
  };
  BOATHOUSE_TRY(note("UPDATE replica_news SET owes = ?3, stuck = ?4 WHERE athlete = ?1 AND replica_id = ?2"));
  if (connection_->changes() > 0) {
    return {};
  }
  BOATHOUSE_TRY(note("INSERT INTO replica_news (athlete, replica_id, owes, stuck) VALUES (?1, ?2, ?3, ?4)"));
  // What was told of stores that were forgotten, or never said hello, goes when it is too much.
  auto forget = connection_->prepare(
      "DELETE FROM replica_news WHERE athlete = ?1 AND replica_id <> ?2 "
      "AND (SELECT count(*) FROM replica_news WHERE athlete = ?1) > ?3 "
      "AND replica_id NOT IN (SELECT replica_id FROM replica WHERE athlete = ?1)");
  if (!forget) {
    return forget.error();
  }
  return forget->bind(1, athlete.bytes).bind(2, replica.bytes).bind(3, 2 * kMaxReplicas).run();
}

// A batch has come: at the next hello that has nothing more to send, the sync is complete.
Status Writer::tell_of_batch(const Submission& submission, std::uint64_t stored, std::uint64_t rejected) {
  if (stored > 0) {
    auto news = replica_news(submission.athlete, submission.replica);
    if (!news) {
      return news.error();
    }
    if (!news->owes) {
      news->owes = true;
      BOATHOUSE_TRY(set_replica_news(submission.athlete, submission.replica, *news));
    }
  }
  if (rejected > 0) {
    return tell_of_sync(EventKind::sync_failed, submission.athlete, submission.replica, {.items = rejected});
  }
  return {};
}

Status Writer::tell_of_hello(const Hello& hello) {
  const auto before = replica_news(hello.athlete, hello.replica);
  if (!before) {
    return before.error();
  }
  const bool owes = hello.pending_items > 0 || hello.pending_recordings > 0;
  const ReplicaNews after{owes, owes && hello.oldest_age_s > kStuckAgeS};
  if (after == *before) {
    return {};
  }
  BOATHOUSE_TRY(set_replica_news(hello.athlete, hello.replica, after));
  if (after.stuck && !before->stuck) {
    BOATHOUSE_TRY(tell_of_sync(EventKind::sync_stuck, hello.athlete, hello.replica,
                               {.items = hello.pending_items, .oldest_age_s = hello.oldest_age_s}));
  }
  if (before->stuck && !after.stuck) {
    BOATHOUSE_TRY(tell_of_sync(EventKind::sync_recovered, hello.athlete, hello.replica, {}));
  }
  if (before->owes && !after.owes) {
    BOATHOUSE_TRY(tell_of_sync(EventKind::sync_completed, hello.athlete, hello.replica, {}));
  }
  return {};
}

// Whoever should tell them has failed for so long that their end would fill the disk that acknowledgements need.
Status Writer::forget_old_events() {
  auto remove = connection_->prepare("DELETE FROM outbox WHERE id <= (SELECT max(id) FROM outbox) - ?1");
  if (!remove) {
    return remove.error();
  }
  BOATHOUSE_TRY(remove->bind(1, kMaxWaitingEvents).run());
  forgotten_events_ = static_cast<std::uint64_t>(connection_->changes());
  return {};
}

Status Writer::events_told(std::int64_t up_to) {
  auto remove = connection_->prepare("DELETE FROM outbox WHERE id <= ?1");
  if (!remove) {
    return remove.error();
  }
  return remove->bind(1, up_to).run();
}

}  // namespace boathouse::ledger
