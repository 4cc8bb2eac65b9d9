#include "tests/simulation/fleet/feed.hpp"

#include <algorithm>

#include "core/wire/edit.hpp"

namespace boathouse::simulation {

Feed::Feed(ledger::Ledger& ledger, const base::Uuid& athlete) {
  constexpr std::size_t kAll = 100'000;
  std::int64_t since = 0;
  for (;;) {
    const auto page = read(ledger.changes(athlete, since, kAll, std::size_t{64} << 20), "the feed");
    for (const wire::Change& change : page.changes) {
      if (change.kind != wire::ChangeKind::edit) continue;
      edits_.insert(change.op_id);
      const auto edit = read(wire::decode_edit(change.json), "an edit of the feed");
      take(edit, {change.effective.value_or(edit.stamp), edit.replica_id, edit.op_id});
    }
    if (!page.more) return;
    since = page.next;
  }
}

void Feed::take(const rowing::Edit& edit, const Place& place) {
  if (edit.field == rowing::EditField::title) titles_[edit.session][place] = edit.text;
  if (edit.field == rowing::EditField::deleted) deletions_[edit.session][place] = edit.flag == true;
  if (edit.field == rowing::EditField::link) links_[std::minmax(edit.session, edit.other)][place] = edit.flag;
}

std::optional<std::optional<std::string>> Feed::title(const base::Uuid& session) const {
  const auto found = titles_.find(session);
  if (found == titles_.end()) return std::nullopt;
  return found->second.rbegin()->second;
}

// The restore that comes in time is the last word before the next deletion.
bool Feed::deleted(const base::Uuid& session) const {
  constexpr std::int64_t kThirtyDaysMs = 2'592'000'000;
  const auto found = deletions_.find(session);
  if (found == deletions_.end()) return false;
  std::optional<std::int64_t> deleted_ms;
  for (const auto& [place, deletes] : found->second) {
    const std::int64_t ms = std::get<0>(place).ms;
    if (deletes) {
      deleted_ms = ms;
    } else if (deleted_ms && ms <= *deleted_ms + kThirtyDaysMs) {
      deleted_ms.reset();
    }
  }
  return deleted_ms.has_value();
}

// Deleted ones are alone. The others by what was said last of each two: those who are kept apart first, then the links
// as they were made.
std::set<std::set<base::Uuid>> Feed::sessions(const std::set<base::Uuid>& recordings) const {
  std::set<Two> apart;
  std::map<std::pair<Place, Two>, Two> joined;
  for (const auto& [two, words] : links_) {
    const auto& [place, word] = *words.rbegin();
    if (word == false) apart.insert(two);
    if (word == true) joined[{place, two}] = two;
  }
  std::map<base::Uuid, std::set<base::Uuid>> mates;
  for (const base::Uuid& recording : recordings) mates[recording] = {recording};
  for (const auto& [when, two] : joined) {
    const auto& [a, b] = two;
    if (!recordings.contains(a) || !recordings.contains(b) || deleted(a) || deleted(b)) continue;
    std::set<base::Uuid> all = mates[a];
    all.insert(mates[b].begin(), mates[b].end());
    const bool together = mates[a].contains(b);
    const bool parted = std::ranges::any_of(
        apart, [&](const Two& pair) { return all.contains(pair.first) && all.contains(pair.second); });
    if (together || parted) continue;
    for (const base::Uuid& one : all) mates[one] = all;
  }
  std::set<std::set<base::Uuid>> sessions;
  for (const auto& [recording, all] : mates) sessions.insert(all);
  return sessions;
}

}  // namespace boathouse::simulation
