// The rules of dedup, overlap and ownership, and what is read back.
#include "server/ledger/ledger.hpp"

#include <gmock/gmock.h>

#include <map>

#include "core/db/sqlite.hpp"
#include "server/ledger/rows.hpp"
#include "server/ledger/test_ledger.hpp"
#include "tests/support/sanitizers.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using wire::kMaxStreamRecords;
using wire::Outcome;
using wire::Range;

TEST_P(LedgerTest, AnswersInOrderWithRisingReceipts) {
  const Results results = put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10),
                               chunk_entry(kRec, Stream::stroke, 0, 4), seal_entry(kRec, 1, 10)});
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].outcome, Outcome::stored) << i;
    EXPECT_EQ(results[i].server_seq, static_cast<std::int64_t>(i) + 1);
  }
  EXPECT_THAT(results[1].have, ElementsAre(Range{0, 10}));
  EXPECT_THAT(results[2].have, ElementsAre(Range{0, 4}));
}

TEST_P(LedgerTest, TheSameAgainIsADuplicateWithTheFirstReceipt) {
  const std::vector<Entry> entries{birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10),
                                   seal_entry(kRec, 1, 10)};
  const Results first = put(entries);
  put({chunk_entry(kRec, Stream::sample, 10, 20)});
  reopen();
  const Results again = put(entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(again[i].outcome, Outcome::duplicate) << i;
    EXPECT_EQ(again[i].server_seq, first[i].server_seq);
  }
  EXPECT_THAT(again[1].have, ElementsAre(Range{0, 20}));
  EXPECT_EQ(ledger_->counts()->chunks, 2U);
}

TEST_P(LedgerTest, TheSameTwiceInOneBatchIsStoredOnce) {
  const Results results = put({birth_entry(kRec), birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10),
                               chunk_entry(kRec, Stream::sample, 0, 10)});
  EXPECT_EQ(results[1].outcome, Outcome::duplicate);
  EXPECT_EQ(results[3].outcome, Outcome::duplicate);
  EXPECT_EQ(results[3].server_seq, results[2].server_seq);
}

TEST_P(LedgerTest, OtherContentIsKeptAsideAndReplacesNothing) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10, "good"), seal_entry(kRec, 1, 10)});
  const Results results =
      put({birth_entry(kRec, "999"), chunk_entry(kRec, Stream::sample, 0, 10, "bad"), seal_entry(kRec, 1, 11)});
  for (const auto& result : results) {
    EXPECT_EQ(result.outcome, Outcome::mismatch);
    EXPECT_THAT(result.detail, HasSubstr("other content"));
    EXPECT_EQ(result.server_seq, 0);
  }
  const auto state = *ledger_->recording(kRec);
  EXPECT_EQ(state->birth.monitor_serial, "430123456");
  EXPECT_EQ(state->seal->streams.at(Stream::sample).count, 10U);
  EXPECT_EQ(state->quarantined, 3U);
  EXPECT_EQ(ledger_->chunks(kRec, Stream::sample)->at(0).body, chunk_entry(kRec, Stream::sample, 0, 10, "good").body);
}

TEST_P(LedgerTest, TheSameMismatchAgainIsKeptOnce) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10, "good")});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, 0, 10, "bad")).outcome, Outcome::mismatch);
  }
  put_one(chunk_entry(kRec, Stream::sample, 0, 10, "worse"));
  EXPECT_EQ((*ledger_->recording(kRec))->quarantined, 2U);
  EXPECT_EQ(ledger_->counts()->quarantined, 2U);
}

struct Overlap {
  const char* name;
  std::uint64_t from;
  std::uint64_t to;
  Outcome outcome;
};

class OverlapTest : public LedgerFixture, public testing::WithParamInterface<Overlap> {
 protected:
  OverlapTest() : LedgerFixture(sql::Dialect::sqlite) {}
};

