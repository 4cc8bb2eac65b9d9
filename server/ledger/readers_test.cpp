// One long read holds up nobody else's, and no call for what is held reads without bound.
#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <vector>

#include "server/ledger/reader.hpp"
#include "server/ledger/test_bodies.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;
using testing::ElementsAre;

// Whoever reads from it waits until it is opened.
class ShutStore final : public segments::ChunkStore {
 public:
  explicit ShutStore(const std::filesystem::path& folder) : store_(*segments::FolderStore::open(folder, true)) {}
  base::Status put(const std::string& key, base::ByteView content) override { return store_->put(key, content); }
  base::Result<base::Bytes> read(const std::string& key, std::uint64_t position, std::uint64_t size) override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return store_->read(key, position, size);
  }
  base::Result<base::Bytes> read_all(const std::string& key, std::uint64_t max_bytes) override {
    return store_->read_all(key, max_bytes);
  }
  base::Result<std::vector<std::string>> list() override { return store_->list(); }
  base::Status remove(const std::string& key) override { return store_->remove(key); }

  // False: others never came that far.
  bool wait_for(int readers) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return waiting_ == readers; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  const std::unique_ptr<segments::FolderStore> store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

class ReadersTest : public BodiesTest {
 protected:
  static constexpr int kForCalls = 4;  // readers

  void SetUp() override {
    BodiesTest::SetUp();
    fill(0, 30);
    load();
    ASSERT_GT(run().moved, 10U);
    ledger_->use_segments(shut_);
    // Something that needs no segment.
    put({birth_entry(uuid(300)), chunk_entry(uuid(300), Stream::sample, 0, 10)});
  }
  void TearDown() override {
    shut_.open();
    long_reads_.clear();
    ledger_.reset();
  }
  // So many calls have a reader each, and end when the store is opened.
  void begin_long_reads(int count) {
    for (int i = 0; i < count; ++i) {
      long_reads_.push_back(std::async(std::launch::async, [this] {
        EXPECT_TRUE(ledger_->chunk(kAnna, kRec, Stream::sample, {0, 10})->chunk);
      }));
    }
    EXPECT_TRUE(shut_.wait_for(count)) << "they wait for each other";
  }
  // `work` ends while the long reads go on; else the store is opened after a minute, so that the test ends.
  template <typename Work>
  void expect_to_end(Work work) {
    const auto done = std::async(std::launch::async, work);
    EXPECT_EQ(done.wait_for(std::chrono::minutes(1)), std::future_status::ready) << "it waits for somebody else's read";
    shut_.open();
  }

  ShutStore shut_{root_};
  std::vector<std::future<void>> long_reads_;
};
INSTANTIATE_TEST_SUITE_P(Both, ReadersTest, both_databases(), database_name);

TEST_P(ReadersTest, CallsAreAnsweredBesideLongReads) {
  begin_long_reads(kForCalls - 1);
  expect_to_end([this] {
    EXPECT_EQ(ledger_->changes(kAnna, 0, 1000, 1'000'000)->changes.size(), 33U);
    const Question question{uuid(300), {}};
    EXPECT_EQ(ledger_->held(kAnna, {&question, 1}, 10)->at(0).whose, Whose::own);
    EXPECT_TRUE(ledger_->chunk(kAnna, uuid(300), Stream::sample, {0, 10})->chunk);
    EXPECT_TRUE(ledger_->purge_safe_seq());
    EXPECT_TRUE(ledger_->hello({kAnna, uuid(1)}));
  });
}

TEST_P(ReadersTest, TheLoaderAndWhoWatchesWaitForNoCall) {
  begin_long_reads(kForCalls);
  expect_to_end([this] {
    EXPECT_EQ(ledger_->gauges()->last_seq, ledger_->seen().server_seq);
    EXPECT_EQ(ledger_->counts()->recordings, 2U);
    EXPECT_TRUE(ledger_->cohorts());
    EXPECT_EQ(ledger_->bodies().body_counts()->lost, 0U);
    const auto block = ledger_->next_block(1000, 1'000'000);
    ASSERT_TRUE(block && *block);
    EXPECT_TRUE(ledger_->finish_block((*block)->block_id));
    EXPECT_TRUE(ledger_->dirty_sessions(10));
    EXPECT_TRUE(ledger_->events(10));
  });
}

