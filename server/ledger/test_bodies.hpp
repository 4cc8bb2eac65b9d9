// For tests of bodies in segments: a ledger with a folder of segments, and doubles of both that fail at a chosen call.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/ledger/bodies.hpp"
#include "server/ledger/body_mover.hpp"
#include "server/ledger/test_ledger.hpp"
#include "server/segments/folder_store.hpp"

namespace boathouse::ledger {

// The made-up bodies of these tests are their own canonical bytes.
inline bool is_made_up_body(base::ByteView body, const base::Digest& sha256) { return base::sha256(body) == sha256; }

// Everything that a mover does to the outside, counted. The call with the number `fails_at` fails: before it did
// anything, or afterwards (the answer was lost, or the process died behind it).
class Faults {
 public:
  int fails_at = 0;
  bool afterwards = false;
  int calls = 0;

  template <typename Do>
  auto call(Do act) -> decltype(act()) {
    const bool fails = ++calls == fails_at;
    if (fails && !afterwards) return base::Error{base::ErrorCode::io, "planted"};
    auto answer = act();
    if (fails) return base::Error{base::ErrorCode::io, "planted"};
    return answer;
  }
};

class FaultyStore final : public segments::ChunkStore {
 public:
  FaultyStore(segments::ChunkStore& store, Faults& faults) : store_(store), faults_(faults) {}
  base::Status put(const std::string& key, base::ByteView content) override {
    return faults_.call([&] { return store_.put(key, content); });
  }
  base::Result<base::Bytes> read(const std::string& key, std::uint64_t position, std::uint64_t size) override {
    return faults_.call([&] { return store_.read(key, position, size); });
  }
  base::Result<base::Bytes> read_all(const std::string& key, std::uint64_t max_bytes) override {
    return faults_.call([&] { return store_.read_all(key, max_bytes); });
  }
  base::Result<std::vector<std::string>> list() override {
    return faults_.call([&] { return store_.list(); });
  }
  base::Status remove(const std::string& key) override {
    return faults_.call([&] { return store_.remove(key); });
  }

 private:
  segments::ChunkStore& store_;
  Faults& faults_;
};

class FaultyBodies final : public Bodies {
 public:
  FaultyBodies(Bodies& bodies, Faults& faults) : bodies_(bodies), faults_(faults) {}
  base::Result<std::vector<MovableBody>> movable(std::uint64_t bytes) override {
    return faults_.call([&] { return bodies_.movable(bytes); });
  }
  base::Result<std::vector<MovableBody>> in_segment(std::int64_t id) override {
    return faults_.call([&] { return bodies_.in_segment(id); });
  }
  base::Result<base::Bytes> body(std::int64_t server_seq) override { return bodies_.body(server_seq); }
  base::Result<std::vector<SegmentRow>> segment_rows(std::int64_t after, std::size_t limit) override {
    return faults_.call([&] { return bodies_.segment_rows(after, limit); });
  }
  base::Result<std::int64_t> begin_segment(const std::string& key) override {
    return faults_.call([&] { return bodies_.begin_segment(key); });
  }
  base::Status place_bodies(std::int64_t id, std::uint64_t bytes, std::uint64_t bodies,
                            std::span<const segments::Place> places) override {
    return faults_.call([&] { return bodies_.place_bodies(id, bytes, bodies, places); });
  }
  base::Status doom_segment(std::int64_t id) override {
    return faults_.call([&] { return bodies_.doom_segment(id); });
  }
  base::Status forget_segment(std::int64_t id) override {
    return faults_.call([&] { return bodies_.forget_segment(id); });
  }
  base::Status segment_is_well(std::int64_t id) override {
    return faults_.call([&] { return bodies_.segment_is_well(id); });
  }
  base::Status lose_bodies(std::span<const LostBody> bodies) override {
    return faults_.call([&] { return bodies_.lose_bodies(bodies); });
  }
  base::Result<std::vector<LostBody>> lost(std::size_t limit) override {
    return faults_.call([&] { return bodies_.lost(limit); });
  }
  base::Status body_is_back(std::int64_t server_seq, base::ByteView body) override {
    return faults_.call([&] { return bodies_.body_is_back(server_seq, body); });
  }
  base::Result<BodyCounts> body_counts() override { return bodies_.body_counts(); }

