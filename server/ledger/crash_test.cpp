// A process that is killed at any moment: whatever it was told is stored is there.
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <vector>

#include "core/db/sqlite.hpp"
#include "server/ledger/ledger.hpp"
#include "server/ledger/test_ledger.hpp"
#include "tests/support/killed_child.hpp"

namespace boathouse::ledger {
namespace {

using rowing::Stream;
using wire::Outcome;

// One acknowledgement as the child reports it; smaller than PIPE_BUF, so never torn.
struct Report {
  std::uint64_t recording;
  std::uint64_t from;
  std::int64_t server_seq;
};

// Submits for ever, the loader's part between, until it is killed.
[[noreturn]] void run_child(const std::string& path, int pipe, std::uint64_t generation) {
  base::ManualClock clock{1'700'000'100'000};
  base::SeededRandom random{generation};
  auto ledger = Ledger::open({.place = {.sqlite_file = path}}, clock, random);
  if (!ledger) {
    _exit(3);
  }
  for (std::uint64_t round = 0;; ++round) {
    std::vector<std::future<void>> answers;
    for (std::uint64_t i = 0; i < 4; ++i) {
      const std::uint64_t recording = 1000 * generation + i;
      std::vector<Entry> entries;
      if (round == 0) {
        entries.push_back(birth_entry(uuid(recording)));
      }
      entries.push_back(chunk_entry(uuid(recording), Stream::sample, 10 * round, 10 * round + 10,
                                    std::string(random.below(3000), 'x')));
      const auto done = std::make_shared<std::promise<void>>();
      answers.push_back(done->get_future());
      (*ledger)->submit(Submission{uuid(1), uuid(9), std::move(entries)}, [=](base::Result<Results> results) {
        const Report report{recording, 10 * round, results ? results->back().server_seq : 0};
        if (!results || results->back().outcome != Outcome::stored ||
            write(pipe, &report, sizeof report) != sizeof report) {
          _exit(4);
        }
        done->set_value();
      });
    }
    for (auto& answer : answers) {
      answer.wait();
    }
    const auto block = (*ledger)->next_block(50, 1'000'000);
    if (!block || (*block && random.below(2) == 0 && !(*ledger)->finish_block((*block)->block_id))) {
      _exit(5);
    }
  }
}

std::uint64_t stored_by_the_audit(Ledger& ledger) {
  constexpr std::string_view kStored = " stored=";
  std::uint64_t stored = 0;
  for (std::int64_t after = 0;;) {
    const auto page = ledger.audit(after, kMaxAuditPage, {{}, "submission"});
    if (!page || page->empty()) {
      EXPECT_TRUE(page);
      return stored;
    }
    for (const AuditRecord& record : *page) {
      const std::string& what = record.entry.what;
      stored += std::strtoull(what.c_str() + what.find(kStored) + kStored.size(), nullptr, 10);
    }
    after = page->back().n;
  }
}

TEST(LedgerCrash, WhatWasAcknowledgedSurvivesSigkill) {
  const TemporaryFolder folder;
  const std::string path = folder.file("ledger.db");
  base::SeededRandom dice(4711);
  std::vector<Report> reports;
  std::int64_t last_seq = 0;
  for (std::uint64_t generation = 1; generation <= 12; ++generation) {
    ASSERT_NO_FATAL_FAILURE(test_support::kill_after<Report>(
        1 + dice.below(120), [&](int pipe) { run_child(path, pipe, generation); },
        [&reports](const Report& report) { reports.push_back(report); }));

    base::ManualClock clock;
    base::SeededRandom random{1};
    auto ledger = Ledger::open({.place = {.sqlite_file = path}}, clock, random);
    ASSERT_TRUE(ledger) << ledger.error().text;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::int64_t> stored;
    for (std::uint64_t g = 1; g <= generation; ++g) {
      for (std::uint64_t i = 0; i < 4; ++i) {
        const auto chunks = (*ledger)->chunks(uuid(1000 * g + i), Stream::sample);
        ASSERT_TRUE(chunks) << chunks.error().text;
        for (const LoadItem& item : *chunks) {
          EXPECT_EQ(base::sha256(item.body), item.sha256);
          stored[{1000 * g + i, item.from}] = item.server_seq;
        }
      }
    }
    for (const Report& one : reports) {
      const auto found = stored.find({one.recording, one.from});
      ASSERT_NE(found, stored.end()) << "lost: recording " << one.recording << " from " << one.from;
      EXPECT_EQ(found->second, one.server_seq);
      last_seq = std::max(last_seq, one.server_seq);
    }
    EXPECT_EQ((*ledger)->counts()->chunks, stored.size());
    // What was done and what was written down of it are the same, and nothing of that was torn.
    const auto verdict = (*ledger)->verify_audit();
    ASSERT_TRUE(verdict) << verdict.error().text;
    EXPECT_FALSE(verdict->difference) << verdict->difference->text;
    EXPECT_EQ(stored_by_the_audit(**ledger), stored.size() + (*ledger)->counts()->recordings);
    // What comes next is numbered after everything that anybody was told.
    auto next = submit(**ledger, uuid(1), {birth_entry(uuid(900'000 + generation))});
    ASSERT_TRUE(next);
    EXPECT_GT(next->at(0).server_seq, last_seq);
    (*ledger)->stop();

    auto connection = db::Connection::open(path);
    auto check = connection->prepare("PRAGMA integrity_check");
    ASSERT_TRUE(*check->step());
    EXPECT_EQ(check->text(0), "ok");
    auto foreign = connection->prepare("PRAGMA foreign_key_check");
    EXPECT_FALSE(*foreign->step());
    auto counters = connection->prepare(
        "SELECT (SELECT count(*) FROM chunk) = chunks AND (SELECT count(*) FROM chunk_body) = chunks AND "
        "(SELECT count(*) FROM unloaded) = unloaded FROM state");
    ASSERT_TRUE(*counters->step());
    EXPECT_EQ(counters->integer(0), 1);
  }
  EXPECT_GT(reports.size(), 100U);
}

}  // namespace
}  // namespace boathouse::ledger