TEST_P(ReadersTest, WhoWatchesWaitsForNoLoader) {
  ASSERT_TRUE(ledger_->load_again(kRec, Stream::sample));
  long_reads_.push_back(std::async(std::launch::async, [this] { EXPECT_TRUE(ledger_->next_block(1000, 1'000'000)); }));
  ASSERT_TRUE(shut_.wait_for(1));
  expect_to_end([this] {
    EXPECT_TRUE(ledger_->gauges());
    EXPECT_TRUE(ledger_->counts());
    EXPECT_EQ(ledger_->changes(kAnna, 0, 1, 1000)->changes.size(), 1U);
  });
}

// ---- how much one call looks at ----

class HeldBoundsTest : public LedgerTest {
 protected:
  void open_with(const HeldBounds& bounds) {
    ledger_.reset();
    auto opened = Ledger::open({.place = place_, .held = bounds}, clock_, random_);
    ASSERT_TRUE(opened) << opened.error().text;
    ledger_ = std::move(*opened);
  }
  // With so many chunks.
  void record(const base::Uuid& rec_id, std::uint64_t chunks) {
    std::vector<Entry> entries;
    entries.push_back(birth_entry(rec_id));
    for (std::uint64_t n = 0; n < chunks; ++n) {
      entries.push_back(chunk_entry(rec_id, Stream::sample, 10 * n, 10 * n + 5));
    }
    put(std::move(entries));
  }
  std::vector<bool> put_off(const std::vector<base::Uuid>& recordings) {
    std::vector<Question> questions;
    for (const base::Uuid& rec_id : recordings) questions.push_back({rec_id, {{Stream::sample, 1000}}});
    const auto held = ledger_->held(kAnna, questions, 100);
    EXPECT_TRUE(held) << held.error().text;
    std::vector<bool> answers;
    for (const Held& one : *held) {
      EXPECT_EQ(one.whose, Whose::own);
      EXPECT_EQ(one.streams.empty(), one.put_off);
      answers.push_back(one.put_off);
    }
    return answers;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, HeldBoundsTest, both_databases(), database_name);

TEST_P(HeldBoundsTest, WhatIsTooMuchIsPutOffAndAnsweredAlone) {
  open_with({.chunks = 6, .step_chunks = 4, .step_recordings = 2});
  const base::Uuid three = uuid(103);
  const base::Uuid six = uuid(106);
  const base::Uuid seven = uuid(107);
  record(three, 3);
  record(six, 6);
  record(seven, 7);
  EXPECT_THAT(put_off({three}), ElementsAre(false));
  EXPECT_THAT(put_off({six}), ElementsAre(false)) << "one may have all that a call looks at";
  EXPECT_THAT(put_off({seven}), ElementsAre(true));
  EXPECT_THAT(put_off({three, six}), ElementsAre(false, true)) << "more than of all together";
  EXPECT_THAT(put_off({six, three}), ElementsAre(false, true));
  EXPECT_THAT(put_off({seven, three}), ElementsAre(true, true)) << "looking at too much costs as well";

  // Ranges that retention removed count as chunks do.
  ASSERT_TRUE(ledger_->remove({six, Stream::sample, {0, 5}}));
  EXPECT_THAT(put_off({six}), ElementsAre(false));
  put_one(chunk_entry(six, Stream::sample, 70, 75));
  EXPECT_THAT(put_off({six}), ElementsAre(true));

  // Whose it is is told of all.
  const std::vector<Question> questions{{six, {}}, {seven, {}}, {three, {}}, {uuid(999), {}}};
  const auto bens = *ledger_->held(kBen, questions, 100);
  EXPECT_THAT((std::vector{bens[0].whose, bens[1].whose, bens[2].whose, bens[3].whose}),
              ElementsAre(Whose::foreign, Whose::foreign, Whose::foreign, Whose::nobodys));
}

TEST_P(HeldBoundsTest, ManyStepsAnswerAsOneDoes) {
  std::vector<base::Uuid> recordings;
  std::vector<Question> questions;
  for (std::uint64_t n = 0; n < 12; ++n) {
    recordings.push_back(uuid(200 + n));
    record(recordings.back(), n % 4);
    questions.push_back({recordings.back(), {{Stream::sample, 1000}}});
  }
  const auto at_once = *ledger_->held(kAnna, questions, 5);
  for (const std::size_t step_chunks : {1U, 2U, 3U}) {
    open_with({.step_chunks = step_chunks, .step_recordings = 3});
    const auto in_steps = *ledger_->held(kAnna, questions, 5);
    ASSERT_EQ(in_steps.size(), questions.size());
    for (std::size_t i = 0; i < questions.size(); ++i) {
      EXPECT_EQ(in_steps[i].rec_id, recordings[i]);
      const HeldStream& one = at_once[i].streams.at(Stream::sample);
      const HeldStream& other = in_steps[i].streams.at(Stream::sample);
      EXPECT_EQ(other.have, one.have) << "ranges are counted over all steps";
      EXPECT_EQ(other.records, one.records);
      EXPECT_EQ(other.root, one.root);
    }
  }
}

// As long as somebody rows.
TEST_P(HeldBoundsTest, OneRecordingIsLookedAtInStepsToo) {
  const Question question{kRec, {{Stream::sample, 60}, {Stream::stroke, 20}, {Stream::split, 0}}};
  record(kRec, 8);  // two of them behind the seal
  put({chunk_entry(kRec, Stream::stroke, 0, 10), chunk_entry(kRec, Stream::stroke, 10, 20), seal_entry(kRec, 3, 60)});
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {10, 15}}));
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {30, 35}}));
  ASSERT_TRUE(ledger_->remove({kRec, Stream::stroke, {0, 10}}));
  const auto at_once = ledger_->held(kAnna, {&question, 1}, 100)->at(0);
  ASSERT_EQ(at_once.streams.at(Stream::sample).gone.size(), 2U);
  ASSERT_EQ(at_once.streams.at(Stream::sample).records, 20U);

  Reader reader(*sql::Connection::open(place_));
  constexpr HeldBounds kBounds{.step_chunks = 2};
  HeldLeft left{100, 100};
  std::vector<Held> answers;
  int steps = 0;
  while (answers.empty()) {
    const std::size_t before = left.chunks;
    const auto snapshot = reader.snapshot();
    ASSERT_TRUE(snapshot);
    auto some = reader.held(kAnna, {&question, 1}, kBounds, left);
    ASSERT_TRUE(some) << some.error().text;
    EXPECT_LE(before - left.chunks, 2U);
    answers = std::move(*some);
    ++steps;
  }
  EXPECT_EQ(left.chunks, 90U) << "7 chunks and 3 ranges that are gone";
  EXPECT_EQ(steps, 5);
  EXPECT_FALSE(left.begun);
  const Held& in_steps = answers.at(0);
  EXPECT_EQ(in_steps.revision, 3U);
  ASSERT_EQ(in_steps.streams.size(), at_once.streams.size());
  for (const auto& [stream, one] : at_once.streams) {
    const HeldStream& other = in_steps.streams.at(stream);
    EXPECT_EQ(other.have, one.have);
    EXPECT_EQ(other.gone, one.gone);
    EXPECT_EQ(other.records, one.records);
    EXPECT_EQ(other.root, one.root);
  }
}