 private:
  Bodies& bodies_;
  Faults& faults_;
};

class BodiesTest : public LedgerTest {
 protected:
  void SetUp() override {
    LedgerTest::SetUp();
    auto store = segments::FolderStore::open(root_, true);
    ASSERT_TRUE(store);
    store_ = std::move(*store);
    ledger_->use_segments(*store_);
  }

  // Bodies of some 10 bytes each: ten or so make a segment.
  static BodyMover::Options small() { return {.segment_bytes = 100, .at_once = 4}; }
  BodyMover mover(Bodies& bodies, segments::ChunkStore& store, BodyMover::Options options = small(),
                  BodyMover::Find find = {}) {
    return {bodies, store, ledger_->epoch(), clock_, random_, options, std::move(find), is_made_up_body};
  }
  BodyMover::Report run(BodyMover::Options options = small(), BodyMover::Find find = {}) {
    const auto report = mover(ledger_->bodies(), *store_, options, std::move(find)).run([] { return base::Status(); });
    EXPECT_TRUE(report) << report.error().text;
    return report ? *report : BodyMover::Report{};
  }

  static Entry chunk(std::uint64_t n, const base::Uuid& rec_id = kRec) {
    return chunk_entry(rec_id, rowing::Stream::sample, 10 * n, 10 * n + 10);
  }
  void fill(std::uint64_t first, std::uint64_t last, const base::Uuid& rec_id = kRec) {
    std::vector<Entry> entries;
    entries.push_back(birth_entry(rec_id));
    for (std::uint64_t n = first; n < last; ++n) entries.push_back(chunk(n, rec_id));
    put(std::move(entries));
  }
  void load() {
    while (true) {
      const auto block = ledger_->next_block(1'000'000, 1'000'000);
      ASSERT_TRUE(block) << block.error().text;
      if (!*block) return;
      ASSERT_TRUE(ledger_->finish_block((*block)->block_id));
    }
  }
  // Each chunk of [0, count) can be read and is what was sent.
  void expect_all(std::uint64_t count, const base::Uuid& rec_id = kRec) {
    const auto chunks = ledger_->chunks(rec_id, rowing::Stream::sample);
    ASSERT_TRUE(chunks) << chunks.error().text;
    ASSERT_EQ(chunks->size(), count);
    for (std::uint64_t n = 0; n < count; ++n) EXPECT_EQ((*chunks)[n].body, chunk(n, rec_id).body) << n;
  }
  std::vector<SegmentRow> rows() {
    auto found = ledger_->bodies().segment_rows(0, 1000);
    EXPECT_TRUE(found);
    return std::move(*found);
  }
  // Objects and rows belong to each other, and each body lies in one place.
  void expect_order() {
    std::vector<std::string> keys;
    for (const SegmentRow& row : rows()) {
      keys.push_back(row.key);
      EXPECT_EQ(row.state, SegmentState::whole) << row.key;
    }
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(*store_->list(), keys);
    EXPECT_EQ(number_in_file("SELECT count(*) FROM chunk WHERE (SELECT count(*) FROM stored_body "
                             "WHERE stored_body.server_seq = chunk.server_seq) <> 1"),
              0);
    EXPECT_EQ(number_in_file("SELECT (SELECT count(*) FROM stored_body) - (SELECT count(*) FROM chunk)"), 0);
  }
  std::int64_t in_ledger() { return number_in_file("SELECT count(*) FROM chunk_body"); }
  // Of the only segment, or the first.
  std::filesystem::path file() { return root_ / rows().at(0).key; }

  const std::filesystem::path root_ = folder_.file("segments");
  std::unique_ptr<segments::FolderStore> store_;
};

}  // namespace boathouse::ledger
