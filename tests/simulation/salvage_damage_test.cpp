// Salvage of stores with seeded damage: what it takes over is what was written, and what is missing is named.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.hpp"
#include "core/wire/facts.hpp"
#include "device/store/salvage.hpp"
#include "tests/simulation/test_app.hpp"
#include "tests/simulation/test_damage.hpp"
#include "tests/support/sanitizers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::simulation {
namespace {

// What a salvage must account for: every record of a store, and what else would be missed.
struct Whole {
  Medium::Contents contents;
  Truths truths;
  std::map<base::Uuid, bool> ended;
};

Whole whole_of(const Medium::Contents& contents) {
  Whole whole;
  whole.contents = contents;
  World world(1);
  world.disk.load(contents);
  App app(world, 1);
  EXPECT_TRUE(app.open().ok());
  Problems problems;
  whole.truths = read_all(app.store(), problems);
  EXPECT_THAT(problems, testing::IsEmpty());
  const auto infos = app.store().recordings();
  for (const store::RecordingInfo& info : *infos) whole.ended[info.birth.rec_id] = info.ended;
  return whole;
}

// What a report says that may be missing.
class Named {
 public:
  explicit Named(const store::SalvageReport& report) : report_(report) {}

  // Of the file or of a recording that nobody can name: anything may be.
  [[nodiscard]] bool anything() const {
    return std::ranges::any_of(report_.damages, [](const store::Damage& damage) { return !damage.rec_id; });
  }
  [[nodiscard]] bool of(const base::Uuid& rec_id) const {
    return std::ranges::any_of(report_.damages, [&](const store::Damage& damage) { return damage.rec_id == rec_id; });
  }
  [[nodiscard]] bool record(const base::Uuid& rec_id, rowing::Stream stream, std::uint64_t seq) const {
    return std::ranges::any_of(report_.damages, [&](const store::Damage& damage) {
      return damage.rec_id == rec_id && damage.stream == stream && damage.from <= seq && seq < damage.to;
    });
  }

 private:
  const store::SalvageReport& report_;
};

// Saves a damaged disk's store and looks at everything in the new one.
class SalvageTrial {
 public:
  SalvageTrial(const Whole& whole, const Medium::Contents& damaged, std::string where)
      : whole_(whole), where_(std::move(where)), saved_(folder_.file("saved")) {
    std::filesystem::create_directories(folder_.file("damaged"));
    for (const auto& [name, bytes] : damaged) {
      const auto path = std::filesystem::path(folder_.file("damaged")) / std::filesystem::path(name).filename();
      std::ofstream(path, std::ios::binary) << base::as_text(bytes);
    }
  }

  void run() {
    auto report = store::salvage(folder_.file("damaged"), saved_, ids_, random_);
    ASSERT_TRUE(report.ok()) << where_ << ": " << report.error().text;
    report_ = std::move(*report);
    auto store = store::Store::open(saved_, ids_, random_);
    ASSERT_TRUE(store.ok()) << where_ << ": " << store.error().text;
    look(*store);
  }
  [[nodiscard]] bool reported() const { return !report_.ok(); }
  [[nodiscard]] std::uint64_t taken() const { return taken_; }

 private:
  void look(store::Store& store) {
    const Named named(report_);
    const auto infos = store.recordings();
    ASSERT_TRUE(infos.ok()) << where_;
    std::set<base::Uuid> there;
    for (const store::RecordingInfo& info : *infos) {
      there.insert(info.birth.rec_id);
      if (info.problem.empty()) {
        look_at(store, info, named);
      } else {
        EXPECT_TRUE(named.of(info.birth.rec_id) || named.anything()) << where_ << ": " << info.problem;
      }
    }
    for (const auto& [rec_id, truth] : whole_.truths) {
      EXPECT_TRUE(there.contains(rec_id) || named.anything() || named.of(rec_id))
          << where_ << ": recording " << rec_id.text() << " is silently missing";
    }
  }

