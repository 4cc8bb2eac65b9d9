// A store that was copied, by hand or by a phone's backup, and both go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/wire/facts.hpp"
#include "device/store/test_feed.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

using rowing::Stream;

class StoreIdentityTest : public testing::Test {
 protected:
  StoreIdentityTest() {
    live_on(phone, "the phone");
    EXPECT_TRUE(ok(phone->begin(running, "")));
    EXPECT_TRUE(ok(phone->append(running.rec_id, make_samples(0, 300))));
    EXPECT_TRUE(ok(phone->seal(running.rec_id, false)));
  }

  static void live_on(TestStore& store, const std::string& nonce) {
    store.options.nonce = [nonce] { return nonce; };
    store.reopen();
  }

  // The files as they lie there, while the phone has them open.
  void copy_to(TestStore& other, const std::string& nonce) {
    other.close();
    for (const char* const file : {"/device.db", "/device.db-wal"}) {
      std::filesystem::copy_file(phone.folder() + file, other.folder() + file,
                                 std::filesystem::copy_options::overwrite_existing);
    }
    live_on(other, nonce);
  }

  TestStore phone{7};
  TestStore copy{8};
  rowing::Birth running = make_birth(phone.ids);
};

std::vector<rowing::Record> samples(TestStore& store, const base::Uuid& rec_id) {
  return *store->records(rec_id, Stream::sample, 0, 10'000);
}

TEST_F(StoreIdentityTest, OneThatStaysWhereItIsKeepsItsIdentity) {
  const base::Uuid replica = phone->identity().replica_id;
  phone.reopen();
  EXPECT_EQ(phone->identity().replica_id, replica);
  phone.options.nonce = {};
  phone.reopen();
  EXPECT_EQ(phone->identity().replica_id, replica) << "nobody says that it is another place";
  live_on(phone, "the phone");
  EXPECT_EQ(phone->identity().replica_id, replica);
  EXPECT_TRUE(ok(phone->recording(running.rec_id)));
}

TEST_F(StoreIdentityTest, OneOfBeforeTheNonceIsNoCopy) {
  const base::Uuid replica = copy->identity().replica_id;
  live_on(copy, "a place");
  EXPECT_EQ(copy->identity().replica_id, replica);
}

TEST_F(StoreIdentityTest, ACopyGoesOnUnderNamesOfItsOwnAndLosesNothing) {
  copy_to(copy, "the tablet");
  EXPECT_NE(copy->identity().replica_id, phone->identity().replica_id);
  EXPECT_NE(copy->identity().salt, phone->identity().salt);
  EXPECT_EQ(copy->recording(running.rec_id).error().code, base::ErrorCode::not_found);
  const auto there = *copy->recordings();
  ASSERT_EQ(there.size(), 1u);
  EXPECT_EQ(there[0].birth.started_ms, running.started_ms);
  EXPECT_FALSE(there[0].ended);
  EXPECT_EQ(samples(copy, there[0].birth.rec_id), samples(phone, running.rec_id));
  ASSERT_EQ(*copy->end_crashed(), 1u);
  EXPECT_TRUE(copy->verify(there[0].birth.rec_id)->ok());

  const base::Uuid own = copy->identity().replica_id;
  copy.reopen();
  EXPECT_EQ(copy->identity().replica_id, own) << "once";
}

TEST_F(StoreIdentityTest, WhatBothSendNeverContradicts) {
  TestFeed feed;
  TestFeed::hello(phone);
  feed.upload(phone);  // birth and the first chunk
  copy_to(copy, "the tablet");
  ASSERT_TRUE(ok(copy->end_crashed()));
  ASSERT_TRUE(ok(phone->append(running.rec_id, make_samples(300, 100))));
  ASSERT_TRUE(ok(phone->end(running.rec_id, rowing::EndReason::stopped)));

  std::map<std::string, base::Digest> sent;
  for (TestStore* store : {&phone, &copy}) {
    for (const PendingItem& item : *(*store)->pending({})) {
      const std::string key = item.rec_id.text() + " " + std::string(wire::name(item.kind)) + " " +
                              std::string(rowing::name(item.stream)) + " " + std::to_string(item.from) + " " +
                              std::to_string(item.revision);
      const auto [first, is_first] = sent.try_emplace(key, item.sha256);
      EXPECT_EQ(first->second, item.sha256) << key;
    }
  }
  const auto renamed = *copy->pending({});
  EXPECT_EQ(renamed.size(), 6u) << "birth, two chunks of samples, the event, the seal; and the link to the old one";
  const auto born = std::ranges::find(renamed, wire::ItemKind::birth, &PendingItem::kind);
  ASSERT_NE(born, renamed.end());
  const auto birth = wire::decode_birth(base::as_text(born->body));
  ASSERT_TRUE(ok(birth));
  EXPECT_EQ(birth->rec_id, born->rec_id);
  EXPECT_EQ(born->sha256, base::sha256(born->body));
}

TEST_F(StoreIdentityTest, ACopyHearsAgainOfWhatItHadUnderTheOldName) {
  TestFeed feed;
  TestFeed::hello(phone);
  feed.upload(phone);
  feed.download(phone);
  copy_to(copy, "the tablet");
  TestFeed::hello(copy);
  feed.download(copy);
  const auto old = copy->recording(running.rec_id);
  ASSERT_TRUE(ok(old));
  EXPECT_EQ(old->streams.at(Stream::sample).records, 256u);
  EXPECT_EQ(copy->append(running.rec_id, make_samples(0, 1)).error().code, base::ErrorCode::conflict)
      << "the phone rows it";
  EXPECT_EQ(copy->recordings()->size(), 2u);
  ASSERT_TRUE(ok(copy->end_crashed()));
  const auto sessions = *copy->sessions();
  ASSERT_EQ(sessions.size(), 1u) << "one workout, though the phone may never end it";
  EXPECT_NE(sessions[0].primaries.at(Stream::sample), running.rec_id) << "the whole one counts";
}

TEST_F(StoreIdentityTest, WhatWasWrittenAboutThePieceStaysWithIt) {
  rowing::Edit edit;
  edit.op_id.bytes[0] = 5;
  edit.session = running.rec_id;
  edit.text = "on the river";
  ASSERT_TRUE(ok(phone->edit(edit, 1000)));
  copy_to(copy, "the tablet");
  EXPECT_EQ(copy->fields(running.rec_id)->title, "on the river");
  const auto renamed = *copy->recordings();
  ASSERT_EQ(renamed.size(), 1u);
  EXPECT_EQ(copy->fields(renamed[0].birth.rec_id)->title, "on the river") << "the phone may never come back";
  EXPECT_TRUE(ok(copy->end_crashed()));
  TestFeed feed;
  TestFeed::hello(copy);
  feed.upload(copy);
  EXPECT_TRUE(copy->pending({})->empty());
}

}  // namespace
}  // namespace boathouse::store
