// Damage of the files themselves: bits that flip in device.db and in its WAL, files that end early. What then reads
// without an error must be what was written, and verify() must see what has no hash to be seen by otherwise.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.hpp"
#include "core/wire/facts.hpp"
#include "tests/simulation/test_app.hpp"
#include "tests/simulation/test_damage.hpp"

namespace boathouse::simulation {
namespace {

// What a store says of itself: by name, so that a difference has a name too.
using Picture = std::map<std::string, std::string>;

struct Examined {
  bool detected = false;           // an error, or a problem of verify()
  std::vector<std::string> wrong;  // errors of a wrong kind
  Picture facts;
  Truths truths;
};

class Examiner {
 public:
  Examined examine(const Medium::Contents& contents) {
    World world(1);
    world.disk.load(contents);
    App app(world, 1);
    if (take(app.open())) look(app.store());
    app.close();
    return std::move(seen_);
  }

 private:
  // Damage is damage of the file (corrupt), of the disk (io), or makes it another program's file (unsupported).
  bool take(const base::Status& status) {
    if (status) return true;
    seen_.detected = true;
    const base::ErrorCode code = status.error().code;
    if (code != base::ErrorCode::corrupt && code != base::ErrorCode::io && code != base::ErrorCode::unsupported) {
      seen_.wrong.push_back(std::string(base::name(code)));
    }
    return false;
  }
  template <typename T>
  bool take(const base::Result<T>& result) {
    return take(result ? base::Status() : base::Status(result.error()));
  }

  void look(store::Store& store) {
    const auto status = store.status();
    if (take(status)) {
      seen_.facts["items"] = std::to_string(status->items);
      seen_.facts["pending items"] = std::to_string(status->pending_items);
      seen_.facts["refused items"] = std::to_string(status->refused_items);
      seen_.facts["records"] = std::to_string(status->records);
      seen_.facts["epoch"] = status->server_epoch;
    }
    take(store.pending(everything()));
    const auto infos = store.recordings();
    if (!take(infos)) return;
    seen_.facts["recordings"] = std::to_string(infos->size());
    for (const store::RecordingInfo& info : *infos) look_at(store, info);
  }

  void look_at(store::Store& store, const store::RecordingInfo& info) {
    const base::Uuid& rec_id = info.birth.rec_id;
    Truth& truth = seen_.truths[rec_id];
    truth.birth = wire::encode_birth(info.birth);
    seen_.facts["athlete of " + rec_id.text()] = info.athlete;
    seen_.facts["end of " + rec_id.text()] =
        std::to_string(info.ended) + " " + std::to_string(static_cast<int>(info.reason));
    for (const rowing::Stream stream : rowing::kStreams) {
      auto records = store.records(rec_id, stream, 0, 1'000'000);
      if (take(records) && !records->empty()) truth.records[stream] = std::move(*records);
    }
    const auto report = store.verify(rec_id);
    if (take(report) && !report->ok()) seen_.detected = true;
  }

  Examined seen_;
};

Examined examine(const Medium::Contents& contents) { return Examiner().examine(contents); }

// The differences, by name.
std::vector<std::string> differences(const Examined& is, const Examined& was) {
  std::vector<std::string> list;
  for (const auto& [name, value] : was.facts) {
    const auto found = is.facts.find(name);
    if (found == is.facts.end() || found->second != value) list.push_back(name);
  }
  for (const auto& [rec_id, truth] : was.truths) {
    const auto found = is.truths.find(rec_id);
    if (found == is.truths.end()) {
      list.push_back("recording");
    } else {
      if (found->second.birth != truth.birth) list.push_back("birth");
      if (found->second.records != truth.records) list.push_back("records");
    }
  }
  return list;
}

// A beginning of what was written, in every stream.
bool is_earlier(const Examined& is, const Examined& was) {
  for (const auto& [rec_id, truth] : is.truths) {
    const auto whole = was.truths.find(rec_id);
    if (whole == was.truths.end() || whole->second.birth != truth.birth) return false;
    for (const auto& [stream, records] : truth.records) {
      const auto all = whole->second.records.find(stream);
      if (all == whole->second.records.end() || all->second.size() < records.size()) return false;
      if (!std::equal(records.begin(), records.end(), all->second.begin())) return false;
    }
  }
  return true;
}

// What flips have come to: each list by what was wrong, with the bits that did it.
struct Tally {
  std::uint64_t cases = 0;
  std::uint64_t detected = 0;
  std::uint64_t later = 0;                    // states that are not an earlier one
  std::map<std::string, std::string> silent;  // differences without an error
  std::map<std::string, std::string> wrong;   // errors of a wrong kind

