#include "server/ledger/writer.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/planted.hpp"
#include "core/wire/chunk.hpp"
#include "server/ledger/lookups.hpp"
#include "server/ledger/results.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {

using base::Result;
using base::Status;
using wire::ItemResult;
using wire::Outcome;

Result<Writer> Writer::begin(sql::Connection& connection, std::int64_t now_ms, Epoch& epoch, std::int64_t known_seq) {
  auto select = connection.prepare(
      "SELECT last_seq, recordings, chunks, unloaded, quarantined, checks, audit_n, audit_hash, epoch FROM state");
  if (!select) {
    return select.error();
  }
  const auto row = select->step();
  if (!row) {
    return row.error();
  }
  BOATHOUSE_TRY(*row ? epoch.check(select->text(8), select->integer(0), known_seq) : epoch.check({}, 0, known_seq));
  const Counters counters{select->integer(0),
                          select->integer(1),
                          select->integer(2),
                          select->integer(3),
                          select->integer(4),
                          select->integer(5),
                          {select->integer(6), digest_of(select->blob(7))}};
  return Writer(connection, now_ms, counters);
}

Status Writer::finish() {
  if (!told_.empty()) {
    BOATHOUSE_TRY(forget_old_events());
  }
  if (counters_ == before_) {
    return {};
  }
  auto update = connection_->prepare(
      "UPDATE state SET last_seq = ?1, recordings = ?2, chunks = ?3, unloaded = ?4, quarantined = ?5, checks = ?6, "
      "audit_n = ?7, audit_hash = ?8");
  if (!update) {
    return update.error();
  }
  update->bind(1, counters_.last_seq).bind(2, counters_.recordings).bind(3, counters_.chunks);
  update->bind(4, counters_.unloaded).bind(5, counters_.quarantined).bind(6, counters_.checks);
  update->bind(7, counters_.audit.n).bind(8, counters_.audit.hash);
  return update->run();
}

void Writer::check() { ++counters_.checks; }

Result<std::vector<ItemResult>> Writer::apply(const Submission& submission) {
  std::vector<ItemResult> results;
  results.reserve(submission.entries.size());
  const std::int64_t seq_before = counters_.last_seq;
  std::uint64_t stored = 0;
  std::uint64_t rejected = 0;
  const auto erasure = erasure_of(submission.athlete);
  if (!erasure) {
    return erasure.error();
  }
  if (*erasure) {
    return refuse_all(submission, **erasure);
  }
  std::set<base::Uuid> grown;  // recordings that may be complete now
  for (const Entry& entry : submission.entries) {
    auto result = entry.refusal ? *entry.refusal : store(submission, entry);
    if (!result) {
      return result.error();
    }
    const bool is_stored = result->outcome == Outcome::stored;
    stored_ = stored_ || is_stored;
    stored += is_stored ? 1U : 0U;
    rejected += result->outcome == Outcome::rejected ? 1U : 0U;
    if (is_stored && (entry.kind == wire::ItemKind::chunk || entry.kind == wire::ItemKind::seal)) {
      grown.insert(entry.rec_id);
    }
    results.push_back(std::move(*result));
  }
  for (const base::Uuid& rec_id : grown) {
    BOATHOUSE_TRY(tell_if_complete(submission.athlete, rec_id));
  }
  BOATHOUSE_TRY(tell_of_batch(submission, stored, rejected));
  // Once a stream, after the last of its chunks: what the batch has led to.
  struct Answered {
    base::Uuid rec_id;
    rowing::Stream stream;
    std::size_t index;
  };
  std::vector<Answered> answered;
  std::size_t chunks_left = kMaxHaveChunks;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const Entry& entry = submission.entries[i];
    if (entry.kind != wire::ItemKind::chunk || entry.refusal || results[i].outcome == Outcome::rejected) {
      continue;
    }
    const auto same = std::find_if(answered.begin(), answered.end(), [&entry](const Answered& other) {
      return other.rec_id == entry.rec_id && other.stream == entry.stream;
    });
    if (same != answered.end()) {
      results[i].have = results[same->index].have;
      continue;
    }
    auto ranges = have(entry.rec_id, entry.stream, chunks_left);
    if (!ranges) {
      return ranges.error();
    }
    results[i].have = std::move(*ranges);
    answered.push_back({entry.rec_id, entry.stream, i});
  }
  BOATHOUSE_TRY(audit_submission(submission, results, seq_before));
  return results;
}