// Stored: [100, 200) and [300, 400).
TEST_P(OverlapTest, IsJudged) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 100, 200), chunk_entry(kRec, Stream::sample, 300, 400)});
  const auto result = put_one(chunk_entry(kRec, Stream::sample, GetParam().from, GetParam().to));
  EXPECT_EQ(result.outcome, GetParam().outcome);
  if (GetParam().outcome == Outcome::mismatch) {
    EXPECT_THAT(result.detail, HasSubstr("overlaps the stored chunk"));
    EXPECT_THAT(result.have, ElementsAre(Range{100, 200}, Range{300, 400}));
  }
  EXPECT_EQ((*ledger_->recording(kRec))->quarantined, GetParam().outcome == Outcome::mismatch ? 1U : 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Ranges, OverlapTest,
    testing::Values(Overlap{"equal", 100, 200, Outcome::duplicate}, Overlap{"left", 50, 101, Outcome::mismatch},
                    Overlap{"right", 199, 250, Outcome::mismatch}, Overlap{"inside", 120, 130, Outcome::mismatch},
                    Overlap{"outside", 50, 250, Outcome::mismatch}, Overlap{"same_start", 100, 150, Outcome::mismatch},
                    Overlap{"same_end", 150, 200, Outcome::mismatch}, Overlap{"longer", 100, 201, Outcome::mismatch},
                    Overlap{"over_both", 0, 1000, Outcome::mismatch}, Overlap{"over_gap", 150, 350, Outcome::mismatch},
                    Overlap{"before", 0, 100, Outcome::stored}, Overlap{"between", 200, 300, Outcome::stored},
                    Overlap{"part_of_gap", 210, 290, Outcome::stored}, Overlap{"behind", 400, 500, Outcome::stored}),
    [](const auto& test) { return std::string(test.param.name); });

TEST_P(LedgerTest, OverlapWithinOneBatchIsFound) {
  const Results results = put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10),
                               chunk_entry(kRec, Stream::sample, 5, 15), chunk_entry(kRec, Stream::sample, 10, 20)});
  EXPECT_EQ(results[2].outcome, Outcome::mismatch);
  EXPECT_EQ(results[3].outcome, Outcome::stored);
  EXPECT_THAT(results[1].have, ElementsAre(Range{0, 20}));
}

TEST_P(LedgerTest, StreamsAndRecordingsDoNotTouchEachOther) {
  const base::Uuid other = uuid(101);
  const Results results = put({birth_entry(kRec), birth_entry(other), chunk_entry(kRec, Stream::sample, 0, 10),
                               chunk_entry(kRec, Stream::stroke, 5, 15), chunk_entry(other, Stream::sample, 5, 15)});
  for (const auto& result : results) {
    EXPECT_EQ(result.outcome, Outcome::stored);
  }
}

TEST_P(LedgerTest, RangesThatAreEmptyOrTooFarAreRejected) {
  put({birth_entry(kRec)});
  for (const auto& [from, to] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{5, 5},
                                                            {6, 5},
                                                            {0, kMaxStreamRecords + 1},
                                                            {UINT64_MAX - 1, UINT64_MAX},
                                                            {std::uint64_t{1} << 63, UINT64_MAX}}) {
    const auto result = put_one(chunk_entry(kRec, Stream::sample, from, to));
    EXPECT_EQ(result.outcome, Outcome::rejected) << from << ' ' << to;
    EXPECT_THAT(result.detail, HasSubstr("range"));
  }
  EXPECT_EQ(put_one(chunk_entry(kRec, Stream::sample, kMaxStreamRecords - 1, kMaxStreamRecords)).outcome,
            Outcome::stored);
}

TEST_P(LedgerTest, NothingIsTakenBeforeTheBirth) {
  const Results results = put({chunk_entry(kRec, Stream::sample, 0, 10), seal_entry(kRec, 1, 10), birth_entry(kRec),
                               chunk_entry(kRec, Stream::sample, 0, 10)});
  EXPECT_EQ(results[0].outcome, Outcome::rejected);
  EXPECT_EQ(results[0].detail, "unknown recording: send its birth first");
  EXPECT_EQ(results[1].outcome, Outcome::rejected);
  EXPECT_EQ(results[1].detail, "unknown recording: send its birth first");
  EXPECT_EQ(results[2].outcome, Outcome::stored);
  EXPECT_EQ(results[3].outcome, Outcome::stored);
}

TEST_P(LedgerTest, SomebodyElsesRecordingLooksLikeAnUnknownOne) {
  put(kAnna, {birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), seal_entry(kRec, 1, 10)});
  const Results foreign = put(kBen, {chunk_entry(kRec, Stream::sample, 0, 10), seal_entry(kRec, 1, 10),
                                     chunk_entry(kRec, Stream::sample, 5, 25), birth_entry(kRec)});
  const Results unknown = put(kBen, {chunk_entry(uuid(555), Stream::sample, 0, 10), seal_entry(uuid(555), 1, 10)});
  for (const auto& result : foreign) {
    EXPECT_EQ(result.outcome, Outcome::rejected);
    EXPECT_TRUE(result.have.empty());
    EXPECT_EQ(result.server_seq, 0);
  }
  EXPECT_EQ(foreign[0].detail, unknown[0].detail);
  EXPECT_EQ(foreign[1].detail, unknown[1].detail);
  const auto state = *ledger_->recording(kRec);
  EXPECT_EQ(state->athlete, kAnna);
  EXPECT_EQ(state->quarantined, 0U);
}