  void expect_none_silent_but(const std::set<std::string>& known) const {
    for (const auto& [name, where] : silent) {
      EXPECT_TRUE(known.contains(name)) << name << " is silently wrong after bits" << where;
    }
  }
  void expect_no_wrong_error_but(const std::set<std::string>& known) const {
    for (const auto& [name, where] : wrong) EXPECT_TRUE(known.contains(name)) << name << " after bits" << where;
  }
};

// One bit of every `each` bytes of `file`.
Tally flip(const Medium::Contents& contents, const std::string& file, std::uint64_t each) {
  const Examined was = examine(contents);
  EXPECT_FALSE(was.detected);
  base::SeededRandom random(1);
  Tally tally;
  const std::uint64_t size = contents.at(file).size();
  for (std::uint64_t at = 0; at < size; at += each) {
    Medium::Contents damaged = contents;
    const std::uint64_t offset = at + random.below(std::min(each, size - at));
    const std::uint64_t bit_number = random.below(8);
    std::uint8_t& byte = damaged.at(file)[static_cast<std::size_t>(offset)];
    byte = static_cast<std::uint8_t>(byte ^ (1u << bit_number));
    const std::string where = " " + std::to_string(offset) + "." + std::to_string(bit_number);
    const Examined is = examine(damaged);
    ++tally.cases;
    for (const std::string& wrong : is.wrong) tally.wrong[wrong] += where;
    if (is.detected) {
      ++tally.detected;
      continue;
    }
    if (!is_earlier(is, was)) ++tally.later;
    for (const std::string& name : differences(is, was)) tally.silent[name.substr(0, name.find(" of "))] += where;
  }
  std::cout << "  " << tally.cases << " bits, " << tally.detected << " detected\n";
  return tally;
}

// SQLite's pages have no sums of their own, so what no hash of ours covers may be silently wrong: who a recording
// belongs to, that and why it ended, that an item was refused (verify asks the server, who counts). Never its sealed
// records or its birth.
const std::set<std::string> kWithoutHash{"athlete", "end", "refused items"};
// A flipped id is another recording's, flipped SQL of the schema is wrong SQL.
const std::set<std::string> kFlippedIds{"not_found", "internal"};

TEST(Corruption, AFlippedBitOfTheDatabaseIsSeenOrHarmsNoRecord) {
  const Tally tally = flip(act_named("more").disk_after, kDatabase, stride(512));
  EXPECT_GT(tally.detected, 0u);
  tally.expect_none_silent_but(kWithoutHash);
  tally.expect_no_wrong_error_but(kFlippedIds);
}

// A birth that is damaged is not the fault of the caller.
TEST(Corruption, ADamagedBirthIsCorrupt) {
  const Tally tally = flip(act_named("more").disk_after, kDatabase, stride(160));
  tally.expect_no_wrong_error_but(kFlippedIds);
}

TEST(Corruption, AFlippedBitOfAnOpenRowIsSeen) {
  const Tally tally = flip(killed_in_the_midst(true), kDatabase, stride(64));
  tally.expect_none_silent_but(kWithoutHash);
}

// A frame with a wrong sum ends the WAL for SQLite, as one that a power cut has torn does.
TEST(Corruption, AFlippedBitOfTheWalGivesAnEarlierStateAndNeverAWrongOne) {
  const Tally tally = flip(killed_in_the_midst(false), kWal, stride(1030));
  EXPECT_EQ(tally.later, 0u);
  tally.expect_no_wrong_error_but({});
}

TEST(Corruption, ACutWalIsAnEarlierStateAndNeverAWrongOne) {
  const Medium::Contents contents = killed_in_the_midst(false);
  const Examined was = examine(contents);
  const std::uint64_t size = contents.at(kWal).size();
  for (std::uint64_t left = 0; left < size; left += 3000) {
    Medium::Contents damaged = contents;
    damaged.at(kWal).resize(static_cast<std::size_t>(left));
    const Examined is = examine(damaged);
    EXPECT_TRUE(is.detected || is_earlier(is, was)) << left;
    EXPECT_THAT(is.wrong, testing::IsEmpty()) << left;
  }
}

TEST(Corruption, ACutDatabaseIsRefused) {
  const Medium::Contents contents = act_named("more").disk_after;
  const Examined was = examine(contents);
  const std::uint64_t size = contents.at(kDatabase).size();
  for (std::uint64_t left = 1; left < size; left += 2500) {
    Medium::Contents damaged = contents;
    damaged.at(kDatabase).resize(static_cast<std::size_t>(left));
    const Examined is = examine(damaged);
    EXPECT_TRUE(is.detected || differences(is, was).empty()) << left;
    EXPECT_THAT(is.wrong, testing::IsEmpty()) << left;
  }
}

}  // namespace
}  // namespace boathouse::simulation