Result<ItemResult> Writer::store(const Submission& submission, const Entry& entry) {
  switch (entry.kind) {
    case wire::ItemKind::birth:
      return store_birth(submission, entry);
    case wire::ItemKind::chunk:
      return store_chunk(submission, entry);
    case wire::ItemKind::seal:
      return store_seal(submission, entry);
    case wire::ItemKind::edit:
      return store_edit(submission, entry);
  }
  return rejected("no such kind of item");
}

Result<ItemResult> Writer::store_birth(const Submission& submission, const Entry& entry) {
  {
    auto select = connection_->prepare("SELECT athlete, sha256, server_seq FROM recording WHERE rec_id = ?1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, entry.rec_id.bytes).step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      if (uuid_of(select->blob(0)) != submission.athlete) {
        return rejected(std::string(kForeignRecording));
      }
      const base::Digest stored = digest_of(select->blob(1));
      const std::int64_t server_seq = select->integer(2);
      if (stored == entry.sha256) {
        return with_receipt(Outcome::duplicate, server_seq);
      }
      return quarantine(submission, entry, stored, other_content(stored));
    }
  }
  if (const auto owner = owner_of(*connection_, entry.rec_id); !owner) {
    return owner.error();
  } else if (*owner) {
    return rejected(std::string((*owner)->athlete == submission.athlete ? kPurgedRecording : kForeignRecording));
  }
  if (base::planted(base::Plant::dedup_by_start)) {
    auto twin = connection_->prepare("SELECT server_seq FROM recording WHERE athlete = ?1 AND started_ms = ?2");
    if (!twin) {
      return twin.error();
    }
    const auto row = twin->bind(1, submission.athlete.bytes).bind(2, entry.started_ms).step();
    if (row && *row) {
      return with_receipt(Outcome::duplicate, twin->integer(0));
    }
  }
  const std::int64_t server_seq = next_seq();
  auto insert = connection_->prepare(
      "INSERT INTO recording (rec_id, athlete, replica, started_ms, received_ms, server_seq, sha256, birth) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, entry.rec_id.bytes).bind(2, submission.athlete.bytes).bind(3, submission.replica.bytes);
  insert->bind(4, entry.started_ms).bind(5, now_ms_).bind(6, server_seq).bind(7, entry.sha256).bind(8, entry.body);
  BOATHOUSE_TRY(insert->run());
  BOATHOUSE_TRY(feed({submission.athlete, server_seq, FeedKind::birth, entry.rec_id, {}, {}, {}}));
  BOATHOUSE_TRY(tell_of_session(EventKind::session_created, submission.athlete, entry.rec_id, {}));
  BOATHOUSE_TRY(mark_dirty(entry.rec_id, server_seq));
  ++counters_.recordings;
  return with_receipt(Outcome::stored, server_seq);
}

Result<ItemResult> Writer::store_chunk(const Submission& submission, const Entry& entry) {
  if (entry.from >= entry.to || entry.to > wire::kMaxStreamRecords) {
    return rejected("the range " + text_of(entry.from, entry.to) + " is empty or beyond " +
                    std::to_string(wire::kMaxStreamRecords));
  }
  auto refusal = refuse_recording(submission.athlete, entry.rec_id);
  if (!refusal) {
    return refusal.error();
  }
  if (*refusal) {
    return std::move(**refusal);
  }
  Neighbours neighbours;
  {
    // Stored ranges never overlap each other, so if any of them touches this one, the last that begins before its end
    // does; behind it there may be one that begins there.
    auto select = connection_->prepare(
        "SELECT from_seq, to_seq, sha256, server_seq FROM chunk WHERE rec_id = ?1 AND stream = ?2 AND from_seq <= ?3 "
        "ORDER BY from_seq DESC LIMIT 2");
    if (!select) {
      return select.error();
    }
    auto row = select->bind(1, entry.rec_id.bytes).bind(2, number(entry.stream)).bind(3, entry.to).step();
    if (row && *row && static_cast<std::uint64_t>(select->integer(0)) == entry.to) {
      neighbours.behind = true;
      row = select->step();
    }
    if (!row) {
      return row.error();
    }
    const auto from = static_cast<std::uint64_t>(*row ? select->integer(0) : 0);
    const auto to = static_cast<std::uint64_t>(*row ? select->integer(1) : 0);
    if (to > entry.from) {
      const base::Digest stored = digest_of(select->blob(2));
      const std::int64_t server_seq = select->integer(3);
      if (from != entry.from || to != entry.to) {
        return quarantine(submission, entry, stored,
                          text_of(entry.from, entry.to) + " overlaps the stored chunk " + text_of(from, to) +
                              " without being equal; yours is kept aside");
      }
      if (stored == entry.sha256) {
        BOATHOUSE_TRY(heal_duplicate(server_seq, entry));
        return with_receipt(Outcome::duplicate, server_seq);
      }
      return quarantine(submission, entry, stored, other_content(stored));
    }
    neighbours.before = entry.from == 0 || (*row && to == entry.from);
  }
  const auto gone = is_gone(entry.rec_id, entry.stream, {entry.from, entry.to});
  if (!gone) {
    return gone.error();
  }
  if (*gone) {
    return rejected("records of " + text_of(entry.from, entry.to) + " were removed by retention");
  }
  const std::int64_t server_seq = next_seq();
  BOATHOUSE_TRY(insert_chunk(entry, neighbours, server_seq));
  BOATHOUSE_TRY(
      feed({submission.athlete, server_seq, FeedKind::chunk, entry.rec_id, entry.stream, entry.from, std::nullopt}));
  ++counters_.chunks;
  return with_receipt(Outcome::stored, server_seq);
}

