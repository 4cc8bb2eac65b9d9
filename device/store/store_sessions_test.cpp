// Recordings of one workout: found, linked, counted once, filled from each other, and parted again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/rowing/survey.hpp"
#include "device/store/test_feed.hpp"
#include "device/store/test_workouts.hpp"

namespace boathouse::store {
namespace {

using rowing::Stream;
using testing::ElementsAre;

const std::string kMonitor = "430123456";

std::vector<std::vector<base::Uuid>> grouped(TestStore& store) {
  std::vector<std::vector<base::Uuid>> groups;
  const auto sessions = store->sessions();
  EXPECT_TRUE(ok(sessions));
  for (const SessionInfo& session : *sessions) {
    std::vector<base::Uuid>& group = groups.emplace_back();
    for (const RecordingInfo& info : session.recordings) group.push_back(info.birth.rec_id);
    EXPECT_EQ(session.id, group.front());
    for (const base::Uuid& rec_id : group) EXPECT_EQ(*store->session_of(rec_id), session.id);
  }
  return groups;
}

std::size_t link_edits(TestStore& store) {
  std::size_t count = 0;
  for (const PendingItem& item : *store->pending({})) count += item.kind == wire::ItemKind::edit ? 1u : 0u;
  return count;
}

std::vector<rowing::Record> read_all(TestStore& store, const base::Uuid& session, Stream stream,
                                     std::vector<SessionRange>& ranges) {
  auto reader = store->read_session(session, stream);
  EXPECT_TRUE(ok(reader));
  std::vector<rowing::Record> records;
  for (;;) {
    auto page = reader->next();
    EXPECT_TRUE(ok(page));
    if (!page || page->records.empty()) return records;
    std::uint64_t counted = 0;
    for (const SessionRange& range : page->ranges) counted += range.to - range.from;
    EXPECT_EQ(counted, page->records.size());
    EXPECT_LE(page->records.size(), kChunkRecords);
    for (const SessionRange& range : page->ranges) {
      if (!ranges.empty() && ranges.back().rec_id == range.rec_id && ranges.back().to == range.from) {
        ranges.back().to = range.to;
      } else {
        ranges.push_back(range);
      }
    }
    std::ranges::move(page->records, std::back_inserter(records));
  }
}

TEST(Sessions, OneMonitorsWorkoutHeardTwiceIsOneSession) {
  TestStore store;
  const Air air = simulated_air(1);
  const base::Uuid first = record_air(store, air, kMonitor, loses(10, 1));
  const base::Uuid second = record_air(store, air, kMonitor, loses(5, 2));
  ASSERT_THAT(grouped(store), ElementsAre(ElementsAre(first, second)));
  EXPECT_EQ(link_edits(store), 1u) << "found once";
  EXPECT_EQ(*store->session_of(second), first) << "it was merged";
  EXPECT_EQ(store->status()->recordings, 2u) << "no recording is touched";
  const SessionInfo session = *store->session(second);
  EXPECT_EQ(session.primaries.at(Stream::sample), second) << "it heard more";
  ASSERT_TRUE(session.distance_dm);
  const auto summary = store->records(session.primaries.at(Stream::summary), Stream::summary, 0, 100);
  EXPECT_EQ(session.distance_dm, value_of(summary->back(), "distance_dm")) << "its own, not a sum";
  EXPECT_EQ(session.elapsed_cs, value_of(summary->back(), "elapsed_cs"));
}

TEST(Sessions, HolesAreFilledFromTheOtherAndSayWhose) {
  TestStore store;
  const Air air = simulated_air(1);
  const base::Uuid first = record_air(store, air, kMonitor, loses(15, 1));
  const base::Uuid second = record_air(store, air, kMonitor, loses(15, 2));
  for (const Stream stream : {Stream::sample, Stream::stroke}) {
    std::map<base::Uuid, std::vector<rowing::Record>> own;
    std::set<rowing::Position> known;
    for (const base::Uuid& rec_id : {first, second}) {
      own[rec_id] = *store->records(rec_id, stream, 0, 100'000);
      for (const rowing::Record& record : own[rec_id]) {
        if (const auto position = rowing::position_of(record)) known.insert(*position);
      }
    }
    std::vector<SessionRange> ranges;
    const auto records = read_all(store, first, stream, ranges);
    const base::Uuid primary = store->session(first)->primaries.at(stream);
    std::uint64_t of_primary = 0;
    std::size_t at = 0;
    for (const SessionRange& range : ranges) {
      for (std::uint64_t seq = range.from; seq < range.to; ++seq, ++at) {
        EXPECT_EQ(records[at], own[range.rec_id][seq]) << at << ": the raw record, from where it says";
      }
      if (range.rec_id == primary) of_primary += range.to - range.from;
    }
    EXPECT_EQ(of_primary, own[primary].size()) << "all of the primary";
    EXPECT_GT(records.size(), own[primary].size()) << "and what it lacked";
    if (stream == Stream::sample) {
      std::set<rowing::Position> seen;
      for (const rowing::Record& record : records) {
        if (const auto position = rowing::position_of(record)) seen.insert(*position);
      }
      EXPECT_EQ(seen, known) << "every moment that anybody heard";
    }
  }
}

TEST(Sessions, IntervalsAreFilledInTheirOwnInterval) {
  TestStore store;
  const Air air = simulated_air(3, 7, 24'000);
  const auto until = [&](double from, double to) {
    const auto end = static_cast<double>(air.back().at_ms);
    return [=](const pm5::TimedNotification& one) {
      const double at = static_cast<double>(one.at_ms) / end;
      return is_log_entry(one) || at < from || at > to;
    };
  };
  const base::Uuid first = record_air(store, air, kMonitor, until(0.30, 0.45));
  const base::Uuid second = record_air(store, air, kMonitor, until(0.6, 0.7));
  ASSERT_EQ(grouped(store).size(), 1u);
  std::vector<SessionRange> ranges;
  const auto records = read_all(store, first, Stream::sample, ranges);
  TestStore whole;
  const base::Uuid all = record_air(whole, air, kMonitor, [](const auto&) { return true; });
  const auto expected = whole->records(all, Stream::sample, 0, 100'000);
  EXPECT_GE(records.size() + 2, expected->size()) << "but for a moment where the listener came back";
  const std::size_t interval = rowing::column_index(Stream::sample, "interval");
  EXPECT_TRUE(std::ranges::is_sorted(records, {}, [&](const rowing::Record& one) { return one.values[interval]; }));
  EXPECT_EQ(ranges.size(), 3u) << "the primary, its hole, the primary";
  EXPECT_NE(ranges[1].rec_id, ranges[0].rec_id);
  (void)second;
}

TEST(Sessions, TwoPiecesOfAnEveningStayTwo) {
  TestStore store;
  for (std::uint64_t piece = 1; piece <= 4; ++piece) {
    record_air(store, simulated_air(piece), kMonitor, [](const auto&) { return true; });
    record_air(store, simulated_air(piece + 10), "", [](const auto&) { return true; });
  }
  EXPECT_EQ(grouped(store).size(), 8u);
  EXPECT_EQ(link_edits(store), 0u);
}

TEST(Sessions, UnlinkingRestoresExactlyAndForGood) {
  TestStore store;
  const Air air = simulated_air(1);
  const base::Uuid first = record_air(store, air, kMonitor, loses(10, 1));
  const SessionInfo alone = *store->session(first);
  rowing::Edit title;
  title.op_id = store.ids.next();
  title.session = first;
  title.text = "Evening";
  ASSERT_TRUE(ok(store->edit(title, 1000)));
  const base::Uuid second = record_air(store, air, kMonitor, loses(10, 2));
  ASSERT_EQ(grouped(store).size(), 1u);
  EXPECT_EQ(store->unlink(first, first, 1000).error().code, base::ErrorCode::not_found);
  ASSERT_TRUE(ok(store->unlink(first, second, 1000)));
  EXPECT_THAT(grouped(store), ElementsAre(ElementsAre(second), ElementsAre(first)));
  EXPECT_EQ(store->session(first)->primaries, alone.primaries);
  EXPECT_EQ(store->session(first)->elapsed_cs, alone.elapsed_cs);
  EXPECT_EQ(store->session(first)->fields.title, "Evening");
  EXPECT_FALSE(store->session(second)->fields.title);
  const std::size_t edits = link_edits(store);
  // A late summary has it looked at again.
  const rowing::Record late = make_record(Stream::summary, {{"at_ms", 1}, {"recovery_heart_rate_bpm", 90}});
  ASSERT_TRUE(ok(store->append(second, {&late, 1})));
  EXPECT_EQ(grouped(store).size(), 2u) << "no detection overrides a person's no";
  EXPECT_EQ(link_edits(store), edits);
  ASSERT_TRUE(ok(store->link(second, first, 2000)));
  EXPECT_EQ(grouped(store).size(), 1u) << "but a person does";
}

TEST(Sessions, AChainIsOneAndOneOfItCanLeave) {
  TestStore store;
  std::vector<base::Uuid> ids;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ids.push_back(record_air(store, simulated_air(i), "", [](const auto&) { return true; }));
  }
  ASSERT_TRUE(ok(store->link(ids[2], ids[1], 1000)));
  ASSERT_TRUE(ok(store->link(ids[1], ids[0], 1000)));
  ASSERT_TRUE(ok(store->link(ids[0], ids[2], 1000))) << "they are linked already";
  EXPECT_EQ(link_edits(store), 2u);
  EXPECT_EQ(grouped(store).size(), 1u);
  ASSERT_TRUE(ok(store->unlink(ids[0], ids[2], 1000)));
  EXPECT_THAT(grouped(store), ElementsAre(ElementsAre(ids[2]), ElementsAre(ids[0], ids[1])));
  ASSERT_TRUE(ok(store->link(ids[1], ids[2], 2000)));
  EXPECT_EQ(grouped(store).size(), 1u) << "whoever parted it from the others has changed their mind";
  EXPECT_EQ(store->link(ids[0], ids[0], 1000).error().code, base::ErrorCode::invalid_input);
  EXPECT_EQ(store->link(ids[0], store.ids.next(), 1000).error().code, base::ErrorCode::not_found);
}

TEST(Sessions, APersonsPrimaryCountsAndADeletedRecordingIsAlone) {
  TestStore store;
  const Air air = simulated_air(1);
  const base::Uuid first = record_air(store, air, kMonitor, loses(20, 1));
  const base::Uuid second = record_air(store, air, kMonitor, loses(5, 2));
  rowing::Edit edit;
  edit.op_id = store.ids.next();
  edit.session = first;
  edit.field = rowing::EditField::primary;
  edit.stream = Stream::sample;
  edit.primary = first;
  ASSERT_EQ(store->session(first)->primaries.at(Stream::sample), second);
  ASSERT_TRUE(ok(store->edit(edit, 1000)));
  EXPECT_EQ(store->session(first)->primaries.at(Stream::sample), first);
  edit.op_id = store.ids.next();
  edit.field = rowing::EditField::deleted;
  edit.primary.reset();
  edit.flag = true;
  ASSERT_TRUE(ok(store->edit(edit, 1000)));
  EXPECT_EQ(grouped(store).size(), 2u) << "the other one is still there to be seen";
  EXPECT_FALSE(store->session(second)->fields.deleted);
  edit.op_id = store.ids.next();
  edit.flag = false;
  ASSERT_TRUE(ok(store->edit(edit, 1000)));
  EXPECT_EQ(grouped(store).size(), 1u);
}

TEST(Sessions, AthletesOfOneTabletAreKeptApart) {
  TestStore store;
  const auto samples = make_samples(0, 300);
  for (const std::string athlete : {"anna", "bert"}) {
    const rowing::Birth birth = make_birth(store.ids);
    ASSERT_TRUE(ok(store->begin(birth, athlete)));
    ASSERT_TRUE(ok(store->append(birth.rec_id, samples)));
    ASSERT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::stopped)));
  }
  const auto groups = grouped(store);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(store->link(groups[0][0], groups[1][0], 1000).error().code, base::ErrorCode::invalid_input);
}

class TwoStores : public testing::Test {
 protected:
  TwoStores() {
    feed.hello(phone);
    feed.hello(tablet);
  }
  void meet() { feed.meet({&phone, &tablet}); }

