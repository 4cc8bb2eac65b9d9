// The reader's half for sessions: what edits make of recordings.
#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/rowing/edit_order.hpp"
#include "core/rowing/overlap.hpp"
#include "core/rowing/session_map.hpp"
#include "server/ledger/edit_values.hpp"
#include "server/ledger/lookups.hpp"
#include "server/ledger/reader.hpp"
#include "server/ledger/rows.hpp"

namespace boathouse::ledger {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;
using rowing::Pair;
using rowing::PlacedEdit;

// A recording with what was written for the session that it was born with.
struct Member {
  RecordingState state;
  WrittenValues written;
  base::Bytes kept_figures = {};
};

std::optional<rowing::Link> link_of(const Pair& pair, const std::vector<PlacedEdit>& edits) {
  const PlacedEdit winner = *rowing::resolve(edits).winner;
  if (!winner.edit.flag) {
    return std::nullopt;
  }
  return rowing::Link{pair, *winner.edit.flag, winner.effective, winner.edit.replica_id, winner.edit.op_id};
}

// Or had them until retention took them: the session stays at its place.
bool has_records(const Member& member, rowing::Stream stream) {
  return member.state.removed.contains(stream) ||
         std::ranges::any_of(member.state.streams, [stream](const StreamState& one) { return one.stream == stream; });
}

// The newest word of a person that names one of them, else by coverage of those that have ended, else the first.
std::optional<base::Uuid> primary_of(rowing::Stream stream, const std::vector<const Member*>& members) {
  std::vector<rowing::Evidence> ended;
  std::optional<base::Uuid> primary;
  const PlacedEdit* word = nullptr;
  for (const Member* member : members) {
    if (!has_records(*member, stream)) {
      continue;
    }
    primary = primary.value_or(member->state.rec_id);
    if (member->state.seal) {
      ended.push_back({member->state.birth, *member->state.seal, {}});
    }
  }
  if (!primary) {
    return std::nullopt;
  }
  for (const Member* member : members) {
    const auto chosen = member->written.primaries.find(stream);
    if (chosen == member->written.primaries.end() || (word != nullptr && rowing::is_before(chosen->second, *word))) {
      continue;
    }
    const auto named = std::ranges::find_if(
        members, [&](const Member* one) { return one->state.rec_id == *chosen->second.edit.primary; });
    if (named != members.end() && has_records(**named, stream)) {
      word = &chosen->second;
    }
  }
  if (word != nullptr) {
    return word->edit.primary;
  }
  const auto best = rowing::choose_primary(stream, ended);
  const auto held = [&](const Member* one) { return one->state.rec_id == best && has_records(*one, stream); };
  return best && std::ranges::any_of(members, held) ? best : primary;
}

// In order of id.
SessionState session_of(const std::vector<const Member*>& members) {
  SessionState session;
  session.deleted = members.front()->written.deleted;
  std::set<std::string> tags;
  for (const Member* member : members) {
    session.title = session.title.empty() ? member->written.title : session.title;
    session.notes = session.notes.empty() ? member->written.notes : session.notes;
    tags.insert(member->written.tags.begin(), member->written.tags.end());
    session.recordings.push_back(member->state);
    if (session.kept_figures.empty()) {
      session.kept_figures = member->kept_figures;
    }
  }
  session.tags.assign(tags.begin(), tags.end());
  for (const rowing::Stream stream : rowing::kStreams) {
    if (const auto primary = primary_of(stream, members)) {
      session.primaries.emplace(stream, *primary);
    }
  }
  return session;
}

}  // namespace

Result<SessionsAround> Reader::sessions_around(const base::Uuid& rec_id) {
  SessionsAround around;
  const auto seq = newest_seq();
  if (!seq) {
    return seq.error();
  }
  around.server_seq = *seq;
  const auto owner = owner_of(connection_, rec_id);
  if (!owner) {
    return owner.error();
  }
  if (!*owner) {
    return around;
  }
  around.athlete = (*owner)->athlete;
  const auto hidden = is_hidden(around.athlete);
  if (!hidden) {
    return hidden.error();
  }

  using ByOpId = std::map<base::Uuid, PlacedEdit>;  // a link is found from both its ends
  std::map<Pair, ByOpId> edits_of_links;
  std::set<base::Uuid> reached{rec_id};
  std::map<base::Uuid, Member> members;
  std::size_t tags_left = kMaxTagsAround;
  std::size_t links_left = kMaxLinksAround;
  for (std::deque<base::Uuid> open{rec_id}; !open.empty(); open.pop_front()) {
    const base::Uuid id = open.front();
    auto links = newest_links(connection_, around.athlete, id, links_left);
    if (!links) {
      return links.error();
    }
    for (PlacedEdit& edit : *links) {
      const Pair pair = Pair::of(edit.edit.session, edit.edit.other);
      const base::Uuid& other = pair.low == id ? pair.high : pair.low;
      if (reached.size() < kMaxSessionsAround && reached.insert(other).second) {
        open.push_back(other);
      }
      edits_of_links[pair].emplace(edit.edit.op_id, std::move(edit));
    }
    auto state = readable_recording(id);
    if (!state) {
      return state.error();
    }
    if (!*state || (*state)->athlete != around.athlete) {
      continue;
    }
    Member& member = members[id];
    member.state = std::move(**state);
    auto written = written_values(connection_, around.athlete, id, tags_left);
    if (!written) {
      return written.error();
    }
    member.written = std::move(*written);
    member.written.deleted = member.written.deleted || *hidden;
    if (!member.state.removed.empty()) {
      auto figures = kept_figures(id);
      if (!figures) {
        return figures.error();
      }
      member.kept_figures = std::move(*figures);
    }
  }
  around.ids.assign(reached.begin(), reached.end());

  std::vector<rowing::Link> links;
  for (const auto& [pair, by_op_id] : edits_of_links) {
    std::vector<PlacedEdit> edits;
    for (const auto& [op_id, edit] : by_op_id) {
      edits.push_back(edit);
    }
    if (const auto link = link_of(pair, edits)) {
      links.push_back(*link);
    }
  }
  std::vector<base::Uuid> shown;
  std::map<base::Uuid, std::vector<const Member*>> groups;
  for (const auto& [id, member] : members) {
    if (member.written.deleted) {
      groups[id].push_back(&member);
    } else {
      shown.push_back(id);
    }
  }
  for (const auto& [id, session] : rowing::group_sessions(shown, links)) {
    groups[session].push_back(&members.at(id));
  }
  for (const auto& [session, group] : groups) {
    around.sessions.push_back(session_of(group));
  }
  return around;
}

}  // namespace boathouse::ledger
