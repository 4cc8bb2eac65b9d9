#include "server/ledger/witness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace boathouse::ledger {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class WitnessTest : public testing::Test {
 protected:
  void write(const std::string& content) { std::ofstream(path_, std::ios::binary) << content; }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // What the file comes to have.
  void wait_for(const Seen& seen) {
    while (true) {
      const auto found = read_witness(path_);
      ASSERT_TRUE(found) << found.error().text << ": it is whole at any moment";
      if (*found == seen) {
        return;
      }
    }
  }

  test_support::TemporaryFolder folder_;
  const std::string path_ = folder_.file("ledger.witness");
};

TEST_F(WitnessTest, IsReadAsItWasWritten) {
  EXPECT_EQ(read_witness(path_)->has_value(), false);
  ASSERT_TRUE(write_witness(path_, {"00ff", 17}));
  EXPECT_EQ(**read_witness(path_), (Seen{"00ff", 17}));
  EXPECT_EQ(content(), "boathouse-witness 1 00ff 17 5fb2d43a24253ec29f42a3f72e934eafab7eb2be4f54e1a4ed335a29a679b8d6\n")
      << "frozen";
  ASSERT_TRUE(write_witness(path_, {"another", 9'000'000'000'000'000'000}));
  EXPECT_EQ(**read_witness(path_), (Seen{"another", 9'000'000'000'000'000'000}));
}

TEST_F(WitnessTest, AnyDamageIsSeen) {
  ASSERT_TRUE(write_witness(path_, {"00ff", 17}));
  const std::string good = content();
  std::vector<std::string> damaged{"", "\n", "boathouse-witness", good + "x", good + good, std::string(5000, 'x')};
  for (std::size_t i = 0; i < good.size(); ++i) {
    damaged.push_back(good.substr(0, i));
    damaged.push_back(good);
    damaged.back()[i] = static_cast<char>(damaged.back()[i] ^ 1);
  }
  for (const std::string& one : damaged) {
    write(one);
    const auto read = read_witness(path_);
    ASSERT_FALSE(read) << one;
    EXPECT_EQ(read.error().code, base::ErrorCode::corrupt);
    EXPECT_THAT(read.error().text, HasSubstr(path_));
  }
}

TEST_F(WitnessTest, IsKeptAtOnceNowAndThenAndAtTheEnd) {
  std::atomic<std::int64_t> seq = 5;
  const auto seen = [&seq] { return Seen{"e", seq}; };
  const auto log = [](std::string_view line) { ADD_FAILURE() << line; };
  {
    const WitnessKeeper keeper(path_, seen, log, std::chrono::milliseconds(1));
    wait_for({"e", 5});
    seq = 6;
    wait_for({"e", 6});
  }
  {
    const WitnessKeeper keeper(path_, seen, log, std::chrono::hours(1));
    wait_for({"e", 6});
    seq = 7;
  }
  EXPECT_EQ(**read_witness(path_), (Seen{"e", 7}));
}

TEST_F(WitnessTest, SaysOnceThatItCannotBeWritten) {
  const std::string away = folder_.file("away");
  std::atomic<std::int64_t> asked = 0;
  std::vector<std::string> lines;
  {
    const WitnessKeeper keeper(
        away + "/ledger.witness",
        [&asked] {
          return Seen{"e", ++asked};
        },
        [&lines](std::string_view line) { lines.emplace_back(line); }, std::chrono::milliseconds(1));
    while (asked < 3) {
    }
    std::filesystem::create_directory(away);
  }
  EXPECT_THAT(lines, ElementsAre(HasSubstr("cannot be written"), HasSubstr("is written again")));
}

}  // namespace
}  // namespace boathouse::ledger
