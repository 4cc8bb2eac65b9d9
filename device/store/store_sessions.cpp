// Sessions of several recordings: which belong together, whose records count, linking and parting them.
#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <utility>

#include "core/wire/edit.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {
namespace {

using rowing::Edit;
using rowing::EditField;
using rowing::Link;
using rowing::Pair;
using rowing::Stream;

constexpr std::string_view kLinkColumns = "SELECT low, high, linked, ms, count, replica_id, op_id FROM link";

base::Result<Link> read_link(const db::Statement& row) {
  Link link;
  if (!copy_exact(row.blob(0), link.pair.low.bytes) || !copy_exact(row.blob(1), link.pair.high.bytes) ||
      !copy_exact(row.blob(5), link.replica_id.bytes) || !copy_exact(row.blob(6), link.op_id.bytes)) {
    return damaged("a link without its recordings");
  }
  link.linked = row.integer(2) != 0;
  link.stamp = {row.integer(3), static_cast<std::uint32_t>(row.integer(4))};
  return link;
}

base::Status collect_links(db::Statement& select, std::vector<Link>& links) {
  for (;;) {
    auto row = select.step();
    if (!row) return row.error();
    if (!*row) return {};
    auto link = read_link(select);
    if (!link) return link.error();
    links.push_back(*link);
  }
}

base::Result<std::vector<Link>> links_of(db::Connection& connection, const base::Uuid& rec_id) {
  auto select = connection.prepare(std::string(kLinkColumns) + " WHERE low = ?1 OR high = ?1");
  if (!select) return select.error();
  std::vector<Link> links;
  BOATHOUSE_TRY(collect_links(select->bind(1, base::ByteView(rec_id.bytes)), links));
  return links;
}

base::Result<std::vector<Link>> all_links(db::Connection& connection) {
  auto select = connection.prepare(kLinkColumns);
  if (!select) return select.error();
  std::vector<Link> links;
  BOATHOUSE_TRY(collect_links(*select, links));
  return links;
}

// Is there to be seen, and not deleted by a person.
base::Result<bool> is_shown(db::Connection& connection, const base::Uuid& rec_id) {
  auto recording = find_recording(connection, rec_id);
  if (!recording) return recording.error();
  if (!*recording || (*recording)->purged) return false;
  {
    auto select = connection.prepare("SELECT EXISTS(SELECT 1 FROM item WHERE recording = ?1 AND kind = 1)");
    if (!select) return select.error();
    auto row = select->bind(1, (*recording)->id).step();
    if (!row) return row.error();
    if (select->integer(0) == 0) return false;
  }
  const auto edits = read_edits(connection, (*recording)->id, "deleted");
  if (!edits) return edits.error();
  const rowing::FieldValue deleted = rowing::resolve(*edits);
  return !deleted.winner || deleted.winner->edit.flag != true;
}

base::Status make(db::Connection& connection, base::UuidV7Source& ids, Edit edit, std::int64_t now_utc_ms) {
  edit.op_id = ids.next();
  auto made = make_edit(connection, std::move(edit), now_utc_ms);
  return made ? base::Status() : base::Status(made.error());
}

void merge_fields(SessionFields& fields, const SessionFields& more) {
  if (!fields.title) fields.title = more.title;
  if (!fields.notes) fields.notes = more.notes;
  for (const std::string& tag : more.tags) {
    if (std::ranges::find(fields.tags, tag) == fields.tags.end()) fields.tags.push_back(tag);
  }
}

// From the recordings of a session, by id, with the fields of each.
base::Result<SessionInfo> make_session(db::Connection& connection, std::vector<RecordingInfo> recordings,
                                       const std::vector<SessionFields>& fields) {
  SessionInfo session;
  session.id = recordings.front().birth.rec_id;
  session.fields = fields.front();
  for (const SessionFields& more : fields) merge_fields(session.fields, more);
  std::ranges::sort(session.fields.tags);
  std::vector<rowing::Evidence> evidence;
  std::vector<base::Uuid> members;
  for (const RecordingInfo& info : recordings) {
    members.push_back(info.birth.rec_id);
    for (const auto& [stream, counts] : info.streams) session.primaries.try_emplace(stream, info.birth.rec_id);
    if (!info.problem.empty() || !info.ended) continue;
    auto row = get_recording(connection, info.birth.rec_id);
    if (!row) return row.error();
    auto known = read_evidence(connection, *row, false);
    if (!known) return known.error();
    if (*known) evidence.push_back(std::move(**known));
  }
  for (auto& [stream, primary] : session.primaries) {
    primary = rowing::choose_primary(stream, evidence).value_or(primary);
  }
  if (members.size() > 1) {
    auto chosen = chosen_primaries(connection, members);
    if (!chosen) return chosen.error();
    for (const auto& [stream, primary] : *chosen) {
      if (session.primaries.contains(stream)) session.primaries[stream] = primary;
    }
  }
  for (const Stream stream : {Stream::summary, Stream::sample}) {
    const auto primary = session.primaries.find(stream);
    if (primary == session.primaries.end()) continue;
    const auto known = std::ranges::find_if(
        evidence, [&](const rowing::Evidence& one) { return one.birth.rec_id == primary->second; });
    if (known == evidence.end() || !known->seal.workout) break;
    session.elapsed_cs = known->seal.workout->elapsed_cs;
    session.distance_dm = known->seal.workout->distance_dm;
    break;
  }
  session.recordings = std::move(recordings);
  return session;
}

base::Result<SessionInfo> read_session_info(db::Connection& connection, const base::Uuid& rec_id) {
  auto members = session_members(connection, rec_id);
  if (!members) return members.error();
  std::vector<RecordingInfo> infos;
  std::vector<SessionFields> fields;
  for (const base::Uuid& member : *members) {
    auto info = read_recording(connection, member);
    if (!info) return info.error();
    infos.push_back(std::move(*info));
    auto row = get_recording(connection, member);
    if (!row) return row.error();
    auto written = read_fields(connection, row->id);
    if (!written) return written.error();
    fields.push_back(std::move(*written));
  }
  return make_session(connection, std::move(infos), fields);
}

}  // namespace