  void look_at(store::Store& store, const store::RecordingInfo& info, const Named& named) {
    const base::Uuid& rec_id = info.birth.rec_id;
    const auto found = whole_.truths.find(rec_id);
    ASSERT_TRUE(found != whole_.truths.end()) << where_ << ": recording " << rec_id.text() << " is made up";
    const Truth& truth = found->second;
    EXPECT_EQ(wire::encode_birth(info.birth), truth.birth) << where_;
    for (const rowing::Stream stream : rowing::kStreams) {
      const auto was = truth.records.find(stream);
      static const std::vector<rowing::Record> kNone;
      look_at_stream(store, rec_id, stream, was == truth.records.end() ? kNone : was->second, named);
    }
    // What says that it is sealed is whole, or said to be damaged.
    const auto verified = store.verify(rec_id);
    ASSERT_TRUE(verified.ok()) << where_;
    EXPECT_TRUE(verified->ok() || named.of(rec_id) || named.anything()) << where_ << ": " << verified->problems.front();
  }

  void look_at_stream(store::Store& store, const base::Uuid& rec_id, rowing::Stream stream,
                      const std::vector<rowing::Record>& was, const Named& named) {
    const auto all = store.records(rec_id, stream, 0, was.size());
    if (all.ok() && *all == was) {
      taken_ += was.size();
    } else {
      look_at_each(store, rec_id, stream, was, named);
    }
    const auto more = store.records(rec_id, stream, was.size(), 1000);
    ASSERT_TRUE(more.ok()) << where_;
    // A recording that ran has got its end: the tail and the event of the crash.
    if (whole_.ended.at(rec_id)) {
      EXPECT_TRUE(more->empty()) << where_ << ": records are made up";
    } else {
      EXPECT_LE(more->size(), 3u) << where_ << ": records are made up";
    }
  }

  // As a hole moves the others in a longer answer.
  void look_at_each(store::Store& store, const base::Uuid& rec_id, rowing::Stream stream,
                    const std::vector<rowing::Record>& was, const Named& named) {
    for (std::uint64_t seq = 0; seq < was.size(); ++seq) {
      const auto is = store.records(rec_id, stream, seq, 1);
      const bool there = is.ok() && is->size() == 1;
      const bool same = there && is->front() == was[static_cast<std::size_t>(seq)];
      taken_ += same;
      const std::string what = where_ + ": record " + std::to_string(seq) + " of " + std::string(rowing::name(stream));
      if (!there) {
        EXPECT_TRUE(named.record(rec_id, stream, seq) || named.anything()) << what << " is silently missing";
      } else if (!same) {
        // The event of the crash follows the last record that is left; a chunk may be of another recording if that is
        // said.
        EXPECT_TRUE(named.record(rec_id, stream, seq)) << what << " is another one";
      }
    }
  }

