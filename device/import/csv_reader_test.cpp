#include "device/import/csv_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace boathouse::import {
namespace {

using Cells = std::vector<std::string>;

// All rows; an error's text stands as a row of its own.
std::vector<Cells> read(std::string_view text) {
  CsvReader reader(text);
  CsvRow row;
  std::vector<Cells> rows;
  for (;;) {
    const auto next = reader.next(row);
    if (!next) {
      rows.push_back({"error in row of line " + std::to_string(reader.error_line()), next.error().text});
    } else if (!*next) {
      return rows;
    } else {
      rows.push_back(row.cells);
    }
  }
}

TEST(CsvReader, PlainRows) {
  EXPECT_EQ(read(""), std::vector<Cells>{});
  EXPECT_EQ(read("a,b\nc,d\n"), (std::vector<Cells>{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(read("a,b\r\nc,d"), (std::vector<Cells>{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(read(" a , b"), (std::vector<Cells>{{" a ", " b"}}));
  EXPECT_EQ(read(",\n,"), (std::vector<Cells>{{"", ""}, {"", ""}}));
  EXPECT_EQ(read("a\n\nb"), (std::vector<Cells>{{"a"}, {""}, {"b"}}));
  EXPECT_EQ(read("\xef\xbb\xbf"
                 "a,b"),
            (std::vector<Cells>{{"a", "b"}}));
}

TEST(CsvReader, Quotes) {
  EXPECT_EQ(read("\"a,b\",c"), (std::vector<Cells>{{"a,b", "c"}}));
  EXPECT_EQ(read("\"\"\"5:00.0\"\"\",\"\"\n"), (std::vector<Cells>{{"\"5:00.0\"", ""}}));
  EXPECT_EQ(read("\"two\r\nlines\",x\nnext"), (std::vector<Cells>{{"two\r\nlines", "x"}, {"next"}}));
  EXPECT_EQ(read("\"\xef\xbb\xbf\""), (std::vector<Cells>{{"\xef\xbb\xbf"}}));
}

TEST(CsvReader, RowsKnowTheirPlace) {
  const std::string_view text =
      "\xef\xbb\xbf"
      "a\n\"b\nb\"\r\nc";
  CsvReader reader(text);
  CsvRow row;
  ASSERT_TRUE(*reader.next(row));
  EXPECT_EQ(row.line, 1u);
  EXPECT_EQ(row.begin, 3u);
  ASSERT_TRUE(*reader.next(row));
  EXPECT_EQ(row.line, 2u);
  EXPECT_EQ(text.substr(row.begin, row.end - row.begin), "\"b\nb\"\r\n");
  ASSERT_TRUE(*reader.next(row));
  EXPECT_EQ(row.line, 4u);
  EXPECT_EQ(row.end, text.size());
}

TEST(CsvReader, ErrorsNameTheirPlaceAndTheRestGoesOn) {
  EXPECT_EQ(
      read("a,b\"c\nd"),
      (std::vector<Cells>{{"error in row of line 1", "line 1, column 4: a quote inside an unquoted cell"}, {"d"}}));
  EXPECT_EQ(
      read("a\n\"b\"c,d\ne"),
      (std::vector<Cells>{{"a"}, {"error in row of line 2", "line 2, column 4: text behind a closing quote"}, {"e"}}));
  EXPECT_EQ(read("a\rb\nc"),
            (std::vector<Cells>{{"error in row of line 1", "line 1, column 2: a carriage return without a line feed"},
                                {"c"}}));
  EXPECT_EQ(read("x\n\"a\nb\"c\nd"),
            (std::vector<Cells>{{"x"},
                                {"error in row of line 2", "line 3, column 3: text behind a closing quote"},
                                {"error in row of line 3", "line 3, column 2: a quote inside an unquoted cell"},
                                {"d"}}));
}

TEST(CsvReader, AQuoteThatIsNeverClosedEndsTheFile) {
  EXPECT_EQ(read("a\nb,\"c\nd\ne"),
            (std::vector<Cells>{
                {"a"}, {"error in row of line 2", "line 2, column 3: the quote that opens here is not closed"}}));
  const std::string long_cell = "a\n\"" + std::string(kMaxRowBytes, 'x') + "\nb\"\nc";
  EXPECT_EQ(read(long_cell).size(), 2u);
}

TEST(CsvReader, Limits) {
  EXPECT_EQ(read(std::string(kMaxColumns - 1, ','))[0].size(), kMaxColumns);
  EXPECT_EQ(read(std::string(kMaxColumns, ',') + "\nb"),
            (std::vector<Cells>{{"error in row of line 1", "line 1, column 1001: more than 1000 columns"}, {"b"}}));
  const auto rows = read(std::string(kMaxRowBytes + 1, 'x') + "\nb");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0][1], testing::HasSubstr("longer than 1 MiB"));
  EXPECT_EQ(read(std::string(kMaxRowBytes, 'x') + "\nb").size(), 2u);
  EXPECT_EQ(read(std::string(kMaxRowBytes, 'x') + "\nb")[0][0].size(), kMaxRowBytes);
}

TEST(CsvReader, EveryPrefixOfAFileEnds) {
  const std::string text = "a,\"b\"\"c\",d\r\n\"x\ny\",\"\",\n,,\"\"\"\"\n";
  for (std::size_t length = 0; length <= text.size(); ++length)
    EXPECT_LE(read(text.substr(0, length)).size(), 6u) << length;
}

TEST(CsvReader, BlankRows) {
  CsvRow row;
  row.cells = {"", " ", "\t"};
  EXPECT_TRUE(row.is_blank());
  row.cells.emplace_back("0");
  EXPECT_FALSE(row.is_blank());
}

}  // namespace
}  // namespace boathouse::import
