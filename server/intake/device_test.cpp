// A device through its C ABI against the real intake: what it recorded arrives, a second device gets it back, and
// uploads from files are taken in any order.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "server/intake/test_intake.hpp"
#include "server/intake/test_phone.hpp"
#include "server/ledger/bodies.hpp"

namespace boathouse::intake {
namespace {

class DeviceTest : public IntakeTest {
 protected:
  std::string key_ = accounts_->create_athlete_key("Carla")->text;
  control::TemporaryFolder first_folder_;
  control::TemporaryFolder second_folder_;
};

TEST_F(DeviceTest, WhatOnePhoneRecordedTheOtherGets) {
  Phone first(first_folder_.path(), key_);
  const std::string session = first.row();
  ASSERT_EQ(boathouse_session_set_title(first.store, session.c_str(), "60 s", &first.error), BOATHOUSE_OK);
  first.tell(BOATHOUSE_START);
  first.talk(routes_);
  EXPECT_EQ(first.status().state, BOATHOUSE_STATE_UP_TO_DATE) << first.status().reason;
  EXPECT_EQ(first.status().pending_items, 0u);

  Phone second(second_folder_.path(), key_);
  second.tell(BOATHOUSE_SYNC_NOW);
  second.tell(BOATHOUSE_START);
  second.talk(routes_);
  std::uint64_t chunks = 0;
  ASSERT_EQ(boathouse_session_fetch(second.store, session.c_str(), &chunks, &second.error), BOATHOUSE_OK)
      << second.error.text;
  EXPECT_GT(chunks, 0u);
  second.tell(BOATHOUSE_DATA_ADDED);
  EXPECT_GT(second.status().run_total_bytes, 0u) << "the way down is progress, too";
  second.talk(routes_);
  EXPECT_EQ(second.status().fetched_chunks, chunks);
  EXPECT_EQ(second.status().run_done_bytes, second.status().run_total_bytes);
  EXPECT_GT(first.samples(session).size(), 1000u);
  EXPECT_EQ(second.samples(session), first.samples(session));
  boathouse_field_list* list = nullptr;
  boathouse_fields fields = BOATHOUSE_INIT(boathouse_fields);
  ASSERT_EQ(boathouse_session_fields(second.store, session.c_str(), &list, &fields, &second.error), BOATHOUSE_OK);
  EXPECT_STREQ(fields.title, "60 s");
  boathouse_field_list_free(list);
}

// The phone's own copy is the last one: it goes up again by itself.
TEST_F(DeviceTest, WhatTheServerHasLostThePhoneSendsAgain) {
  {
    Phone phone(first_folder_.path(), key_);
    phone.row();
    phone.tell(BOATHOUSE_START);
    phone.talk(routes_);
    ASSERT_EQ(phone.status().pending_items, 0u) << phone.status().reason;
  }
  load_everything();
  const base::Uuid rec_id = ledger_->recordings(std::nullopt, std::nullopt, 1)->at(0).rec_id;
  const ledger::LoadItem stored = ledger_->chunks(rec_id, Stream::sample)->at(0);
  ledger::LostBody lost;
  lost.server_seq = stored.server_seq;
  ASSERT_TRUE(ledger_->bodies().lose_bodies({&lost, 1}));

  Phone phone(first_folder_.path(), key_);  // started again, it asks whether all of it has arrived
  phone.tell(BOATHOUSE_START);
  phone.talk(routes_);
  EXPECT_EQ(ledger_->bodies().body_counts()->lost, 0u);
  EXPECT_EQ(phone.status().pending_items, 0u) << phone.status().reason;
  EXPECT_GT(phone.status().duplicate_items, 0u);
  const ledger::LoadItem back = ledger_->chunks(rec_id, Stream::sample)->at(0);
  EXPECT_EQ(back.server_seq, stored.server_seq);
  EXPECT_EQ(back.body, stored.body);
  EXPECT_EQ(ledger_->counts()->unloaded_chunks, 1u);
}

TEST_F(DeviceTest, FilesOfTheBackgroundAreTakenInAnyOrder) {
  Phone phone(first_folder_.path(), key_);
  const std::string folder = second_folder_.path();
  phone.row();
  boathouse_uploads* lists[2] = {};
  ASSERT_EQ(boathouse_uploads_write(phone.store, "carla", folder.c_str(), 10, &lists[1], &phone.error), BOATHOUSE_OK)
      << phone.error.text;
  // More of the same session: its file has the birth, too, and arrives first.
  boathouse_sessions* sessions = nullptr;
  ASSERT_EQ(boathouse_sessions_list(phone.store, &sessions, &phone.error), BOATHOUSE_OK);
  boathouse_session session = BOATHOUSE_INIT(boathouse_session);
  ASSERT_EQ(boathouse_sessions_get(sessions, 0, &session, &phone.error), BOATHOUSE_OK);
  ASSERT_EQ(boathouse_session_set_notes(phone.store, session.id, "windy", &phone.error), BOATHOUSE_OK);
  boathouse_sessions_free(sessions);
  ASSERT_EQ(boathouse_uploads_write(phone.store, "carla", folder.c_str(), 10, &lists[0], &phone.error), BOATHOUSE_OK);

  for (boathouse_uploads* list : lists) {
    ASSERT_EQ(boathouse_uploads_count(list), 1u);
    boathouse_upload upload = BOATHOUSE_INIT(boathouse_upload);
    ASSERT_EQ(boathouse_uploads_get(list, 0, &upload, &phone.error), BOATHOUSE_OK);
    control::Call call;
    call.method = http::Method::post;
    call.target = upload.path;
    for (std::size_t i = 0; i < upload.header_count; ++i)
      call.headers.add(upload.headers[i].name, upload.headers[i].value);
    call.headers.add("Authorization", "Bearer " + key_);
    std::stringstream body;
    body << std::ifstream(upload.body_file, std::ios::binary).rdbuf();
    call.body = body.str();
    const http::Response answer = control::call(routes_, std::move(call));
    EXPECT_EQ(answer.status, 200) << answer.body;
    boathouse_upload_result result = BOATHOUSE_INIT(boathouse_upload_result);
    ASSERT_EQ(boathouse_uploads_finish(phone.store, folder.c_str(), upload.key, answer.status, nullptr, 0,
                                       reinterpret_cast<const std::uint8_t*>(answer.body.data()), answer.body.size(),
                                       &result, &phone.error),
              BOATHOUSE_OK)
        << phone.error.text;
    EXPECT_EQ(result.outcome, BOATHOUSE_UPLOAD_TAKEN);
    EXPECT_EQ(result.refused + result.later, 0u);
    EXPECT_GT(result.stored, 0u);
    boathouse_uploads_free(list);
  }
  EXPECT_EQ(phone.status().pending_items, 0u);
  phone.tell(BOATHOUSE_START);
  phone.talk(routes_);
  EXPECT_EQ(phone.status().state, BOATHOUSE_STATE_UP_TO_DATE) << phone.status().reason;
}

}  // namespace
}  // namespace boathouse::intake
