// The audit: what is written with what, and that whatever is changed afterwards is named.
#include "server/ledger/audit.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "core/base/hex.hpp"
#include "server/ledger/schema.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/sql/migrations.hpp"

namespace boathouse::ledger {
namespace {

using rowing::EditField;
using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using wire::Outcome;

class AuditTest : public LedgerTest {
 protected:
  std::vector<AuditRecord> records(const AuditFilter& filter = {}) {
    auto all = ledger_->audit(0, kMaxAuditPage, filter);
    EXPECT_TRUE(all) << all.error().text;
    return std::move(*all);
  }
  std::vector<std::string> kinds(const AuditFilter& filter = {}) {
    std::vector<std::string> found;
    for (const AuditRecord& record : records(filter)) found.push_back(record.entry.kind);
    return found;
  }
  AuditVerdict verdict(const std::optional<AuditHead>& anchor = {}) {
    const auto found = ledger_->verify_audit(anchor);
    EXPECT_TRUE(found) << found.error().text;
    return *found;
  }
  // The n that verify names; 0: all is as it was written.
  std::int64_t named(const std::optional<AuditHead>& anchor = {}) {
    const AuditVerdict found = verdict(anchor);
    return found.difference ? found.difference->n : 0;
  }
  AuditHead head() { return ledger_->audit_state()->head; }

  // As somebody would who may write to the database: guards are dropped first.
  void tamper(const std::string& sql) {
    auto connection = sql::Connection::open(place_);
    ASSERT_TRUE(connection);
    const auto dropped = connection->execute(
        GetParam() == sql::Dialect::sqlite
            ? "DROP TRIGGER IF EXISTS audit_is_not_changed; DROP TRIGGER IF EXISTS audit_is_not_removed"
            : "DROP TRIGGER IF EXISTS audit_is_not_changed ON audit");
    ASSERT_TRUE(dropped) << dropped.error().text;
    const auto done = connection->execute(sql);
    ASSERT_TRUE(done) << sql << ": " << done.error().text;
  }
  [[nodiscard]] static std::string blob(base::ByteView bytes) {
    return GetParam() == sql::Dialect::sqlite ? "x'" + base::to_hex(bytes) + "'"
                                              : "'\\x" + base::to_hex(bytes) + "'::bytea";
  }

