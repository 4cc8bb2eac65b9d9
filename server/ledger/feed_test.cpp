// The feed of changes, what is held, one chunk, and stores that say hello.
#include <gmock/gmock.h>

#include <algorithm>
#include <memory>

#include "core/base/hex.hpp"
#include "core/db/sqlite.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/reader.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using wire::ChangeKind;
using wire::Range;

std::vector<std::int64_t> seqs(const std::vector<wire::Change>& changes) {
  std::vector<std::int64_t> result;
  for (const wire::Change& change : changes) {
    result.push_back(change.seq);
  }
  return result;
}

TEST_P(LedgerTest, TheFeedTellsWhatWasStoredInOrder) {
  const std::vector<Entry> entries{birth_entry(kRec), chunk_entry(kRec, Stream::stroke, 5, 9), seal_entry(kRec, 3, 10),
                                   title_entry(kRec, 7)};
  const Results receipts = put(entries);
  put(kBen, {birth_entry(uuid(101))});
  put({entries[1], chunk_entry(kRec, Stream::stroke, 5, 9, "mismatch"), chunk_entry(uuid(102), Stream::sample, 0, 1)});

  const auto changes = feed(kAnna);
  ASSERT_EQ(changes.size(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(changes[i].seq, receipts[i].server_seq);
    EXPECT_EQ(changes[i].rec_id, kRec);
    EXPECT_EQ(changes[i].sha256, entries[i].sha256);
    EXPECT_EQ(changes[i].json, i == 1 ? "" : base::as_text(entries[i].body));
  }
  EXPECT_EQ(changes[0].kind, ChangeKind::birth);
  EXPECT_EQ(changes[1].kind, ChangeKind::chunk);
  EXPECT_EQ(changes[1].stream, Stream::stroke);
  EXPECT_EQ(changes[1].from, 5U);
  EXPECT_EQ(changes[1].to, 9U);
  EXPECT_EQ(changes[1].version, 1U);
  EXPECT_EQ(changes[1].bytes, entries[1].body.size());
  EXPECT_EQ(changes[2].kind, ChangeKind::seal);
  EXPECT_EQ(changes[2].revision, 3U);
  EXPECT_EQ(changes[3].kind, ChangeKind::edit);
  EXPECT_EQ(changes[3].op_id, uuid(7));
  EXPECT_EQ(feed(kBen).size(), 1U);
  EXPECT_THAT(feed(uuid(3)), IsEmpty());
}

TEST_P(LedgerTest, PagesGoOnWhereTheLastEnded) {
  put({birth_entry(kRec)});
  for (std::uint64_t i = 0; i < 10; ++i) {
    put({chunk_entry(kRec, Stream::sample, i, i + 1), title_entry(kRec, 50 + i)});
    put(kBen, {birth_entry(uuid(200 + i))});
  }
  const auto whole = feed(kAnna);
  ASSERT_EQ(whole.size(), 21U);
  for (const std::size_t limit : {1U, 2U, 7U, 20U, 21U, 22U}) {
    EXPECT_EQ(feed(kAnna, 0, limit), whole) << limit;
  }
  EXPECT_EQ(seqs(feed(kAnna, whole[4].seq)), seqs({whole.begin() + 5, whole.end()}));
  const auto end = ledger_->changes(kAnna, whole.back().seq + 100, 10, 1000);
  EXPECT_EQ(end->newest_seq, ledger_->hello({kAnna, uuid(1)})->server_seq);
  EXPECT_THAT(end->changes, IsEmpty());
  EXPECT_EQ(end->next, whole.back().seq + 100);
  EXPECT_FALSE(end->more);
}

TEST_P(LedgerTest, APageEndsBeforeItIsTooLongButHasOneEntry) {
  put({birth_entry(kRec), title_entry(kRec, 7, std::string(200, '"')), title_entry(kRec, 8), title_entry(kRec, 9)});
  const auto one = ledger_->changes(kAnna, 0, 1000, 1);
  ASSERT_EQ(one->changes.size(), 1U);
  EXPECT_TRUE(one->more);
  for (std::size_t max_bytes = 1000; max_bytes < 5000; max_bytes += 100) {
    const auto page = ledger_->changes(kAnna, 0, 1000, max_bytes);
    const std::string json = wire::encode_changes({"", {}, 0, page->changes, page->next, page->more});
    EXPECT_TRUE(json.size() < max_bytes + 200 || page->changes.size() == 1) << json.size() << " of " << max_bytes;
  }
}

// More than are fetched at once.
TEST_P(LedgerTest, APageOfManyEntriesLacksNone) {
  std::vector<Entry> entries{birth_entry(kRec)};
  for (std::uint64_t i = 0; i < 199; ++i) entries.push_back(chunk_entry(kRec, Stream::sample, i, i + 1));
  put(entries);
  for (const std::size_t limit : {63U, 64U, 65U, 128U, 199U, 200U, 201U}) {
    const auto page = ledger_->changes(kAnna, 0, limit, 1'000'000);
    ASSERT_EQ(page->changes.size(), std::min<std::size_t>(limit, 200)) << limit;
    EXPECT_EQ(page->more, limit < 200) << limit;
    EXPECT_EQ(page->next, page->changes.back().seq);
    for (std::size_t i = 0; i < page->changes.size(); ++i) ASSERT_EQ(page->changes[i].sha256, entries[i].sha256) << i;
  }
}

// What a statement may hand over at once, as PostgreSQL does: the largest LIMIT of the feed's query.
class AskedRows final : public sql::ConnectionDriver {
 public:
  AskedRows(sql::Connection connection, std::int64_t& most) : connection_(std::move(connection)), most_(most) {}
  [[nodiscard]] sql::Dialect dialect() const override { return connection_.dialect(); }
  base::Result<std::unique_ptr<sql::StatementDriver>> prepare(std::string_view sql) override {
    auto statement = connection_.prepare(sql);
    if (!statement) return statement.error();
    return std::unique_ptr<sql::StatementDriver>(
        std::make_unique<Asked>(std::move(*statement), sql == kFeedQuery ? &most_ : nullptr));
  }
  base::Status execute(const std::string& sql) override { return connection_.execute(sql); }
  [[nodiscard]] std::int64_t changes() const override { return connection_.changes(); }
  base::Status begin_writing() override { return {}; }
  base::Status begin_reading() override { return {}; }
  base::Status commit() override { return {}; }
  void rollback() override {}
  base::Status migrate(const sql::Schema& schema) override { return sql::migrate(connection_, schema); }
  base::Result<bool> lead() override { return connection_.lead(); }

 private:
  class Asked final : public sql::StatementDriver {
   public:
    Asked(sql::Statement statement, std::int64_t* most) : statement_(std::move(statement)), most_(most) {}
    void bind_text(int parameter, std::string_view text) override { statement_.bind(parameter, text); }
    void bind_blob(int parameter, base::ByteView blob) override { statement_.bind(parameter, blob); }
    void bind_integer(int parameter, std::int64_t number) override {
      if (most_ != nullptr && parameter == 3) *most_ = std::max(*most_, number);
      statement_.bind(parameter, number);
    }
    void bind_null(int parameter) override { statement_.bind(parameter, nullptr); }
    base::Result<bool> step() override { return statement_.step(); }
    void reset() override { statement_.reset(); }
    [[nodiscard]] bool is_null(int column) const override { return statement_.is_null(column); }
    [[nodiscard]] std::int64_t integer(int column) const override { return statement_.integer(column); }
    [[nodiscard]] std::string_view text(int column) const override { return statement_.text(column); }
    [[nodiscard]] base::ByteView blob(int column) const override { return statement_.blob(column); }

   private:
    sql::Statement statement_;
    std::int64_t* most_;
  };

  sql::Connection connection_;
  std::int64_t& most_;
};

TEST_P(LedgerTest, NoStatementFetchesManyTimesWhatAPageHolds) {
  put({birth_entry(kRec), title_entry(kRec, 7), title_entry(kRec, 8)});
  auto connection = sql::Connection::open(place_);
  ASSERT_TRUE(connection);
  std::int64_t most = 0;
  Reader reader{sql::Connection(std::make_unique<AskedRows>(std::move(*connection), most))};
  EXPECT_EQ(reader.changes(kAnna, 0, wire::kMaxChanges, wire::kMaxChangesBytes)->changes.size(), 3U);
  EXPECT_GT(most, 0);
  EXPECT_LE(static_cast<std::size_t>(most) * wire::kMaxEditBytes, 4 * wire::kMaxChangesBytes);
}

TEST_F(SqliteLedgerTest, APageIsReadByKeysAlone) {
  auto connection = db::Connection::open(path());
  auto plan = connection->prepare("EXPLAIN QUERY PLAN " + std::string(kFeedQuery));
  ASSERT_TRUE(plan) << plan.error().text;
  int steps = 0;
  for (auto row = plan->step(); row && *row; row = plan->step()) {
    ++steps;
    EXPECT_THAT(std::string(plan->text(3)), HasSubstr("SEARCH"));
    EXPECT_THAT(std::string(plan->text(3)), Not(HasSubstr("TEMP B-TREE")));
  }
  EXPECT_EQ(steps, 7);
}

// A file as the first version of the ledger made it, with one item of each kind for two athletes.
TEST_F(SqliteLedgerTest, TheFeedHoldsWhatVersion1Stored) {
  ledger_.reset();
  const std::string old = folder_.file("old.db");
  const auto blob = [](base::ByteView bytes) { return "x'" + base::to_hex(bytes) + "'"; };
  {
    auto connection = sql::Connection::open({.sqlite_file = old});
    ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(1)}));
    ASSERT_TRUE(connection->execute("INSERT INTO state VALUES (1, 'old', 9, 2, 2, 1, 0, 0)"));
    const auto add = [&](std::int64_t seq, const base::Uuid& athlete, const Entry& entry) {
      const std::string rec = blob(entry.rec_id.bytes);
      const std::string number = std::to_string(seq);
      const std::string sha = blob(entry.sha256);
      const std::string key =
          rec + ", " + std::to_string(static_cast<int>(entry.stream)) + ", " + std::to_string(entry.from) + ", ";
      if (entry.kind == wire::ItemKind::birth) {
        return connection->execute("INSERT INTO recording VALUES (" + rec + ", " + blob(athlete.bytes) +
                                   ", x'00', 5, 6, " + number + ", " + sha + ", " + blob(entry.body) +
                                   "); INSERT INTO session_mark VALUES (" + rec + ", " + number + ", NULL)");
      }
      if (entry.kind == wire::ItemKind::chunk) {
        return connection->execute("INSERT INTO chunk VALUES (" + key + std::to_string(entry.to) + ", 1, " +
                                   std::to_string(entry.body.size()) + ", " + sha + ", " + number +
                                   "); INSERT INTO chunk_body VALUES (" + number + ", " + blob(entry.body) + ")");
      }
      return connection->execute("INSERT INTO seal VALUES (" + rec + ", " + std::to_string(entry.revision) + ", 6, " +
                                 number + ", " + sha + ", " + blob(entry.body) + ")");
    };
    ASSERT_TRUE(add(1, kAnna, birth_entry(kRec)));
    ASSERT_TRUE(add(2, kBen, birth_entry(uuid(101))));
    ASSERT_TRUE(add(3, kAnna, chunk_entry(kRec, Stream::sample, 0, 10)));
    ASSERT_TRUE(add(5, kBen, chunk_entry(uuid(101), Stream::sample, 0, 10)));
    ASSERT_TRUE(add(8, kAnna, seal_entry(kRec, 1, 10)));
  }
  auto opened = Ledger::open({.place = {.sqlite_file = old}}, clock_, random_);
  ASSERT_TRUE(opened) << opened.error().text;
  ledger_ = std::move(*opened);
  EXPECT_EQ(ledger_->epoch(), "old");
  const auto changes = feed(kAnna);
  EXPECT_THAT(seqs(changes), ElementsAre(1, 3, 8));
  EXPECT_EQ(changes[0].json, base::as_text(birth_entry(kRec).body));
  EXPECT_EQ(changes[1].sha256, chunk_entry(kRec, Stream::sample, 0, 10).sha256);
  EXPECT_EQ(changes[2].revision, 1U);
  EXPECT_THAT(seqs(feed(kBen)), ElementsAre(2, 5));
  EXPECT_EQ(put_one(title_entry(kRec, 7)).server_seq, 10);
  EXPECT_THAT(seqs(feed(kAnna, 8)), ElementsAre(10));
}