TEST_P(HeldBoundsTest, WhatIsPurgedBetweenTwoStepsIsPurged) {
  record(kRec, 5);
  const Question question{kRec, {}};
  Reader reader(*sql::Connection::open(place_));
  HeldLeft left{100, 100};
  const auto step = [&] {
    const auto snapshot = reader.snapshot();
    EXPECT_TRUE(snapshot);
    return *reader.held(kAnna, {&question, 1}, {.step_chunks = 2}, left);
  };
  EXPECT_TRUE(step().empty());
  ASSERT_TRUE(ledger_->remove({kRec, {}, {}}));
  const std::vector<Held> answers = step();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].whose, Whose::purged);
  EXPECT_TRUE(answers[0].streams.empty());
}

TEST_P(HeldBoundsTest, AStepEndsSoThatOthersRead) {
  std::vector<Question> questions;
  for (std::uint64_t n = 0; n < 6; ++n) {
    record(uuid(200 + n), 2);
    questions.push_back({uuid(200 + n), {}});
  }
  Reader reader(*sql::Connection::open(place_));
  const auto step = [&](const HeldBounds& bounds) {
    HeldLeft left{100, 100};
    const auto snapshot = reader.snapshot();
    EXPECT_TRUE(snapshot);
    const auto some = reader.held(kAnna, questions, bounds, left);
    EXPECT_TRUE(some) << some.error().text;
    EXPECT_EQ(left.chunks, 100 - 2 * some->size());
    return some->size();
  };
  EXPECT_EQ(step({.step_chunks = 1000, .step_recordings = 1000}), 6U);
  EXPECT_EQ(step({.step_chunks = 3, .step_recordings = 1000}), 2U);
  EXPECT_EQ(step({.step_chunks = 2, .step_recordings = 1000}), 1U);
  EXPECT_EQ(step({.step_chunks = 1000, .step_recordings = 4}), 4U);
}