  // Six records: 1 to 3 submissions, 4 and 5 a submission with a refused item, 6 an act from elsewhere.
  void fill() {
    put({birth_entry(kRec)});
    put({chunk_entry(kRec, Stream::sample, 0, 10)});
    put({chunk_entry(kRec, Stream::sample, 10, 20), seal_entry(kRec, 1, 20)});
    put({chunk_entry(kRec, Stream::sample, 0, 10, "other")});
    ASSERT_EQ(*ledger_->append_audit({"key.revoke", uuid(7), kAnna, {}, "intent key=key_x"}), 6);
  }
};

TEST_P(AuditTest, ASubmissionIsOneRecordWithADigestOfItsItems) {
  const Entry birth = birth_entry(kRec);
  const Entry chunk = chunk_entry(kRec, Stream::stroke, 0, 10);
  const Entry seal = seal_entry(kRec, 1, 10);
  const Entry title = title_entry(kRec, 5);
  std::promise<void> done;
  ledger_->submit(Submission{kAnna, uuid(99), {birth, chunk, seal, title, chunk}, uuid(7)},
                  [&done](base::Result<Results>) { done.set_value(); });
  done.get_future().wait();
  ASSERT_EQ(records().size(), 1U);
  const AuditRecord record = records()[0];
  EXPECT_EQ(record.n, 1);
  EXPECT_EQ(record.at_ms, clock_.utc_ms());
  EXPECT_EQ(record.entry.kind, "submission");
  EXPECT_EQ(record.entry.key, uuid(7));
  EXPECT_EQ(record.entry.athlete, kAnna);
  EXPECT_EQ(record.entry.replica, uuid(99));
  const std::string rec = kRec.text();
  const std::string items = "birth " + rec + " " + base::to_hex(birth.sha256) + " stored\n" +  //
                            "chunk " + rec + " stroke 0-10 " + base::to_hex(chunk.sha256) + " stored\n" + "seal " +
                            rec + " 1 " + base::to_hex(seal.sha256) + " stored\n" + "edit " + rec + " " +
                            uuid(5).text() + " " + base::to_hex(title.sha256) + " stored\n" + "chunk " + rec +
                            " stroke 0-10 " + base::to_hex(chunk.sha256) + " duplicate\n";
  EXPECT_EQ(record.entry.what, "items=5 stored=4 duplicate=1 mismatch=0 rejected=0 later=0 digest=" +
                                   base::to_hex(base::sha256(base::as_bytes(items))) + " seq=1-4");

  // The hash as docs/audit.md has it, by hand.
  const std::string text = std::string(32, '\0') + "boathouse audit 1\n1\n" + std::to_string(record.at_ms) +
                           "\nsubmission\n" + uuid(7).text() + "\n" + kAnna.text() + "\n" + uuid(99).text() + "\n" +
                           record.entry.what + "\n";
  EXPECT_EQ(record.hash, base::sha256(base::as_bytes(text)));
  EXPECT_EQ(head(), (AuditHead{1, record.hash}));
}

TEST_P(AuditTest, EachRefusedItemHasItsOwnRecordWithTheReason) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  Entry unread = chunk_entry(kRec, Stream::sample, 30, 40);
  unread.refusal.emplace();
  unread.refusal->outcome = Outcome::later;
  unread.refusal->detail = "line\nbreak \xff " + std::string(2000, 'x');
  const Results results = put({chunk_entry(kRec, Stream::sample, 0, 10, "other"),
                               chunk_entry(kRec, Stream::sample, 0, 10), seal_entry(uuid(555), 1, 5), unread});
  EXPECT_EQ(results[3], *unread.refusal);
  EXPECT_EQ(ledger_->chunks(kRec, Stream::sample)->size(), 1U);
  const auto all = records();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_THAT(all[1].entry.what, StartsWith("items=4 stored=0 duplicate=1 mismatch=1 rejected=1 later=1 digest="));
  EXPECT_THAT(all[1].entry.what, testing::Not(HasSubstr(" seq=")));
  EXPECT_THAT(all[2].entry.what, StartsWith("outcome=mismatch item=chunk " + kRec.text() + " sample 0-10 sha256=" +
                                            base::to_hex(chunk_entry(kRec, Stream::sample, 0, 10, "other").sha256) +
                                            " reason=the server"));
  EXPECT_THAT(all[3].entry.what, HasSubstr("item=seal " + uuid(555).text() + " 1 "));
  EXPECT_THAT(all[3].entry.what, HasSubstr("reason=unknown recording"));
  EXPECT_THAT(all[4].entry.what, HasSubstr("outcome=later"));
  EXPECT_THAT(all[4].entry.what, HasSubstr("reason=line break ? xxx"));
  EXPECT_LE(all[4].entry.what.size(), kMaxAuditBytes);
  for (std::size_t i = 2; i < all.size(); ++i) EXPECT_EQ(all[i].entry.kind, "refused");
  EXPECT_EQ(named(), 0);
}

TEST_P(AuditTest, EachOfManyRefusedItemsIsNamed) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10)});
  constexpr std::uint64_t kRefused = 500;
  std::vector<Entry> entries;
  for (std::uint64_t i = 0; i < kRefused; ++i) {
    entries.push_back(chunk_entry(uuid(5000 + i), Stream::sample, 0, 10, "content " + std::to_string(i)));
    entries.push_back(chunk_entry(kRec, Stream::sample, 0, 10));  // a duplicate is not refused
  }
  put(entries);
  const auto refused = records({.athlete = {}, .kind = "refused"});
  ASSERT_EQ(refused.size(), kRefused);
  for (std::uint64_t i = 0; i < kRefused; ++i) {
    const Entry& item = entries[2 * i];
    EXPECT_THAT(refused[i].entry.what, StartsWith("outcome=rejected item=chunk " + item.rec_id.text() +
                                                  " sample 0-10 sha256=" + base::to_hex(item.sha256) + " reason="));
    EXPECT_EQ(refused[i].entry.replica, uuid(99));
  }
  EXPECT_EQ(named(), 0);
}

