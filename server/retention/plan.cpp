#include "server/retention/plan.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "core/base/utc_time.hpp"
#include "server/backup/backup.hpp"

namespace boathouse::retention {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using ledger::AgedStream;
using ledger::RetentionRule;
using rowing::Stream;

constexpr std::size_t kPage = 5000;

std::int64_t year_of(std::int64_t utc_ms) { return base::civil_from_days(utc_ms / 86'400'000).year; }

const RetentionRule* rule_of(const Policy& policy, const std::string& scope, Stream stream) {
  const auto found = std::ranges::find_if(
      policy.rules, [&](const RetentionRule& rule) { return rule.scope == scope && rule.stream == stream; });
  return found == policy.rules.end() ? nullptr : &*found;
}

// Nothing from then on can be due.
std::optional<std::int64_t> end_of_what_can_be_due(const Policy& policy, std::int64_t now_ms) {
  std::optional<int> least;
  for (const RetentionRule& rule : policy.rules) {
    if (rule.years) least = std::min(least.value_or(*rule.years), *rule.years);
  }
  return least ? std::optional(now_ms - *least * kYearMs + 1) : std::nullopt;
}

// Counts a recording once, however many of its streams are added; they come in order of recordings.
class Counter {
 public:
  explicit Counter(Amount& amount) : amount_(amount) {}
  void add(const AgedStream& one) {
    amount_.recordings += last_ == one.rec_id ? 0U : 1U;
    last_ = one.rec_id;
    amount_.records += one.records;
    amount_.ledger_bytes += one.bytes;
  }

 private:
  Amount& amount_;
  std::optional<base::Uuid> last_;
};

class Planning {
 public:
  Planning(const Policy& policy, std::int64_t now_ms, std::int64_t backed_up_seq)
      : policy_(policy), now_ms_(now_ms), backed_up_seq_(backed_up_seq) {}

  // False: the plan is full.
  bool take(const AgedStream& one) {
    if (one.stream == Stream::summary) return true;
    const auto years = years_kept(policy_, one.athlete, one.stream);
    if (!years || one.age_from_ms > now_ms_ - *years * kYearMs) return true;
    if (const ledger::LegalHold* hold = hold_on(policy_, one.athlete)) {
      held_.add(one);
      if (scopes_held_.insert(hold->scope).second) plan_.holds.push_back(*hold);
      return true;
    }
    if (one.on_its_way) {
      on_its_way_.add(one);
      return true;
    }
    // Not refused with what a backup to come will have: for this one nobody can wait.
    if (one.lost) {
      lost_.add(one);
      return true;
    }
    if (plan_.items.size() == kMaxStreamsOfAPlan) {
      plan_.more = true;
      return false;
    }
    plan_.items.push_back({one.rec_id, one.stream, one.to, {}, one.newest_seq});
    Amount& of_stream = plan_.streams[one.stream];
    ++of_stream.recordings;
    of_stream.records += one.records;
    of_stream.ledger_bytes += one.bytes;
    if (year_of(one.age_from_ms) + kHotYears <= year_of(now_ms_)) plan_.cold_records[one.stream] += one.records;
    all_.add(one);
    if (one.newest_seq > backed_up_seq_ || one.lacking) not_backed_up_.add(one);
    return true;
  }

  Plan finish() {
    plan_.recordings = in_all_.recordings;
    if (plan_.items.empty()) return std::move(plan_);
    base::Sha256 sha;
    for (const ledger::Retirement& item : plan_.items) {
      const std::string line =
          item.rec_id.text() + " " + std::string(rowing::name(item.stream)) + " " + std::to_string(item.to) + "\n";
      sha.update(base::as_bytes(line));
    }
    plan_.id = "ret_" + base::to_hex(sha.finish()).substr(0, 16);
    for (ledger::Retirement& item : plan_.items) item.plan = plan_.id;
    return std::move(plan_);
  }

 private:
  const Policy& policy_;
  const std::int64_t now_ms_;
  const std::int64_t backed_up_seq_;
  Plan plan_;
  Amount in_all_;
  Counter all_{in_all_};
  Counter held_{plan_.held};
  Counter on_its_way_{plan_.on_its_way};
  Counter lost_{plan_.lost};
  Counter not_backed_up_{plan_.not_backed_up};
  std::set<std::string> scopes_held_;
};

}  // namespace

Result<Policy> policy_of(ledger::Ledger& ledger, TeamsOf teams_of) {
  auto rules = ledger.retention_rules();
  if (!rules) return rules.error();
  auto holds = ledger.legal_holds();
  if (!holds) return holds.error();
  return Policy{std::move(*rules), std::move(*holds), std::move(teams_of)};
}

std::optional<int> years_kept(const Policy& policy, const base::Uuid& athlete, Stream stream) {
  if (const RetentionRule* own = rule_of(policy, ledger::scope_of_athlete(athlete), stream)) return own->years;
  if (const auto teams = policy.teams_of.find(athlete); teams != policy.teams_of.end()) {
    std::optional<int> longest;
    for (const base::Uuid& team : teams->second) {
      const RetentionRule* rule = rule_of(policy, ledger::scope_of_team(team), stream);
      if (rule == nullptr) continue;
      if (!rule->years) return std::nullopt;
      longest = std::max(longest.value_or(0), *rule->years);
    }
    if (longest) return longest;
  }
  const RetentionRule* all = rule_of(policy, std::string(ledger::kScopeAll), stream);
  return all == nullptr ? std::nullopt : all->years;
}

const ledger::LegalHold* hold_on(const Policy& policy, const base::Uuid& athlete) {
  const std::string own = ledger::scope_of_athlete(athlete);
  const auto found = std::ranges::find_if(policy.holds, [&](const ledger::LegalHold& hold) {
    return hold.scope == ledger::kScopeAll || hold.scope == own;
  });
  return found == policy.holds.end() ? nullptr : &*found;
}

Result<std::int64_t> backed_up_seq(ledger::Ledger& ledger, const std::filesystem::path& backups) {
  const auto by_its_word = ledger.backed_up_seq();
  if (!by_its_word || backups.empty()) return by_its_word;
  return std::min(*by_its_word, backup::verified_up_to(backups, ledger.epoch(), *by_its_word));
}

Result<Plan> make_plan(ledger::Ledger& ledger, const Policy& policy, std::int64_t now_ms, std::int64_t backed_up_seq) {
  Planning planning(policy, now_ms, backed_up_seq);
  const auto end = end_of_what_can_be_due(policy, now_ms);
  if (!end) return planning.finish();
  std::optional<base::Uuid> after;
  while (true) {
    const auto page = ledger.aged_streams(*end, after, kPage);
    if (!page) return page.error();
    if (page->empty()) return planning.finish();
    for (const AgedStream& one : *page) {
      if (!planning.take(one)) return planning.finish();
    }
    after = page->back().rec_id;
  }
}

Result<Stream> grain_of(std::string_view name) {
  for (const Stream stream : rowing::kStreams) {
    if (stream != Stream::summary && rowing::name(stream) == name) return stream;
  }
  return Error{ErrorCode::invalid_input, name == "summary"
                                             ? "summaries are always kept: a session keeps its figures"
                                             : "grain is one of sample, stroke, force_curve, split, event, source"};
}

}  // namespace boathouse::retention
