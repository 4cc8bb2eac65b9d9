// What edits make of recordings: links, deletions, words of people, primaries; and that their rows are written again.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "core/rowing/edit_order.hpp"
#include "server/ledger/edit_values.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/test_ledger.hpp"

namespace boathouse::ledger {
namespace {

using rowing::EditField;
using rowing::Stream;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class SessionsTest : public LedgerTest {
 protected:
  // Three recordings of Anna's, the later ones with more samples.
  void SetUp() override {
    LedgerTest::SetUp();
    for (const base::Uuid& id : {kA, kB, kC}) {
      put({birth_entry(id)});
    }
    put({chunk_entry(kA, Stream::sample, 0, 10), seal_entry(kA, 1, 10)});
    put({chunk_entry(kB, Stream::sample, 0, 20), chunk_entry(kB, Stream::stroke, 0, 5), seal_entry(kB, 1, 20)});
    put({chunk_entry(kC, Stream::sample, 0, 5), seal_entry(kC, 1, 5)});
    written();
  }

  void written() { ASSERT_TRUE(ledger_->sessions_written(*ledger_->dirty_sessions(100))); }
  std::vector<base::Uuid> dirty() {
    std::vector<base::Uuid> ids;
    const auto sessions = ledger_->dirty_sessions(100);
    for (const auto& session : *sessions) {
      ids.push_back(session.rec_id);
    }
    return ids;
  }

  // Each edit later than the one before.
  Entry link(const base::Uuid& session, const base::Uuid& other, std::optional<bool> linked) {
    return edit(
        [&](rowing::Edit& made) {
          made.field = EditField::link;
          made.other = other;
          made.flag = linked;
        },
        session);
  }
  Entry deleted(const base::Uuid& session, bool flag) {
    return edit(
        [&](rowing::Edit& made) {
          made.field = EditField::deleted;
          made.flag = flag;
        },
        session);
  }
  Entry title(const base::Uuid& session, const std::string& text) {
    return edit([&](rowing::Edit& made) { made.text = text; }, session);
  }
  Entry tag(const base::Uuid& session, const std::string& name, bool flag) {
    return edit(
        [&](rowing::Edit& made) {
          made.field = EditField::tag;
          made.name = name;
          made.flag = flag;
          made.seen = {made.stamp.ms - 1, 0};
        },
        session);
  }
  Entry primary(const base::Uuid& session, Stream stream, const base::Uuid& recording) {
    return edit(
        [&](rowing::Edit& made) {
          made.field = EditField::primary;
          made.stream = stream;
          made.primary = recording;
        },
        session);
  }

  // The sessions around each of the recordings are the same: this is them, as their recordings.
  std::vector<std::vector<base::Uuid>> sessions(std::initializer_list<base::Uuid> ids) {
    std::set<std::vector<base::Uuid>> all;
    for (const base::Uuid& id : ids) {
      const auto around = ledger_->sessions_around(id);
      EXPECT_TRUE(around) << around.error().text;
      EXPECT_EQ(around->athlete, kAnna);
      for (const SessionState& session : around->sessions) {
        std::vector<base::Uuid> members;
        for (const RecordingState& recording : session.recordings) {
          members.push_back(recording.rec_id);
        }
        all.insert(members);
      }
    }
    return {all.begin(), all.end()};
  }
  SessionState session(const base::Uuid& id) {
    auto around = ledger_->sessions_around(id);
    for (SessionState& one : around->sessions) {
      if (std::ranges::find(one.recordings, id, &RecordingState::rec_id) != one.recordings.end()) {
        return std::move(one);
      }
    }
    ADD_FAILURE() << "no session of " << id.text();
    return {};
  }

  // Such edits cannot be opened any more. `which`: a condition; ?2 in it is `session`.
  void spoil_edits(const std::string& which, const std::optional<base::Uuid>& session = std::nullopt) {
    auto connection = sql::Connection::open(place_);
    auto spoil = connection->prepare("UPDATE edit SET json = ?1 WHERE " + which);
    ASSERT_TRUE(spoil) << spoil.error().text;
    spoil->bind(1, base::as_bytes("no JSON"));
    if (session) {
      spoil->bind(2, session->bytes);
    }
    ASSERT_TRUE(spoil->run());
    ASSERT_GT(connection->changes(), 0);
  }

  static inline const base::Uuid kA = uuid(10);
  static inline const base::Uuid kB = uuid(20);
  static inline const base::Uuid kC = uuid(30);

 private:
  template <typename Make>
  Entry edit(Make make, const base::Uuid& session) {
    const std::uint64_t number = ++edits_;
    return edit_entry(session, 1000 + number, 1'700'000'000'000 + static_cast<std::int64_t>(number), make);
  }
  std::uint64_t edits_ = 0;
};

using Ids = std::vector<base::Uuid>;

TEST_P(SessionsTest, ARecordingIsBornWithItsOwnSession) {
  EXPECT_THAT(sessions({kA}), ElementsAre(Ids{kA}));
  EXPECT_TRUE(ledger_->sessions_around(uuid(77))->sessions.empty());
  const SessionState own = session(kB);
  EXPECT_EQ(own.title, "");
  EXPECT_FALSE(own.deleted);
  EXPECT_EQ(own.primaries, (std::map<Stream, base::Uuid>{{Stream::sample, kB}, {Stream::stroke, kB}}));
}

TEST_P(SessionsTest, ALinkMakesOneSessionWhicheverEndSaysIt) {
  put({link(kB, kA, true)});
  for (const base::Uuid& id : {kA, kB}) {
    EXPECT_THAT(sessions({id}), ElementsAre(Ids{kA, kB}));
    EXPECT_THAT(ledger_->sessions_around(id)->ids, ElementsAre(kA, kB));
  }
  EXPECT_EQ(session(kB).primaries, (std::map<Stream, base::Uuid>{{Stream::sample, kB}, {Stream::stroke, kB}}))
      << "the one with more";
  reopen();
  put({link(kA, kB, false)});
  EXPECT_THAT(sessions({kA}), ElementsAre(Ids{kA}, Ids{kB})) << "both must be written again";
  EXPECT_THAT(sessions({kB}), ElementsAre(Ids{kA}, Ids{kB}));
  put({link(kA, kB, std::nullopt)});
  EXPECT_THAT(sessions({kA}), ElementsAre(Ids{kA}, Ids{kB}));
}

TEST_P(SessionsTest, ChainsAreOneSessionAndABrokenOneIsStillFoundWhole) {
  put({link(kA, kB, true), link(kC, kB, true)});
  EXPECT_THAT(sessions({kC}), ElementsAre(Ids{kA, kB, kC}));
  put({link(kB, kA, false)});
  for (const base::Uuid& id : {kA, kB, kC}) {
    EXPECT_THAT(sessions({id}), ElementsAre(Ids{kA}, Ids{kB, kC}));
  }
}

TEST_P(SessionsTest, ADeletedOneIsInNoOtherSession) {
  put({link(kA, kB, true), deleted(kA, true)});
  EXPECT_THAT(sessions({kA}), ElementsAre(Ids{kA}, Ids{kB}));
  EXPECT_TRUE(session(kA).deleted);
  EXPECT_FALSE(session(kB).deleted);
  put({deleted(kA, false)});
  EXPECT_THAT(sessions({kB}), ElementsAre(Ids{kA, kB}));
}

TEST_P(SessionsTest, WhatPeopleWroteForAnyOfItsRecordingsCounts) {
  put({title(kB, "of b"), tag(kB, "race", true), tag(kA, "erg", true), tag(kA, "gone", true), tag(kA, "gone", false)});
  EXPECT_EQ(session(kB).title, "of b");
  EXPECT_EQ(session(kA).title, "");
  put({link(kA, kB, true)});
  EXPECT_EQ(session(kA).title, "of b");
  EXPECT_THAT(session(kA).tags, ElementsAre("erg", "race"));
  put({title(kA, "of a"), title(kA, "newer")});
  EXPECT_EQ(session(kB).title, "newer");
}

TEST_P(SessionsTest, AWordAboutThePrimaryCountsIfItNamesOneThatHasRecords) {
  put({primary(kB, Stream::sample, kA)});
  EXPECT_EQ(session(kB).primaries.at(Stream::sample), kB) << "not of this session";
  put({link(kA, kB, true)});
  EXPECT_EQ(session(kB).primaries.at(Stream::sample), kA);
  put({primary(kA, Stream::stroke, kA)});
  EXPECT_EQ(session(kB).primaries.at(Stream::stroke), kB) << "the other has no strokes";
  put({primary(kA, Stream::sample, kB)});
  EXPECT_EQ(session(kA).primaries.at(Stream::sample), kB) << "the newer word";
}

TEST_P(SessionsTest, EveryEditHasItsSessionWrittenAgain) {
  for (const Entry& entry : {title(kA, "x"), tag(kA, "x", true), deleted(kA, true), deleted(kA, false),
                             link(kA, kB, true), primary(kA, Stream::sample, kB), link(kA, kB, false)}) {
    put({entry});
    EXPECT_THAT(dirty(), ElementsAre(kA));
    written();
    put({entry});
    EXPECT_THAT(dirty(), IsEmpty()) << "told twice";
  }
  put({title(uuid(77), "of one that has not come")});
  EXPECT_THAT(dirty(), IsEmpty());
}

TEST_P(SessionsTest, ALaterAnswerIsOfALaterState) {
  const std::int64_t before = ledger_->sessions_around(kB)->server_seq;
  put({link(kA, kB, true)});
  const std::int64_t after = ledger_->sessions_around(kB)->server_seq;
  EXPECT_GT(after, before) << "the mark is another recording's";
}

TEST_P(SessionsTest, NobodyLinksAnothersRecording) {
  const base::Uuid bens = uuid(5);
  put(kBen, {birth_entry(bens)});
  put({link(kA, bens, true)});
  put(kBen, {link(bens, kA, true)});
  const auto around = ledger_->sessions_around(kA);
  ASSERT_EQ(around->sessions.size(), 1U);
  EXPECT_EQ(around->sessions[0].recordings.size(), 1U);
  EXPECT_EQ(ledger_->sessions_around(bens)->athlete, kBen);
  EXPECT_EQ(ledger_->sessions_around(bens)->sessions.at(0).recordings.size(), 1U);
}

TEST_P(SessionsTest, AnEditThatCameBeforeItsRecordingCounts) {
  const base::Uuid late = uuid(25);
  put({link(late, kA, true), title(late, "early")});
  EXPECT_THAT(sessions({kA}), ElementsAre(Ids{kA}));
  put({birth_entry(late)});
  EXPECT_THAT(sessions({late}), ElementsAre(Ids{kA, late}));
  EXPECT_EQ(session(late).title, "early");
}

TEST_P(SessionsTest, WhatWasLinkedToAPurgedOneIsWrittenAgain) {
  put({link(kA, kB, true), link(kA, kC, true), deleted(kA, true)});
  written();
  put({flag_entry(kA, 5000, EditField::purged, true)});
  EXPECT_THAT(dirty(), ElementsAre(kA));
  const auto around = ledger_->sessions_around(kA);
  EXPECT_EQ(around->athlete, kAnna);
  EXPECT_THAT(around->ids, ElementsAre(kA, kB, kC));
  EXPECT_THAT(sessions({kA}), ElementsAre(Ids{kB}, Ids{kC}));
  written();
  EXPECT_THAT(dirty(), IsEmpty());
}

TEST_P(SessionsTest, ChainsWithoutEndAreCut) {
  std::vector<Entry> links;
  for (std::size_t i = 0; i < kMaxSessionsAround + 20; ++i) {
    links.push_back(link(i == 0 ? kA : uuid(1000 + i), uuid(1001 + i), true));
  }
  put(std::move(links));
  EXPECT_EQ(ledger_->sessions_around(kA)->ids.size(), kMaxSessionsAround);
}

// One athlete's edits of one session may be many and long; all the rest waits while it is read.
TEST_P(SessionsTest, OnlyTheEditsThatCountAreOpened) {
  put({title(kA, "old"), tag(kA, "race", false), tag(kA, "sea", true), primary(kA, Stream::sample, kB),
       deleted(kA, true), link(kB, kA, false), link(kA, kC, true)});
  ASSERT_NO_FATAL_FAILURE(spoil_edits("1 = 1"));
  put({title(kA, "new"), tag(kA, "race", true), tag(kA, "sea", false), primary(kA, Stream::sample, kA),
       deleted(kA, false), link(kB, kA, true), link(kA, kC, false)});
  EXPECT_THAT(sessions({kA, kB}), ElementsAre(Ids{kA, kB}, Ids{kC}));
  const SessionState both = session(kA);
  EXPECT_EQ(both.title, "new");
  EXPECT_THAT(both.tags, ElementsAre("race"));
  EXPECT_EQ(both.primaries.at(Stream::sample), kA);
}

// Whoever had seen it or not, in any order and place, some of the stamps ahead of the clock.
TEST_P(SessionsTest, ATagIsThereIfAllItsEditsComeToIt) {
  std::minstd_rand random(5);
  const auto one_of = [&random](std::uint64_t count) { return random() % count; };
  const std::int64_t now = clock_.utc_ms();
  std::vector<std::string> expected;
  std::vector<Entry> entries;
  for (std::uint64_t n = 0; n < 200; ++n) {
    const std::string name = std::to_string(1000 + n);
    std::vector<rowing::PlacedEdit> edits;
    for (std::uint64_t i = one_of(6) + 1; i > 0; --i) {
      const auto stamp = [&] { return rowing::Stamp{now + static_cast<std::int64_t>(one_of(6)) * 100'000, 0}; };
      entries.push_back(edit_entry(kA, 100'000 + 10 * n + i, 0, [&](rowing::Edit& edit) {
        edit.replica_id = uuid(90 + one_of(2));
        edit.field = EditField::tag;
        edit.name = name;
        edit.stamp = stamp();
        edit.seen = one_of(3) == 0 ? rowing::Stamp() : stamp();
        edit.flag = one_of(2) == 0 ? std::optional(true) : one_of(2) == 0 ? std::optional(false) : std::nullopt;
      }));
      edits.push_back({*entries.back().edit, rowing::placed_stamp(*entries.back().edit, now)});
    }
    if (rowing::resolve(edits).winner->edit.flag == true) {
      expected.push_back(name);
    }
  }
  put(std::move(entries));
  EXPECT_GT(expected.size(), 50U);
  EXPECT_LT(expected.size(), 190U);
  EXPECT_EQ(session(kA).tags, expected);
}

TEST_P(SessionsTest, TagsWithoutEndAreCutAndTheRestIsShown) {
  std::vector<Entry> entries{title(kA, "with tags"), primary(kA, Stream::sample, kA), link(kA, kB, true)};
  for (std::size_t i = 0; i < kMaxTagsAround + 20; ++i) {
    entries.push_back(tag(i % 2 == 0 ? kA : kB, "tag " + std::to_string(1000 + i), true));
  }
  put(std::move(entries));
  const std::size_t of_a = kMaxTagsAround / 2 + 10;
  ASSERT_NO_FATAL_FAILURE(spoil_edits("field = 'tag:tag " + std::to_string(1000 + kMaxTagsAround + 19) + "'"));
  EXPECT_THAT(sessions({kA}), ElementsAre(Ids{kA, kB}));
  const auto around = ledger_->sessions_around(kA);
  ASSERT_TRUE(around) << around.error().text;
  const SessionState& both = around->sessions.at(0);
  EXPECT_EQ(both.title, "with tags");
  ASSERT_EQ(both.tags.size(), kMaxTagsAround);
  EXPECT_EQ(std::ranges::count_if(both.tags, [](const std::string& one) { return (one.back() - '0') % 2 == 0; }),
            static_cast<std::ptrdiff_t>(of_a));
}

TEST_P(SessionsTest, LinksWithoutEndAreCutHoweverFewSessionsTheyReach) {
  std::vector<Entry> links;
  for (std::size_t i = 0; i < kMaxLinksAround + 20; ++i) {
    links.push_back(link(kA, uuid(10'000 + i), true));
    links.push_back(link(uuid(20'000 + i), kB, true));
  }
  put(std::move(links));
  for (const std::uint64_t first : {10'000U, 20'000U}) {
    const base::Uuid beyond = uuid(first + kMaxLinksAround + 19);
    ASSERT_NO_FATAL_FAILURE(spoil_edits(
        "field = 'link:" + beyond.text() + "' OR (field = 'link:" + kB.text() + "' AND session = ?2)", beyond));
  }
  for (const base::Uuid& id : {kA, kB}) {
    const auto around = ledger_->sessions_around(id);
    ASSERT_TRUE(around) << around.error().text;
    EXPECT_EQ(around->ids.size(), kMaxSessionsAround);
  }
}

TEST_F(SqliteLedgerTest, TheNewestEditOfAFieldIsFoundInAnIndexAlone) {
  auto connection = sql::Connection::open(place_);
  for (const auto& [query, index] :
       {std::pair(kNextFieldQuery, "USING INDEX edit_newest (session=? AND athlete=? AND field_group=? AND field>?)"),
        std::pair(kNextLinkQuery, "USING INDEX edit_link (athlete=? AND field=? AND session>?)"),
        std::pair(kTagQuery, "USING COVERING INDEX edit_tag (session=? AND athlete=? AND field=? AND adds=?)")}) {
    auto plan = connection->prepare("EXPLAIN QUERY PLAN " + std::string(query));
    ASSERT_TRUE(plan) << plan.error().text;
    ASSERT_TRUE(*plan->step());
    EXPECT_THAT(std::string(plan->text(3)), testing::HasSubstr(index));
    EXPECT_FALSE(*plan->step()) << "nothing is sorted";
  }
}

INSTANTIATE_TEST_SUITE_P(Databases, SessionsTest, both_databases(), database_name);

}  // namespace
}  // namespace boathouse::ledger