// A device that never learns fills no disk: each of its batches has a record, with the digest of all items.
TEST_P(AuditTest, WhatIsRefusedAgainForTheSameReasonIsNamedOnce) {
  const auto refused = [this] { return records({.athlete = {}, .kind = "refused"}).size(); };
  for (int i = 0; i < 3; ++i) {
    put({chunk_entry(uuid(500), Stream::sample, 0, 10), chunk_entry(uuid(500), Stream::sample, 10, 20)});
  }
  EXPECT_EQ(refused(), 2U);
  EXPECT_EQ(records({.athlete = {}, .kind = "submission"}).size(), 3U);
  put({chunk_entry(uuid(500), Stream::sample, 0, 10, "other content")});
  EXPECT_EQ(refused(), 3U);
  put(kBen, {chunk_entry(uuid(500), Stream::sample, 0, 10)});
  EXPECT_EQ(refused(), 4U) << "of another athlete";
  Entry for_another_reason = chunk_entry(uuid(500), Stream::sample, 0, 10);
  for_another_reason.refusal.emplace();
  for_another_reason.refusal->detail = "another reason";
  put({for_another_reason});
  EXPECT_EQ(refused(), 5U);
  for_another_reason.refusal->outcome = Outcome::later;
  put({for_another_reason});
  EXPECT_EQ(refused(), 6U);
  reopen();
  put({for_another_reason});
  EXPECT_EQ(refused(), 6U);
  std::promise<void> done;
  ledger_->submit(Submission{kAnna, uuid(99), {for_another_reason}, uuid(7)},
                  [&done](const base::Result<Results>&) { done.set_value(); });
  done.get_future().wait();
  EXPECT_EQ(refused(), 7U) << "with another key";
  EXPECT_EQ(named(), 0);
}

TEST_P(AuditTest, WhatIsRemovedIsWrittenDown) {
  put({birth_entry(kRec), chunk_entry(kRec, Stream::sample, 0, 10), chunk_entry(kRec, Stream::sample, 10, 20)});
  ASSERT_TRUE(ledger_->remove({kRec, Stream::sample, {0, 10}}));
  EXPECT_FALSE(ledger_->remove({uuid(555), Stream::sample, {0, 10}}));
  put({flag_entry(kRec, 2, EditField::deleted, true), flag_entry(kRec, 3, EditField::purged, true)});
  EXPECT_THAT(kinds(), ElementsAre("submission", "retention", "purge", "submission"));
  const auto all = records();
  EXPECT_EQ(all[1].entry.what, "recording=" + kRec.text() + " stream=sample range=0-10 chunks=1");
  EXPECT_FALSE(all[1].entry.replica);
  EXPECT_EQ(all[2].entry.what, "recording=" + kRec.text() + " chunks=1");
  EXPECT_EQ(all[2].entry.replica, uuid(99));
  EXPECT_EQ(named(), 0);
}

TEST_P(AuditTest, IsPagedAndFiltered) {
  fill();
  put(kBen, {birth_entry(uuid(200))});
  EXPECT_EQ(ledger_->audit(2, 3)->size(), 3U);
  EXPECT_EQ(ledger_->audit(2, 3)->front().n, 3);
  EXPECT_EQ(ledger_->audit(0, 0)->size(), 1U);
  EXPECT_TRUE(ledger_->audit(7, 5)->empty());
  EXPECT_THAT(kinds({kBen, ""}), ElementsAre("submission"));
  EXPECT_THAT(kinds({kAnna, "refused"}), ElementsAre("refused"));
  EXPECT_THAT(kinds({{}, "key.revoke"}), ElementsAre("key.revoke"));
  EXPECT_THAT(kinds({kBen, "refused"}), ElementsAre());
}

