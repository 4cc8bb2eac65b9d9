// What awaits a person's choice, and what an answer does here and on the other device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/store/test_feed.hpp"
#include "device/store/test_workouts.hpp"

namespace boathouse::store {
namespace {

using rowing::EditField;
using rowing::Stream;

class ConflictsTest : public testing::Test {
 protected:
  ConflictsTest() {
    feed.hello(phone);
    feed.hello(tablet);
  }
  void meet() { feed.meet({&phone, &tablet}); }

  base::Uuid record(TestStore& store) {
    const rowing::Birth birth = make_birth(store.ids);
    EXPECT_TRUE(ok(store->begin(birth, "")));
    EXPECT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::stopped)));
    return birth.rec_id;
  }
  void write(TestStore& store, const base::Uuid& of, EditField field, const std::string& text, std::int64_t now_ms) {
    rowing::Edit edit;
    edit.op_id = store.ids.next();
    edit.session = of;
    edit.field = field;
    edit.text = text;
    ASSERT_TRUE(ok(store->edit(edit, now_ms)));
  }
  // An ended recording of nothing but its totals, as a season file has them.
  base::Uuid record_totals(TestStore& store, std::int64_t elapsed_cs, std::int64_t started_ms) {
    rowing::Birth birth = make_birth(store.ids);
    birth.started_ms = started_ms;
    birth.origin = rowing::Origin::import;
    birth.source_name = "season.csv";
    EXPECT_TRUE(ok(store->begin(birth, "")));
    const rowing::Record summary =
        make_record(Stream::summary, {{"elapsed_cs", elapsed_cs}, {"distance_dm", 20'000}, {"at_ms", ++made}});
    EXPECT_TRUE(ok(store->append(birth.rec_id, {&summary, 1})));
    EXPECT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::end_of_input)));
    return birth.rec_id;
  }
  // The same title conflict on both devices; its id.
  std::string title_conflict() {
    session = record(phone);
    meet();
    write(phone, session, EditField::title, "from the phone", 1000);
    write(tablet, session, EditField::title, "from the tablet", 2000);
    meet();
    const auto here = phone->conflicts();
    const auto there = tablet->conflicts();
    EXPECT_EQ(here->size(), 1u);
    EXPECT_EQ(there->size(), 1u);
    EXPECT_EQ((*here)[0].id, (*there)[0].id);
    EXPECT_EQ((*here)[0].mine.text, "from the phone");
    EXPECT_EQ((*there)[0].mine.text, "from the tablet");
    EXPECT_EQ((*there)[0].theirs.text, "from the phone");
    EXPECT_EQ(phone->status()->open_conflicts, 1u);
    return (*here)[0].id;
  }

  TestStore phone{1};
  TestStore tablet{2};
  TestFeed feed;
  base::Uuid session;
  std::int64_t made = 0;
};

TEST_F(ConflictsTest, OneAnswerSettlesATitleForBothDevices) {
  const std::string id = title_conflict();
  EXPECT_EQ(phone->answer("0000000000000000", Answer::mine, 3000).error().code, base::ErrorCode::not_found);
  EXPECT_EQ(phone->answer(id, Answer::other, 3000).error().code, base::ErrorCode::invalid_input);
  ASSERT_TRUE(ok(phone->answer(id, Answer::mine, 3000)));
  meet();
  for (TestStore* store : {&phone, &tablet}) {
    EXPECT_EQ((*store)->fields(session)->title, "from the phone");
    EXPECT_FALSE((*store)->fields(session)->other_title);
    EXPECT_EQ((*store)->status()->open_conflicts, 0u);
    ASSERT_EQ((*store)->conflicts()->size(), 1u) << "it can still be read";
    EXPECT_EQ((*store)->conflicts()->at(0).session, session);
    EXPECT_EQ((*store)->conflicts()->at(0).answered_ms, 3000);
  }
  EXPECT_EQ(phone->conflicts()->at(0).answered, Answer::mine);
  EXPECT_EQ(tablet->conflicts()->at(0).answered, Answer::theirs) << "as seen from there";
  EXPECT_TRUE(ok(phone->answer(id, Answer::mine, 4000))) << "said twice";
  EXPECT_EQ(phone->answer(id, Answer::both, 4000).error().code, base::ErrorCode::conflict);
}

