#include "server/control/teams.hpp"

#include <algorithm>
#include <utility>

#include "server/control/ids.hpp"
#include "server/control/profile.hpp"
#include "server/control/rows.hpp"
#include "server/control/short_code.hpp"

namespace boathouse::control {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

constexpr std::string_view kTeamColumns =
    "SELECT id, name, created_ms, archived_ms, version, invitation_until_ms FROM team";

Team team_of(const sql::Statement& row) {
  return {uuid_of(row.blob(0)),    std::string(row.text(1)), row.integer(2),
          row.optional_integer(3), row.integer(4),           row.optional_integer(5)};
}

Error no_team() { return {ErrorCode::not_found, "there is no such team"}; }

base::Digest invitation_hash(const Pepper& pepper, const std::string& code) {
  return keyed_hash(pepper, "invitation\n" + code);
}

}  // namespace

std::string_view name(TeamRole role) { return role == TeamRole::coach ? "coach" : "member"; }

Result<std::unique_ptr<Teams>> Teams::open(const sql::Place& place, const Pepper& pepper, base::Clock& clock,
                                           base::RandomSource& random) {
  auto connection = sql::Connection::open(place);
  if (!connection) {
    return connection.error();
  }
  std::unique_ptr<Teams> teams(new Teams(std::move(*connection), pepper, clock, random));
  BOATHOUSE_TRY(teams->refresh());
  return teams;
}

Teams::Teams(sql::Connection connection, const Pepper& pepper, base::Clock& clock, base::RandomSource& random)
    : pepper_(pepper),
      clock_(clock),
      random_(random),
      ids_(clock, random),
      connection_(std::move(connection)),
      roster_(std::make_shared<const Roster>()) {}

// ---- what is in memory ----

std::shared_ptr<const Teams::Roster> Teams::roster() const {
  const std::lock_guard lock(roster_mutex_);
  return roster_;
}

void Teams::publish(Roster roster) {
  auto fresh = std::make_shared<const Roster>(std::move(roster));
  const std::lock_guard lock(roster_mutex_);
  roster_ = std::move(fresh);
}

Status Teams::load() {
  auto select = connection_.prepare("SELECT team, athlete, role FROM team_person");
  if (!select) {
    return select.error();
  }
  Roster roster;
  BOATHOUSE_TRY(each_row(*select, [&roster](const sql::Statement& row) {
    const base::Uuid team = uuid_of(row.blob(0));
    const base::Uuid athlete = uuid_of(row.blob(1));
    if (static_cast<TeamRole>(row.integer(2)) == TeamRole::coach) {
      roster.teams[team].coaches.insert(athlete);
      roster.coached[athlete].push_back(team);
    } else {
      roster.teams[team].members.insert(athlete);
    }
  }));
  publish(std::move(roster));
  return {};
}

Status Teams::refresh() {
  const std::lock_guard lock(mutex_);
  auto select = connection_.prepare("SELECT team_changes FROM key_state");
  if (!select) {
    return select.error();
  }
  // Read before the people: what changes between the two is read again next time.
  if (const auto row = select->step(); !row) {
    return row.error();
  }
  const std::int64_t changes = select->integer(0);
  select->reset();
  if (changes != seen_changes_) {
    BOATHOUSE_TRY(load());
    seen_changes_ = changes;
  }
  return {};
}

bool Teams::is(TeamRole role, const base::Uuid& team, const base::Uuid& person) const {
  const auto now = roster();
  const auto found = now->teams.find(team);
  if (found == now->teams.end()) {
    return false;
  }
  return (role == TeamRole::coach ? found->second.coaches : found->second.members).contains(person);
}

std::vector<base::Uuid> Teams::members(const base::Uuid& team) const {
  const auto now = roster();
  const auto found = now->teams.find(team);
  return found == now->teams.end()
             ? std::vector<base::Uuid>()
             : std::vector<base::Uuid>(found->second.members.begin(), found->second.members.end());
}

std::vector<base::Uuid> Teams::members_of_coach(const base::Uuid& coach) const {
  const auto now = roster();
  const auto found = now->coached.find(coach);
  std::set<base::Uuid> all;
  if (found != now->coached.end()) {
    for (const base::Uuid& team : found->second) {
      const auto& members = now->teams.at(team).members;
      all.insert(members.begin(), members.end());
    }
  }
  return {all.begin(), all.end()};
}

// ---- what is on the disk ----

template <typename Change>
Status Teams::change(AuditedAct* act, const Learnt& learnt, Change change) {
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  BOATHOUSE_TRY(change());
  return finish(*transaction, act, learnt);
}