  const Whole& whole_;
  std::string where_;
  test_support::TemporaryFolder folder_;
  std::string saved_;
  base::ManualClock clock_{1'700'000'000'000, 5000};
  base::SeededRandom random_{5};
  base::UuidV7Source ids_{clock_, random_};
  store::SalvageReport report_;
  std::uint64_t taken_ = 0;
};

constexpr std::size_t kPage = 4096;

std::uint64_t record_count(const Truths& truths) {
  std::uint64_t count = 0;
  for (const auto& [rec_id, truth] : truths) {
    for (const auto& [stream, records] : truth.records) count += records.size();
  }
  return count;
}

// A store with a recording that was sent, one that has ended and was not, and one that runs, of which some records are
// in a chunk and some wait for theirs.
Whole salvaged_store() { return whole_of(killed_before("upload", true)); }

TEST(Salvage, AnUndamagedStoreIsTakenOverWithoutAWord) {
  for (const bool checkpointed : {true, false}) {
    const Whole whole = whole_of(killed_in_the_midst(checkpointed));
    SalvageTrial trial(whole, whole.contents, "undamaged");
    trial.run();
    EXPECT_FALSE(trial.reported());
    EXPECT_EQ(trial.taken(), record_count(whole.truths));
  }
  for (const Whole& whole : {salvaged_store(), whole_of(act_named("more").disk_after)}) {
    SalvageTrial trial(whole, whole.contents, "undamaged");
    trial.run();
    EXPECT_FALSE(trial.reported());
    EXPECT_EQ(trial.taken(), record_count(whole.truths));
  }
}

TEST(Salvage, AZeroedOrOverwrittenPageLosesNothingSilently) {
  for (const Whole& whole : {salvaged_store(), whole_of(act_named("more").disk_after)}) {
    base::SeededRandom random(2);
    const std::uint64_t pages = whole.contents.at(kDatabase).size() / kPage;
    std::uint64_t taken = 0;
    std::uint64_t trials = 0;
    for (std::uint64_t page = 0; page < pages; page += test_support::kSanitized ? 5 : 1) {
      for (const bool zeroed : {true, false}) {
        if (!zeroed && page % 4 != 0) continue;
        Medium::Contents damaged = whole.contents;
        base::Bytes garbage(kPage, 0);
        if (!zeroed) random.fill(garbage);
        std::ranges::copy(garbage, damaged.at(kDatabase).begin() + static_cast<std::ptrdiff_t>(page * kPage));
        SalvageTrial trial(whole, damaged, "page " + std::to_string(page + 1) + (zeroed ? " zeroed" : " overwritten"));
        trial.run();
        taken += trial.taken();
        ++trials;
      }
    }
    // A page is one of many: what lies in the others is there.
    EXPECT_GT(taken, record_count(whole.truths) * trials * 9 / 10);
  }
}

TEST(Salvage, FlippedBytesLoseNothingSilently) {
  for (const Whole& whole : {salvaged_store(), whole_of(act_named("more").disk_after)}) {
    base::SeededRandom random(3);
    const std::uint64_t size = whole.contents.at(kDatabase).size();
    const std::uint64_t each = stride(2048);
    for (std::uint64_t at = 0; at < size; at += each) {
      Medium::Contents damaged = whole.contents;
      const std::uint64_t offset = at + random.below(std::min(each, size - at));
      std::uint8_t& byte = damaged.at(kDatabase)[static_cast<std::size_t>(offset)];
      byte = static_cast<std::uint8_t>(byte ^ (1u << random.below(8)));
      SalvageTrial trial(whole, damaged, "byte " + std::to_string(offset));
      trial.run();
    }
  }
}

// Where a page says how many rows it has and where they are.
TEST(Salvage, FlippedBytesAtAPagesBeginningLoseNothingSilently) {
  const Whole whole = salvaged_store();
  base::SeededRandom random(6);
  const std::uint64_t size = whole.contents.at(kDatabase).size();
  for (std::uint64_t page = kPage; page < size; page += test_support::kSanitized ? 5 * kPage : kPage) {
    for (const unsigned at : {0u, 4u, 5u, 9u}) {
      Medium::Contents damaged = whole.contents;
      std::uint8_t& byte = damaged.at(kDatabase)[static_cast<std::size_t>(page + at)];
      byte = static_cast<std::uint8_t>(byte ^ (1u << random.below(at == 9 ? 8 : 4)));
      SalvageTrial trial(whole, damaged, "byte " + std::to_string(at) + " of page " + std::to_string(page / kPage + 1));
      trial.run();
    }
  }
}

// Where the rows of table recording have their number, by number. Each is a cell of the table: its length, the number,
// and a record of eleven columns, of which the second is the id.
std::map<std::size_t, std::uint8_t> recording_numbers(const Whole& whole) {
  const base::Bytes& file = whole.contents.at(kDatabase);
  constexpr std::size_t kHeader = 12;
  std::map<std::size_t, std::uint8_t> places;
  for (const auto& [rec_id, truth] : whole.truths) {
    auto found = file.begin();
    while ((found = std::search(found, file.end(), rec_id.bytes.begin(), rec_id.bytes.end())) != file.end()) {
      const auto at = static_cast<std::size_t>(found++ - file.begin());
      constexpr std::uint8_t kBlobOf16 = 12 + 2 * 16;
      const std::size_t header = at - kHeader;
      if (file[header] != kHeader || file[header + 1] != 0 || file[header + 2] != kBlobOf16) continue;
      places[header - 1] = file[header - 1];
    }
  }
  return places;
}

// No hash covers that number: what the births say of it goes before.
TEST(Salvage, ARecordingsNumberThatIsAnotherOneCostsNothing) {
  for (const Whole& whole : {salvaged_store(), whole_of(act_named("more").disk_after)}) {
    const auto places = recording_numbers(whole);
    EXPECT_GE(places.size(), whole.truths.size());
    for (const auto& [place, number] : places) {
      std::set<std::uint8_t> others;
      for (const auto& [other_place, other] : places) others.insert(other);
      for (const unsigned bit : {0u, 2u, 6u}) others.insert(static_cast<std::uint8_t>(number ^ (1u << bit)));
      others.erase(number);
      for (const std::uint8_t other : others) {
        Medium::Contents damaged = whole.contents;
        damaged.at(kDatabase)[place] = other;
        SalvageTrial trial(whole, damaged, "recording " + std::to_string(number) + " as " + std::to_string(other));
        trial.run();
        EXPECT_EQ(trial.taken(), record_count(whole.truths)) << "recording " << int{number} << " as " << int{other};
      }
    }
  }
}

// With a page gone, the index that would say who is right may be gone too.
TEST(Salvage, ARecordingsNumberThatIsAnotherOneAndAZeroedPageLoseNothingSilently) {
  const Whole whole = salvaged_store();
  const auto places = recording_numbers(whole);
  ASSERT_GE(places.size(), 2u);
  auto from = places.begin();
  const std::size_t size = whole.contents.at(kDatabase).size();
  for (std::size_t page = 0; page < size; page += test_support::kSanitized ? 5 * kPage : kPage) {
    auto to = std::next(from);
    if (to == places.end()) to = places.begin();
    Medium::Contents damaged = whole.contents;
    damaged.at(kDatabase)[from->first] = to->second;
    std::fill_n(damaged.at(kDatabase).begin() + static_cast<std::ptrdiff_t>(page), kPage, std::uint8_t{0});
    SalvageTrial trial(whole, damaged,
                       "recording " + std::to_string(from->second) + " as " + std::to_string(to->second) +
                           " without page " + std::to_string(page / kPage + 1));
    trial.run();
    from = to;
  }
}

TEST(Salvage, SeveralDamagesAtOnceLoseNothingSilently) {
  const Whole whole = salvaged_store();
  const std::uint64_t seeds = every_fault() ? 2000 : (test_support::kSanitized ? 5 : 30);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    base::SeededRandom random(seed);
    Medium::Contents damaged = whole.contents;
    base::Bytes& file = damaged.at(kDatabase);
    for (std::uint64_t i = 0; i < 2 + seed % 60; ++i) {
      file[static_cast<std::size_t>(random.below(file.size()))] = static_cast<std::uint8_t>(random.below(256));
    }
    SalvageTrial trial(whole, damaged, "seed " + std::to_string(seed));
    trial.run();
  }
}