TEST_F(ConflictsTest, BothTextsCanStay) {
  const std::string id = title_conflict();
  ASSERT_TRUE(ok(tablet->answer(id, Answer::both, 3000)));
  meet();
  for (TestStore* store : {&phone, &tablet}) {
    EXPECT_EQ((*store)->fields(session)->title, "from the tablet / from the phone");
    EXPECT_EQ((*store)->conflicts()->at(0).answered, Answer::both);
  }
}

TEST_F(ConflictsTest, TwoAnswersAtOnceAreAgainAConflictAndANewTextSettlesIt) {
  const std::string id = title_conflict();
  ASSERT_TRUE(ok(phone->answer(id, Answer::mine, 3000)));
  ASSERT_TRUE(ok(tablet->answer(id, Answer::mine, 3500)));
  meet();
  EXPECT_EQ(phone->status()->open_conflicts, 1u);
  write(phone, session, EditField::title, "another", 4000);
  meet();
  for (TestStore* store : {&phone, &tablet}) {
    EXPECT_EQ((*store)->status()->open_conflicts, 0u);
    EXPECT_EQ((*store)->conflicts()->size(), 2u);
    EXPECT_EQ((*store)->conflicts()->at(0).answered, Answer::other);
  }
}

TEST_F(ConflictsTest, TextsThatAreTooLongTogetherAreNamedAndNothingIsLost) {
  session = record(phone);
  meet();
  write(phone, session, EditField::title, std::string(150, 'a'), 1000);
  write(tablet, session, EditField::title, std::string(150, 'b'), 2000);
  meet();
  const std::string id = phone->conflicts()->at(0).id;
  EXPECT_EQ(phone->answer(id, Answer::both, 3000).error().code, base::ErrorCode::invalid_input);
  EXPECT_EQ(phone->status()->open_conflicts, 1u);
  EXPECT_EQ(phone->fields(session)->other_title, std::string(150, 'a'));
}