TEST_P(LedgerTest, SealRevisionsAllStayAndTheNewestCounts) {
  put({birth_entry(kRec)});
  EXPECT_EQ(put_one(seal_entry(kRec, 0, 1)).outcome, Outcome::rejected);
  EXPECT_EQ(put_one(seal_entry(kRec, 3, 30)).outcome, Outcome::stored);
  EXPECT_EQ(put_one(seal_entry(kRec, 1, 10)).outcome, Outcome::stored);
  EXPECT_EQ((*ledger_->recording(kRec))->seal->revision, 3U);
  EXPECT_EQ(put_one(seal_entry(kRec, 1, 10)).outcome, Outcome::duplicate);
  EXPECT_EQ(put_one(seal_entry(kRec, 4, 40)).outcome, Outcome::stored);
  EXPECT_EQ((*ledger_->recording(kRec))->seal->streams.at(Stream::sample).count, 40U);
}

// Somebody may seal a recording very often.
TEST_P(LedgerTest, OfSealsOnlyTheNewestIsRead) {
  put({birth_entry(kRec), seal_entry(kRec, 1, 10)});
  const auto last = put_one(seal_entry(kRec, 2, 20));
  auto connection = sql::Connection::open(place_);
  ASSERT_TRUE(connection->execute("UPDATE seal SET server_seq = 1000 WHERE revision = 1"));
  EXPECT_EQ((*ledger_->recording(kRec))->server_seq, last.server_seq);
}

// Chunks of a stream from record 1 on, one record each, as though they had been put.
void fill(sql::Connection& connection, const base::Uuid& rec_id, Stream stream, std::size_t count) {
  auto insert = connection.prepare(
      "INSERT INTO chunk (rec_id, stream, from_seq, to_seq, version, size, sha256, server_seq) "
      "WITH RECURSIVE one (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM one WHERE n < " +
      std::to_string(count) + ") SELECT rec_id, " + std::to_string(number(stream)) +
      ", n, n + 1, 1, 1, sha256, 1000000 + n FROM recording, one WHERE rec_id = ?1");
  ASSERT_TRUE(insert) << insert.error().text;
  const auto done = insert->bind(1, rec_id.bytes).run();
  ASSERT_TRUE(done) << done.error().text;
}

// A batch may name very many streams, and others wait while its answer is made.
TEST_P(LedgerTest, HaveIsSaidForSoManyChunksOfASubmission) {
  const base::Uuid other = uuid(200);
  const std::vector<Entry> entries{chunk_entry(kRec, Stream::sample, 0, 1), chunk_entry(kRec, Stream::stroke, 0, 1),
                                   chunk_entry(other, Stream::sample, 0, 1), chunk_entry(other, Stream::stroke, 0, 1)};
  put({birth_entry(kRec), birth_entry(other)});
  put(entries);
  {
    auto connection = sql::Connection::open(place_);
    fill(*connection, kRec, Stream::sample, 999);
    fill(*connection, kRec, Stream::stroke, kMaxHaveChunks - 1001);
    fill(*connection, other, Stream::sample, 10);
  }
  const Results answer = put(entries);
  for (const auto& result : answer) {
    EXPECT_EQ(result.outcome, Outcome::duplicate);
  }
  EXPECT_THAT(answer[0].have, ElementsAre(Range{0, 1000}));
  EXPECT_THAT(answer[1].have, ElementsAre(Range{0, kMaxHaveChunks - 1000}));
  EXPECT_THAT(answer[2].have, testing::IsEmpty()) << "less than is held";
  EXPECT_THAT(answer[3].have, testing::IsEmpty());
  EXPECT_THAT(put({entries[2]})[0].have, ElementsAre(Range{0, 11})) << "each submission has its own";
}

TEST_P(LedgerTest, HaveIsMergedAndBounded) {
  put({birth_entry(kRec)});
  std::vector<Entry> entries;
  for (std::uint64_t i = 0; i < kMaxHaveRanges + 50; ++i) {
    entries.push_back(chunk_entry(kRec, Stream::sample, 10 * i, 10 * i + 5));
  }
  const Results results = put(entries);
  ASSERT_EQ(results[0].have.size(), kMaxHaveRanges);
  EXPECT_EQ(results.back().have.back(), (Range{10 * (kMaxHaveRanges - 1), 10 * (kMaxHaveRanges - 1) + 5}));
  EXPECT_EQ((*ledger_->recording(kRec))->streams.at(0).have.size(), kMaxHaveRanges + 50);

  entries.clear();
  for (std::uint64_t i = 0; i < kMaxHaveRanges + 50; ++i) {
    entries.push_back(chunk_entry(kRec, Stream::sample, 10 * i + 5, 10 * i + 10));
  }
  EXPECT_THAT(put(entries)[0].have, ElementsAre(Range{0, 10 * (kMaxHaveRanges + 50)}));
}

