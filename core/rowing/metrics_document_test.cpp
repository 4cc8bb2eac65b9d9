#include "core/rowing/metrics_document.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/support/paths.hpp"

namespace boathouse::rowing {
namespace {

TEST(MetricsDocument, TheFileInDocsIsCurrent) {
  std::ifstream file(test_support::source_dir() / "docs" / "metrics.md");
  std::stringstream content;
  content << file.rdbuf();
  EXPECT_EQ(content.str(), metrics_document()) << "run: boathouse metrics > docs/metrics.md";
}

}  // namespace
}  // namespace boathouse::rowing