// Committed, then in force here. If what was committed cannot be read back, nobody reads anybody's sessions.
Status Teams::finish(sql::Transaction& transaction, AuditedAct* act, const Learnt& learnt) {
  BOATHOUSE_TRY(connection_.execute("UPDATE key_state SET team_changes = team_changes + 1"));
  BOATHOUSE_TRY(commit(transaction, connection_, act, learnt));
  Status loaded = load();
  if (!loaded) {
    publish({});
    seen_changes_ = -1;
  }
  return loaded;
}

Result<Team> Teams::find(const base::Uuid& id) {
  auto select = connection_.prepare(std::string(kTeamColumns) + " WHERE id = ?1");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, id.bytes).step();
  if (!row) {
    return row.error();
  }
  return *row ? Result<Team>(team_of(*select)) : Result<Team>(no_team());
}

Result<Team> Teams::find_open(const base::Uuid& id) {
  auto team = find(id);
  return team && team->archived_ms ? Result<Team>(no_team()) : team;
}

Result<std::size_t> Teams::count(std::string_view where, const base::Uuid& id, std::optional<TeamRole> role) {
  auto select = connection_.prepare("SELECT count(*) FROM " + std::string(where));
  if (!select) {
    return select.error();
  }
  select->bind(1, id.bytes);
  if (role) {
    select->bind(2, static_cast<int>(*role));
  }
  if (const auto row = select->step(); !row) {
    return row.error();
  }
  return static_cast<std::size_t>(select->integer(0));
}

Status Teams::insert_person(const base::Uuid& team, const base::Uuid& athlete, TeamRole role) {
  const auto here = count("team_person WHERE team = ?1 AND role = ?2", team, role);
  if (!here) {
    return here.error();
  }
  if (*here >= (role == TeamRole::coach ? kMaxCoaches : kMaxMembers)) {
    return Error{ErrorCode::conflict, "the team is full: it has at most 20 coaches and 200 members"};
  }
  const auto in_teams = count("team_person WHERE athlete = ?1 AND role = ?2", athlete, role);
  if (!in_teams) {
    return in_teams.error();
  }
  if (role == TeamRole::coach && *in_teams >= kMaxTeamsOfACoach) {
    return Error{ErrorCode::conflict, "nobody coaches more than 10 teams"};
  }
  const auto known = count("athlete WHERE id = ?1", athlete, std::nullopt);
  if (!known) {
    return known.error();
  }
  if (*known == 0) {
    return Error{ErrorCode::not_found, "there is no athlete " + format_id(kAthletePrefix, athlete)};
  }
  auto insert = connection_.prepare("INSERT INTO team_person (team, athlete, role, since_ms) VALUES (?1, ?2, ?3, ?4)");
  if (!insert) {
    return insert.error();
  }
  return insert->bind(1, team.bytes)
      .bind(2, athlete.bytes)
      .bind(3, static_cast<int>(role))
      .bind(4, clock_.utc_ms())
      .run();
}

Result<Team> Teams::create(std::string_view name, const std::optional<base::Uuid>& coach, AuditedAct* act) {
  return without_call(create(std::nullopt, name, coach, act));
}

Result<std::optional<Team>> Teams::create(const std::optional<IdempotentCall>& call, std::string_view name,
                                          const std::optional<base::Uuid>& coach, AuditedAct* act) {
  BOATHOUSE_TRY(check_name(name, "a team's name"));
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  const auto once = done_calls_.look(call);
  if (!once) {
    return once.error();
  }
  if (once->is_others()) {
    return std::optional<Team>();
  }
  if (once->made()) {
    return team_again(*once->made());
  }
  Team team{ids_.next(), std::string(name), clock_.utc_ms()};
  BOATHOUSE_TRY(insert_team(team, coach));
  BOATHOUSE_TRY(done_calls_.note(*once, team.id));
  BOATHOUSE_TRY(finish(*transaction, act, {{}, "team=" + format_id(kTeamPrefix, team.id)}));
  return std::optional(std::move(team));
}

Status Teams::insert_team(const Team& team, const std::optional<base::Uuid>& coach) {
  auto insert = connection_.prepare("INSERT INTO team (id, name, created_ms) VALUES (?1, ?2, ?3)");
  if (!insert) {
    return insert.error();
  }
  BOATHOUSE_TRY(insert->bind(1, team.id.bytes).bind(2, team.name).bind(3, team.created_ms).run());
  return coach ? insert_person(team.id, *coach, TeamRole::coach) : Status();
}

// What a call has made that comes again. Another node may have made it a moment ago, and who asks wants to know how
// they stand to it.
Result<std::optional<Team>> Teams::team_again(const base::Uuid& id) {
  auto team = find(id);
  if (!team) {
    return team.error();
  }
  BOATHOUSE_TRY(load());
  return std::optional(std::move(*team));
}