TEST_P(LedgerTest, RecordingTellsWhatIsThere) {
  EXPECT_FALSE(ledger_->recording(kRec)->has_value());
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 10, 20), chunk_entry(kRec, Stream::source, 0, 2)});
  clock_.advance_ms(5000);
  const Results last = put({chunk_entry(kRec, Stream::sample, 0, 10), seal_entry(kRec, 1, 20)});

  const auto state = *ledger_->recording(kRec);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->rec_id, kRec);
  EXPECT_EQ(state->athlete, kAnna);
  EXPECT_EQ(state->received_ms, 1'700'000'100'000);
  EXPECT_EQ(state->birth.zone, "Europe/Berlin");
  EXPECT_EQ(state->server_seq, last[1].server_seq);
  ASSERT_EQ(state->streams.size(), 2U);
  const StreamState& samples = state->streams[0];
  EXPECT_EQ(samples.stream, Stream::sample);
  EXPECT_EQ(samples.records, 20U);
  EXPECT_EQ(samples.chunks, 2U);
  EXPECT_EQ(samples.loaded_records, 0U);
  EXPECT_THAT(samples.have, ElementsAre(Range{0, 20}));
  const std::vector<base::Digest> hashes{chunk_entry(kRec, Stream::sample, 0, 10).sha256,
                                         chunk_entry(kRec, Stream::sample, 10, 20).sha256};
  EXPECT_EQ(samples.root, wire::stream_root(hashes));
  EXPECT_EQ(state->streams[1].stream, Stream::source);
  EXPECT_EQ(state->streams[1].records, 2U);
}

TEST_P(LedgerTest, ChunksComeInTheOrderOfTheStream) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::stroke, 0, 3), chunk_entry(kRec, Stream::sample, 10, 20),
       chunk_entry(kRec, Stream::sample, 0, 10)});
  const auto chunks = *ledger_->chunks(kRec, Stream::sample);
  ASSERT_EQ(chunks.size(), 2U);
  const Entry first = chunk_entry(kRec, Stream::sample, 0, 10);
  EXPECT_EQ(chunks[0].from, 0U);
  EXPECT_EQ(chunks[0].to, 10U);
  EXPECT_EQ(chunks[0].body, first.body);
  EXPECT_EQ(chunks[0].sha256, first.sha256);
  EXPECT_EQ(chunks[0].athlete, kAnna);
  EXPECT_EQ(chunks[0].started_ms, 1'700'000'000'000);
  EXPECT_EQ(chunks[1].from, 10U);
  EXPECT_LT(chunks[1].server_seq, chunks[0].server_seq);
}

TEST_P(LedgerTest, RecordingsArePagedByIdAndAthlete) {
  for (std::uint64_t i = 0; i < 10; ++i) {
    put(i % 2 == 0 ? kAnna : kBen, {birth_entry(uuid(1000 - i))});
  }
  const auto ids = [](const std::vector<RecordingState>& states) {
    std::vector<base::Uuid> result;
    for (const RecordingState& state : states) {
      result.push_back(state.rec_id);
    }
    return result;
  };
  EXPECT_THAT(ids(*ledger_->recordings(kAnna, std::nullopt, 3)), ElementsAre(uuid(992), uuid(994), uuid(996)));
  EXPECT_THAT(ids(*ledger_->recordings(kAnna, uuid(996), 3)), ElementsAre(uuid(998), uuid(1000)));
  EXPECT_THAT(ids(*ledger_->recordings(std::nullopt, uuid(997), 2)), ElementsAre(uuid(998), uuid(999)));
  EXPECT_EQ(ledger_->recordings(std::nullopt, std::nullopt, 100)->size(), 10U);
  EXPECT_THAT(*ledger_->athletes(std::nullopt, 10), ElementsAre(kAnna, kBen));
  EXPECT_THAT(*ledger_->athletes(std::nullopt, 1), ElementsAre(kAnna));
  EXPECT_THAT(*ledger_->athletes(kAnna, 10), ElementsAre(kBen));
  EXPECT_TRUE(ledger_->recordings(uuid(3), std::nullopt, 100)->empty());
}