TEST_P(AuditTest, AnUnchangedListIsWhole) {
  EXPECT_EQ(verdict().records, 0);
  EXPECT_EQ(named(), 0);
  fill();
  const AuditHead anchor = head();
  EXPECT_EQ(anchor.n, 6);
  EXPECT_EQ(verdict().records, 6);
  EXPECT_EQ(verdict().head, anchor);
  reopen();
  put({birth_entry(uuid(101))});
  EXPECT_EQ(named(anchor), 0);
  EXPECT_EQ(verdict(anchor).records, 7);
}

TEST_P(AuditTest, AnyColumnOfAnyRecordThatWasChangedIsNamed) {
  fill();
  const std::vector<std::string> changes{"at_ms = at_ms + 1",
                                         "kind = 'submissions'",
                                         "key_id = " + blob(uuid(8).bytes),
                                         "athlete = " + blob(kBen.bytes),
                                         "replica = " + blob(uuid(8).bytes),
                                         "what = what || ' '",
                                         "hash = " + blob(base::Digest{})};
  const std::vector<AuditRecord> before = records();
  for (std::size_t i = 0; i < before.size(); ++i) {
    const AuditRecord& record = before[i];
    const std::string where = " WHERE n = " + std::to_string(record.n);
    const auto id = [](const std::optional<base::Uuid>& value) { return value ? blob(value->bytes) : "NULL"; };
    for (const std::string& change : changes) {
      tamper("UPDATE audit SET " + change + where);
      EXPECT_EQ(named(), record.n) << change;
      EXPECT_EQ(verdict().records, record.n - 1);
      tamper("UPDATE audit SET at_ms = " + std::to_string(record.at_ms) + ", kind = '" + record.entry.kind +
             "', key_id = " + id(record.entry.key) + ", athlete = " + id(record.entry.athlete) + ", replica = " +
             id(record.entry.replica) + ", what = '" + record.entry.what + "', hash = " + blob(record.hash) + where);
      ASSERT_EQ(named(), 0) << "as it was";
    }
  }
}

TEST_P(AuditTest, WhatIsMissingIsNamed) {
  fill();
  tamper("DELETE FROM audit WHERE n = 3");
  EXPECT_EQ(named(), 3);
  EXPECT_THAT(verdict().difference->text, HasSubstr("record 3 is missing: after 2 comes 4"));
}

TEST_P(AuditTest, ATailThatWasCutOffIsNamed) {
  fill();
  tamper("DELETE FROM audit WHERE n >= 5");
  EXPECT_EQ(named(), 5);
  EXPECT_THAT(verdict().difference->text, HasSubstr("has written 6 records"));
}

TEST_P(AuditTest, AllOfItGoneIsNamed) {
  fill();
  tamper("DELETE FROM audit");
  EXPECT_EQ(named(), 1);
}

TEST_P(AuditTest, AnotherOrderIsNamed) {
  fill();
  tamper("UPDATE audit SET n = 100 WHERE n = 2");
  tamper("UPDATE audit SET n = 2 WHERE n = 3");
  tamper("UPDATE audit SET n = 3 WHERE n = 100");
  EXPECT_EQ(named(), 2);
}

TEST_P(AuditTest, ARecordThatNobodyWroteIsNamed) {
  fill();
  const AuditHead last = head();
  AuditRecord forged{7, 5, {"submission", {}, kAnna, {}, "forged"}, {}};
  forged.hash = audit_hash(last.hash, forged);
  tamper("INSERT INTO audit (n, at_ms, kind, athlete, what, hash) VALUES (7, 5, 'submission', " + blob(kAnna.bytes) +
         ", 'forged', " + blob(forged.hash) + ")");
  EXPECT_EQ(named(), 7);
}