Result<Team> Teams::team(const base::Uuid& id) {
  const std::lock_guard lock(mutex_);
  return find(id);
}

Result<std::vector<Team>> Teams::teams(const std::optional<base::Uuid>& person, const std::optional<base::Uuid>& after,
                                       std::size_t limit) {
  const std::lock_guard lock(mutex_);
  auto select = connection_.prepare(std::string(kTeamColumns) + " WHERE id > ?1" +
                                    (person ? " AND id IN (SELECT team FROM team_person WHERE athlete = ?3)" : "") +
                                    " ORDER BY id LIMIT ?2");
  if (!select) {
    return select.error();
  }
  select->bind(1, start_of(after)).bind(2, limit_of(limit));
  if (person) {
    select->bind(3, person->bytes);
  }
  std::vector<Team> teams;
  BOATHOUSE_TRY(each_row(*select, [&teams](const sql::Statement& row) { teams.push_back(team_of(row)); }));
  return teams;
}

Result<std::vector<TeamPerson>> Teams::people(const base::Uuid& team) {
  const std::lock_guard lock(mutex_);
  auto select = connection_.prepare(
      "SELECT athlete.id, name, role, since_ms FROM team_person JOIN athlete ON athlete.id = team_person.athlete "
      "WHERE team = ?1 ORDER BY role, since_ms, athlete.id LIMIT 1000");
  if (!select) {
    return select.error();
  }
  select->bind(1, team.bytes);
  std::vector<TeamPerson> people;
  BOATHOUSE_TRY(each_row(*select, [&people](const sql::Statement& row) {
    people.push_back(
        {uuid_of(row.blob(0)), std::string(row.text(1)), static_cast<TeamRole>(row.integer(2)), row.integer(3)});
  }));
  return people;
}

Result<std::map<base::Uuid, std::vector<base::Uuid>>> Teams::teams_of_members() {
  const std::lock_guard lock(mutex_);
  auto select = connection_.prepare("SELECT athlete, team FROM team_person WHERE role = ?1 ORDER BY athlete, team");
  if (!select) {
    return select.error();
  }
  select->bind(1, static_cast<int>(TeamRole::member));
  std::map<base::Uuid, std::vector<base::Uuid>> teams;
  BOATHOUSE_TRY(each_row(
      *select, [&teams](const sql::Statement& row) { teams[uuid_of(row.blob(0))].push_back(uuid_of(row.blob(1))); }));
  return teams;
}

Result<Team> Teams::rename(const base::Uuid& team, std::string_view name, std::optional<std::int64_t> version,
                           AuditedAct* act) {
  BOATHOUSE_TRY(check_name(name, "a team's name"));
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  auto found = find_open(team);
  if (!found) {
    return found;
  }
  if (version && *version != found->version) {
    return Error{ErrorCode::conflict, "the team was changed since: read it again"};
  }
  found->name = name;
  ++found->version;
  auto update = connection_.prepare("UPDATE team SET name = ?2, version = ?3 WHERE id = ?1");
  if (!update) {
    return update.error();
  }
  BOATHOUSE_TRY(update->bind(1, team.bytes).bind(2, found->name).bind(3, found->version).run());
  BOATHOUSE_TRY(commit(*transaction, connection_, act));
  return found;
}

Status Teams::archive(const base::Uuid& team, AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  return change(act, {}, [&]() -> Status {
    if (const auto found = find_open(team); !found) {
      return found.error();
    }
    auto leave = connection_.prepare("DELETE FROM team_person WHERE team = ?1");
    if (!leave) {
      return leave.error();
    }
    BOATHOUSE_TRY(leave->bind(1, team.bytes).run());
    auto update = connection_.prepare(
        "UPDATE team SET archived_ms = ?2, invitation_hash = NULL, invitation_until_ms = NULL WHERE id = ?1");
    return update ? update->bind(1, team.bytes).bind(2, clock_.utc_ms()).run() : Status(update.error());
  });
}

Status Teams::add(const base::Uuid& team, const base::Uuid& athlete, TeamRole role, AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  if (const auto found = find_open(team); !found) {
    return found.error();
  }
  if (is(role, team, athlete)) {
    return {};
  }
  return change(act, {}, [&]() -> Status {
    if (const auto found = find_open(team); !found) {
      return found.error();
    }
    // Another node may have been quicker than its news.
    auto before =
        connection_.prepare("SELECT count(*) FROM team_person WHERE team = ?1 AND athlete = ?2 AND role = ?3");
    if (!before) {
      return before.error();
    }
    const auto row = before->bind(1, team.bytes).bind(2, athlete.bytes).bind(3, static_cast<int>(role)).step();
    if (!row) {
      return row.error();
    }
    const bool is_there = before->integer(0) > 0;
    before->reset();
    return is_there ? Status() : insert_person(team, athlete, role);
  });
}

