// A device comes back after a year: its key has expired, the ledger was restored from an older backup under another
// epoch, and meanwhile what it knows was purged, deleted and retired, while it has recorded on. Everything converges,
// nothing is lost, nothing comes back that is gone. (Chunks of an older catalogue are read by core/wire/chunk_test.cpp;
// as long as there is one version only, no store can hold any.)
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <string>

#include "server/backup/restore.hpp"
#include "server/intake/test_intake.hpp"
#include "server/intake/test_phone.hpp"
#include "server/ledger/backup_mark.hpp"
#include "server/ledger/schema.hpp"
#include "server/sql/sql.hpp"

namespace boathouse::intake {
namespace {

using rowing::EditField;
using testing::Key;
using testing::UnorderedElementsAre;

constexpr std::int64_t kYearMs = std::int64_t{365} * 86'400'000;

class AwayForAYearTest : public IntakeTest {
 protected:
  [[nodiscard]] sql::Place place() const { return {.sqlite_file = folder_.file("ledger.db")}; }
  // Of one athlete with several keys.
  std::string key(const control::KeyOptions& options = {}) {
    return accounts_->create_athlete_key("Carla", options)->text;
  }
  void open() {
    ledger_ = *ledger::Ledger::open({.place = place()}, clock_, random_);
    routes_ = {};
    ASSERT_TRUE(add_routes(routes_, *accounts_, *ledger_));
  }
  void keep_a_copy() {
    ledger_.reset();
    std::filesystem::copy_file(folder_.file("ledger.db"), folder_.file("kept.db"));
    open();
  }
  void restore_the_copy() {
    ledger_.reset();
    for (const char* file : {"ledger.db", "ledger.db-wal", "ledger.db-shm"}) {
      std::filesystem::remove(folder_.file(file));
    }
    std::filesystem::copy_file(folder_.file("kept.db"), folder_.file("ledger.db"));
    ASSERT_TRUE(backup::begin_new_epoch({"ledger", place(), &ledger::kSchema}, clock_, random_));
    open();
  }
  void retire_samples(const base::Uuid& rec_id) {
    load_everything();
    ASSERT_TRUE(ledger_->sessions_written(*ledger_->dirty_sessions(100)));
    const std::int64_t newest = ledger_->hello({anna_, uuid(200)})->server_seq;
    {
      auto connection = sql::Connection::open(place());
      ASSERT_TRUE(ledger::note_backup(*connection, ledger_->epoch(), {"backup", newest, 1}));
    }
    const ledger::Retirement all{rec_id, Stream::sample, samples_held(rec_id), "plan1", newest};
    ASSERT_TRUE(ledger_->apply_plan({&all, 1}, "plan=plan1", {}));
    const ledger::FiguresToKeep figures{rec_id, (*ledger_->recording(rec_id))->server_seq, base::Bytes{1}};
    EXPECT_EQ(ledger_->retire({&all, 1}, {&figures, 1}, 1'000, 1'000'000)->removed, 1U);
  }
  // That the ledger holds.
  std::uint64_t samples_held(const base::Uuid& rec_id) {
    const auto state = ledger_->recording(rec_id);
    EXPECT_TRUE(state);
    if (!*state) return 0;
    for (const ledger::StreamState& stream : (*state)->streams) {
      if (stream.stream == Stream::sample) return stream.records;
    }
    return 0;
  }
  // Until it has nothing to say, or a person has asked ten times.
  void sync(Phone& phone) {
    for (int tries = 0; tries < 10; ++tries) {
      phone.tell(BOATHOUSE_SYNC_NOW);
      phone.talk(routes_);
      if (phone.status().state == BOATHOUSE_STATE_UP_TO_DATE) return;
    }
    FAIL() << "it does not come to rest: " << phone.status().reason;
  }
  // With how many samples each has there.
  static std::map<std::string, std::uint64_t> sessions(Phone& phone) {
    boathouse_sessions* list = nullptr;
    EXPECT_EQ(boathouse_sessions_list(phone.store, &list, &phone.error), BOATHOUSE_OK) << phone.error.text;
    std::map<std::string, std::uint64_t> counts;
    for (std::size_t i = 0; i < boathouse_sessions_count(list); ++i) {
      boathouse_session one = BOATHOUSE_INIT(boathouse_session);
      EXPECT_EQ(boathouse_sessions_get(list, i, &one, &phone.error), BOATHOUSE_OK);
      counts[one.id] = one.samples;
    }
    boathouse_sessions_free(list);
    return counts;
  }
  static bool is_deleted(Phone& phone, const std::string& session) {
    boathouse_field_list* list = nullptr;
    boathouse_fields fields = BOATHOUSE_INIT(boathouse_fields);
    EXPECT_EQ(boathouse_session_fields(phone.store, session.c_str(), &list, &fields, &phone.error), BOATHOUSE_OK)
        << phone.error.text;
    boathouse_field_list_free(list);
    return fields.deleted != 0;
  }
  static base::Uuid id_of(const std::string& session) { return *base::Uuid::parse(session.substr(4)); }  // ses_...
  static void write_title(Phone& phone, const std::string& session) {
    EXPECT_EQ(boathouse_session_set_title(phone.store, session.c_str(), "written far away", &phone.error), BOATHOUSE_OK)
        << phone.error.text;
  }

  control::TemporaryFolder phone_folder_;
};

TEST_F(AwayForAYearTest, EverythingConvergesAndNothingIsLostOrComesBack) {
  const std::string old_key = key({.lives_ms = 86'400'000});
  std::string purged, retired, deleted, forgotten, backlog;
  {
    Phone phone(phone_folder_.path(), old_key);
    phone.tell(BOATHOUSE_START);
    purged = phone.row(1);
    retired = phone.row(2);
    deleted = phone.row(3);
    sync(phone);
    keep_a_copy();
    forgotten = phone.row(4);
    sync(phone);
    ASSERT_GT(samples_held(id_of(forgotten)), 0U);
    ASSERT_EQ(phone.status().pending_items, 0U);
  }
  const std::string old_epoch = ledger_->epoch();

  // The year.
  restore_the_copy();
  ASSERT_NE(ledger_->epoch(), old_epoch);
  ASSERT_EQ(samples_held(id_of(forgotten)), 0U) << "the restored ledger lacks it";
  clock_.advance_ms(kYearMs);
  headers_.set("Authorization", "Bearer " + key());
  const base::Uuid tablets = uuid(9);
  for (const ItemResult& result :
       send({birth(tablets), chunk(tablets, Stream::sample, 0, 10), flag(id_of(deleted), uuid(10), EditField::deleted),
             flag(id_of(purged), uuid(11), EditField::deleted), flag(id_of(purged), uuid(12), EditField::purged)})) {
    ASSERT_EQ(result.outcome, Outcome::stored) << result.detail;
  }
  retire_samples(id_of(retired));
  ASSERT_EQ(samples_held(id_of(retired)), 0U);
  ASSERT_FALSE(*ledger_->recording(id_of(purged)));

  // It comes back with what it has recorded and written meanwhile.
  Phone phone(phone_folder_.path(), old_key);
  backlog = phone.row(5);
  for (const std::string& session : {purged, retired, deleted}) write_title(phone, session);
  std::map<std::string, std::string> samples;
  for (const std::string& session : {retired, deleted, forgotten, backlog}) samples[session] = phone.samples(session);
  phone.tell(BOATHOUSE_START);
  phone.talk(routes_);
  EXPECT_EQ(phone.status().state, BOATHOUSE_STATE_NEEDS_AUTH) << "the key has expired";
  const std::uint64_t waiting = phone.status().pending_items;
  EXPECT_GT(waiting, 0U);
  ASSERT_EQ(boathouse_sync_set_key(phone.sync, key().c_str(), &phone.error), BOATHOUSE_OK) << phone.error.text;
  phone.talk(routes_);
  sync(phone);

  // Nothing is lost: what the server had forgotten, and the backlog, are there; on the phone everything is whole.
  EXPECT_EQ(phone.status().pending_items, 0U) << phone.status().reason;
  const auto there = sessions(phone);
  for (const std::string& session : {forgotten, backlog, deleted}) {
    EXPECT_GT(samples_held(id_of(session)), 100U) << session;
    EXPECT_EQ(samples_held(id_of(session)), there.at(session)) << session;
  }
  for (const auto& [session, before] : samples) EXPECT_EQ(phone.samples(session), before) << session;
  EXPECT_EQ(ledger_->counts()->quarantined, 0U);

  // Nothing comes back: what was purged is gone on both sides, what was retired stays away, what was deleted is hidden.
  EXPECT_FALSE(*ledger_->recording(id_of(purged)));
  EXPECT_EQ(samples_held(id_of(retired)), 0U);
  EXPECT_TRUE(is_deleted(phone, deleted));
  EXPECT_TRUE(ledger_->sessions_around(id_of(deleted))->sessions.at(0).deleted);
  EXPECT_THAT(there, UnorderedElementsAre(Key(retired), Key(deleted), Key(forgotten), Key(backlog),
                                          Key("ses_" + tablets.text())));

  // And both are at rest: another call finds nothing to do.
  const auto at_rest = ledger_->counts()->submissions;
  sync(phone);
  EXPECT_EQ(ledger_->counts()->submissions, at_rest);
}

}  // namespace
}  // namespace boathouse::intake
