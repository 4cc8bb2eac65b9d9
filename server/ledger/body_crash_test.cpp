// A process that is killed at any moment while it moves bodies into segments: each one that was acknowledged is read.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/ledger/test_bodies.hpp"
#include "tests/support/killed_child.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;

// Acknowledged chunks of a recording, or, with 0, a step of the mover; smaller than PIPE_BUF, so never torn.
struct BodyReport {
  std::uint64_t recording;
  std::uint64_t chunks;
};

void tell(int pipe, const BodyReport& report) {
  if (write(pipe, &report, sizeof report) != sizeof report) _exit(5);
}

// Tells of each object before and after it is written, looked at and removed.
class TellingStore final : public segments::ChunkStore {
 public:
  TellingStore(segments::ChunkStore& store, int pipe) : store_(store), pipe_(pipe) {}
  base::Status put(const std::string& key, base::ByteView content) override {
    return told([&] { return store_.put(key, content); });
  }
  base::Result<base::Bytes> read(const std::string& key, std::uint64_t position, std::uint64_t size) override {
    return store_.read(key, position, size);
  }
  base::Result<base::Bytes> read_all(const std::string& key, std::uint64_t max_bytes) override {
    return told([&] { return store_.read_all(key, max_bytes); });
  }
  base::Result<std::vector<std::string>> list() override { return store_.list(); }
  base::Status remove(const std::string& key) override {
    return told([&] { return store_.remove(key); });
  }

 private:
  template <typename Do>
  auto told(Do act) -> decltype(act()) {
    tell(pipe_, {});
    auto answer = act();
    tell(pipe_, {});
    return answer;
  }

  segments::ChunkStore& store_;
  int pipe_;
};

BodyMover::Options small_segments() {
  BodyMover::Options options;
  options.segment_bytes = 4000;
  options.at_once = 3;
  options.empty_ms = 0;
  options.check_ms = 0;
  options.checks = 2;
  return options;
}

// Stores, has it loaded, moves, purges now and then, for ever, until it is killed.
[[noreturn]] void run_child(const TemporaryFolder& folder, int pipe, std::uint64_t generation) {
  base::ManualClock clock{1'700'000'100'000};
  base::SeededRandom random{generation};
  auto ledger = Ledger::open({.place = {.sqlite_file = folder.file("ledger.db")}}, clock, random);
  auto store = segments::FolderStore::open(folder.file("segments"), true);
  if (!ledger || !store) _exit(3);
  TellingStore telling(**store, pipe);
  (*ledger)->use_segments(telling);
  for (std::uint64_t round = 0;; ++round) {
    const std::uint64_t recording = 1000 * generation + round;
    std::vector<Entry> entries;
    entries.push_back(birth_entry(uuid(recording)));
    for (std::uint64_t n = 0; n < 6; ++n) {
      entries.push_back(chunk_entry(uuid(recording), Stream::sample, 10 * n, 10 * n + 10, std::string(400, 'x')));
    }
    if (!submit(**ledger, uuid(1), std::move(entries))) _exit(4);
    tell(pipe, {recording, 6});
    const auto block = (*ledger)->next_block(1000, 1'000'000);
    if (!block || (*block && !(*ledger)->finish_block((*block)->block_id))) _exit(6);
    if (round % 5 == 4 && !(*ledger)->remove({uuid(recording - 2), Stream::sample, {0, 20}})) _exit(7);
    BodyMover mover((*ledger)->bodies(), telling, (*ledger)->epoch(), clock, random, small_segments(), {},
                    is_made_up_body);
    if (!mover.run([] { return base::Status(); })) _exit(8);
  }
}

TEST(BodyCrash, WhatWasAcknowledgedIsReadAfterSigkill) {
  const TemporaryFolder folder;
  base::SeededRandom dice(99);
  std::map<std::uint64_t, std::uint64_t> acknowledged;
  for (std::uint64_t generation = 1; generation <= 12; ++generation) {
    const auto take = [&](const BodyReport& report) {
      if (report.chunks > 0) acknowledged[report.recording] = report.chunks;
    };
    ASSERT_NO_FATAL_FAILURE(test_support::kill_after<BodyReport>(
        1 + dice.below(90), [&](int pipe) { run_child(folder, pipe, generation); }, take));

    base::ManualClock clock{1'700'000'100'000};
    base::SeededRandom random{1000 + generation};
    auto ledger = Ledger::open({.place = {.sqlite_file = folder.file("ledger.db")}}, clock, random);
    ASSERT_TRUE(ledger) << ledger.error().text;
    auto store = segments::FolderStore::open(folder.file("segments"), true);
    ASSERT_TRUE(store);
    (*ledger)->use_segments(**store);
    const auto check = [&] {
      for (const auto& [recording, chunks] : acknowledged) {
        const auto found = (*ledger)->chunks(uuid(recording), Stream::sample);
        ASSERT_TRUE(found) << found.error().text;
        ASSERT_TRUE(found->size() == chunks || found->size() == chunks - 2) << recording;
        for (const LoadItem& item : *found) EXPECT_EQ(base::sha256(item.body), item.sha256);
      }
    };
    check();
    BodyMover mover((*ledger)->bodies(), **store, (*ledger)->epoch(), clock, random, small_segments(), {},
                    is_made_up_body);
    ASSERT_TRUE(mover.run([] { return base::Status(); }));
    check();
    EXPECT_EQ((*ledger)->bodies().body_counts()->lost, 0U);
    std::vector<std::string> keys;
    for (const SegmentRow& row : *(*ledger)->bodies().segment_rows(0, 10'000)) keys.push_back(row.key);
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(*(*store)->list(), keys);
  }
  EXPECT_GT(acknowledged.size(), 20U);
}

}  // namespace
}  // namespace boathouse::ledger
