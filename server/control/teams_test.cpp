#include "server/control/teams.hpp"

#include <gmock/gmock.h>

#include "server/control/readers.hpp"
#include "server/control/test_accounts.hpp"

namespace boathouse::control {
namespace {

using base::ErrorCode;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class TeamsTest : public OnBothTest {
 protected:
  void SetUp() override {
    OnBothTest::SetUp();
    anna_ = accounts_->create_athlete("Anna")->id;
    ben_ = accounts_->create_athlete("Ben")->id;
    coach_ = accounts_->create_athlete("Coach")->id;
  }
  Teams& teams() { return accounts_->teams(); }
  Team team(const std::string& name) {
    const auto made = teams().create(name, coach_);
    EXPECT_TRUE(made) << made.error().text;
    return *made;
  }
  [[nodiscard]] std::optional<std::vector<base::Uuid>> readable(Scopes scopes) const {
    return readable_athletes(*accounts_, {{}, Role::athlete, coach_, scopes});
  }

  base::Uuid anna_;
  base::Uuid ben_;
  base::Uuid coach_;
};

class TeamNodesTest : public AccountsFixture {
 protected:
  TeamNodesTest() : AccountsFixture(sql::Dialect::postgres) {}
};

TEST_P(TeamsTest, ACoachReadsTheMembersOfTheTeamsTheyAreIn) {
  const Team eight = team("Eight");
  const Team pair = team("Pair");
  EXPECT_THAT(teams().members_of_coach(coach_), IsEmpty());
  ASSERT_TRUE(teams().add(eight.id, anna_, TeamRole::member));
  ASSERT_TRUE(teams().add(eight.id, ben_, TeamRole::member));
  ASSERT_TRUE(teams().add(pair.id, anna_, TeamRole::member));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(teams().members_of_coach(coach_), UnorderedElementsAre(anna_, ben_));
    EXPECT_THAT(teams().members_of_coach(anna_), IsEmpty()) << "a member reads nobody";
    EXPECT_THAT(teams().members(pair.id), ElementsAre(anna_));
    EXPECT_TRUE(teams().is(TeamRole::coach, eight.id, coach_));
    EXPECT_FALSE(teams().is(TeamRole::coach, eight.id, anna_));
    EXPECT_FALSE(teams().is(TeamRole::member, pair.id, ben_));
    reopen();
  }
  ASSERT_TRUE(teams().remove(eight.id, ben_, TeamRole::member));
  EXPECT_THAT(teams().members_of_coach(coach_), ElementsAre(anna_));
  ASSERT_TRUE(teams().remove(eight.id, coach_, TeamRole::coach));
  EXPECT_THAT(teams().members_of_coach(coach_), ElementsAre(anna_)) << "through the pair still";
  ASSERT_TRUE(teams().remove(pair.id, coach_, TeamRole::coach));
  EXPECT_THAT(teams().members_of_coach(coach_), IsEmpty());
  EXPECT_EQ(teams().remove(pair.id, coach_, TeamRole::coach).error().code, ErrorCode::not_found);
}

TEST_P(TeamsTest, MembersAndTheirTeamsAreReadFromTheDisk) {
  const Team eight = team("Eight");
  const Team pair = team("Pair");
  ASSERT_TRUE(teams().add(eight.id, anna_, TeamRole::member));
  ASSERT_TRUE(teams().add(pair.id, anna_, TeamRole::member));
  ASSERT_TRUE(teams().add(pair.id, ben_, TeamRole::member));
  EXPECT_THAT(*teams().teams_of_members(),
              UnorderedElementsAre(testing::Pair(anna_, UnorderedElementsAre(eight.id, pair.id)),
                                   testing::Pair(ben_, ElementsAre(pair.id))));
  ASSERT_TRUE(teams().archive(pair.id));
  EXPECT_THAT(*teams().teams_of_members(), ElementsAre(testing::Pair(anna_, ElementsAre(eight.id))));
}

TEST_P(TeamsTest, WhoMayReadWhomDependsOnTheKeyToo) {
  ASSERT_TRUE(teams().add(team("Eight").id, anna_, TeamRole::member));
  EXPECT_THAT(*readable(kAthleteScopes), UnorderedElementsAre(coach_, anna_));
  EXPECT_THAT(*readable(Scopes().add(Scope::sessions_read)), ElementsAre(coach_));
  EXPECT_FALSE(readable_athletes(*accounts_, {{}, Role::operator_, std::nullopt, kOperatorScopes}));
  EXPECT_TRUE(may_read(*accounts_, {{}, Role::athlete, coach_, kAthleteScopes}, anna_));
  EXPECT_FALSE(may_read(*accounts_, {{}, Role::athlete, coach_, kAthleteScopes}, ben_));
  EXPECT_FALSE(may_read(*accounts_, {{}, Role::athlete, anna_, kAthleteScopes}, coach_));
}

TEST_P(TeamsTest, WhoIsToBeErasedIsReadByNoCoach) {
  ASSERT_TRUE(teams().add(team("Eight").id, anna_, TeamRole::member));
  ASSERT_TRUE(accounts_->suspend(anna_, true));
  EXPECT_THAT(*readable(kAthleteScopes), ElementsAre(coach_));
  ASSERT_TRUE(accounts_->suspend(anna_, false));
  EXPECT_THAT(*readable(kAthleteScopes), UnorderedElementsAre(coach_, anna_));
}

TEST_P(TeamsTest, AnArchivedTeamHasNobody) {
  const Team eight = team("Eight");
  ASSERT_TRUE(teams().add(eight.id, anna_, TeamRole::member));
  const auto invitation = teams().invite(eight.id, 1000);
  ASSERT_TRUE(teams().archive(eight.id));
  EXPECT_THAT(teams().members_of_coach(coach_), IsEmpty());
  EXPECT_THAT(*teams().people(eight.id), IsEmpty());
  EXPECT_THAT(*teams().teams(coach_, std::nullopt, 10), IsEmpty());
  EXPECT_EQ(teams().team(eight.id)->archived_ms, 1'700'000'000'000);
  EXPECT_EQ(teams().teams(std::nullopt, std::nullopt, 10)->size(), 1U);
  EXPECT_EQ(teams().archive(eight.id).error().code, ErrorCode::not_found);
  EXPECT_EQ(teams().add(eight.id, anna_, TeamRole::member).error().code, ErrorCode::not_found);
  EXPECT_EQ(teams().rename(eight.id, "x", std::nullopt).error().code, ErrorCode::not_found);
  EXPECT_EQ(teams().invite(eight.id, 1000).error().code, ErrorCode::not_found);
  EXPECT_EQ(teams().team_of_invitation(invitation->text).error().code, ErrorCode::not_found);
}

TEST_P(TeamsTest, PeopleAreListedInTheOrderOfComing) {
  const Team eight = team("Eight");
  clock_.advance_ms(5);
  ASSERT_TRUE(teams().add(eight.id, ben_, TeamRole::member));
  clock_.advance_ms(5);
  ASSERT_TRUE(teams().add(eight.id, anna_, TeamRole::member));
  ASSERT_TRUE(teams().add(eight.id, anna_, TeamRole::coach));
  ASSERT_TRUE(teams().add(eight.id, ben_, TeamRole::member)) << "again: nothing new";
  const auto people = teams().people(eight.id);
  ASSERT_EQ(people->size(), 4U);
  EXPECT_EQ(people->at(0).name, "Coach");
  EXPECT_EQ(people->at(1).role, TeamRole::coach);
  EXPECT_EQ(people->at(2).name, "Ben");
  EXPECT_EQ(people->at(2).since_ms, 1'700'000'000'005);
  EXPECT_EQ(people->at(3).athlete, anna_);
  EXPECT_EQ(teams().add(eight.id, base::Uuid{}, TeamRole::member).error().code, ErrorCode::not_found);
  EXPECT_EQ(teams().add(base::Uuid{}, anna_, TeamRole::member).error().code, ErrorCode::not_found);
}

TEST_P(TeamsTest, ListsArePaged) {
  std::vector<base::Uuid> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(team("Team " + std::to_string(i)).id);
  }
  ASSERT_TRUE(teams().add(ids[1], anna_, TeamRole::member));
  ASSERT_TRUE(teams().add(ids[3], anna_, TeamRole::member));
  const auto first = teams().teams(anna_, std::nullopt, 1);
  ASSERT_EQ(first->size(), 1U);
  EXPECT_EQ(first->at(0).id, ids[1]);
  const auto rest = teams().teams(anna_, ids[1], 5);
  ASSERT_EQ(rest->size(), 1U);
  EXPECT_EQ(rest->at(0).name, "Team 3");
  EXPECT_EQ(teams().teams(std::nullopt, ids[0], 5)->size(), 3U);
}