TEST_F(ConflictsTest, ASuggestionIsNoLinkUntilSomebodySaysSo) {
  const base::Uuid first = record_totals(phone, 47'320, 1'700'000'000'000);
  const base::Uuid second = record_totals(phone, 47'325, 1'700'000'000'000 + 3'600'000);
  record_totals(phone, 47'320, 1'700'000'000'000 + 20 * 3'600'000);
  EXPECT_EQ(phone->sessions()->size(), 3u);
  const auto conflicts = phone->conflicts();
  ASSERT_EQ(conflicts->size(), 1u) << "the third was begun too late";
  const Conflict& suggestion = (*conflicts)[0];
  EXPECT_EQ(suggestion.kind, ConflictKind::suggestion);
  EXPECT_EQ(suggestion.mine.rec_id, first);
  EXPECT_EQ(suggestion.mine.elapsed_cs, 47'320);
  EXPECT_EQ(suggestion.mine.device, "season.csv");
  EXPECT_EQ(suggestion.theirs.started_ms, 1'700'003'600'000);
  EXPECT_FALSE(suggestion.reason.empty());
  EXPECT_EQ(phone->pending({})->size(), 9u) << "nothing of it is told to anybody";
  meet();
  EXPECT_EQ(tablet->status()->open_conflicts, 1u) << "the seals tell there, too";

  ASSERT_TRUE(ok(phone->answer(suggestion.id, Answer::theirs, 5000)));
  meet();
  for (TestStore* store : {&phone, &tablet}) {
    EXPECT_EQ((*store)->sessions()->size(), 2u);
    EXPECT_EQ((*store)->session(first)->primaries.at(Stream::summary), second);
    EXPECT_EQ((*store)->session(first)->elapsed_cs, 47'325);
    EXPECT_EQ((*store)->status()->open_conflicts, 0u);
    EXPECT_EQ((*store)->conflicts()->at(0).answered, Answer::theirs);
    EXPECT_EQ((*store)->conflicts()->at(0).session, first);
  }
}

TEST_F(ConflictsTest, TwoSessionsForGood) {
  const base::Uuid first = record_totals(phone, 47'320, 1'700'000'000'000);
  const base::Uuid second = record_totals(phone, 47'325, 1'700'000'000'000);
  meet();
  ASSERT_TRUE(ok(tablet->answer(tablet->conflicts()->at(0).id, Answer::both, 5000)));
  meet();
  EXPECT_EQ(phone->conflicts()->at(0).answered, Answer::both);
  const rowing::Record late = make_record(Stream::summary, {{"elapsed_cs", 47'320}, {"distance_dm", 20'000}});
  ASSERT_TRUE(ok(phone->append(second, {&late, 1})));
  EXPECT_EQ(phone->status()->open_conflicts, 0u) << "nobody asks again";
  EXPECT_EQ(phone->sessions()->size(), 2u);
  (void)first;
}

TEST_F(ConflictsTest, AFlaggedLinkIsUndoneByOneAnswer) {
  const Air air = simulated_air(1);
  const auto deaf = [](std::uint64_t seed) {
    return [lost = loses(10, seed)](const auto& one) { return !is_log_entry(one) && lost(one); };
  };
  const base::Uuid first = record_air(phone, air, "430", deaf(1));
  const base::Uuid second = record_air(phone, air, "430", deaf(2));
  meet();
  ASSERT_EQ(phone->sessions()->size(), 1u);
  ASSERT_EQ(tablet->sessions()->size(), 1u);
  feed.fetch(tablet, first);
  feed.fetch(tablet, second);
  ASSERT_EQ(tablet->status()->open_conflicts, 1u) << "it sees the same";
  const Conflict flagged = phone->conflicts()->at(0);
  EXPECT_EQ(flagged.kind, ConflictKind::overlap);
  EXPECT_EQ(flagged.mine.device, "430");
  ASSERT_TRUE(ok(tablet->answer(flagged.id, Answer::mine, 5000)));
  meet();
  for (TestStore* store : {&phone, &tablet}) {
    EXPECT_EQ((*store)->sessions()->size(), 1u);
    EXPECT_EQ((*store)->status()->open_conflicts, 0u);
    EXPECT_EQ((*store)->conflicts()->at(0).answered, Answer::mine);
    const auto one = (*store)->session(first);
    for (const auto& [stream, primary] : one->primaries) EXPECT_EQ(primary, first);
  }
  ASSERT_TRUE(ok(phone->unlink(first, second, 6000))) << "and by hand all the same";
  meet();
  EXPECT_EQ(tablet->sessions()->size(), 2u);
  EXPECT_EQ(tablet->status()->open_conflicts, 0u);
}

TEST_F(ConflictsTest, TheLogKeepsTheLastAnswers) {
  std::vector<base::Uuid> sessions;
  for (std::size_t i = 0; i < kKeptAnswers + 3; ++i) sessions.push_back(record(phone));
  meet();
  for (const base::Uuid& one : sessions) {
    write(phone, one, EditField::notes, "phone", 1000);
    write(tablet, one, EditField::notes, "tablet", 2000);
  }
  meet();
  EXPECT_EQ(phone->status()->open_conflicts, sessions.size()) << "open ones all stay";
  std::map<base::Uuid, std::string> ids;
  for (const Conflict& conflict : *phone->conflicts()) ids[conflict.session] = conflict.id;
  std::int64_t now_ms = 3000;
  for (const base::Uuid& one : sessions) ASSERT_TRUE(ok(phone->answer(ids[one], Answer::mine, ++now_ms)));
  phone.reopen();
  const auto log = phone->conflicts();
  ASSERT_EQ(log->size(), kKeptAnswers);
  EXPECT_EQ(log->front().session, sessions.back());
  EXPECT_EQ(log->back().session, sessions[3]);
  meet();
  EXPECT_EQ(tablet->conflicts()->size(), kKeptAnswers);
}

}  // namespace
}  // namespace boathouse::store
