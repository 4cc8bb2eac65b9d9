#include "tests/structure/include_arrows.hpp"

#include <array>
#include <regex>
#include <sstream>

namespace boathouse::structure {
namespace {

constexpr std::array<std::string_view, 4> kGroups = {"core", "device", "server", "apps"};  // hold one folder a library
constexpr std::array<std::string_view, 2> kSingles = {"engine", "graphql"};                // are a library themselves

std::vector<std::string> words(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> result;
  for (std::string word; in >> word;) result.push_back(word);
  return result;
}

bool matches(std::string_view header, std::string_view pattern) {
  return pattern.ends_with('/') ? header.starts_with(pattern) : header == pattern;
}

std::string folder_of(std::string_view path) { return std::string(path.substr(0, path.rfind('/'))); }

void parse_edges(Table& table, const std::string& line, std::size_t colon) {
  const auto left = words(std::string_view(line).substr(0, colon));
  const bool for_tests = left.size() == 2 && left[1] == "test";
  if (left.empty() || (left.size() > 1 && !for_tests)) {
    table.problems.push_back("not understood: " + line);
    return;
  }
  const std::string& name = left[0];
  auto& known = table.edges;
  std::set<std::string> targets;
  for (const auto& target : words(std::string_view(line).substr(colon + 1))) {
    if (!for_tests && !known.contains(target)) table.problems.push_back(name + " names " + target + ", not above it");
    targets.insert(target);
  }
  if (!for_tests && known.contains(name)) table.problems.push_back(name + " has two lines");
  (for_tests ? table.test_edges : known)[name] = targets;
}

class Checker {
 public:
  explicit Checker(const Table& table) : table_(table) {}

  void read(const File& file) {
    file_ = &file;
    name_ = folder_name(file.path);
    if (name_.empty()) return;
    if (!table_.edges.contains(name_)) {
      report(0, "folder \"" + name_ + "\" has no line in allowed_edges.txt");
      return;
    }
    if (file.path.ends_with("CMakeLists.txt")) {
      read_cmake();
    } else {
      read_includes();
    }
  }

  std::vector<std::string> finish() {
    for (const auto& [place, paths] : heavy_uses_) {
      if (paths.size() < 2) continue;
      std::string list;
      for (const auto& path : paths) list += " " + path;
      problems_.push_back("heavy header " + place.first + " belongs into one .cpp of " + place.second +
                          ", not into:" + list);
    }
    return std::move(problems_);
  }

 private:
  void report(std::size_t line, const std::string& what) {
    problems_.push_back(file_->path + (line > 0 ? ":" + std::to_string(line) : "") + ": " + what);
  }

  bool is_test() const {
    const auto name = file_->path.substr(file_->path.rfind('/') + 1);
    return name.ends_with("_test.cpp") || name.starts_with("test_");
  }

  bool may_use(const std::string& target, bool in_test) const {
    // A folder's part that is a library of its own is called FOLDER_PART: engine/http is engine_http.
    if (target == name_ || target.starts_with(name_ + "_") || table_.edges.at(name_).contains(target)) return true;
    const auto extra = table_.test_edges.find(name_);
    return in_test && extra != table_.test_edges.end() && extra->second.contains(target);
  }

  void read_includes() {
    static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    std::istringstream in(file_->text);
    std::size_t number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      std::smatch match;
      if (!std::regex_search(line, match, kInclude)) continue;
      if (match[1] == "\"") {
        read_own(number, match[2]);
      } else {
        read_foreign(number, match[2]);
      }
    }
  }

  void read_own(std::size_t line, const std::string& header) {
    // C headers leave the project together: they name their neighbours alone.
    if (file_->path.ends_with(".h") && header.find('/') == std::string::npos) return;
    const std::string target = folder_name(header);
    if (target.empty() && !(is_test() && header.starts_with("tests/"))) {
      report(line, "\"" + header + "\" is no path from the project's root");
    } else if (!target.empty() && !may_use(target, is_test())) {
      report(line, name_ + " may not include " + target + " (" + header + ")");
    }
  }

  void read_foreign(std::size_t line, const std::string& header) {
    if (header.find_first_of("./") == std::string::npos) return;  // the C++ library
    for (const auto& system : table_.system) {
      if (matches(header, system)) return;
    }
    for (const auto& [pattern, places] : table_.heavy) {
      if (!matches(header, pattern)) continue;
      if (is_test()) return;
      if (file_->path.ends_with(".cpp")) {
        note_heavy(line, pattern, places);
      } else {
        report(line, "<" + header + "> is heavy: only a .cpp may include it");
      }
      return;
    }
    if (!is_test()) report(line, "<" + header + "> is on neither the system nor the heavy list of allowed_edges.txt");
  }

  void note_heavy(std::size_t line, const std::string& pattern, const std::set<std::string>& places) {
    if (places.contains(file_->path)) return;
    const std::string folder = folder_of(file_->path);
    if (places.contains(folder)) {
      heavy_uses_[{pattern, folder}].insert(file_->path);
    } else {
      report(line, "<" + pattern + "> is heavy and may not be included in " + folder);
    }
  }

  void read_cmake() {
    static const std::regex kCall(R"(boathouse_(library|program)\s*\(([^)]*)\))");
    for (std::sregex_iterator call(file_->text.begin(), file_->text.end(), kCall), end; call != end; ++call) {
      std::string keyword;
      for (const auto& word : words((*call)[2].str())) {
        if (word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == std::string::npos) {
          keyword = word;
        } else if ((keyword == "DEPENDS" || keyword == "TEST_DEPENDS") && !may_use(word, keyword == "TEST_DEPENDS")) {
          report(0, name_ + " may not depend on " + word);
        }
      }
    }
  }

  const Table& table_;
  const File* file_ = nullptr;
  std::string name_;
  std::map<std::pair<std::string, std::string>, std::set<std::string>> heavy_uses_;  // (header, folder) -> files
  std::vector<std::string> problems_;
};

}  // namespace

Table parse_table(std::string_view text) {
  Table table;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) {
    const auto parts = words(line);
    if (parts.empty() || parts[0].starts_with('#')) continue;
    if (parts[0] == "system") {
      table.system.insert(table.system.end(), parts.begin() + 1, parts.end());
    } else if (parts[0] == "heavy" && parts.size() > 2) {
      table.heavy[parts[1]] = {parts.begin() + 2, parts.end()};
    } else if (const auto colon = line.find(':'); colon != std::string::npos) {
      parse_edges(table, line, colon);
    } else {
      table.problems.push_back("not understood: " + line);
    }
  }
  for (const auto& [name, targets] : table.test_edges) {
    for (const auto& target : targets) {
      if (!table.edges.contains(target)) table.problems.push_back(name + " test names unknown " + target);
    }
  }
  return table;
}

std::string folder_name(std::string_view path) {
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view first = path.substr(0, slash);
  for (const auto single : kSingles) {
    if (first == single) return std::string(single);
  }
  for (const auto group : kGroups) {
    if (first != group) continue;
    const auto rest = path.substr(slash + 1);
    const auto next = rest.find('/');
    return next == std::string_view::npos ? std::string{} : std::string(rest.substr(0, next));
  }
  return {};
}

std::vector<std::string> check(const Table& table, const std::vector<File>& files) {
  Checker checker(table);
  for (const auto& file : files) checker.read(file);
  return checker.finish();
}

}  // namespace boathouse::structure