TEST_P(HeldBoundsTest, RecordingsAreReadInStepsToo) {
  std::vector<base::Uuid> all;
  for (std::uint64_t n = 0; n < 5; ++n) {
    all.push_back(uuid(200 + n));
    record(all.back(), 2);
  }
  Reader reader(*sql::Connection::open(place_));
  {
    const auto snapshot = reader.snapshot();
    ASSERT_TRUE(snapshot);
    const auto step = [&](std::size_t limit, std::uint64_t step_chunks) {
      const auto some = reader.recordings(kAnna, all[0], limit, step_chunks);
      EXPECT_TRUE(some) << some.error().text;
      return std::pair(some->states.size(), some->more);
    };
    EXPECT_EQ(step(10, 1000), std::pair(std::size_t{4}, false));
    EXPECT_EQ(step(10, 3), std::pair(std::size_t{2}, true));
    EXPECT_EQ(step(10, 1), std::pair(std::size_t{1}, true));
    EXPECT_EQ(step(2, 3), std::pair(std::size_t{2}, false));
  }
  open_with({.step_chunks = 3});
  const auto ids = [&](std::size_t limit) {
    std::vector<base::Uuid> found;
    for (const RecordingState& one : *ledger_->recordings(kAnna, {}, limit)) found.push_back(one.rec_id);
    return found;
  };
  EXPECT_EQ(ids(10), all);
  EXPECT_EQ(ids(3), std::vector(all.begin(), all.begin() + 3));
}

// A recording in splinters, with other content sent under one of its keys again and again, costs memory and time for
// so many of them.
TEST_P(HeldBoundsTest, WhatIsToldOfARecordingIsBounded) {
  record(kRec, 1);
  auto connection = sql::Connection::open(place_);
  ASSERT_TRUE(connection);
  const std::string many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001) ";
  const auto put_chunks =
      connection->execute(many +
                          "INSERT INTO chunk (rec_id, stream, from_seq, to_seq, version, size, sha256, server_seq) "
                          "SELECT rec_id, 1, 10 * i, 10 * i + 5, 1, 1, sha256, 1000 + i FROM n, recording");
  ASSERT_TRUE(put_chunks) << put_chunks.error().text;
  const auto set_aside = connection->execute(
      many +
      "INSERT INTO quarantine (rec_id, kind, stream, from_seq, to_seq, version, revision, sha256, stored_sha256, "
      "athlete, replica, received_ms, reason, body) "
      "SELECT rec_id, 2, 1, 0, i, 1, 0, sha256, sha256, athlete, replica, 0, 'other', sha256 FROM n, recording");
  ASSERT_TRUE(set_aside) << set_aside.error().text;
  const auto state = *ledger_->recording(kRec);
  ASSERT_TRUE(state);
  const StreamState& samples = state->streams.at(0);
  EXPECT_EQ(samples.chunks, 10'002U);
  EXPECT_EQ(samples.records, 5U * 10'002);
  ASSERT_EQ(samples.have.size(), kMaxStateRanges);
  EXPECT_EQ(samples.have.back(), (wire::Range{99'990, 99'995})) << "the first of them";
  std::vector<base::Digest> hashes(10'001, birth_entry(kRec).sha256);
  hashes.insert(hashes.begin(), chunk_entry(kRec, Stream::sample, 0, 5).sha256);
  EXPECT_EQ(samples.root, wire::stream_root(hashes));
  EXPECT_EQ(state->quarantined, kMaxCountedQuarantined);
}

}  // namespace
}  // namespace boathouse::ledger