TEST_P(LedgerTest, EpochStaysWithTheFile) {
  const std::string epoch = ledger_->epoch();
  EXPECT_EQ(epoch.size(), 32U);
  reopen();
  EXPECT_EQ(ledger_->epoch(), epoch);
  const auto other = Ledger::open({.place = {.sqlite_file = folder_.file("other.db")}}, clock_, random_);
  EXPECT_NE((*other)->epoch(), epoch);
}

TEST_F(SqliteLedgerTest, RefusesAFileOfSomethingElse) {
  const std::string path = folder_.file("else.db");
  {
    auto connection = db::Connection::open(path);
    ASSERT_TRUE(connection->execute("CREATE TABLE t (a)"));
  }
  const auto opened = Ledger::open({.place = {.sqlite_file = path}}, clock_, random_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, base::ErrorCode::unsupported);
}

// Random batches against the rules as a few maps, with restarts; then the counters against the tables.
TEST_P(LedgerTest, AgreesWithAModel) {
  base::SeededRandom dice(20261122);
  struct Model {
    std::map<std::uint64_t, base::Uuid> owners;
    std::map<std::tuple<std::uint64_t, Stream, std::uint64_t>, std::pair<std::uint64_t, base::Digest>> chunks;
  } model;
  const auto expected = [&model](const base::Uuid& athlete, std::uint64_t rec, const Entry& entry) {
    const auto owner = model.owners.find(rec);
    if (entry.kind == wire::ItemKind::birth) {
      if (owner == model.owners.end()) {
        model.owners.emplace(rec, athlete);
        return Outcome::stored;
      }
      return owner->second == athlete ? Outcome::duplicate : Outcome::rejected;
    }
    if (owner == model.owners.end() || owner->second != athlete) {
      return Outcome::rejected;
    }
    for (const auto& [key, value] : model.chunks) {
      const auto& [other_rec, stream, from] = key;
      if (other_rec == rec && stream == entry.stream && from < entry.to && entry.from < value.first) {
        return from == entry.from && value.first == entry.to && value.second == entry.sha256 ? Outcome::duplicate
                                                                                             : Outcome::mismatch;
      }
    }
    model.chunks.emplace(std::tuple(rec, entry.stream, entry.from), std::pair(entry.to, entry.sha256));
    return Outcome::stored;
  };
  for (int round = 0; round < (test_support::kSanitized ? 100 : 300); ++round) {
    const base::Uuid athlete = dice.below(4) == 0 ? kBen : kAnna;
    std::vector<Entry> entries;
    std::vector<Outcome> outcomes;
    for (std::uint64_t i = dice.below(8); i > 0; --i) {
      const std::uint64_t rec = 200 + dice.below(5);
      const std::uint64_t from = dice.below(40);
      Entry entry = dice.below(8) == 0 ? birth_entry(uuid(rec))
                                       : chunk_entry(uuid(rec), dice.below(3) == 0 ? Stream::source : Stream::sample,
                                                     from, from + 1 + dice.below(4), dice.below(10) == 0 ? "b" : "a");
      outcomes.push_back(expected(athlete, rec, entry));
      entries.push_back(std::move(entry));
    }
    const Results results = put(athlete, entries);
    for (std::size_t i = 0; i < results.size(); ++i) {
      ASSERT_EQ(results[i].outcome, outcomes[i]) << "round " << round << ", item " << i << ": " << results[i].detail;
    }
    if (round % 100 == 50) {
      reopen();
    }
  }
  EXPECT_EQ(ledger_->counts()->chunks, model.chunks.size());
  EXPECT_EQ(ledger_->counts()->recordings, model.owners.size());
  ASSERT_GT(ledger_->counts()->quarantined, 10U);

  auto connection = sql::Connection::open(place_);
  auto select = connection->prepare(
      "SELECT (SELECT count(*) FROM recording) - recordings, (SELECT count(*) FROM chunk) - chunks, "
      "(SELECT count(*) FROM unloaded) - unloaded, (SELECT count(*) FROM quarantine) - quarantined, "
      "(SELECT count(*) FROM chunk_body) - chunks FROM state");
  ASSERT_TRUE(*select->step());
  for (int column = 0; column < 5; ++column) {
    EXPECT_EQ(select->integer(column), 0) << column;
  }
}

INSTANTIATE_TEST_SUITE_P(Databases, LedgerTest, both_databases(), database_name);

}  // namespace
}  // namespace boathouse::ledger