Status Teams::remove(const base::Uuid& team, const base::Uuid& athlete, TeamRole role, AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  return change(act, {}, [&]() -> Status {
    auto leave = connection_.prepare("DELETE FROM team_person WHERE team = ?1 AND athlete = ?2 AND role = ?3");
    if (!leave) {
      return leave.error();
    }
    BOATHOUSE_TRY(leave->bind(1, team.bytes).bind(2, athlete.bytes).bind(3, static_cast<int>(role)).run());
    return connection_.changes() > 0
               ? Status()
               : Error{ErrorCode::not_found, "that person is no " + std::string(name(role)) + " of this team"};
  });
}

Result<Invitation> Teams::invite(const base::Uuid& team, std::int64_t lives_ms, AuditedAct* act) {
  return without_call(invite(std::nullopt, team, lives_ms, act));
}

Result<std::optional<Invitation>> Teams::invite(const std::optional<IdempotentCall>& call, const base::Uuid& team,
                                                std::int64_t lives_ms, AuditedAct* act) {
  if (lives_ms < 1 || lives_ms > kMaxInvitationLifeMs) {
    return Error{ErrorCode::invalid_input, "an invitation is good for 1 hour to 30 days"};
  }
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  if (const auto found = find_open(team); !found) {
    return found.error();
  }
  auto once = done_calls_.look(call);
  if (!once) {
    return once.error();
  }
  if (once->is_others()) {
    return std::optional<Invitation>();
  }
  Invitation invitation{make_short_code(kInvitationCodeLength, once->secret()), clock_.utc_ms() + lives_ms};
  if (once->made()) {
    return invitation_again(*once->made(), invitation.text);
  }
  const auto plain = read_short_code(invitation.text, kInvitationCodeLength);
  if (!plain) {
    return plain.error();
  }
  auto update = connection_.prepare("UPDATE team SET invitation_hash = ?2, invitation_until_ms = ?3 WHERE id = ?1");
  if (!update) {
    return update.error();
  }
  BOATHOUSE_TRY(
      update->bind(1, team.bytes).bind(2, invitation_hash(pepper_, *plain)).bind(3, invitation.expires_ms).run());
  BOATHOUSE_TRY(done_calls_.note(*once, team));
  BOATHOUSE_TRY(commit(*transaction, connection_, act));
  return std::optional(std::move(invitation));
}

// What a call has made that comes again, if it still lets anybody in.
Result<std::optional<Invitation>> Teams::invitation_again(const base::Uuid& team, const std::string& code) {
  const auto of = find_invited(code);
  if (!of) {
    return of.error().code == ErrorCode::not_found ? code_has_ended() : of.error();
  }
  if (of->id != team || !of->invitation_until_ms) {
    return code_has_ended();
  }
  return std::optional(Invitation{code, *of->invitation_until_ms});
}

Status Teams::end_invitation(const base::Uuid& team, AuditedAct* act) {
  const std::lock_guard lock(mutex_);
  auto transaction = sql::Transaction::begin(connection_);
  if (!transaction) {
    return transaction.error();
  }
  if (const auto found = find_open(team); !found) {
    return found.error();
  }
  auto update = connection_.prepare("UPDATE team SET invitation_hash = NULL, invitation_until_ms = NULL WHERE id = ?1");
  if (!update) {
    return update.error();
  }
  BOATHOUSE_TRY(update->bind(1, team.bytes).run());
  return commit(*transaction, connection_, act);
}

Result<Team> Teams::team_of_invitation(std::string_view code) {
  const std::lock_guard lock(mutex_);
  return find_invited(code);
}

Result<Team> Teams::find_invited(std::string_view code) {
  const auto plain = read_short_code(code, kInvitationCodeLength);
  if (!plain) {
    return plain.error();
  }
  auto select =
      connection_.prepare(std::string(kTeamColumns) + " WHERE invitation_hash = ?1 AND invitation_until_ms > ?2");
  if (!select) {
    return select.error();
  }
  const auto row = select->bind(1, invitation_hash(pepper_, *plain)).bind(2, clock_.utc_ms()).step();
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return Error{ErrorCode::not_found, "this invitation is not known here, or has expired: ask for a new one"};
  }
  return team_of(*select);
}

}  // namespace boathouse::control
