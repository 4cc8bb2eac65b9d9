// A server for tests of stores that meet: keeps what it is sent, and gives it to all by its feed.
#pragma once

#include <initializer_list>
#include <map>
#include <vector>

#include "core/wire/edit.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::store {

class TestFeed {
 public:
  static void hello(TestStore& store) {
    wire::HelloReply reply;
    reply.epoch = "epoch";
    reply.replica_id = store->identity().replica_id;
    reply.athlete.bytes[0] = 1;
    EXPECT_TRUE(ok(store->take_hello("", reply)));
  }

  void upload(TestStore& store) {
    std::vector<Acknowledgement> answers;
    for (const PendingItem& item : *store->pending({})) {
      Acknowledgement& answer = answers.emplace_back();
      answer.id = item.id;
      const auto known = stored_.find(item.sha256);
      answer.outcome = known == stored_.end() ? wire::Outcome::stored : wire::Outcome::duplicate;
      answer.server_seq = known == stored_.end() ? static_cast<std::int64_t>(feed_.size()) + 1 : known->second;
      if (known != stored_.end()) continue;
      wire::Change change = change_of(item, answer.server_seq);
      if (item.kind == wire::ItemKind::edit) {
        const auto edit = wire::decode_edit(change.json);
        ASSERT_TRUE(ok(edit));
        const rowing::Stamp placed = rowing::placed_stamp(*edit, clock_ms);
        if (placed != edit->stamp) change.effective = placed;
      }
      feed_.push_back(change);
      // Chunks of equal content may be of two recordings.
      if (item.kind != wire::ItemKind::chunk) stored_[item.sha256] = answer.server_seq;
      bodies_[item.sha256] = item.body;
    }
    EXPECT_TRUE(ok(store->acknowledge("epoch", answers)));
  }

  void download(TestStore& store) {
    wire::ChangesReply reply;
    reply.epoch = "epoch";
    reply.replica_id = store->identity().replica_id;
    const std::int64_t since = store->account("")->cursor;
    reply.changes.assign(feed_.begin() + since, feed_.end());
    reply.next = static_cast<std::int64_t>(feed_.size());
    EXPECT_TRUE(ok(store->take_changes("", since, reply)));
  }

  // What a recording lacks on that device.
  void fetch(TestStore& store, const base::Uuid& rec_id) {
    EXPECT_TRUE(ok(store->fetch(rec_id)));
    for (const AwayChunk& chunk : *store->wanted("", 1000)) {
      for (const wire::Change& change : feed_) {
        if (change.kind == wire::ChangeKind::chunk && change.rec_id == chunk.rec_id && change.stream == chunk.stream &&
            change.from == chunk.from) {
          EXPECT_TRUE(ok(store->take_body(chunk.id, bodies_.at(change.sha256))));
        }
      }
    }
  }

  // Until nobody has anything new.
  void meet(std::initializer_list<TestStore*> stores) {
    for (std::size_t before = feed_.size() + 1; before != feed_.size();) {
      before = feed_.size();
      for (TestStore* store : stores) upload(*store);
      for (TestStore* store : stores) download(*store);
    }
  }

  std::int64_t clock_ms = rowing::kMaxStampMs;  // no stamp is ahead of it

 private:
  std::vector<wire::Change> feed_;  // the first is server_seq 1
  std::map<base::Digest, std::int64_t> stored_;
  std::map<base::Digest, base::Bytes> bodies_;
};

}  // namespace boathouse::store