TEST_P(LedgerTest, HeldTellsTheAthletesOwnAlone) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 20),
       chunk_entry(kRec, Stream::source, 0, 2), seal_entry(kRec, 1, 20), seal_entry(kRec, 4, 20)});
  const std::vector<Question> questions{{kRec, {{Stream::sample, 10}, {Stream::split, 0}}}, {uuid(555), {}}};
  const auto held = *ledger_->held(kAnna, questions, 10);
  ASSERT_EQ(held.size(), 2U);
  EXPECT_EQ(held[0].whose, Whose::own);
  EXPECT_EQ(held[0].started_ms, 1'700'000'000'000);
  EXPECT_EQ(held[0].revision, 4U);
  const HeldStream& samples = held[0].streams.at(Stream::sample);
  EXPECT_THAT(samples.have, ElementsAre(Range{0, 20}));
  EXPECT_EQ(samples.records, 10U);
  EXPECT_EQ(samples.visible, 0U);
  EXPECT_EQ(samples.root, wire::stream_root(std::vector{chunk_entry(kRec, Stream::sample, 0, 10).sha256}));
  EXPECT_EQ(held[0].streams.at(Stream::source).visible, 2U);
  EXPECT_EQ(held[0].streams.at(Stream::split).root, wire::stream_root({}));
  EXPECT_EQ(held[1].whose, Whose::nobodys);

  const auto bens = *ledger_->held(kBen, questions, 10);
  EXPECT_EQ(bens[0].whose, Whose::foreign);
  EXPECT_EQ(bens[0].started_ms, 0);
  EXPECT_TRUE(bens[0].streams.empty());
  EXPECT_EQ(bens[0].revision, 0U);
}

