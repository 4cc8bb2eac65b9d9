// The include arrows: which folder may include which, and where a third party's header may appear.
// Pure functions over texts; the test feeds them the real tree and planted faults.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace boathouse::structure {

// allowed_edges.txt, read. Its own header says what its lines mean.
struct Table {
  std::map<std::string, std::set<std::string>> edges;       // folder name -> names it may include
  std::map<std::string, std::set<std::string>> test_edges;  // besides, for its *_test.cpp
  std::vector<std::string> system;                          // headers, or prefixes that end in '/'
  std::map<std::string, std::set<std::string>> heavy;       // header or prefix -> folders and files
  std::vector<std::string> problems;                        // lines of the table that are wrong themselves
};

Table parse_table(std::string_view text);

struct File {
  std::string path;  // from the project's root, e.g. core/pm5/frame.hpp
  std::string text;
};

// The name of the folder that a path belongs to: core/pm5/frame.hpp -> pm5, engine/main.cpp -> engine; empty when the
// path lies in none of the project's source folders.
std::string folder_name(std::string_view path);

// One line for each broken rule, naming file, line and what would mend it. Empty when all is well.
// Judges .hpp, .h and .cpp by their includes and CMakeLists.txt by the DEPENDS of its library or program.
std::vector<std::string> check(const Table& table, const std::vector<File>& files);

}  // namespace boathouse::structure