// Whoever can write to the database can also compute hashes: only a head that was kept elsewhere tells.
TEST_P(AuditTest, AChainThatWasWrittenAnewIsFoundByItsAnchor) {
  fill();
  const AuditHead anchor = head();
  std::vector<AuditRecord> anew = records();
  anew[3].entry.what = "nothing was refused";
  base::Digest previous = anew[2].hash;
  for (std::size_t i = 3; i < anew.size(); ++i) {
    previous = anew[i].hash = audit_hash(previous, anew[i]);
    tamper("UPDATE audit SET what = '" + anew[i].entry.what + "', hash = " + blob(previous) +
           " WHERE n = " + std::to_string(anew[i].n));
  }
  EXPECT_EQ(named(), 6) << "the ledger's own note of the end";
  tamper("UPDATE state SET audit_hash = " + blob(previous));
  EXPECT_EQ(named(), 0);
  EXPECT_EQ(named(anchor), 6);
  EXPECT_THAT(verdict(anchor).difference->text, HasSubstr("anchor"));

  tamper("DELETE FROM audit WHERE n = 6");
  tamper("UPDATE state SET audit_n = 5, audit_hash = " + blob(anew[4].hash));
  EXPECT_EQ(named(), 0);
  EXPECT_EQ(named(anchor), 6);
}

TEST_P(AuditTest, TheDatabaseRefusesChangesByMistake) {
  fill();
  auto connection = sql::Connection::open(place_);
  EXPECT_FALSE(connection->execute("UPDATE audit SET at_ms = 0 WHERE n = 1"));
  EXPECT_FALSE(connection->execute("DELETE FROM audit WHERE n = 1"));
  EXPECT_EQ(named(), 0);
}

// A group that fails is done again one by one: no record of what was not done.
TEST_P(AuditTest, WhatFailsLeavesNoRecord) {
  put({birth_entry(kRec)});
  Entry broken = title_entry(kRec, 9);
  broken.edit.reset();  // an internal error of the writer's
  EXPECT_FALSE(submit(*ledger_, kAnna, {chunk_entry(kRec, Stream::sample, 0, 10), broken}));
  EXPECT_EQ(head().n, 1);
  EXPECT_EQ(named(), 0);
  put({chunk_entry(kRec, Stream::sample, 0, 10)});
  EXPECT_EQ(head().n, 2);
}

TEST_P(AuditTest, IsPagedOverManyRecords) {
  constexpr std::size_t kRefused = 20;  // of each submission
  constexpr std::size_t kSubmissions = 2 * kMaxAuditPage / (kRefused + 1) + 1;
  for (std::size_t i = 0; i < kSubmissions; ++i) {
    std::vector<Entry> entries;
    for (std::size_t n = 0; n < kRefused; ++n) entries.push_back(seal_entry(uuid(5000 + n), 1, i));
    put(std::move(entries));
  }
  ASSERT_GT(kSubmissions * (kRefused + 1), 2005U);
  EXPECT_EQ(verdict().records, static_cast<std::int64_t>(kSubmissions * (kRefused + 1)));
  EXPECT_EQ(named(), 0);
  tamper("UPDATE audit SET at_ms = 0 WHERE n = 2005");
  EXPECT_EQ(named(), 2005);
}

// As `boathouse audit verify --data` does, beside the server that runs.
TEST_P(AuditTest, IsCheckedWithoutOpeningTheLedger) {
  fill();
  const auto found = check_audit_at(place_, head());
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_FALSE(found->difference);
  EXPECT_EQ(found->records, 6);
  tamper("UPDATE audit SET at_ms = 0 WHERE n = 4");
  EXPECT_EQ(check_audit_at(place_)->difference->n, 4);
}