// One recording in splinters must not cost memory for each of them.
TEST_P(LedgerTest, HeldHasNoMoreRangesThanAskedFor) {
  const base::Uuid other = uuid(2);
  std::vector<Entry> entries;
  std::vector<base::Digest> hashes;
  for (const base::Uuid& rec_id : {kRec, other}) {
    entries.push_back(birth_entry(rec_id));
    for (const std::uint64_t from : {0U, 10U, 20U, 30U}) {
      entries.push_back(chunk_entry(rec_id, Stream::sample, from, from + 5));
      if (rec_id == kRec) hashes.push_back(entries.back().sha256);
    }
    entries.push_back(chunk_entry(rec_id, Stream::source, 7, 9));
  }
  put(entries);
  const std::vector<Question> questions{{kRec, {{Stream::sample, 100}}}, {other, {}}};
  const auto held = *ledger_->held(kAnna, questions, 4);
  EXPECT_THAT(held[0].streams.at(Stream::sample).have,
              ElementsAre(Range{0, 5}, Range{10, 15}, Range{20, 25}, Range{30, 35}));
  EXPECT_THAT(held[1].streams.at(Stream::sample).have, ElementsAre(Range{0, 5}, Range{10, 15}));
  EXPECT_THAT(held[1].streams.at(Stream::source).have, ElementsAre(Range{7, 9}));

  ASSERT_TRUE(ledger_->remove({other, Stream::sample, {0, 5}}));
  ASSERT_TRUE(ledger_->remove({other, Stream::sample, {20, 25}}));
  const auto least = *ledger_->held(kAnna, questions, 0);
  const HeldStream& samples = least[0].streams.at(Stream::sample);
  EXPECT_THAT(samples.have, ElementsAre(Range{0, 5}));
  EXPECT_EQ(samples.records, 20U);
  EXPECT_EQ(samples.root, wire::stream_root(hashes));
  EXPECT_THAT(least[1].streams.at(Stream::sample).have, ElementsAre(Range{10, 15}));
  EXPECT_THAT(least[1].streams.at(Stream::sample).gone, ElementsAre(Range{0, 5}));
}

