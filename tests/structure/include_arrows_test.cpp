#include "tests/structure/include_arrows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/paths.hpp"

namespace boathouse::structure {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::filesystem::path kRoot = test_support::source_dir();

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<File> source_tree() {
  std::vector<File> files;
  for (const auto* top : {"apps", "core", "device", "engine", "graphql", "server"}) {
    if (!std::filesystem::exists(kRoot / top)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot / top)) {
      const auto& path = entry.path();
      const auto extension = path.extension();
      if (extension == ".hpp" || extension == ".h" || extension == ".cpp" || path.filename() == "CMakeLists.txt") {
        files.push_back({path.lexically_relative(kRoot).generic_string(), read(path)});
      }
    }
  }
  return files;
}

Table small_table() {
  return parse_table(
      "base:\n"
      "pm5: base\n"
      "http: base\n"
      "http test: pm5\n"
      "system sys/ unistd.h\n"
      "heavy boost/ server/http\n"
      "heavy sqlite3.h core/base/one.cpp core/base/two.cpp\n");
}

std::vector<std::string> judge(const std::string& path, const std::string& text) {
  return check(small_table(), {{path, text}});
}

TEST(IncludeArrows, TheTreeKeepsItsTable) {
  const Table table = parse_table(read(kRoot / "tests/structure/allowed_edges.txt"));
  ASSERT_FALSE(table.edges.empty());
  EXPECT_THAT(table.problems, IsEmpty());
  const auto files = source_tree();
  ASSERT_GT(files.size(), 5U);
  for (const auto& problem : check(table, files)) ADD_FAILURE() << problem;
}

TEST(IncludeArrows, AListedEdgePasses) {
  EXPECT_THAT(judge("core/pm5/a.cpp", "#include \"core/base/x.hpp\"\n#include \"core/pm5/a.hpp\"\n#include <vector>\n"),
              IsEmpty());
}

TEST(IncludeArrows, AnUnlistedEdgeIsNamedWithItsLine) {
  EXPECT_THAT(judge("core/base/a.hpp", "#pragma once\n  #  include \"server/http/x.hpp\"\n"),
              ElementsAre("core/base/a.hpp:2: base may not include http (server/http/x.hpp)"));
}

TEST(IncludeArrows, OnlyTestsHaveTheTestsEdges) {
  EXPECT_THAT(judge("server/http/a_test.cpp", "#include \"core/pm5/x.hpp\"\n"), IsEmpty());
  EXPECT_THAT(judge("server/http/a.cpp", "#include \"core/pm5/x.hpp\"\n"), Contains(HasSubstr("may not include pm5")));
}

TEST(IncludeArrows, AFolderWithoutALineIsAFault) {
  EXPECT_THAT(judge("server/news/a.cpp", "#include <vector>\n"), ElementsAre(HasSubstr("\"news\" has no line")));
}

TEST(IncludeArrows, APathThatIsNotFromTheRootIsAFault) {
  EXPECT_THAT(judge("core/pm5/a.cpp", "#include \"a.hpp\"\n"),
              ElementsAre(HasSubstr("no path from the project's root")));
  EXPECT_THAT(judge("core/pm5/a.hpp", "#include \"b.h\"\n"), ElementsAre(HasSubstr("no path")));
  EXPECT_THAT(judge("core/pm5/a.h", "#include \"b.h\"\n"), IsEmpty());
}

TEST(IncludeArrows, AHeavyHeaderStaysOutOfHeaders) {
  EXPECT_THAT(judge("server/http/a.hpp", "#include <boost/asio.hpp>\n"), ElementsAre(HasSubstr("only a .cpp")));
}

TEST(IncludeArrows, AHeavyHeaderStaysInItsFolder) {
  EXPECT_THAT(judge("core/pm5/a.cpp", "#include <boost/asio.hpp>\n"),
              ElementsAre(HasSubstr("may not be included in core/pm5")));
  EXPECT_THAT(judge("core/pm5/a_test.cpp", "#include <boost/asio.hpp>\n"), IsEmpty());
}

TEST(IncludeArrows, AHeavyHeaderIsInOneFileOfItsFolder) {
  const std::string text = "#include <boost/asio.hpp>\n#include <boost/beast.hpp>\n";
  EXPECT_THAT(check(small_table(), {{"server/http/a.cpp", text}}), IsEmpty());
  EXPECT_THAT(check(small_table(), {{"server/http/a.cpp", text}, {"server/http/b.cpp", text}}),
              ElementsAre(HasSubstr("server/http/a.cpp server/http/b.cpp")));
}

TEST(IncludeArrows, FilesListedByNameMayBeMany) {
  const std::string text = "#include <sqlite3.h>\n";
  EXPECT_THAT(check(small_table(), {{"core/base/one.cpp", text}, {"core/base/two.cpp", text}}), IsEmpty());
  EXPECT_THAT(judge("core/base/three.cpp", text), ElementsAre(HasSubstr("may not be included in core/base")));
}

TEST(IncludeArrows, AForeignHeaderMustBeListed) {
  EXPECT_THAT(judge("core/pm5/a.cpp", "#include <sys/stat.h>\n#include <unistd.h>\n"), IsEmpty());
  EXPECT_THAT(judge("core/pm5/a.cpp", "#include <fmt/core.h>\n"), ElementsAre(HasSubstr("neither the system nor")));
}

TEST(IncludeArrows, CMakeDependenciesKeepTheTableToo) {
  EXPECT_THAT(judge("server/http/CMakeLists.txt", "boathouse_library(http DEPENDS base EXTERNAL x TEST_DEPENDS pm5)"),
              IsEmpty());
  EXPECT_THAT(judge("core/base/CMakeLists.txt", "boathouse_library(base\n  DEPENDS http)\n"),
              ElementsAre("core/base/CMakeLists.txt: base may not depend on http"));
}

TEST(IncludeArrows, TheTableItselfIsChecked) {
  EXPECT_THAT(parse_table("pm5: base\nbase:\n").problems, ElementsAre("pm5 names base, not above it"));
  EXPECT_THAT(parse_table("base:\nbase:\n").problems, ElementsAre("base has two lines"));
  EXPECT_THAT(parse_table("base test: nobody\nbase:\n").problems, ElementsAre("base test names unknown nobody"));
  EXPECT_THAT(parse_table("heavy boost/\n").problems, ElementsAre("not understood: heavy boost/"));
}

}  // namespace
}  // namespace boathouse::structure