Status Writer::insert_chunk(const Entry& entry, const Neighbours& neighbours, std::int64_t server_seq) {
  auto chunk = connection_->prepare(
      "INSERT INTO chunk (rec_id, stream, from_seq, to_seq, version, size, sha256, server_seq, received_ms, "
      "gap_before) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
  if (!chunk) {
    return chunk.error();
  }
  chunk->bind(1, entry.rec_id.bytes).bind(2, number(entry.stream)).bind(3, entry.from).bind(4, entry.to);
  chunk->bind(5, entry.version).bind(6, entry.body.size()).bind(7, entry.sha256).bind(8, server_seq);
  BOATHOUSE_TRY(chunk->bind(9, now_ms_).bind(10, !neighbours.before).run());
  if (neighbours.behind) {
    BOATHOUSE_TRY(set_gap_before(entry.rec_id, entry.stream, entry.to, false));
  }

  auto body = connection_->prepare("INSERT INTO chunk_body (server_seq, body) VALUES (?1, ?2)");
  if (!body) {
    return body.error();
  }
  BOATHOUSE_TRY(body->bind(1, server_seq).bind(2, entry.body).run());

  if (entry.stream == rowing::Stream::source) {
    return mark_dirty(entry.rec_id, server_seq);  // no block will say later that it is loaded
  }
  auto unloaded = connection_->prepare(
      "INSERT INTO unloaded (server_seq, rec_id, stream, from_seq, records, size, since_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
  if (!unloaded) {
    return unloaded.error();
  }
  unloaded->bind(1, server_seq).bind(2, entry.rec_id.bytes).bind(3, number(entry.stream)).bind(4, entry.from);
  unloaded->bind(5, entry.to - entry.from).bind(6, entry.body.size()).bind(7, now_ms_);
  ++counters_.unloaded;
  return unloaded->run();
}

Result<ItemResult> Writer::store_seal(const Submission& submission, const Entry& entry) {
  if (entry.revision == 0) {
    return rejected("revision 0: seals are numbered from 1");
  }
  auto refusal = refuse_recording(submission.athlete, entry.rec_id);
  if (!refusal) {
    return refusal.error();
  }
  if (*refusal) {
    return std::move(**refusal);
  }
  {
    auto select = connection_->prepare("SELECT sha256, server_seq FROM seal WHERE rec_id = ?1 AND revision = ?2");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, entry.rec_id.bytes).bind(2, entry.revision).step();
    if (!row) {
      return row.error();
    }
    if (*row) {
      const base::Digest stored = digest_of(select->blob(0));
      const std::int64_t server_seq = select->integer(1);
      if (stored == entry.sha256) {
        return with_receipt(Outcome::duplicate, server_seq);
      }
      return quarantine(submission, entry, stored, other_content(stored));
    }
  }
  const std::int64_t server_seq = next_seq();
  auto insert = connection_->prepare(
      "INSERT INTO seal (rec_id, revision, received_ms, server_seq, sha256, seal) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  if (!insert) {
    return insert.error();
  }
  insert->bind(1, entry.rec_id.bytes).bind(2, entry.revision).bind(3, now_ms_).bind(4, server_seq);
  BOATHOUSE_TRY(insert->bind(5, entry.sha256).bind(6, entry.body).run());
  BOATHOUSE_TRY(feed({submission.athlete, server_seq, FeedKind::seal, entry.rec_id, {}, {}, entry.revision}));
  BOATHOUSE_TRY(mark_dirty(entry.rec_id, server_seq));
  return with_receipt(Outcome::stored, server_seq);
}

}  // namespace boathouse::ledger
