// The writer's half for retention: rules, holds, and what an applied plan removes.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/wire/chunk.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/ledger/results.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/writer.hpp"

namespace boathouse::ledger {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

std::string scope_of_athlete(const base::Uuid& athlete) { return std::string(kAthleteScope) + athlete.text(); }
std::string scope_of_team(const base::Uuid& team) { return std::string(kTeamScope) + team.text(); }

Status Writer::set_rule(const RetentionRule& rule, const std::optional<base::Uuid>& key) {
  BOATHOUSE_TRY(refuse_if_erasing(rule.scope));
  auto upsert = connection_->prepare(
      "INSERT INTO retention_rule (scope, stream, years, set_ms) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (scope, stream) DO UPDATE SET years = ?3, set_ms = ?4");
  if (!upsert) {
    return upsert.error();
  }
  upsert->bind(1, rule.scope).bind(2, number(rule.stream)).bind(3, rule.years).bind(4, now_ms_);
  BOATHOUSE_TRY(upsert->run());
  const std::string what = "scope=" + rule.scope + " stream=" + std::string(rowing::name(rule.stream)) +
                           " years=" + (rule.years ? std::to_string(*rule.years) : "ever");
  const auto written = append_audit({"retention.rule", key, {}, {}, what});
  return written ? Status() : Status(written.error());
}

// The reason stays out of the audit: it may name somebody, and a record is never removed.
Status Writer::set_hold(const LegalHold& hold, const std::optional<base::Uuid>& key) {
  BOATHOUSE_TRY(refuse_if_erasing(hold.scope));
  auto upsert = connection_->prepare(
      "INSERT INTO legal_hold (scope, reason, set_ms) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (scope) DO UPDATE SET reason = ?2, set_ms = ?3");
  if (!upsert) {
    return upsert.error();
  }
  BOATHOUSE_TRY(upsert->bind(1, hold.scope).bind(2, hold.reason).bind(3, now_ms_).run());
  const auto written = append_audit({"retention.hold", key, {}, {}, "scope=" + hold.scope});
  return written ? Status() : Status(written.error());
}

Status Writer::release_hold(const std::string& scope, const std::optional<base::Uuid>& key) {
  auto remove = connection_->prepare("DELETE FROM legal_hold WHERE scope = ?1");
  if (!remove) {
    return remove.error();
  }
  BOATHOUSE_TRY(remove->bind(1, scope).run());
  if (connection_->changes() == 0) {
    return Error{ErrorCode::not_found, "there is no hold on " + scope};
  }
  const auto written = append_audit({"retention.release", key, {}, {}, "scope=" + scope});
  return written ? Status() : Status(written.error());
}

Result<bool> Writer::is_held(const base::Uuid& athlete) {
  auto select = connection_->prepare("SELECT 1 FROM legal_hold WHERE scope IN (?1, ?2) LIMIT 1");
  if (!select) {
    return select.error();
  }
  return select->bind(1, kScopeAll).bind(2, scope_of_athlete(athlete)).step();
}

Result<bool> Writer::is_just_restored() {
  auto select = connection_->prepare("SELECT restored_ms FROM state");
  if (!select) {
    return select.error();
  }
  const auto row = select->step();
  if (!row) {
    return row.error();
  }
  return *row && now_ms_ < select->integer(0) + kRestoredRestMs;
}

Status Writer::apply_plan(std::span<const Retirement> retirements, const std::string& what,
                          const std::optional<base::Uuid>& key) {
  auto insert = connection_->prepare(
      "INSERT INTO retiring (rec_id, stream, to_seq, plan, key_id, newest_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
      "ON CONFLICT (rec_id, stream) DO NOTHING");
  if (!insert) {
    return insert.error();
  }
  for (const Retirement& one : retirements) {
    insert->bind(1, one.rec_id.bytes).bind(2, number(one.stream)).bind(3, one.to).bind(4, one.plan);
    key ? insert->bind(5, key->bytes) : insert->bind(5, nullptr);
    BOATHOUSE_TRY(insert->bind(6, one.newest_seq).run());
  }
  const auto written = append_audit({"retention.apply", key, {}, {}, what});
  return written ? Status() : Status(written.error());
}

// Everybody's acknowledgements wait for what is searched here: behind a backlog everything may wait.
Result<bool> Writer::may_wait_for_clickhouse(const base::Uuid& rec_id) {
  constexpr std::int64_t kMaxSearched = 10'000;
  if (counters_.unloaded > kMaxSearched) {
    return true;
  }
  auto select = connection_->prepare("SELECT 1 FROM unloaded WHERE rec_id = ?1 LIMIT 1");
  if (!select) {
    return select.error();
  }
  return select->bind(1, rec_id.bytes).step();
}

// Since it was seen, or its rows or its session's are on their way.
Result<bool> Writer::is_changing(const FiguresToKeep::Seen& seen) {
  auto select = connection_->prepare("SELECT seq, dirty_since IS NOT NULL FROM session_mark WHERE rec_id = ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, seen.rec_id.bytes).step();
  if (!row) {
    return row.error();
  }
  if (!*row || select->integer(0) > seen.mark || select->integer(1) != 0) {
    return true;
  }
  return may_wait_for_clickhouse(seen.rec_id);
}

Result<Writer::Retired> Writer::look_at(const Retirement& one, const FiguresToKeep& keep, std::size_t limit) {
  Retired found;
  {
    auto select = connection_->prepare(
        "SELECT athlete, (SELECT key_id FROM retiring WHERE rec_id = ?1 AND stream = ?2) "
        "FROM recording WHERE rec_id = ?1");
    if (!select) {
      return select.error();
    }
    const auto row = select->bind(1, one.rec_id.bytes).bind(2, number(one.stream)).step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return found;  // purged meanwhile
    }
    found.athlete = uuid_of(select->blob(0));
    if (!select->is_null(1)) {
      found.key = uuid_of(select->blob(1));
    }
  }
  std::vector<FiguresToKeep::Seen> seen = keep.made_of;
  seen.push_back({keep.rec_id, keep.mark});
  for (auto next = seen.begin(); next != seen.end() && !found.changing; ++next) {
    const auto changing = is_changing(*next);
    if (!changing) {
      return changing.error();
    }
    found.changing = *changing;
  }
  BOATHOUSE_TRY(read_ranges(one, limit, found));
  return found;
}

// Of the first chunks that were stored for the plan, so that a hole stays a hole: what fills it later is taken, and
// kept.
Status Writer::read_ranges(const Retirement& one, std::size_t limit, Retired& found) {
  auto select = connection_->prepare(
      "SELECT from_seq, to_seq, server_seq, server_seq IN (SELECT server_seq FROM not_in_backup) FROM chunk WHERE "
      "rec_id = ?1 AND stream = ?2 AND from_seq < ?3 "
      "AND to_seq <= ?3 AND server_seq <= ?4 ORDER BY from_seq LIMIT ?5");
  if (!select) {
    return select.error();
  }
  select->bind(1, one.rec_id.bytes).bind(2, number(one.stream)).bind(3, one.to).bind(4, one.newest_seq);
  select->bind(5, limit + 1);
  std::size_t chunks = 0;
  return each_row(*select, [&](const sql::Statement& row) {
    if (++chunks > limit) {
      found.all = false;
      return;
    }
    const auto from = static_cast<std::uint64_t>(row.integer(0));
    const auto to = static_cast<std::uint64_t>(row.integer(1));
    found.newest_seq = std::max(found.newest_seq, row.integer(2));
    found.lacking = found.lacking || row.integer(3) != 0;
    if (!found.ranges.empty() && found.ranges.back().to == from) {
      found.ranges.back().to = to;
    } else {
      found.ranges.push_back({from, to});
    }
  });
}

Result<RetiredCounts> Writer::retire(std::span<const Retirement> retirements, std::span<const FiguresToKeep> figures,
                                     std::size_t limit, std::int64_t backed_up) {
  RetiredCounts counts;
  const auto mark = backup_mark(*connection_);
  if (!mark) {
    return mark.error();
  }
  const std::int64_t up_to = *mark ? std::min((*mark)->up_to_seq, backed_up) : 0;
  std::map<base::Uuid, bool> changing;  // as each was before the first of its streams went
  for (const Retirement& one : retirements) {
    if (counts.chunks >= limit) {
      break;
    }
    const auto keep = std::ranges::find(figures, one.rec_id, &FiguresToKeep::rec_id);
    if (keep == figures.end()) {
      ++counts.later;
      continue;
    }
    const auto found = look_at(one, *keep, limit - counts.chunks);
    if (!found) {
      return found.error();
    }
    const bool is_changing = changing.try_emplace(one.rec_id, found->changing).first->second;
    if (!found->ranges.empty()) {
      const auto held = is_held(found->athlete);
      if (!held) {
        return held.error();
      }
      if (*held) {
        ++counts.held;
        BOATHOUSE_TRY(audit_kept(one, found->athlete, "hold"));
      } else if (found->newest_seq > up_to || found->lacking) {
        ++counts.not_backed_up;
        BOATHOUSE_TRY(audit_kept(one, found->athlete, "not_in_backup"));
      } else if (is_changing) {
        ++counts.later;
        continue;  // it stays among those to be removed
      } else {
        BOATHOUSE_TRY(keep_figures(*keep));
        const std::int64_t chunks_before = counters_.chunks;
        for (const wire::Range& range : found->ranges) {
          BOATHOUSE_TRY(remove_range(found->athlete, {one.rec_id, one.stream, range}, {found->key, {}, one.plan}));
        }
        counts.chunks += static_cast<std::uint64_t>(chunks_before - counters_.chunks);
        if (!found->all) {
          ++counts.partly;
          continue;  // the rest of it does
        }
        ++counts.removed;
      }
    }
    auto done = connection_->prepare("DELETE FROM retiring WHERE rec_id = ?1 AND stream = ?2");
    if (!done) {
      return done.error();
    }
    BOATHOUSE_TRY(done->bind(1, one.rec_id.bytes).bind(2, number(one.stream)).run());
  }
  return counts;
}

Status Writer::audit_kept(const Retirement& one, const base::Uuid& athlete, std::string_view why) {
  const std::string what = "recording=" + one.rec_id.text() + " stream=" + std::string(rowing::name(one.stream)) +
                           " plan=" + one.plan + " why=" + std::string(why);
  const auto written = append_audit({"retention.kept", {}, athlete, {}, what});
  return written ? Status() : Status(written.error());
}

// The first ones count: those of later are of what was thinned already.
Status Writer::keep_figures(const FiguresToKeep& keep) {
  if (keep.figures.empty()) {
    return {};
  }
  auto insert = connection_->prepare(
      "INSERT INTO kept_figures (rec_id, figures) VALUES (?1, ?2) ON CONFLICT (rec_id) DO NOTHING");
  if (!insert) {
    return insert.error();
  }
  return insert->bind(1, keep.rec_id.bytes).bind(2, keep.figures).run();
}

Status Writer::rows_erased(std::span<const std::int64_t> server_seqs) {
  auto remove = connection_->prepare("DELETE FROM erasing WHERE server_seq = ?1");
  if (!remove) {
    return remove.error();
  }
  for (const std::int64_t server_seq : server_seqs) {
    BOATHOUSE_TRY(remove->bind(1, server_seq).run());
  }
  return {};
}

}  // namespace boathouse::ledger
