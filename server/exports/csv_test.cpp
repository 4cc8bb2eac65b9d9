#include "server/exports/csv.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/rowing/catalogue.hpp"
#include "core/rowing/edge.hpp"
#include "server/exports/session_csv.hpp"

namespace boathouse::exports {
namespace {

std::string cell(std::string_view text) {
  std::string out;
  CsvWriter(out).text(text);
  return out;
}

TEST(Csv, PlainCellsAreNotQuoted) { EXPECT_EQ(cell("3 x 250 m"), "3 x 250 m"); }

TEST(Csv, QuotesCommasAndLineEndsAreQuoted) {
  EXPECT_EQ(cell("a,b"), "\"a,b\"");
  EXPECT_EQ(cell("say \"go\""), "\"say \"\"go\"\"\"");
  EXPECT_EQ(cell("a\nb"), "\"a\nb\"");
}

TEST(Csv, NoCellIsAFormula) {
  for (const std::string_view text : {"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"}) {
    EXPECT_EQ(cell(text), "\"'" + std::string(text) + "\"");
  }
}

TEST(Csv, RowsEndWithCrLf) {
  std::string out;
  CsvWriter csv(out);
  csv.number("1");
  csv.empty();
  csv.text("x");
  csv.end_row();
  csv.number("2");
  csv.end_row();
  EXPECT_EQ(out, "1,,x\r\n2\r\n");
}

TEST(SessionCsv, TheHeaderHasEveryFieldOfEveryStreamOnce) {
  const auto header = csv_header(std::nullopt);
  for (const rowing::Stream stream : rowing::kStreams) {
    if (stream == rowing::Stream::source) continue;
    for (const rowing::EdgeField& field : rowing::edge_fields(stream)) {
      EXPECT_EQ(std::ranges::count(header, field.name), 1) << field.name;
    }
  }
  for (const std::string name : {"stream", "seq", "force_curve_lbf", "tail_hex", "detail"}) {
    EXPECT_EQ(std::ranges::count(header, name), 1) << name;
  }
}

TEST(SessionCsv, OneStreamHasItsOwnFieldsAlone) {
  const auto header = csv_header(rowing::Stream::split);
  EXPECT_EQ(header.size(), 2 + rowing::edge_fields(rowing::Stream::split).size() + 1);
  EXPECT_EQ(std::ranges::count(header, "force_curve_lbf"), 0);
}

}  // namespace
}  // namespace boathouse::exports
