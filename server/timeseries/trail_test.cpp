// The sentence that says where a workout is, for each place on its way.
#include "server/timeseries/trail.hpp"

#include <gmock/gmock.h>

#include <memory>

#include "server/ledger/test_ledger.hpp"
#include "server/timeseries/test_clickhouse.hpp"

namespace boathouse::timeseries {
namespace {

using ledger::RecordingState;
using ledger::Trail;
using rowing::Stream;
using testing::ElementsAre;
using testing::IsEmpty;
using wire::Range;

const base::Digest kRoot = base::sha256(base::as_bytes("root"));

ledger::StreamState stream_of(Stream stream, std::vector<Range> have) {
  ledger::StreamState state;
  state.stream = stream;
  state.root = kRoot;
  for (const Range& range : have) state.records += range.to - range.from;
  state.have = std::move(have);
  return state;
}

// A sealed recording of 300 samples and 30 strokes that is through.
struct Example {
  Example() {
    state.streams = {stream_of(Stream::sample, {{0, 300}}), stream_of(Stream::stroke, {{0, 30}})};
    state.seal.emplace();
    state.seal->streams = {{Stream::sample, {300, kRoot}}, {Stream::stroke, {30, kRoot}}};
    counted.emplace();
    counted->streams = {{Stream::sample, 300}, {Stream::stroke, 30}, {Stream::event, 0}};
    counted->session = true;
    trail.athlete = base::Uuid();
  }
  [[nodiscard]] Trail made() {
    Trail result = trail;
    result.state = std::make_shared<const RecordingState>(state);
    return result;
  }
  [[nodiscard]] std::string says() {
    const WhereItIs where = where_it_is(made(), session, counted);
    return std::string(name(where.place)) + ": " + where.sentence;
  }
  RecordingState state;
  Trail trail;
  SessionOf session;
  std::optional<CountedRows> counted;
};

TEST(WhereItIsTest, CompleteIsWhatIsStoredLoadedAndCounted) {
  Example example;
  EXPECT_EQ(example.says(), "complete: complete: all 2 streams are stored, loaded and counted");
  example.state.streams.pop_back();
  example.state.seal->streams.erase(Stream::stroke);
  example.counted->streams[Stream::stroke] = 0;
  EXPECT_EQ(example.says(), "complete: complete: its one stream is stored, loaded and counted");
}

TEST(WhereItIsTest, WhatTheSealPromisesAndIsNotHereTheDeviceStillHas) {
  Example example;
  example.state.streams[0] = stream_of(Stream::sample, {{10, 100}, {101, 240}});
  EXPECT_EQ(example.says(),
            "on_device: not complete: the device still has sample 0 to 9, sample 100, sample 240 to 299");
  EXPECT_THAT(*missing(example.made(), Stream::sample), ElementsAre(Range{0, 10}, Range{100, 101}, Range{240, 300}));
  EXPECT_THAT(*missing(example.made(), Stream::stroke), IsEmpty());
  EXPECT_FALSE(missing(example.made(), Stream::split));
  example.state.streams.erase(example.state.streams.begin());
  EXPECT_EQ(example.says(), "on_device: not complete: the device still has sample 0 to 299");
  std::vector<Range> every_other;
  for (std::uint64_t i = 0; i < 40; ++i) every_other.push_back({2 * i + 1, 2 * i + 2});
  example.state.streams = {stream_of(Stream::sample, every_other)};
  EXPECT_EQ(example.says(),
            "on_device: not complete: the device still has sample 0, sample 2, sample 4, sample 6, sample 8, 37 more "
            "ranges");
}

TEST(WhereItIsTest, WhatRetentionRemovedIsNotMissing) {
  Example example;
  example.state.streams[0] = stream_of(Stream::sample, {{100, 300}});
  example.counted->streams[Stream::sample] = 200;
  example.trail.gone[Stream::sample] = {{0, 100}};
  EXPECT_EQ(example.says(),
            "complete: complete: all 2 streams are stored, loaded and counted; retention has removed some of its "
            "records");
  example.counted->streams[Stream::sample] = 300;
  EXPECT_EQ(where_it_is(example.made(), example.session, example.counted).place, Place::complete)
      << "not yet removed there";
  example.trail.gone[Stream::sample] = {{0, 90}};
  EXPECT_EQ(example.says(),
            "on_device: not complete: the device still has sample 90 to 99; retention has removed some of its records");
}

// A late record is beyond the seal's count until the next revision.
TEST(WhereItIsTest, MoreThanWasSealedIsNoDifference) {
  Example example;
  example.state.streams[1] = stream_of(Stream::stroke, {{0, 31}});
  example.state.streams[1].root = base::Digest{};
  example.counted->streams[Stream::stroke] = 31;
  EXPECT_EQ(example.says(), "complete: complete: all 2 streams are stored, loaded and counted");
}

TEST(WhereItIsTest, EachPlaceOfTheWayHasItsSentence) {
  Example example;
  example.counted->session = false;
  EXPECT_EQ(example.says(),
            "summarizing: stored, loaded and counted; its line in the list of sessions is being written");
  example.counted->session = true;
  example.trail.session_waits = true;
  EXPECT_EQ(example.says(),
            "summarizing: stored, loaded and counted; its line in the list of sessions is being written");
  example.session.deleted = true;
  EXPECT_EQ(example.says(),
            "deleted: stored, loaded and counted, but its session is deleted: no list shows it until it is restored");
  example.counted->streams[Stream::sample] = 299;
  example.counted->streams[Stream::event] = 2;
  EXPECT_EQ(example.says(),
            "miscounted: safe in the ledger, but ClickHouse counts 299 of 300 in sample, 2 of 0 in event: run "
            "`boathouse reconcile` and tell the operator");
  example.counted.reset();
  EXPECT_EQ(example.says(), "not_counted: safe in the ledger and loaded; ClickHouse cannot be asked at the moment");
  example.trail.waiting[Stream::sample] = {2, 200, 1};
  EXPECT_EQ(example.says(),
            "loading: safe in the ledger, not yet in queries: 2 chunks with 200 records wait for ClickHouse");
  example.state.streams[0].root = base::Digest{};
  EXPECT_EQ(example.says(),
            "differs: not what the device sealed: all records of sample are here, but the seal has another root; see "
            "quarantined and refused");
  example.state.quarantined = 1;
  example.state.streams[0].have = {{0, 299}};
  EXPECT_EQ(example.says(),
            "on_device: not complete: the device still has sample 299; 1 item with other content is kept aside, see "
            "quarantined");
  example.state.seal.reset();
  example.state.quarantined = 0;
  EXPECT_EQ(example.says(),
            "open: not ended: its device is still recording it, or has not sent its end; here are 300 in sample, 30 in "
            "stroke");
  example.state.streams.clear();
  EXPECT_EQ(example.says(),
            "open: not ended: its device is still recording it, or has not sent its end; here are no records yet");
}

TEST(WhereItIsTest, ALinkedOneIsInTheSurvivorsSession) {
  Example example;
  example.session.key.session = ledger::uuid(1);
  EXPECT_EQ(example.says(),
            "complete: complete: all 2 streams are stored, loaded and counted, as a part of session "
            "ses_00000000-0000-0000-0000-000000000001");
}

// Its row has the surviving recording's id and the start of the one whose samples count.
class SessionOfTest : public ledger::LedgerFixture {
 protected:
  SessionOfTest() : LedgerFixture(sql::Dialect::sqlite) {}
  static ledger::Entry birth(const base::Uuid& id, std::int64_t started_ms) {
    ledger::Entry entry = ledger::birth_entry(id);
    rowing::Birth made = ledger::birth_of(id);
    made.started_ms = started_ms;
    const std::string json = wire::encode_birth(made);
    entry.started_ms = started_ms;
    entry.body.assign(json.begin(), json.end());
    entry.sha256 = base::sha256(entry.body);
    return entry;
  }
  SessionOf session(const base::Uuid& id) {
    const auto found = session_of(*ledger_, **ledger_->recording(id));
    EXPECT_TRUE(found) << found.error().text;
    return found ? *found : SessionOf{};
  }
};

TEST_F(SessionOfTest, IsThatOfItsLinksAndSaysWhetherItIsDeleted) {
  const base::Uuid first = ledger::uuid(1);
  const base::Uuid second = ledger::uuid(2);
  put({birth(first, 5000), birth(second, 4000), ledger::chunk_entry(second, Stream::sample, 0, 10)});
  EXPECT_EQ(session(first).key, (SessionKey{kAnna, 5000, first}));
  EXPECT_EQ(session(second).key, (SessionKey{kAnna, 4000, second}));
  put({ledger::edit_entry(first, 10, 1'700'000'000'000, [&](rowing::Edit& edit) {
    edit.field = rowing::EditField::link;
    edit.other = second;
    edit.flag = true;
  })});
  for (const base::Uuid& id : {first, second}) {
    EXPECT_EQ(session(id).key, (SessionKey{kAnna, 4000, first})) << id.text();
    EXPECT_FALSE(session(id).deleted);
  }
  put({ledger::flag_entry(first, 11, rowing::EditField::deleted, true, 1'700'000'000'001),
       ledger::flag_entry(second, 12, rowing::EditField::deleted, true, 1'700'000'000'001)});
  EXPECT_TRUE(session(first).deleted);
  EXPECT_TRUE(session(second).deleted);
}

TEST(CountRowsTest, TheSessionsRowIsCountedByItsOwnKey) {
  FakeClickHouse clickhouse;
  ClickHouseClient client{Endpoint{clickhouse.url()}};
  NativeBlock one;
  one.rows = 1;
  one.columns = {{"n", "UInt64", {1}, {}, {}, {}, {}}};
  clickhouse.answer_selects("SELECT count()", one);
  RecordingState recording;
  recording.rec_id = ledger::uuid(2);
  recording.birth.started_ms = 4000;
  const auto counted = count_rows(client, recording, {{}, 5000, ledger::uuid(1)});
  ASSERT_TRUE(counted) << counted.error().text;
  EXPECT_TRUE(counted->session);
  const auto of_samples = clickhouse.parameters("FROM sample FINAL");
  const auto of_session = clickhouse.parameters("FROM session FINAL");
  ASSERT_EQ(of_samples.size(), 1U);
  ASSERT_EQ(of_session.size(), 1U);
  EXPECT_EQ(of_samples[0].at("rec"), ledger::uuid(2).text());
  EXPECT_EQ(of_samples[0].at("started"), "4000");
  EXPECT_EQ(of_session[0].at("session"), ledger::uuid(1).text());
  EXPECT_EQ(of_session[0].at("rec"), ledger::uuid(2).text()) << "a row of before the link is not meant";
  EXPECT_EQ(of_session[0].at("started"), "5000");
}

TEST(WhereItIsTest, WhatIsNotHereAtAll) {
  Trail trail;
  trail.refused.resize(2);
  EXPECT_EQ(where_it_is(trail, {}, {}).place, Place::refused);
  EXPECT_EQ(where_it_is(trail, {}, {}).sentence,
            "not here: the server refused 2 items of it, see refused for the reasons; the device still has it");
  trail.purged_ms = 1'700'000'000'000;
  EXPECT_EQ(where_it_is(trail, {}, {}).place, Place::purged);
  EXPECT_EQ(where_it_is(trail, {}, {}).sentence,
            "gone: it was purged at 2023-11-14T22:13:20.000Z, and nothing is kept");
}

}  // namespace
}  // namespace boathouse::timeseries