TEST_F(SqliteLedgerTest, AFileThatIsNoLedgerIsNotChecked) {
  EXPECT_EQ(check_audit_at({.sqlite_file = folder_.file("none.db")}).error().code, base::ErrorCode::io);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("none.db")));
  ASSERT_TRUE(sql::Connection::open({.sqlite_file = folder_.file("other.db")})->execute("CREATE TABLE t (a INTEGER)"));
  EXPECT_EQ(check_audit_at({.sqlite_file = folder_.file("other.db")}).error().code, base::ErrorCode::unsupported);
}

TEST(AuditKind, IsOneOfThoseThatThereAre) {
  EXPECT_TRUE(is_audit_kind("key.create"));
  EXPECT_TRUE(is_audit_kind("restore"));
  EXPECT_THAT(audit_kinds_text(), testing::StartsWith("submission, refused, "));
  for (const std::string& wrong : {std::string(), std::string("nope"), std::string("Key.create"),
                                   std::string("key.create "), std::string(1, '\0')}) {
    EXPECT_FALSE(is_audit_kind(wrong)) << wrong;
  }
}

TEST(AuditHeadText, IsReadAsItIsWritten) {
  AuditHead head{17, {}};
  head.hash[0] = 0xab;
  EXPECT_EQ(*parse_audit_head(text_of(head)), head);
  const std::string hash(64, 'a');
  for (const std::string& wrong : {std::string(), std::string("17"), "17:" + hash.substr(1), "17:" + hash + "aa",
                                   "0:" + hash, "-1:" + hash, ":" + hash, "x:" + hash, "17 :" + hash}) {
    EXPECT_FALSE(parse_audit_head(wrong)) << wrong;
  }
}

class IntentTest : public AuditTest {
 protected:
  std::int64_t intend(const std::string& kind, const std::string& what = "step=intent") {
    return *ledger_->append_audit({kind, uuid(7), kAnna, {}, what});
  }
  base::Status outcome(const std::string& kind, std::int64_t intent, const std::string& more = "") {
    return ledger_->append_outcome(
        {kind, uuid(7), kAnna, {}, "step=done intent=" + std::to_string(intent) + (more.empty() ? "" : " " + more)},
        intent);
  }
  std::vector<std::int64_t> open_up_to(std::int64_t up_to) {
    const auto intents = ledger_->open_intents(up_to);
    EXPECT_TRUE(intents) << intents.error().text;
    std::vector<std::int64_t> numbers;
    for (const AuditRecord& intent : *intents) numbers.push_back(intent.n);
    return numbers;
  }
};

TEST_P(IntentTest, AnIntentHasOneOutcome) {
  for (int i = 0; i < 12; ++i) intend("key.create", "step=intent scopes=all");
  ASSERT_TRUE(outcome("key.create", 12, "key=x"));
  ASSERT_TRUE(outcome("key.create", 1)) << "1 is not 12";
  ASSERT_TRUE(outcome("key.create", 2, "key=y"));
  EXPECT_EQ(head().n, 15);
  ASSERT_TRUE(outcome("key.create", 12, "key=x"));
  ASSERT_TRUE(outcome("key.create", 1));
  ASSERT_TRUE(outcome("key.create", 2, "key=z"));
  EXPECT_EQ(head().n, 15);
  EXPECT_EQ(verdict().records, 15);
}

TEST_P(IntentTest, ThoseWithoutAnOutcomeAreNamedUntilTheyAreSettled) {
  put({birth_entry(kRec)});
  const std::int64_t lost = intend("key.create");
  const std::int64_t done = intend("team.create");
  ASSERT_TRUE(outcome("team.create", done));
  const std::int64_t other = intend("key.create");
  ASSERT_TRUE(outcome("key.create", other, "key=x"));
  const std::int64_t late = intend("key.rotate");
  EXPECT_THAT(open_up_to(late), ElementsAre(lost, late));
  EXPECT_THAT(open_up_to(late - 1), ElementsAre(lost));
  EXPECT_EQ(ledger_->open_intents(late)->front().entry.athlete, kAnna);
  ASSERT_TRUE(ledger_->settle_intents(late - 1));
  EXPECT_THAT(open_up_to(late), ElementsAre(late));
  ASSERT_TRUE(ledger_->settle_intents(1));
  EXPECT_THAT(open_up_to(late), ElementsAre(late)) << "what is settled stays so";
}