TEST_P(TeamsTest, AnInvitationIsGoodUntilItExpiresOrIsReplaced) {
  const Team eight = team("Eight");
  const auto first = teams().invite(eight.id, 1000);
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_THAT(first->text, testing::MatchesRegex("[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}"));
  EXPECT_EQ(teams().team_of_invitation(first->text)->id, eight.id);
  const auto second = teams().invite(eight.id, 1000);
  EXPECT_EQ(teams().team_of_invitation(first->text).error().code, ErrorCode::not_found);
  EXPECT_EQ(teams().team_of_invitation(second->text)->id, eight.id);
  EXPECT_EQ(teams().team(eight.id)->invitation_until_ms, 1'700'000'001'000);
  clock_.advance_ms(999);
  EXPECT_TRUE(teams().team_of_invitation(second->text));
  clock_.advance_ms(1);
  EXPECT_EQ(teams().team_of_invitation(second->text).error().code, ErrorCode::not_found);
  const auto third = teams().invite(eight.id, 1000);
  ASSERT_TRUE(teams().end_invitation(eight.id));
  EXPECT_EQ(teams().team_of_invitation(third->text).error().code, ErrorCode::not_found);
  EXPECT_EQ(teams().team_of_invitation("nonsense").error().code, ErrorCode::invalid_input);
  for (const std::int64_t wrong : {std::int64_t{0}, kMaxInvitationLifeMs + 1}) {
    EXPECT_EQ(teams().invite(eight.id, wrong).error().code, ErrorCode::invalid_input);
  }
}