base::Result<std::optional<Link>> find_link(db::Connection& connection, const Pair& pair) {
  auto select = connection.prepare(std::string(kLinkColumns) + " WHERE low = ?1 AND high = ?2");
  if (!select) return select.error();
  std::vector<Link> links;
  select->bind(1, base::ByteView(pair.low.bytes)).bind(2, base::ByteView(pair.high.bytes));
  BOATHOUSE_TRY(collect_links(*select, links));
  return links.empty() ? std::nullopt : std::optional(links.front());
}

base::Result<std::vector<base::Uuid>> session_members(db::Connection& connection, const base::Uuid& rec_id) {
  std::set<base::Uuid> reached{rec_id};
  std::map<Pair, Link> links;
  for (std::deque<base::Uuid> open{rec_id}; !open.empty(); open.pop_front()) {
    auto found = links_of(connection, open.front());
    if (!found) return found.error();
    for (const Link& link : *found) {
      links[link.pair] = link;
      const base::Uuid& other = link.pair.low == open.front() ? link.pair.high : link.pair.low;
      if (link.linked && reached.insert(other).second) open.push_back(other);
    }
  }
  std::vector<base::Uuid> shown;
  for (const base::Uuid& id : reached) {
    auto is = is_shown(connection, id);
    if (!is) return is.error();
    if (*is) shown.push_back(id);
  }
  std::vector<Link> list;
  list.reserve(links.size());
  for (const auto& [pair, link] : links) list.push_back(link);
  const auto sessions = rowing::group_sessions(shown, list);
  const auto own = sessions.find(rec_id);
  if (own == sessions.end()) return std::vector{rec_id};
  std::vector<base::Uuid> members;
  for (const auto& [recording, session] : sessions) {
    if (session == own->second) members.push_back(recording);
  }
  return members;
}

base::Status write_link(db::Connection& connection, base::UuidV7Source& ids, const Pair& pair, bool linked,
                        std::int64_t now_utc_ms) {
  Edit edit;
  edit.session = pair.low;
  edit.field = EditField::link;
  edit.other = pair.high;
  edit.flag = linked;
  return make(connection, ids, std::move(edit), now_utc_ms);
}

base::Status join_sessions(db::Connection& connection, base::UuidV7Source& ids, const base::Uuid& a,
                           const base::Uuid& b, std::int64_t now_utc_ms) {
  auto here = session_members(connection, a);
  if (!here) return here.error();
  auto there = session_members(connection, b);
  if (!there) return there.error();
  // Whoever kept any two of them apart has changed their mind.
  if (here->front() != there->front()) {
    for (const base::Uuid& x : *here) {
      for (const base::Uuid& y : *there) {
        const Pair pair = Pair::of(x, y);
        auto link = find_link(connection, pair);
        if (!link) return link.error();
        if (*link && !(*link)->linked && pair != Pair::of(a, b)) {
          BOATHOUSE_TRY(write_link(connection, ids, pair, true, now_utc_ms));
        }
      }
    }
  }
  return write_link(connection, ids, Pair::of(a, b), true, now_utc_ms);
}

