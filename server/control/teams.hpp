// Teams: who may read whose sessions. A member is an athlete whose sessions the team's coaches may read, from when the
// athlete joins until one of both leaves. Kept beside the keys, on a connection of its own.
//
// Who coaches whom is also in memory, so that a question costs no disk. What is changed here is in force when the call
// returns; what another node changed, when Accounts::refresh() has run there: within kMaxStaleMs.
// Thread rule: every call from any thread. Errors: as of server/sql; not_found: no such team, or it is archived.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "server/control/audit_log.hpp"
#include "server/control/done_calls.hpp"
#include "server/control/idempotent_call.hpp"
#include "server/control/keyed_hash.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::control {

struct Team {
  base::Uuid id;
  std::string name;  // as an athlete's
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> archived_ms{};  // nobody is in it any more
  std::int64_t version = 1;                   // grows with each change of the name
  std::optional<std::int64_t> invitation_until_ms{};
};

// The numbers are in the database: never change one.
enum class TeamRole : std::uint8_t { coach = 1, member = 2 };
std::string_view name(TeamRole role);  // "coach", "member"

struct TeamPerson {
  base::Uuid athlete;
  std::string name;
  TeamRole role = TeamRole::member;
  std::int64_t since_ms = 0;
};

struct Invitation {
  std::string text;  // to be shown once: "K7QM-2P9X-4D0C"
  std::int64_t expires_ms = 0;
};
inline constexpr std::int64_t kMaxInvitationLifeMs = std::int64_t{30} * 86'400'000;
// What a coach may read is a list in a query.
inline constexpr std::size_t kMaxMembers = 200;
inline constexpr std::size_t kMaxCoaches = 20;
inline constexpr std::size_t kMaxTeamsOfACoach = 10;

class Teams {
 public:
  static base::Result<std::unique_ptr<Teams>> open(const sql::Place& place, const Pepper& pepper, base::Clock& clock,
                                                   base::RandomSource& random);

  // Acts and calls: as of Accounts.

  // With its first coach, or none. invalid_input: the name; conflict: that person coaches kMaxTeamsOfACoach.
  base::Result<Team> create(std::string_view name, const std::optional<base::Uuid>& coach, AuditedAct* act = nullptr);
  base::Result<std::optional<Team>> create(const std::optional<IdempotentCall>& call, std::string_view name,
                                           const std::optional<base::Uuid>& coach, AuditedAct* act = nullptr);
  // Archived ones too.
  base::Result<Team> team(const base::Uuid& id);
  // In order of id, after `after`: all, or those in which that person is.
  base::Result<std::vector<Team>> teams(const std::optional<base::Uuid>& person, const std::optional<base::Uuid>& after,
                                        std::size_t limit);
  // Coaches first, each in the order of coming.
  base::Result<std::vector<TeamPerson>> people(const base::Uuid& team);
  // Everybody who is a member of some team, and of which.
  base::Result<std::map<base::Uuid, std::vector<base::Uuid>>> teams_of_members();
  // Of `version`, or whatever it is. conflict: it is at another one.
  base::Result<Team> rename(const base::Uuid& team, std::string_view name, std::optional<std::int64_t> version,
                            AuditedAct* act = nullptr);
  // Everybody leaves, for good; the name stays.
  base::Status archive(const base::Uuid& team, AuditedAct* act = nullptr);

  // Doing it again changes nothing. conflict: the team, or that coach, has as many as there may be; not_found: no such
  // athlete.
  base::Status add(const base::Uuid& team, const base::Uuid& athlete, TeamRole role, AuditedAct* act = nullptr);
  // not_found: that person is not in the team as that.
  base::Status remove(const base::Uuid& team, const base::Uuid& athlete, TeamRole role, AuditedAct* act = nullptr);

  // A code with which athletes join, until it expires; the one of before ends. `lives_ms`: 1 to kMaxInvitationLifeMs.
  base::Result<Invitation> invite(const base::Uuid& team, std::int64_t lives_ms, AuditedAct* act = nullptr);
  // conflict: the call comes again, and its code is good no longer.
  base::Result<std::optional<Invitation>> invite(const std::optional<IdempotentCall>& call, const base::Uuid& team,
                                                 std::int64_t lives_ms, AuditedAct* act = nullptr);
  base::Status end_invitation(const base::Uuid& team, AuditedAct* act = nullptr);
  // invalid_input: not the form of a code; not_found: unknown or too late.
  base::Result<Team> team_of_invitation(std::string_view code);

  // ---- from memory ----
  [[nodiscard]] bool is(TeamRole role, const base::Uuid& team, const base::Uuid& person) const;
  // The members of a team that is not archived.
  [[nodiscard]] std::vector<base::Uuid> members(const base::Uuid& team) const;
  // The members of all teams that this person coaches, each once.
  [[nodiscard]] std::vector<base::Uuid> members_of_coach(const base::Uuid& coach) const;

  // Takes over what other nodes have changed.
  base::Status refresh();
  // Whether that is done, when the database has come to that count; waits for nobody.
  [[nodiscard]] bool has_seen(std::int64_t team_changes) const { return seen_changes_ == team_changes; }

 private:
  struct People {
    std::set<base::Uuid> coaches;
    std::set<base::Uuid> members;
  };
  struct Roster {
    std::map<base::Uuid, People> teams;
    std::map<base::Uuid, std::vector<base::Uuid>> coached;  // the teams of a coach
  };

  Teams(sql::Connection connection, const Pepper& pepper, base::Clock& clock, base::RandomSource& random);

  // The rest is called with mutex_ held.
  template <typename Change>
  base::Status change(AuditedAct* act, const Learnt& learnt, Change change);
  base::Status finish(sql::Transaction& transaction, AuditedAct* act, const Learnt& learnt);
  base::Status insert_team(const Team& team, const std::optional<base::Uuid>& coach);
  base::Result<std::optional<Team>> team_again(const base::Uuid& id);
  base::Result<std::optional<Invitation>> invitation_again(const base::Uuid& team, const std::string& code);
  base::Result<std::size_t> count(std::string_view where, const base::Uuid& id, std::optional<TeamRole> role);
  base::Status insert_person(const base::Uuid& team, const base::Uuid& athlete, TeamRole role);
  base::Result<Team> find(const base::Uuid& id);
  base::Result<Team> find_open(const base::Uuid& id);
  base::Result<Team> find_invited(std::string_view code);
  base::Status load();
  void publish(Roster roster);
  [[nodiscard]] std::shared_ptr<const Roster> roster() const;

  const Pepper pepper_;
  base::Clock& clock_;
  base::RandomSource& random_;
  base::UuidV7Source ids_;
  std::mutex mutex_;  // of the connection, and so of every change
  sql::Connection connection_;
  DoneCalls done_calls_{pepper_, clock_, random_, connection_};
  std::atomic<std::int64_t> seen_changes_ = -1;  // what the roster is made of
  mutable std::mutex roster_mutex_;
  std::shared_ptr<const Roster> roster_;
};

}  // namespace boathouse::control
