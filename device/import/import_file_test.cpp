// Forms that no real file at hand has, and files that are broken.
#include "device/import/import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/base/utc_time.hpp"
#include "core/rowing/enumerations.hpp"
#include "device/store/test_store.hpp"

namespace boathouse::import {
namespace {

using rowing::EventKind;
using rowing::kNull;
using rowing::Record;
using rowing::Stream;
using store::ok;
using store::value_of;
using testing::HasSubstr;

constexpr std::string_view kStrokes =
    "Number,\"Time (seconds)\",\"Distance (meters)\",\"Pace (seconds)\",Watts,Cal/Hr,\"Stroke Rate\",\"Heart Rate\"\n";
constexpr std::string_view kSeason =
    "\"Log ID\",Date,Description,\"Work Time (Formatted)\",\"Work Time (Seconds)\",\"Rest Time (Formatted)\",\"Rest "
    "Time (Seconds)\",\"Work Distance\","
    "\"Rest Distance\",\"Stroke Rate/Cadence\",\"Stroke Count\",Pace,\"Avg Watts\",Cal/Hour,\"Total Cal\",\"Avg Heart "
    "Rate\",\"Drag Factor\",Age,Weight,"
    "Type,Ranked,Comments,\"Date Entered\"\n";
constexpr std::string_view kNative =
    "TimeStamp (sec), lapIdx, ElapsedTime (sec), Horizontal (meters), Cadence (strokes/min)\n";

class ImportTest : public testing::Test {
 protected:
  base::Result<ImportReport> import(std::string_view content, const ImportOptions& options = {}) {
    return import_file(*store, store.ids, store.clock, "file.csv", content, options);
  }
  ImportReport imported(std::string_view content, const ImportOptions& options = {}) {
    auto result = import(content, options);
    EXPECT_TRUE(ok(result));
    if (!result) return {};
    for (const base::Uuid& id : result->recordings) EXPECT_THAT(store->verify(id)->problems, testing::IsEmpty());
    return *result;
  }
  // The error's text; nothing may have been stored.
  std::string refused(std::string_view content, const ImportOptions& options = {}) {
    const auto result = import(content, options);
    EXPECT_EQ(store->status()->recordings, 0u);
    if (result) return "was imported";
    EXPECT_EQ(result.error().code, base::ErrorCode::invalid_input);
    return result.error().text;
  }
  std::vector<Record> records(const ImportReport& report, Stream stream, std::size_t recording = 0) {
    return *store->records(report.recordings.at(recording), stream, 0, 1'000'000);
  }
  std::string source(const ImportReport& report, std::size_t recording = 0) {
    std::string bytes;
    for (const Record& block : records(report, Stream::source, recording)) bytes += block.bytes;
    return bytes;
  }
  rowing::Birth birth(const ImportReport& report, std::size_t recording = 0) {
    return store->recording(report.recordings.at(recording))->birth;
  }

