#include "core/rowing/session_map.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

namespace boathouse::rowing {
namespace {

bool is_earlier(const Link& a, const Link& b) {
  return std::tie(a.stamp, a.replica_id, a.op_id, a.pair) < std::tie(b.stamp, b.replica_id, b.op_id, b.pair);
}

}  // namespace

std::map<base::Uuid, base::Uuid> group_sessions(std::span<const base::Uuid> recordings, std::span<const Link> links) {
  std::map<base::Uuid, base::Uuid> session;
  std::map<base::Uuid, std::vector<base::Uuid>> members;  // by session
  for (const base::Uuid& recording : recordings) {
    session[recording] = recording;
    members[recording] = {recording};
  }
  std::set<Pair> apart;
  std::vector<Link> joining;
  for (const Link& link : links) {
    if (!link.linked) apart.insert(link.pair);
    if (link.linked && session.contains(link.pair.low) && session.contains(link.pair.high)) joining.push_back(link);
  }
  std::ranges::sort(joining, is_earlier);
  for (const Link& link : joining) {
    const Pair both = Pair::of(session[link.pair.low], session[link.pair.high]);
    if (both.low == both.high) continue;
    std::vector<base::Uuid>& stays = members[both.low];
    std::vector<base::Uuid>& goes = members[both.high];
    const bool kept_apart = std::ranges::any_of(stays, [&](const base::Uuid& a) {
      return std::ranges::any_of(goes, [&](const base::Uuid& b) { return apart.contains(Pair::of(a, b)); });
    });
    if (kept_apart) continue;
    for (const base::Uuid& recording : goes) session[recording] = both.low;
    stays.insert(stays.end(), goes.begin(), goes.end());
    members.erase(both.high);
  }
  return session;
}

}  // namespace boathouse::rowing