TEST_P(LedgerTest, OneChunkIsFoundByItsExactRange) {
  const Entry entry = chunk_entry(kRec, Stream::sample, 10, 20);
  put({birth_entry(kRec), entry});
  const auto found = *ledger_->chunk(kAnna, kRec, Stream::sample, {10, 20});
  ASSERT_TRUE(found.chunk);
  EXPECT_EQ(found.chunk->body, entry.body);
  EXPECT_EQ(found.chunk->sha256, entry.sha256);
  EXPECT_EQ(found.chunk->version, 1U);
  for (const Range& range : {Range{10, 19}, Range{11, 20}, Range{0, 20}}) {
    EXPECT_FALSE(ledger_->chunk(kAnna, kRec, Stream::sample, range)->chunk);
  }
  EXPECT_FALSE(ledger_->chunk(kAnna, kRec, Stream::stroke, {10, 20})->chunk);
  EXPECT_FALSE(ledger_->chunk(kBen, kRec, Stream::sample, {10, 20})->chunk);
}

TEST_P(LedgerTest, OfTwoStoresWithOneIdTheLaterIsTheFork) {
  const auto hello = [this](const base::Uuid& athlete, std::uint64_t replica, std::uint8_t salt) {
    Hello one;
    one.athlete = athlete;
    one.replica = uuid(replica);
    one.salt[0] = salt;
    one.pending_items = salt;
    const auto state = ledger_->hello(one);
    EXPECT_TRUE(state) << state.error().text;
    return state->fork;
  };
  EXPECT_FALSE(hello(kAnna, 1, 10));
  EXPECT_FALSE(hello(kAnna, 1, 10));
  EXPECT_TRUE(hello(kAnna, 1, 5));
  clock_.set_utc_ms(1000);  // no clock decides
  reopen();
  EXPECT_FALSE(hello(kAnna, 1, 10));
  EXPECT_TRUE(hello(kAnna, 1, 5));
  EXPECT_FALSE(hello(kAnna, 2, 5));
  EXPECT_FALSE(hello(kBen, 1, 5));
  EXPECT_EQ(number_in_file("SELECT count(*) FROM replica"), 4);
  EXPECT_EQ(number_in_file("SELECT hello_ms + items FROM replica WHERE id = 1"), 1010);
}

TEST_P(LedgerTest, HelloTellsTheNewestAndNothingIsSafeWithoutABackup) {
  EXPECT_EQ(ledger_->hello({kAnna, uuid(1)})->server_seq, 0);
  const auto receipts = put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  const auto state = ledger_->hello({kAnna, uuid(1)});
  EXPECT_EQ(state->server_seq, receipts[1].server_seq);
  EXPECT_EQ(state->now_ms, clock_.utc_ms());
  EXPECT_EQ(*ledger_->purge_safe_seq(), 0);
  ledger_.reset();
  const auto opened = Ledger::open({.place = place_, .purge_without_backup = true}, clock_, random_);
  EXPECT_EQ(*(*opened)->purge_safe_seq(), receipts[1].server_seq);
}

}  // namespace
}  // namespace boathouse::ledger
