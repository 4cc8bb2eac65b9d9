#include "device/store/salvage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <span>

#include "core/base/sha256.hpp"
#include "core/db/sqlite.hpp"
#include "core/wire/chunk.hpp"
#include "core/wire/edit.hpp"
#include "device/store/folder_lock.hpp"
#include "device/store/test_store.hpp"
#include "tests/support/paths.hpp"

namespace boathouse::store {
namespace {

using base::ErrorCode;
using rowing::EndReason;
using rowing::Stream;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;

namespace fs = std::filesystem;

std::string load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// A store with an ended recording of three chunks, a titled one, and one that runs.
class Salvage : public testing::Test {
 protected:
  void SetUp() override {
    ended_ = make_birth(store_.ids);
    ASSERT_TRUE(ok(store_->begin(ended_, "anna")));
    ASSERT_TRUE(ok(store_->append(ended_.rec_id, make_samples(0, 600))));
    ASSERT_TRUE(ok(store_->end(ended_.rec_id, EndReason::stopped)));
    running_ = make_birth(store_.ids);
    ASSERT_TRUE(ok(store_->begin(running_, "anna")));
    ASSERT_TRUE(ok(store_->append(running_.rec_id, make_samples(0, 300))));
    ASSERT_TRUE(ok(store_->seal(running_.rec_id, false)));
    rowing::Edit edit;
    edit.op_id = store_.ids.next();
    edit.session = ended_.rec_id;
    edit.text = "Sunday";
    ASSERT_TRUE(ok(store_->edit(edit, 1'700'000'100'000)));
  }

  // What the server says of everything that is pending.
  void acknowledge() {
    PendingQuery query;
    query.athlete = "anna";
    std::vector<Acknowledgement> answers;
    for (const PendingItem& item : *store_->pending(query)) {
      Acknowledgement& answer = answers.emplace_back();
      answer.id = item.id;
      answer.outcome = wire::Outcome::stored;
      answer.server_seq = item.id;
    }
    ASSERT_TRUE(ok(store_->acknowledge("epoch", answers)));
  }

  // SQL on the closed file, and all of it in the file alone. `tidy`: nothing is left of what was removed before.
  void harm(const std::string& sql, bool tidy = true) {
    store_.close();
    auto connection = db::Connection::open(store_.folder() + "/device.db");
    ASSERT_TRUE(ok(connection));
    ASSERT_TRUE(ok(connection->execute(sql + (tidy ? "; VACUUM" : "") + "; PRAGMA wal_checkpoint(TRUNCATE)")));
  }

  base::Result<SalvageReport> run() {
    store_.close();
    return salvage(store_.folder(), output(), ids_, random_);
  }
  [[nodiscard]] std::string output() const { return folder_.file("saved"); }

  base::Result<Store> open_saved() { return Store::open(output(), ids_, random_); }

  static void expect_whole(Store& store) {
    const auto infos = store.recordings();
    ASSERT_TRUE(ok(infos));
    for (const RecordingInfo& info : *infos) {
      const auto report = store.verify(info.birth.rec_id);
      ASSERT_TRUE(ok(report));
      EXPECT_THAT(report->problems, ElementsAre());
    }
  }