  store::TestStore store;
};

TEST_F(ImportTest, AnUnknownFileIsToldTheKnownKinds) {
  for (const std::string_view content : {std::string_view("Zeit,Strecke\n1,2\n"),
                                         std::string_view("\x0e\x10\x43\x08.FIT \"binary"), std::string_view("{}")}) {
    const std::string text = refused(content);
    for (const DialectInfo& dialect : dialects()) EXPECT_THAT(text, HasSubstr(std::string(dialect.name))) << content;
  }
  EXPECT_THAT(refused("Zeit,Strecke\n"), HasSubstr("\"Zeit,Strecke\""));
  EXPECT_EQ(dialects().size(), 7u);
}

TEST_F(ImportTest, FilesWithoutReadableRows) {
  EXPECT_EQ(refused(""), "the file is empty");
  EXPECT_THAT(refused(kStrokes), HasSubstr("there is none behind the header"));
  EXPECT_THAT(refused(std::string(kStrokes) + "\n \n,,,,,,,\n"), HasSubstr("there is none behind the header"));
  const std::string text = refused(std::string(kStrokes) + "1,2\nx,y,z,a,b,c,d,e\n");
  EXPECT_THAT(text, HasSubstr("line 2: 2 cells, the header has 8"));
}

TEST_F(ImportTest, ATruncatedFileKeepsWhatCouldBeRead) {
  const std::string content =
      std::string(kStrokes) + "1,0.7,2.4,163.3,80,576,24,\n2,3.3,11.0,150.4,103,654,24,\n3,5.3,18";
  const ImportReport report = imported(content);
  EXPECT_EQ(report.rows, 2u);
  EXPECT_EQ(report.rejected_lines, 1u);
  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_EQ(report.problems[0].line, 4u);
  EXPECT_EQ(records(report, Stream::sample).size(), 2u);
  const auto events = records(report, Stream::event);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(value_of(events[0], "kind"), static_cast<std::int64_t>(EventKind::rejected_line));
  EXPECT_EQ(value_of(events[0], "at_ms"), kNull);
  EXPECT_EQ(events[0].bytes, R"({"line":4,"reason":"3 cells, the header has 8"})");
  EXPECT_EQ(source(report), content);
}

TEST_F(ImportTest, GarbageBetweenRowsIsNamedLineByLine) {
  const ImportReport report = imported(std::string(kStrokes) +
                                       "\xff\xfe garbage\n"
                                       "1,0.7,2.4,163.3,80,576,24,\n"
                                       "2,abc,11.0,150.4,103,654,24,\n"
                                       "3,\"5.3\"x,18,1,1,1,1,\n"
                                       "4,,18,1,1,1,1,\n"
                                       "5,9.0,99999999,inf,-5,1e9,300,nan\n"
                                       "6,\"11.0,18,1,1,1,1,\n7,12,13,1,1,1,1,");
  EXPECT_EQ(report.rows, 2u);
  std::vector<std::pair<std::uint64_t, std::string>> lines;
  for (const ImportProblem& problem : report.problems)
    lines.emplace_back(problem.line, problem.column + "|" + problem.text);
  EXPECT_THAT(lines, testing::ElementsAre(
                         testing::Pair(2, HasSubstr("1 cells")), testing::Pair(4, HasSubstr("\"abc\" is not a number")),
                         testing::Pair(5, HasSubstr("line 5, column 8: text behind a closing quote")),
                         testing::Pair(6, HasSubstr("Time (seconds) is empty")),
                         testing::Pair(7, HasSubstr("Distance (meters)|\"99999999\" is not within 0 and")),
                         testing::Pair(7, HasSubstr("Pace (seconds)|\"inf\" is not a number")),
                         testing::Pair(7, HasSubstr("Watts|\"-5\" is not within 0 and 65535")),
                         testing::Pair(7, HasSubstr("Cal/Hr|")), testing::Pair(7, HasSubstr("Stroke Rate|")),
                         testing::Pair(7, HasSubstr("Heart Rate|")),
                         testing::Pair(8, HasSubstr("line 8, column 3: the quote that opens here is not closed"))));
  EXPECT_EQ(report.rejected_values, 6u) << "a cell that serves two streams is told once";
  EXPECT_EQ(report.rejected_lines, 5u);
  EXPECT_EQ(records(report, Stream::event).size(), 11u);
  const auto samples = records(report, Stream::sample);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(value_of(samples[1], "elapsed_cs"), 900);
  EXPECT_EQ(value_of(samples[1], "distance_dm"), kNull);
}

TEST_F(ImportTest, EventsAreBoundedAndTheLastOneSaysSo) {
  std::string content = std::string(kStrokes) + "1,0.7,2.4,163.3,80,576,24,\n";
  for (int i = 0; i < 10'500; ++i) content += "x\n";
  const ImportReport report = imported(content);
  EXPECT_EQ(report.rejected_lines, 10'500u);
  EXPECT_EQ(report.problems.size(), kMaxProblems);
  const auto events = records(report, Stream::event);
  ASSERT_EQ(events.size(), 10'001u);
  EXPECT_THAT(events.back().bytes, HasSubstr("\"left_out\":500"));
}

TEST_F(ImportTest, IntervalsAreCountedWhereTheCountersRestart) {
  const ImportReport report = imported(
      std::string(kStrokes) + "1,10.0,40.0,120,200,900,24,\n2,30.0,120.0,120,200,900,24,\n1,2.0,8.0,120,200,900,24,\n");
  std::vector<std::int64_t> intervals;
  for (const Record& record : records(report, Stream::stroke)) intervals.push_back(value_of(record, "interval"));
  EXPECT_EQ(intervals, (std::vector<std::int64_t>{0, 0, 1}));
}

TEST_F(ImportTest, TheNewSeasonForm) {
  const std::string first =
      "81234567,\"2024-01-02 "
      "10:00:00\",,\"\"\"10:00.0\"\"\",600,\"\"\"1:00.0\"\"\",60,2500,12,24,240,2:00.0,203,998,160,150,120,40,H,RowErg,"
      "No,\"a, b\",\"2024-01-02 11:00:00\"\n";
  const std::string second =
      "81234568,2024-01-03 "
      "10:00:00,ski,\"\"\"5:00.0\"\"\",300.04,,,1200,,30,150,2:05.0,179,917,75,,,40,H,SkiErg,No,,\n";
  const ImportReport report = imported(std::string(kSeason) + first + second);
  EXPECT_EQ(report.dialect, "logbook_season");
  ASSERT_EQ(report.recordings.size(), 2u);
  EXPECT_EQ(birth(report).title, "a, b") << "no description: the comments";
  EXPECT_EQ(birth(report, 1).title, "ski");
  EXPECT_EQ(base::format_utc_ms(birth(report).started_ms), "2024-01-02T09:49:00.000Z");
  EXPECT_EQ(birth(report).dialect, "logbook_season");
  EXPECT_EQ(birth(report).source_name, "file.csv");
  EXPECT_EQ(source(report, 0), std::string(kSeason) + first);
  EXPECT_EQ(source(report, 1), second);
  const Record ski = records(report, Stream::summary, 1).at(0);
  EXPECT_EQ(value_of(ski, "erg_machine_type"), 128);
  EXPECT_EQ(value_of(ski, "work_time_ds"), 3000);
  EXPECT_EQ(value_of(ski, "elapsed_cs"), 30004);
  EXPECT_EQ(value_of(ski, "rest_time_ds"), kNull);
  EXPECT_EQ(value_of(records(report, Stream::summary).at(0), "erg_machine_type"), kNull) << "which rower is not told";
}

TEST_F(ImportTest, TheSeasonFormOf2016HasNeitherIdNorSeconds) {
  const ImportReport report = imported(
      "Date,Description,\"Work Time (Formatted)\",\"Rest Time (Formatted)\",\"Work Distance\",\"Rest "
      "Distance\",\"Stroke Rate\",Pace,\"Avg Watts\"\n"
      "2016-02-01 08:00:00,2k,\"\"\"7:50.2\"\"\",,2000,,28,1:57.5,215\n");
  const Record summary = records(report, Stream::summary).at(0);
  EXPECT_EQ(value_of(summary, "work_time_ds"), 4702);
  EXPECT_EQ(value_of(summary, "elapsed_cs"), 47020);
  EXPECT_EQ(value_of(summary, "avg_stroke_rate_spm"), 28);
  EXPECT_EQ(value_of(summary, "avg_pace_ds_per_500m"), 1175);
  EXPECT_EQ(base::format_utc_ms(birth(report).started_ms), "2016-02-01T07:52:09.800Z");
}

TEST_F(ImportTest, ABadDateKeepsTheWorkoutWithoutOne) {
  const ImportReport report =
      imported("Date,\"Work Time (Seconds)\",\"Work Distance\"\nyesterday,60,200\n1999-12-31 23:00:00,60,200\n");
  EXPECT_EQ(report.rejected_values, 1u);
  EXPECT_EQ(report.problems.at(0).column, "Date");
  EXPECT_FALSE(birth(report, 0).started_known);
  EXPECT_EQ(birth(report, 0).started_ms, store.clock.utc_ms());
  EXPECT_THAT(records(report, Stream::event, 0).at(0).bytes, HasSubstr("yesterday"));
  EXPECT_EQ(value_of(records(report, Stream::event, 1).at(0), "kind"),
            static_cast<std::int64_t>(EventKind::clock_before_2000));
  EXPECT_EQ(base::format_utc_ms(birth(report, 1).started_ms), "1999-12-31T22:59:00.000Z") << "kept as it is";
}

TEST_F(ImportTest, ARejectedRowOfASeasonStaysInTheSourceOfTheWorkoutBeforeIt) {
  const std::string header = "Date,\"Work Time (Seconds)\",\"Work Distance\"\n";
  const std::string content =
      header + "broken\n2020-01-01 10:00:00,60,200\nbroken too\n2020-01-02 10:00:00,60,200\n\nlast";
  const ImportReport report = imported(content);
  ASSERT_EQ(report.recordings.size(), 2u);
  EXPECT_EQ(source(report, 0), header + "broken\n2020-01-01 10:00:00,60,200\nbroken too\n");
  EXPECT_EQ(source(report, 1), "2020-01-02 10:00:00,60,200\n\nlast");
  EXPECT_EQ(records(report, Stream::event, 0).size(), 2u);
  EXPECT_EQ(records(report, Stream::event, 1).size(), 1u);
}

TEST_F(ImportTest, TimesOfReceiptThatGoBackAreNull) {
  const ImportReport report = imported(std::string(kNative) +
                                       "1500000000.0004, 0, 1, 4, 20\n1500000001.5006, 0, 2, 8, 20\n1499999999, 0, 3, "
                                       "12, 20\nx, 0, 4, 16, 20\n, 0, 5, 20, 20\n");
  std::vector<std::int64_t> at;
  for (const Record& record : records(report, Stream::sample)) at.push_back(value_of(record, "at_ms"));
  EXPECT_EQ(at, (std::vector<std::int64_t>{0, 1500, kNull, kNull, kNull}));
  EXPECT_EQ(report.rejected_values, 2u);
  EXPECT_EQ(birth(report).started_ms, 1'500'000'000'000);
}

TEST_F(ImportTest, HeroWithoutItsParts) {
  const std::string_view piece =
      "Date,Piece,Distance,Split,Watts,Stroke Rate,Drag Factor,Stroke Length,Potential Split\n";
  EXPECT_THAT(refused(std::string(piece)), HasSubstr("no row can be read"));
  const ImportReport report = imported(std::string(piece) + "soon,15',3521.3,2:07.8,167.7,20,106,142,2:07.5\n");
  EXPECT_EQ(records(report, Stream::summary).size(), 1u) << "a recording without strokes";
  EXPECT_EQ(value_of(records(report, Stream::summary).at(0), "avg_power_w"), 168);
  EXPECT_EQ(report.problems.at(0).column, "Date");
  EXPECT_FALSE(birth(report).started_known);

  const ImportReport local = imported(
      std::string(piece) +
          "2021-04-26 06:37:32,x,1,1:00,1,1,1,1,1:00\nsecond,x,1,1:00,1,1,1,1,1:00\n\nStroke #,Time\n1,0:02.0\n",
      {.time_zone = "+02:00", .athlete = "anna", .zoneinfo_folder = ""});
  EXPECT_EQ(base::format_utc_ms(birth(local).started_ms), "2021-04-26T04:37:32.000Z");
  EXPECT_EQ(birth(local).offset_minutes, 120);
  EXPECT_EQ(local.rejected_lines, 1u);
  EXPECT_EQ(value_of(records(local, Stream::stroke).at(0), "elapsed_cs"), 200);
  EXPECT_EQ(store->recording(local.recordings[0])->athlete, "anna");
}

TEST_F(ImportTest, AMissingKeyColumnAndAnUnknownZoneAreNamed) {
  EXPECT_THAT(refused("Date,Piece,Potential Split\n\nStroke #,Distance\n1,2\n"), HasSubstr("no column \"Time\""));
  EXPECT_THAT(refused(std::string(kStrokes) + "1,0.7,2.4,163.3,80,576,24,\n",
                      {.time_zone = "Mars/Base", .athlete = "", .zoneinfo_folder = "/nowhere"}),
              HasSubstr("Mars/Base"));
}

TEST_F(ImportTest, ErgStickByDistanceAndWithoutSomeColumns) {
  const ImportReport report = imported(
      "Total elapsed time (s),Total average power (W),Workout type,Piece duration (s),Piece distance (m),Stroke "
      "count,Split/interval number\n"
      "1.0,200,3,20.00,2000.00,0,0\n2.0,200,3,20.00,2000.00,1,1\n3.0,200,1,20.00,2000.00,1,1\n");
  const auto samples = records(report, Stream::sample);
  EXPECT_EQ(value_of(samples[0], "workout_duration"), 2000);
  EXPECT_EQ(value_of(samples[0], "workout_duration_type"), 0x80);
  EXPECT_EQ(value_of(samples[2], "workout_duration"), kNull) << "a just-row piece has no set length";
  const auto strokes = records(report, Stream::stroke);
  ASSERT_EQ(strokes.size(), 1u) << "number 0 is no stroke";
  EXPECT_EQ(value_of(strokes[0], "elapsed_cs"), 200) << "of its latest news";
  const auto splits = records(report, Stream::split);
  ASSERT_EQ(splits.size(), 1u);
  EXPECT_EQ(value_of(splits[0], "interval"), 0);
}

TEST_F(ImportTest, TheSameBytesAgainChangeNothing) {
  const std::string content = std::string(kStrokes) + "1,0.7,2.4,163.3,80,576,24,\n";
  const ImportReport first = imported(content);
  store.reopen();
  const ImportReport again = imported(content);
  EXPECT_TRUE(again.already_imported);
  EXPECT_EQ(again.recordings, first.recordings);
  EXPECT_EQ(again.dialect, "logbook_strokes");
  EXPECT_FALSE(imported(content + "\n").already_imported) << "other bytes are another file";
  EXPECT_EQ(store->status()->recordings, 2u);
}

TEST_F(ImportTest, EveryPrefixOfAFileIsTakenOrRefusedWithoutHarm) {
  const std::string content = std::string(kSeason) +
                              "81234567,\"2024-01-02 "
                              "10:00:00\",,\"\"\"10:00.0\"\"\",600,\"\"\"1:00.0\"\"\",60,2500,12,24,240,2:00.0,203,998,"
                              "160,150,120,40,H,RowErg,No,\"a, b\",\"x\"\n";
  for (std::size_t length = 1; length <= content.size(); length += 3) {
    const auto result = import(std::string_view(content).substr(0, length));
    EXPECT_TRUE(result || result.error().code == base::ErrorCode::invalid_input) << length;
  }
  const auto recordings = store->recordings();
  ASSERT_TRUE(ok(recordings));
  EXPECT_GT(recordings->size(), 1u);
  for (const store::RecordingInfo& info : *recordings) EXPECT_TRUE(store->verify(info.birth.rec_id)->ok());
}

TEST(ReadFile, NamesWhatCannotBeRead) {
  const store::TemporaryFolder folder;
  std::ofstream(folder.path() + "/x", std::ios::binary) << std::string("a\0b", 3);
  EXPECT_EQ(*read_file(folder.path() + "/x"), std::string("a\0b", 3));
  const auto missing = read_file(folder.path() + "/none");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text, HasSubstr("/none"));
  EXPECT_FALSE(read_file(folder.path()));
}

}  // namespace
}  // namespace boathouse::import