// Of its open intents nobody knows: nothing was committed with their acts.
TEST_P(IntentTest, ThoseOfALedgerOfVersion9StayAsTheyAre) {
  sql::TestDatabase old(GetParam(), folder_.file("old.db"));
  {
    auto connection = sql::Connection::open(old.place());
    ASSERT_TRUE(sql::migrate(*connection, {kSchema.name, kSchema.application_id, kSchema.migrations.first(9)}));
    AuditRecord intent{1, 5, {"key.create", {}, {}, {}, "step=intent"}, {}};
    intent.hash = audit_hash({}, intent);
    const auto filled = connection->execute(
        "INSERT INTO audit (n, at_ms, kind, what, hash) VALUES (1, 5, 'key.create', 'step=intent', " +
        blob(intent.hash) +
        "); INSERT INTO state (id, epoch, last_seq, recordings, chunks, unloaded, quarantined, checks, audit_n, "
        "audit_hash) VALUES (1, 'fedcba9876543210', 0, 0, 0, 0, 0, 0, 1, " +
        blob(intent.hash) + ")");
    ASSERT_TRUE(filled) << filled.error().text;
  }
  auto opened = Ledger::open({.place = old.place()}, clock_, random_);
  ASSERT_TRUE(opened) << opened.error().text;
  ledger_ = std::move(*opened);
  EXPECT_EQ(verdict().records, 1);
  EXPECT_EQ(intend("key.create"), 2);
  EXPECT_THAT(open_up_to(2), ElementsAre(2));
  ledger_.reset();
}

INSTANTIATE_TEST_SUITE_P(Databases, IntentTest, both_databases(), database_name);
INSTANTIATE_TEST_SUITE_P(Databases, AuditTest, both_databases(), database_name);

// Four nodes write into one list while it is checked.
class AuditNodesTest : public LedgerFixture {
 protected:
  AuditNodesTest() : LedgerFixture(sql::Dialect::postgres) {}
};

TEST_F(AuditNodesTest, SeveralNodesKeepOneChain) {
  constexpr std::uint64_t kNodes = 4;
  constexpr std::uint64_t kEach = 40;
  std::vector<std::thread> writers;
  for (std::uint64_t i = 0; i < kNodes; ++i) {
    writers.emplace_back([&, i] {
      auto node = Ledger::open({.place = place_}, clock_, random_);
      if (!node) {
        ADD_FAILURE() << node.error().text;
        return;
      }
      for (std::uint64_t n = 0; n < kEach; ++n) {
        std::vector<Entry> entries;
        if (n == 0) entries.push_back(birth_entry(uuid(500 + i)));
        entries.push_back(chunk_entry(uuid(500 + i), Stream::sample, n, n + 1));
        EXPECT_TRUE(submit(**node, uuid(i), std::move(entries)));
      }
    });
  }
  for (int rounds = 0; rounds < 20; ++rounds) {
    const auto verdict = ledger_->verify_audit();
    ASSERT_TRUE(verdict) << verdict.error().text;
    EXPECT_FALSE(verdict->difference) << verdict->difference->text;
  }
  for (std::thread& writer : writers) writer.join();
  const auto verdict = ledger_->verify_audit();
  EXPECT_FALSE(verdict->difference);
  EXPECT_EQ(verdict->records, static_cast<std::int64_t>(kNodes * kEach));
  for (std::uint64_t i = 0; i < kNodes; ++i) EXPECT_EQ(ledger_->audit(0, 1000, {uuid(i), ""})->size(), kEach);
}

}  // namespace
}  // namespace boathouse::ledger