  TestStore phone{1};
  TestStore tablet{2};
  TestFeed feed;
};

TEST_F(TwoStores, BothFindItAndAgreeAndNobodySaysItAgain) {
  const Air air = simulated_air(1);
  const base::Uuid first = record_air(phone, air, kMonitor, loses(10, 1));
  const base::Uuid second = record_air(tablet, air, kMonitor, loses(5, 2));
  meet();
  const auto here = grouped(phone);
  EXPECT_THAT(here, ElementsAre(testing::UnorderedElementsAre(first, second)))
      << "the monitor's log tells, in the seal";
  EXPECT_EQ(grouped(tablet), here);
  EXPECT_EQ(phone->session(first)->primaries, tablet->session(first)->primaries)
      << "though neither has the other's records";
  EXPECT_EQ(phone->status()->pending_items, 0u);
  const std::uint64_t items = phone->status()->items;
  EXPECT_EQ(tablet->status()->items, items);
  EXPECT_EQ(*phone->find_overlaps(), 0u);
  feed.fetch(phone, second);
  meet();
  EXPECT_EQ(phone->status()->items, items) << "no further edit";

  ASSERT_TRUE(ok(tablet->unlink(first, second, 5000)));
  meet();
  EXPECT_EQ(grouped(phone).size(), 2u);
  EXPECT_EQ(grouped(tablet), grouped(phone));
  feed.fetch(tablet, first);
  meet();
  EXPECT_EQ(grouped(phone).size(), 2u);
}

TEST_F(TwoStores, WithoutALogEntryTheSamplesTellOnceTheyAreHere) {
  const Air air = simulated_air(1);
  const auto deaf = [](std::uint64_t seed) {
    return [lost = loses(10, seed)](const pm5::TimedNotification& one) { return !is_log_entry(one) && lost(one); };
  };
  const base::Uuid first = record_air(phone, air, kMonitor, deaf(1));
  const base::Uuid second = record_air(tablet, air, kMonitor, deaf(2));
  meet();
  EXPECT_EQ(grouped(phone).size(), 2u) << "nothing is fetched for it";
  EXPECT_EQ(phone->recording(second)->away_items > 0, true);
  feed.fetch(phone, second);
  EXPECT_EQ(grouped(phone).size(), 1u);
  const auto conflicts = phone->conflicts();
  ASSERT_EQ(conflicts->size(), 1u) << "it is flagged";
  EXPECT_EQ((*conflicts)[0].kind, ConflictKind::overlap);
  EXPECT_EQ((*conflicts)[0].mine.rec_id, first) << "recorded here";
  EXPECT_EQ((*conflicts)[0].theirs.rec_id, second);
  meet();
  EXPECT_EQ(grouped(tablet), grouped(phone));
}

TEST_F(TwoStores, WhatItsOwnerErasesIsInNoSession) {
  const Air air = simulated_air(1);
  const base::Uuid first = record_air(phone, air, kMonitor, loses(10, 1));
  const base::Uuid second = record_air(phone, air, kMonitor, loses(10, 2));
  meet();
  wire::ChangesReply reply;
  reply.epoch = "epoch";
  reply.replica_id = phone->identity().replica_id;
  const std::int64_t since = phone->account("")->cursor;
  wire::Change gone;
  gone.seq = reply.next = since + 1;
  gone.kind = wire::ChangeKind::gone;
  gone.rec_id = first;
  reply.changes = {gone};
  ASSERT_TRUE(ok(phone->take_changes("", since, reply)));
  EXPECT_THAT(grouped(phone), ElementsAre(ElementsAre(second)));
  EXPECT_TRUE(phone->conflicts()->empty());
}

// Recordings, links and deletions in any order on two devices that meet now and then.
TEST_F(TwoStores, AnyOrderOfTheSameGivesTheSameSessions) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    base::SeededRandom random(seed);
    TestStore a{100 + seed};
    TestStore b{200 + seed};
    TestFeed common;
    common.hello(a);
    common.hello(b);
    std::vector<base::Uuid> ids;
    for (int step = 0; step < 30; ++step) {
      TestStore& store = random.below(2) == 0 ? a : b;
      const auto pick = [&] { return ids[random.below(ids.size())]; };
      const std::int64_t now_ms = 1'700'000'000'000 + static_cast<std::int64_t>(random.below(1000));
      switch (random.below(ids.size() < 3 ? 1 : 5)) {
        case 0: {
          // One of three workouts, so that many are the same.
          const rowing::Birth birth = make_birth(store.ids);
          ASSERT_TRUE(ok(store->begin(birth, "")));
          ASSERT_TRUE(ok(store->append(birth.rec_id, make_samples(random.below(3) * 1000, 70))));
          ASSERT_TRUE(ok(store->end(birth.rec_id, rowing::EndReason::stopped)));
          ids.push_back(birth.rec_id);
          break;
        }
        case 1:
          (void)store->link(pick(), pick(), now_ms);
          break;
        case 2:
          (void)store->unlink(pick(), pick(), now_ms);
          break;
        case 3: {
          rowing::Edit edit;
          edit.op_id = store.ids.next();
          edit.session = pick();
          edit.field = rowing::EditField::deleted;
          edit.flag = random.below(2) == 0;
          (void)store->edit(edit, now_ms);
          break;
        }
        default:
          random.below(2) == 0 ? common.upload(store) : common.download(store);
          break;
      }
    }
    common.meet({&a, &b});
    EXPECT_EQ(grouped(a), grouped(b)) << seed;
    EXPECT_EQ(a->status()->pending_items, 0u) << seed;
    const auto here = a->sessions();
    const auto there = b->sessions();
    std::size_t recordings = 0;
    for (std::size_t i = 0; i < here->size(); ++i) {
      EXPECT_EQ((*here)[i].primaries, (*there)[i].primaries) << seed;
      EXPECT_EQ((*here)[i].elapsed_cs, (*there)[i].elapsed_cs) << seed;
      recordings += (*here)[i].recordings.size();
    }
    EXPECT_EQ(recordings, ids.size()) << "each is in one session, none is lost";
  }
}

}  // namespace
}  // namespace boathouse::store