base::Status part_from_session(db::Connection& connection, base::UuidV7Source& ids,
                               const std::vector<base::Uuid>& members, const base::Uuid& leaves,
                               std::int64_t now_utc_ms) {
  for (const base::Uuid& member : members) {
    if (member == leaves) continue;
    BOATHOUSE_TRY(write_link(connection, ids, Pair::of(member, leaves), false, now_utc_ms));
  }
  return {};
}

base::Result<std::map<Stream, base::Uuid>> chosen_primaries(db::Connection& connection,
                                                            const std::vector<base::Uuid>& members) {
  std::map<Stream, rowing::PlacedEdit> chosen;
  for (const base::Uuid& member : members) {
    auto row = get_recording(connection, member);
    if (!row) return row.error();
    for (const Stream stream : rowing::kStreams) {
      auto edits = read_edits(connection, row->id, "primary:" + std::string(rowing::name(stream)));
      if (!edits) return edits.error();
      const auto winner = rowing::resolve(*edits).winner;
      if (!winner || !winner->edit.primary) continue;
      if (std::ranges::find(members, *winner->edit.primary) == members.end()) continue;
      const auto [place, is_first] = chosen.try_emplace(stream, *winner);
      if (!is_first && rowing::is_before(place->second, *winner)) place->second = *winner;
    }
  }
  std::map<Stream, base::Uuid> primaries;
  for (const auto& [stream, edit] : chosen) primaries[stream] = *edit.edit.primary;
  return primaries;
}

base::Result<std::vector<SessionInfo>> Store::sessions() {
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  auto infos = list_recordings(connection, {});
  if (!infos) return infos.error();
  auto links = all_links(connection);
  if (!links) return links.error();
  std::map<base::Uuid, SessionFields> fields;
  std::vector<base::Uuid> shown;
  for (const RecordingInfo& info : *infos) {
    auto row = get_recording(connection, info.birth.rec_id);
    if (!row) return row.error();
    auto written = read_fields(connection, row->id);
    if (!written && written.error().code != base::ErrorCode::corrupt) return written.error();
    SessionFields& own = fields[info.birth.rec_id];
    if (written) own = std::move(*written);
    if (!own.deleted && info.problem.empty()) shown.push_back(info.birth.rec_id);
  }
  const auto session_of_shown = rowing::group_sessions(shown, *links);
  std::map<base::Uuid, std::vector<RecordingInfo>> groups;
  for (auto info = infos->rbegin(); info != infos->rend(); ++info) {
    const base::Uuid rec_id = info->birth.rec_id;
    const auto found = session_of_shown.find(rec_id);
    groups[found == session_of_shown.end() ? rec_id : found->second].push_back(std::move(*info));
  }
  std::vector<SessionInfo> sessions;
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    std::vector<SessionFields> written;
    for (const RecordingInfo& info : group->second) written.push_back(fields[info.birth.rec_id]);
    auto session = make_session(connection, std::move(group->second), written);
    if (!session) return session.error();
    sessions.push_back(std::move(*session));
  }
  return sessions;
}

base::Result<SessionInfo> Store::session(const base::Uuid& rec_id) {
  const std::lock_guard guard(impl_->mutex);
  return read_session_info(impl_->connection, rec_id);
}

base::Result<base::Uuid> Store::session_of(const base::Uuid& rec_id) {
  const std::lock_guard guard(impl_->mutex);
  auto recording = get_recording(impl_->connection, rec_id);
  if (!recording) return recording.error();
  auto members = session_members(impl_->connection, rec_id);
  if (!members) return members.error();
  return members->front();
}

base::Status Store::link(const base::Uuid& a, const base::Uuid& b, std::int64_t now_utc_ms) {
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  return impl_->transact([&]() -> base::Status {
    auto here = get_recording(connection, a);
    if (!here) return here.error();
    auto there = get_recording(connection, b);
    if (!there) return there.error();
    if (here->athlete != there->athlete) {
      return base::Error{base::ErrorCode::invalid_input, "these are sessions of two athletes"};
    }
    if (a == b) return base::Error{base::ErrorCode::invalid_input, "this is one session, not two"};
    auto members = session_members(connection, a);
    if (!members) return members.error();
    if (std::ranges::find(*members, b) != members->end()) return {};
    return join_sessions(connection, *impl_->ids, a, b, now_utc_ms);
  });
}

base::Status Store::unlink(const base::Uuid& stays, const base::Uuid& leaves, std::int64_t now_utc_ms) {
  const std::lock_guard guard(impl_->mutex);
  db::Connection& connection = impl_->connection;
  return impl_->transact([&]() -> base::Status {
    auto recording = get_recording(connection, stays);
    if (!recording) return recording.error();
    auto members = session_members(connection, stays);
    if (!members) return members.error();
    if (stays == leaves || std::ranges::find(*members, leaves) == members->end()) {
      return base::Error{base::ErrorCode::not_found,
                         "recording " + leaves.text() + " is not linked to " + stays.text()};
    }
    return part_from_session(connection, *impl_->ids, *members, leaves, now_utc_ms);
  });
}

