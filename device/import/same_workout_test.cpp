// Real files of one workout, as different tools write them: found when they are imported.
#include <gtest/gtest.h>

#include "device/import/import.hpp"
#include "device/store/test_store.hpp"
#include "tests/support/shared_data.hpp"

namespace boathouse::import {
namespace {

using store::ok;

class SameWorkout : public testing::Test {
 protected:
  base::Uuid load(const std::string& content, const std::string& dialect, const std::string& name) {
    ImportOptions options;
    options.time_zone = "+02:00";
    const auto report = import_file(*store, store.ids, store.clock, name, content, options);
    EXPECT_TRUE(ok(report));
    EXPECT_EQ(report->dialect, dialect);
    return report->recordings.at(0);
  }

  // Each line with something more at its end; the first with something else.
  static std::string with_columns(const std::string& content, const std::string& first, const std::string& others) {
    std::string changed;
    for (std::size_t from = 0; from < content.size();) {
      std::size_t end = content.find_first_of("\r\n", from);
      if (end == std::string::npos) end = content.size();
      if (end > from) changed += content.substr(from, end - from) + (changed.empty() ? first : others) + "\n";
      from = end + 1;
    }
    return changed;
  }

  store::TestStore store;
};

TEST_F(SameWorkout, TwoDialectsOfTheSameRecordsAreOneSession) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "rowingdata_native_2k.csv");
  const base::Uuid first = load(content, "rowingdata", "rowsandall.csv");
  const base::Uuid second =
      load(with_columns(content, ", ElapsedTimeAtDrive (sec)", ", 0"), "painsled", "painsled.csv");
  EXPECT_EQ(*store->session_of(second), first);
  const auto sessions = store->sessions();
  ASSERT_EQ(sessions->size(), 1u) << "counted once";
  EXPECT_EQ((*sessions)[0].elapsed_cs, 53'994);
  EXPECT_EQ((*sessions)[0].distance_dm, 20'000);
  EXPECT_EQ(store->status()->open_conflicts, 0u);
  ASSERT_TRUE(ok(store->unlink(first, second, 0)));
  EXPECT_EQ(store->sessions()->size(), 2u);
}

TEST_F(SameWorkout, ASeasonsRowOfTheSameTotalsIsSuggested) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "rowingdata_native_2k.csv");
  const base::Uuid first = load(content, "rowingdata", "rowsandall.csv");
  const std::string header = "\"Log ID\",\"Date\",\"Work Time (Seconds)\",\"Work Distance\"\n";
  const base::Uuid second = load(header + "1,2016-05-20 13:50:26,539.9,2000\n", "logbook_season", "season.csv");
  load(header + "2,2016-05-22 13:50:26,539.9,2000\n", "logbook_season", "later.csv");
  EXPECT_EQ(store->sessions()->size(), 3u) << "nobody has said so yet";
  const auto conflicts = store->conflicts();
  ASSERT_EQ(conflicts->size(), 1u);
  const store::Conflict& suggestion = (*conflicts)[0];
  EXPECT_EQ(suggestion.kind, store::ConflictKind::suggestion);
  EXPECT_EQ(suggestion.mine.rec_id, first);
  EXPECT_EQ(suggestion.theirs.rec_id, second);
  EXPECT_EQ(suggestion.theirs.device, "season.csv");
  ASSERT_TRUE(ok(store->answer(suggestion.id, store::Answer::mine, 0)));
  EXPECT_EQ(store->sessions()->size(), 2u);
  EXPECT_EQ(store->session(second)->primaries.at(rowing::Stream::sample), first);
}

TEST_F(SameWorkout, WorkoutsOfRealSeasonsStayApart) {
  BOATHOUSE_SHARED_DATA_OR_SKIP(content, "concept2-season-2021.csv");
  load(content, "logbook_season", "season.csv");
  while (*store->find_overlaps() > 0) continue;
  const auto sessions = store->sessions();
  ASSERT_TRUE(ok(sessions));
  EXPECT_EQ(sessions->size(), store->recordings()->size());
  EXPECT_EQ(store->status()->open_conflicts, 0u);
  // The same file with other line ends is the same season once more: only asked about, as a summary alone proves
  // little.
  const std::size_t season = sessions->size();
  load(with_columns(content, "", ""), "logbook_season", "season-again.csv");
  while (*store->find_overlaps() > 0) continue;
  EXPECT_EQ(store->sessions()->size(), 2 * season);
  EXPECT_GE(store->status()->open_conflicts, season);
}

}  // namespace
}  // namespace boathouse::import