  TestStore store_;
  TemporaryFolder folder_;
  base::SeededRandom random_{99};
  base::ManualClock clock_{1'700'000'000'000, 5000};
  base::UuidV7Source ids_{clock_, random_};
  rowing::Birth ended_;
  rowing::Birth running_;
};

TEST_F(Salvage, AWholeStoreIsTakenOverWhollyUnderAnIdentityOfItsOwn) {
  acknowledge();
  const Identity before = store_->identity();
  const auto report = run();
  ASSERT_TRUE(ok(report));
  EXPECT_TRUE(report->ok()) << to_json(*report);
  EXPECT_EQ(report->recordings, 2u);
  EXPECT_EQ(report->chunks, 4u);
  EXPECT_EQ(report->rows, 44u);
  EXPECT_EQ(report->edits, 1u);

  auto saved = open_saved();
  ASSERT_TRUE(ok(saved));
  EXPECT_NE(saved->identity().replica_id, before.replica_id);
  EXPECT_NE(saved->identity().salt, before.salt);
  EXPECT_EQ(*saved->records(ended_.rec_id, Stream::sample, 0, 1000), make_samples(0, 600));
  EXPECT_EQ(*saved->records(running_.rec_id, Stream::sample, 0, 1000), make_samples(0, 300));
  EXPECT_EQ(saved->recording(ended_.rec_id)->reason, EndReason::stopped);
  EXPECT_EQ(saved->recording(running_.rec_id)->reason, EndReason::crashed);
  EXPECT_EQ(saved->recording(ended_.rec_id)->athlete, "anna");
  EXPECT_EQ(saved->fields(ended_.rec_id)->title, "Sunday");
  expect_whole(*saved);
  // No receipt of a damaged file is believed.
  const auto status = saved->status();
  EXPECT_EQ(status->pending_items, status->items);
}

TEST_F(Salvage, TheDamagedFolderIsOnlyRead) {
  store_.close();
  std::map<std::string, std::string> before;
  for (const auto& entry : fs::directory_iterator(store_.folder())) before[entry.path()] = load(entry.path());
  ASSERT_TRUE(ok(run()));
  std::map<std::string, std::string> after;
  for (const auto& entry : fs::directory_iterator(store_.folder())) after[entry.path()] = load(entry.path());
  EXPECT_EQ(after, before);
}

TEST_F(Salvage, WithoutHeadAndSchemaEverythingIsThereAndTheLossIsNamed) {
  harm("PRAGMA user_version", false);
  std::fstream file(store_.folder() + "/device.db", std::ios::binary | std::ios::in | std::ios::out);
  file << std::string(4096, 'x');
  file.close();
  const auto report = run();
  ASSERT_TRUE(ok(report));
  ASSERT_FALSE(report->ok());
  EXPECT_THAT(report->damages.front().text, HasSubstr("1 page(s) cannot be read (1)"));
  auto saved = open_saved();
  EXPECT_EQ(*saved->records(ended_.rec_id, Stream::sample, 0, 1000), make_samples(0, 600));
  EXPECT_EQ(*saved->records(running_.rec_id, Stream::sample, 0, 1000), make_samples(0, 300));
  expect_whole(*saved);
}

TEST_F(Salvage, AChunkThatNobodyElseHasIsNamedWithItsRange) {
  harm(
      "UPDATE body SET body = zeroblob(length(body)) WHERE item = (SELECT id FROM item WHERE recording = 1 AND kind "
      "= 2 AND first = 256)");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  ASSERT_EQ(report->damages.size(), 1u) << to_json(*report);
  const Damage& damage = report->damages.front();
  EXPECT_EQ(damage.rec_id, ended_.rec_id);
  EXPECT_EQ(damage.stream, Stream::sample);
  EXPECT_EQ(damage.from, 256u);
  EXPECT_EQ(damage.to, 512u);
  EXPECT_FALSE(damage.from_server);
  auto saved = open_saved();
  EXPECT_EQ(saved->recording(ended_.rec_id)->revision, 1u);  // its own seal, and no other
  EXPECT_EQ(saved->records(ended_.rec_id, Stream::sample, 0, 1000)->size(), 344u);
  EXPECT_FALSE(saved->verify(ended_.rec_id)->ok());
}

TEST_F(Salvage, AChunkThatTheServerHasIsWantedBack) {
  acknowledge();
  harm(
      "UPDATE body SET body = zeroblob(length(body)) WHERE item = (SELECT id FROM item WHERE recording = 1 AND kind "
      "= 2 AND first = 256)");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  ASSERT_EQ(report->damages.size(), 1u) << to_json(*report);
  EXPECT_TRUE(report->damages.front().from_server);
  EXPECT_EQ(report->away_chunks, 1u);
  auto saved = open_saved();
  const auto wanted = saved->wanted("anna", 10);
  ASSERT_EQ(wanted->size(), 1u);
  EXPECT_EQ(wanted->front().from, 256u);
  EXPECT_FALSE(saved->recording(ended_.rec_id)->safe());  // until the server has said so again
  const auto chunk = wire::seal_chunk(Stream::sample, 256, make_samples(256, 256));
  ASSERT_TRUE(ok(saved->take_body(wanted->front().id, chunk->body)));
  EXPECT_EQ(*saved->records(ended_.rec_id, Stream::sample, 0, 1000), make_samples(0, 600));
  expect_whole(*saved);
}

TEST_F(Salvage, RowsThatWereSealedAndStillLieThereHelpAChunkThatIsDamaged) {
  harm(
      "UPDATE body SET body = zeroblob(length(body)) WHERE item = (SELECT id FROM item WHERE recording = 1 AND kind "
      "= 2 AND first = 256)",
      false);
  ASSERT_TRUE(ok(run()));
  auto saved = open_saved();
  std::uint64_t found = 0;
  for (std::uint64_t seq = 256; seq < 512; ++seq) {
    const auto record = saved->records(ended_.rec_id, Stream::sample, seq, 1);
    if (record->empty()) continue;
    EXPECT_EQ(record->front(), make_samples(seq, 1).front()) << seq;
    ++found;
  }
  EXPECT_GT(found, 0u);
}

TEST_F(Salvage, ARecordingThatRanAndHasAHoleGetsNoSeal) {
  ASSERT_TRUE(ok(store_->append(running_.rec_id, make_samples(300, 300))));
  ASSERT_TRUE(ok(store_->seal(running_.rec_id, false)));
  harm(
      "UPDATE body SET body = zeroblob(length(body)) WHERE item = (SELECT id FROM item WHERE recording = 2 AND kind "
      "= 2 AND first = 256)");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  EXPECT_FALSE(report->ok());
  auto saved = open_saved();
  const auto info = saved->recording(running_.rec_id);
  EXPECT_FALSE(info->ended);
  EXPECT_EQ(info->revision, 0u);
  EXPECT_EQ(*saved->end_crashed(), 0u);
  EXPECT_EQ(saved->records(running_.rec_id, Stream::sample, 512, 1000)->size(), 88u);
  // What is there goes up all the same.
  PendingQuery query;
  query.athlete = "anna";
  std::uint64_t chunks = 0;
  for (const PendingItem& item : *saved->pending(query)) {
    if (item.kind == wire::ItemKind::chunk && item.rec_id == running_.rec_id) ++chunks;
  }
  EXPECT_EQ(chunks, 2u);
}

TEST_F(Salvage, RowsThatAreLostAtTheEndEndTheRecordingBeforeThem) {
  harm("UPDATE open_row SET record = zeroblob(length(record)) WHERE seq >= 290");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  EXPECT_THAT(report->damages.front().text, HasSubstr("10 row(s) are damaged"));
  bool named = false;
  for (const Damage& damage : report->damages) {
    named = named || (damage.rec_id == running_.rec_id && damage.from == 290 && damage.to == 300);
  }
  EXPECT_TRUE(named) << to_json(*report);
  auto saved = open_saved();
  EXPECT_EQ(*saved->records(running_.rec_id, Stream::sample, 0, 1000), make_samples(0, 290));
  EXPECT_TRUE(saved->recording(running_.rec_id)->ended);
  expect_whole(*saved);
}

TEST_F(Salvage, ALostSealIsMadeAgainOnlyWhenEverythingIsThere) {
  harm("DELETE FROM body WHERE item = (SELECT id FROM item WHERE recording = 1 AND kind = 3)");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  EXPECT_FALSE(report->ok());
  auto saved = open_saved();
  const auto info = saved->recording(ended_.rec_id);
  EXPECT_TRUE(info->ended);
  EXPECT_EQ(info->revision, 2u);
  EXPECT_EQ(info->reason, EndReason::stopped);
  expect_whole(*saved);
}

TEST_F(Salvage, DirectoryRowsThatAreGoneAreMadeAgainFromTheIndexAndTheBodies) {
  // As after the loss of the table's pages: the index still knows each item.
  store_.close();
  std::string bytes = load(store_.folder() + "/device.db");
  ASSERT_TRUE(fs::exists(store_.folder() + "/device.db"));
  std::int64_t root = 0;
  {
    auto connection = db::Connection::open(store_.folder() + "/device.db");
    auto select = connection->prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'item'");
    ASSERT_TRUE(*select->step());
    root = select->integer(0);
  }
  bytes = load(store_.folder() + "/device.db");
  bytes.replace(static_cast<std::size_t>(root - 1) * 4096, 4096, 4096, '\0');
  std::ofstream(store_.folder() + "/device.db", std::ios::binary) << bytes;
  const auto report = run();
  ASSERT_TRUE(ok(report));
  EXPECT_FALSE(report->ok());
  auto saved = open_saved();
  EXPECT_EQ(*saved->records(ended_.rec_id, Stream::sample, 0, 1000), make_samples(0, 600));
  EXPECT_EQ(*saved->records(running_.rec_id, Stream::sample, 0, 1000), make_samples(0, 300));
  EXPECT_EQ(saved->recording(ended_.rec_id)->reason, EndReason::stopped);
  EXPECT_EQ(saved->fields(ended_.rec_id)->title, "Sunday");
  expect_whole(*saved);
}

TEST_F(Salvage, WhatItsOwnerErasedStaysErased) {
  acknowledge();
  wire::HelloReply hello;
  hello.epoch = "epoch";
  hello.replica_id = store_->identity().replica_id;
  hello.athlete.bytes[0] = 1;
  ASSERT_TRUE(ok(store_->take_hello("anna", hello)));
  wire::ChangesReply reply;
  reply.epoch = "epoch";
  reply.replica_id = hello.replica_id;
  reply.next = 100;
  wire::Change gone;
  gone.kind = wire::ChangeKind::gone;
  gone.seq = 100;
  gone.rec_id = ended_.rec_id;
  reply.changes.push_back(gone);
  ASSERT_TRUE(ok(store_->take_changes("anna", 0, reply)));
  const auto report = run();
  ASSERT_TRUE(ok(report));
  EXPECT_TRUE(report->ok()) << to_json(*report);
  auto saved = open_saved();
  EXPECT_EQ(saved->recording(ended_.rec_id).error().code, ErrorCode::not_found);
  EXPECT_EQ(saved->recordings()->size(), 1u);
}

TEST_F(Salvage, ADirectoryEntryWithAWrongRangeIsNamedAndTakesNoOtherAlong) {
  acknowledge();
  harm(
      "DELETE FROM body WHERE item IN (SELECT id FROM item WHERE recording = 1 AND kind = 2 AND first = 0);"
      "UPDATE item SET here = 0, past = 1000000 WHERE recording = 1 AND kind = 2 AND first = 0;"
      "UPDATE item SET stream = 99 WHERE recording = 2 AND kind = 2");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  std::set<std::string> named;
  for (const Damage& damage : report->damages) {
    if (damage.rec_id) named.insert(damage.rec_id->text() + " " + std::to_string(damage.from));
  }
  EXPECT_THAT(named, IsSupersetOf({ended_.rec_id.text() + " 0", running_.rec_id.text() + " 0"})) << to_json(*report);
  auto saved = open_saved();
  EXPECT_EQ(*saved->records(ended_.rec_id, Stream::sample, 256, 1000), make_samples(256, 344));
  EXPECT_EQ(*saved->records(running_.rec_id, Stream::sample, 256, 1000), make_samples(256, 44));
}

TEST_F(Salvage, ARecordingThatOnlyItsEntryCallsErasedIsKept) {
  harm("UPDATE recording SET purged = 1 WHERE id = 1");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  ASSERT_EQ(report->damages.size(), 1u) << to_json(*report);
  EXPECT_EQ(report->damages.front().rec_id, ended_.rec_id);
  auto saved = open_saved();
  EXPECT_EQ(*saved->records(ended_.rec_id, Stream::sample, 0, 1000), make_samples(0, 600));
  expect_whole(*saved);
}

TEST_F(Salvage, StoresOfOlderVersionsAreRead) {
  for (const char* name : {"device_v1.db", "device_v2.db"}) {
    const std::string folder = folder_.file(std::string(name) + ".folder");
    fs::create_directories(folder);
    fs::copy_file(test_support::source_dir() / "tests/data/stores" / name, folder + "/device.db");
    const std::string saved_folder = folder + ".saved";
    const auto report = salvage(folder, saved_folder, ids_, random_);
    ASSERT_TRUE(ok(report));
    EXPECT_TRUE(report->ok()) << name << to_json(*report);
    auto saved = Store::open(saved_folder, ids_, random_);
    auto original = Store::open(folder, ids_, random_);
    ASSERT_TRUE(ok(saved));
    ASSERT_TRUE(ok(original));
    ASSERT_TRUE(ok(original->end_crashed()));
    const auto infos = original->recordings();
    EXPECT_EQ(saved->recordings()->size(), infos->size()) << name;
    for (const RecordingInfo& info : *infos) {
      for (const Stream stream : rowing::kStreams) {
        EXPECT_EQ(*saved->records(info.birth.rec_id, stream, 0, 100'000),
                  *original->records(info.birth.rec_id, stream, 0, 100'000))
            << name << " " << rowing::name(stream);
      }
    }
  }
}

TEST_F(Salvage, AnImportedFileIsNotImportedTwice) {
  const base::Digest source = base::sha256(base::as_bytes("a file"));
  rowing::Birth birth = make_birth(store_.ids);
  birth.origin = rowing::Origin::import;
  birth.source_sha256 = source;
  {
    auto import = store_->begin_import(source);
    ASSERT_TRUE(ok(import->begin(birth, "anna")));
    for (rowing::Record& record : make_samples(0, 10)) ASSERT_TRUE(ok(import->append(record)));
    ASSERT_TRUE(ok(import->commit()));
  }
  ASSERT_TRUE(ok(run()));
  auto saved = open_saved();
  EXPECT_THAT(*saved->imported(source), ElementsAre(birth.rec_id));
}

TEST_F(Salvage, RefusesAFolderInUseAndAnOutputThatHoldsAStore) {
  EXPECT_EQ(salvage(store_.folder(), output(), ids_, random_).error().code, ErrorCode::unavailable);
  store_.close();
  EXPECT_EQ(salvage(store_.folder(), store_.folder(), ids_, random_).error().code, ErrorCode::conflict);
  EXPECT_EQ(salvage(folder_.file("nothing"), output(), ids_, random_).error().code, ErrorCode::io);
  EXPECT_FALSE(fs::exists(output()));
}

TEST_F(Salvage, ANumberThatNoRecordingHasIsADamagedRow) {
  harm(
      "PRAGMA foreign_keys = OFF; UPDATE item SET recording = 9223372036854775807 WHERE recording = 1 AND kind = 2 AND "
      "first = 256");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  bool named = false;
  for (const Damage& damage : report->damages) {
    EXPECT_THAT(damage.text, testing::Not(HasSubstr("9223372036854775807")));
    named = named || damage.text.find("row(s) are damaged") != std::string::npos;
  }
  EXPECT_TRUE(named) << to_json(*report);
  auto saved = open_saved();
  EXPECT_EQ(saved->records(ended_.rec_id, Stream::sample, 0, 1000)->size(), 344u);
  EXPECT_EQ(*saved->records(running_.rec_id, Stream::sample, 0, 1000), make_samples(0, 300));
}

TEST_F(Salvage, AnEditUnderTheIdOfAnotherOneIsNamedAndNothingElseIsLost) {
  rowing::Edit edit;
  edit.op_id = store_.ids.next();
  edit.session = running_.rec_id;
  edit.text = "Monday";
  auto made = store_->edit(edit, 1'700'000'200'000);
  ASSERT_TRUE(ok(made));
  // The first edit's id in the second one's body.
  std::string first;
  std::string second;
  std::int64_t second_item = 0;
  store_.close();
  {
    auto connection = db::Connection::open(store_.folder() + "/device.db");
    auto select =
        connection->prepare("SELECT item, body FROM body WHERE item IN (SELECT item FROM edit) ORDER BY item");
    ASSERT_TRUE(*select->step());
    first = base::as_text(select->blob(1));
    ASSERT_TRUE(*select->step());
    second_item = select->integer(0);
    second = base::as_text(select->blob(1));
    select->reset();
    auto changed = *wire::decode_edit(second);
    changed.op_id = wire::decode_edit(first)->op_id;
    const std::string json = wire::encode_edit(changed);
    auto body = connection->prepare("UPDATE body SET body = ?2 WHERE item = ?1");
    ASSERT_TRUE(ok(body->bind(1, second_item).bind(2, base::as_bytes(json)).run()));
    auto item = connection->prepare("UPDATE item SET sha256 = ?2 WHERE id = ?1");
    const base::Digest sha256 = base::sha256(base::as_bytes(json));
    ASSERT_TRUE(ok(item->bind(1, second_item).bind(2, base::ByteView(sha256)).run()));
  }
  const auto report = run();
  ASSERT_TRUE(ok(report));
  ASSERT_EQ(report->damages.size(), 1u) << to_json(*report);
  EXPECT_EQ(report->damages.front().rec_id, running_.rec_id);
  auto saved = open_saved();
  EXPECT_EQ(saved->fields(ended_.rec_id)->title, "Sunday");
  EXPECT_EQ(*saved->records(running_.rec_id, Stream::sample, 0, 1000), make_samples(0, 300));
  expect_whole(*saved);
}

TEST_F(Salvage, ARecordThatFitsNoChunkIsNamedAndTheOthersAreTaken) {
  // As version 1 wrote rows, without a sum.
  harm(
      "INSERT INTO open_row(recording, stream, seq, record) SELECT recording, stream, 9007199254740992, record FROM "
      "open_row WHERE recording = 2 LIMIT 1");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  bool named = false;
  for (const Damage& damage : report->damages) {
    named = named || (damage.rec_id == running_.rec_id && damage.from == 9'007'199'254'740'992);
  }
  EXPECT_TRUE(named) << to_json(*report);
  auto saved = open_saved();
  ASSERT_TRUE(ok(saved));
  EXPECT_EQ(*saved->records(running_.rec_id, Stream::sample, 0, 300), make_samples(0, 300));
  EXPECT_EQ(*saved->records(ended_.rec_id, Stream::sample, 0, 1000), make_samples(0, 600));
}

// The process is gone at the call of that number, as one that is killed.
class KillingRandom : public base::RandomSource {
 public:
  explicit KillingRandom(int calls) : left_(calls) {}
  void fill(std::span<std::uint8_t> out) override {
    if (left_-- == 0) _exit(kKilled);
    random_.fill(out);
  }
  static constexpr int kKilled = 7;

 private:
  int left_;
  base::SeededRandom random_{98};
};

TEST_F(Salvage, OneThatIsKilledLeavesNoStoreAndTheNextOneMakesIt) {
  store_.close();
  int kills = 0;
  for (bool killed = true; killed; ++kills) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      KillingRandom random(kills);
      base::UuidV7Source ids(clock_, random);
      _exit(salvage(store_.folder(), output(), ids, random).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    killed = WEXITSTATUS(status) == KillingRandom::kKilled;
    EXPECT_EQ(fs::exists(output() + "/device.db"), !killed);
    EXPECT_EQ(WEXITSTATUS(status), killed ? KillingRandom::kKilled : 0);
  }
  EXPECT_GT(kills, 1);
  // What the killed ones left is gone, and the store is all in its file.
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(output())) names.insert(entry.path().filename());
  EXPECT_THAT(names, ElementsAre("device.db", "device.lock"));
  auto saved = open_saved();
  ASSERT_TRUE(ok(saved));
  EXPECT_EQ(*saved->records(ended_.rec_id, Stream::sample, 0, 1000), make_samples(0, 600));
  EXPECT_EQ(*saved->records(running_.rec_id, Stream::sample, 0, 1000), make_samples(0, 300));
  expect_whole(*saved);
}

TEST_F(Salvage, AnOutputThatAnotherOneWorksInIsRefused) {
  store_.close();
  fs::create_directories(output());
  const auto lock = FolderLock::take(output());
  EXPECT_EQ(run().error().code, ErrorCode::unavailable);
}

TEST_F(Salvage, AnEmptyFileGivesAnEmptyStoreAndSaysSo) {
  store_.close();
  fs::resize_file(store_.folder() + "/device.db", 0);
  fs::remove(store_.folder() + "/device.db-wal");
  const auto report = run();
  ASSERT_TRUE(ok(report));
  EXPECT_FALSE(report->ok());
  EXPECT_EQ(report->recordings, 0u);
  EXPECT_TRUE(ok(open_saved()));
}

}  // namespace
}  // namespace boathouse::store