TEST_P(TeamsTest, ANameIsChangedAtTheVersionThatWasSeen) {
  const Team eight = team("Eight");
  const auto renamed = teams().rename(eight.id, "Achter", 1);
  ASSERT_TRUE(renamed) << renamed.error().text;
  EXPECT_EQ(renamed->version, 2);
  EXPECT_EQ(teams().rename(eight.id, "Late", 1).error().code, ErrorCode::conflict);
  EXPECT_EQ(teams().team(eight.id)->name, "Achter");
  EXPECT_EQ(teams().rename(eight.id, " ", std::nullopt).error().code, ErrorCode::invalid_input);
  EXPECT_EQ(teams().create("", coach_).error().code, ErrorCode::invalid_input);
}

TEST_P(TeamsTest, ThereIsAnEndToTeamsAndPeople) {
  for (std::size_t i = 0; i < kMaxTeamsOfACoach; ++i) {
    team("Team " + std::to_string(i));
  }
  EXPECT_EQ(teams().create("One more", coach_).error().code, ErrorCode::conflict);
  EXPECT_EQ(teams().teams(std::nullopt, std::nullopt, 100)->size(), kMaxTeamsOfACoach)
      << "the refused one is not there";
  const auto big = teams().create("Of the operator's making", std::nullopt);
  EXPECT_EQ(teams().add(big->id, coach_, TeamRole::coach).error().code, ErrorCode::conflict);
  for (std::size_t i = 0; i < kMaxCoaches; ++i) {
    const auto another = accounts_->create_athlete("Coach " + std::to_string(i));
    ASSERT_TRUE(teams().add(big->id, another->id, TeamRole::coach));
  }
  EXPECT_EQ(teams().add(big->id, anna_, TeamRole::coach).error().code, ErrorCode::conflict);
  EXPECT_TRUE(teams().add(big->id, anna_, TeamRole::member));
}

TEST_F(TeamNodesTest, WhatOneNodeChangesIsInForceOnTheOthers) {
  auto other = *open();
  const base::Uuid anna = accounts_->create_athlete("Anna")->id;
  const base::Uuid coach = accounts_->create_athlete("Coach")->id;
  const Team eight = *accounts_->teams().create("Eight", coach);
  ASSERT_TRUE(accounts_->teams().add(eight.id, anna, TeamRole::member));
  EXPECT_THAT(other->teams().members_of_coach(coach), IsEmpty());
  ASSERT_TRUE(other->refresh());
  EXPECT_THAT(other->teams().members_of_coach(coach), ElementsAre(anna));
  ASSERT_TRUE(accounts_->teams().remove(eight.id, coach, TeamRole::coach));
  ASSERT_TRUE(other->refresh());
  EXPECT_THAT(other->teams().members_of_coach(coach), IsEmpty());
  // Both add at once: the slower finds it done.
  ASSERT_TRUE(accounts_->teams().add(eight.id, coach, TeamRole::coach));
  EXPECT_TRUE(other->teams().add(eight.id, coach, TeamRole::coach));
  EXPECT_EQ(other->teams().people(eight.id)->size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Databases, TeamsTest, kDatabases, name_of_database);

}  // namespace
}  // namespace boathouse::control