TEST(Salvage, ACutFileLosesNothingSilently) {
  const Whole whole = salvaged_store();
  const std::uint64_t size = whole.contents.at(kDatabase).size();
  for (std::uint64_t left = 0; left < size; left += kPage * 5 / 2) {
    Medium::Contents damaged = whole.contents;
    damaged.at(kDatabase).resize(static_cast<std::size_t>(left));
    SalvageTrial trial(whole, damaged, std::to_string(left) + " bytes left");
    trial.run();
    EXPECT_TRUE(trial.reported()) << left;
  }
}

TEST(Salvage, WithoutTheHeaderEveryRecordIsThere) {
  const Whole whole = salvaged_store();
  Medium::Contents damaged = whole.contents;
  std::fill_n(damaged.at(kDatabase).begin(), kPage, std::uint8_t{0x5a});
  SalvageTrial trial(whole, damaged, "header");
  trial.run();
  EXPECT_TRUE(trial.reported());
  EXPECT_EQ(trial.taken(), record_count(whole.truths));
}

TEST(Salvage, ADamagedWalLosesNothingSilently) {
  const Whole whole = whole_of(killed_in_the_midst(false));
  base::SeededRandom random(4);
  const std::uint64_t size = whole.contents.at(kWal).size();
  const std::uint64_t each = stride(9000);
  for (std::uint64_t at = 0; at < size; at += each) {
    Medium::Contents damaged = whole.contents;
    const std::uint64_t offset = at + random.below(std::min(each, size - at));
    std::uint8_t& byte = damaged.at(kWal)[static_cast<std::size_t>(offset)];
    byte = static_cast<std::uint8_t>(byte ^ (1u << random.below(8)));
    SalvageTrial trial(whole, damaged, "byte " + std::to_string(offset) + " of the log");
    trial.run();
    EXPECT_TRUE(trial.reported()) << offset;
  }
}

}  // namespace
}  // namespace boathouse::simulation