namespace {

// One recording's stream, a chunk's worth at a time; what is not on this device is passed over.
class StoredStream {
 public:
  StoredStream(std::mutex& mutex, db::Connection& connection, const base::Uuid& rec_id, Stream stream)
      : mutex_(&mutex), connection_(&connection), rec_id_(rec_id), stream_(stream) {}

  base::Result<std::optional<rowing::PlacedRecord>> next() {
    while (waiting_.empty() && !ended_) BOATHOUSE_TRY(read_more());
    if (waiting_.empty()) return std::optional<rowing::PlacedRecord>();
    rowing::PlacedRecord record = std::move(waiting_.front());
    waiting_.pop_front();
    return std::optional(std::move(record));
  }

 private:
  base::Status read_more() {
    const std::lock_guard guard(*mutex_);
    auto recording = get_recording(*connection_, rec_id_);
    if (!recording) return recording.error();
    auto streams = get_streams(*connection_, recording->id);
    if (!streams) return streams.error();
    ended_ = from_ + kChunkRecords >= (*streams)[stream_].next_seq;
    BOATHOUSE_TRY(read_records(*connection_, recording->id, stream_, from_, from_ + kChunkRecords,
                               [this](std::uint64_t seq, rowing::Record record) {
                                 waiting_.push_back({rec_id_, seq, std::move(record)});
                               }));
    from_ += kChunkRecords;
    return {};
  }

  std::mutex* mutex_;
  db::Connection* connection_;
  base::Uuid rec_id_;
  Stream stream_;
  std::uint64_t from_ = 0;
  bool ended_ = false;
  std::deque<rowing::PlacedRecord> waiting_;
};

rowing::RecordSource source_of(std::mutex& mutex, db::Connection& connection, const base::Uuid& rec_id, Stream stream) {
  return [stored = StoredStream(mutex, connection, rec_id, stream)]() mutable { return stored.next(); };
}

std::int64_t usual_step(const rowing::Evidence& evidence, Stream stream) {
  if (!evidence.seal.workout) return 1;
  const auto found = evidence.seal.workout->reach.find(stream);
  return found == evidence.seal.workout->reach.end() ? 1 : static_cast<std::int64_t>(found->second.step);
}

}  // namespace

base::Result<SessionReader> Store::read_session(const base::Uuid& rec_id, Stream stream) {
  std::vector<rowing::Evidence> others;
  std::optional<rowing::Evidence> primary;
  base::Uuid first = rec_id;
  {
    const std::lock_guard guard(impl_->mutex);
    auto session = read_session_info(impl_->connection, rec_id);
    if (!session) return session.error();
    const auto chosen = session->primaries.find(stream);
    if (chosen != session->primaries.end()) first = chosen->second;
    for (const RecordingInfo& info : session->recordings) {
      if (session->recordings.size() == 1 || !info.ended) continue;
      auto row = get_recording(impl_->connection, info.birth.rec_id);
      if (!row) return row.error();
      auto known = read_evidence(impl_->connection, *row, true);
      if (!known) return known.error();
      if (!*known) continue;
      if (info.birth.rec_id == first) {
        primary = std::move(**known);
      } else {
        others.push_back(std::move(**known));
      }
    }
  }
  rowing::RecordSource source = source_of(impl_->mutex, impl_->connection, first, stream);
  while (primary && !others.empty()) {
    // The best of the others fills first.
    const auto best = rowing::choose_primary(stream, others);
    if (!best) break;
    const auto other = std::ranges::find_if(others, [&](const auto& one) { return one.birth.rec_id == *best; });
    if (rowing::may_fill(*primary, *other)) {
      source = rowing::fill_holes(std::move(source), source_of(impl_->mutex, impl_->connection, *best, stream),
                                  usual_step(*primary, stream));
    }
    others.erase(other);
  }
  return SessionReader(std::move(source));
}

base::Result<SessionPage> SessionReader::next() {
  SessionPage page;
  while (page.records.size() < kChunkRecords) {
    auto placed = source_();
    if (!placed) return placed.error();
    if (!*placed) break;
    const rowing::PlacedRecord& at = **placed;
    if (page.ranges.empty() || page.ranges.back().rec_id != at.rec_id || page.ranges.back().to != at.seq) {
      page.ranges.push_back({at.rec_id, at.seq, at.seq});
    }
    ++page.ranges.back().to;
    page.records.push_back(std::move((*placed)->record));
  }
  return page;
}

}  // namespace boathouse::store
