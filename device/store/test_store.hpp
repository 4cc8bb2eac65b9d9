// What tests of the device's rooms share: a store in a folder of its own with a clock and ids that repeat.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/random.hpp"
#include "core/base/uuid.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/rowing/record.hpp"
#include "core/wire/test_change.hpp"
#include "device/store/store.hpp"
#include "tests/support/temporary_folder.hpp"

namespace boathouse::store {

using test_support::TemporaryFolder;

// A store that can be closed and opened again, as after a crash: nothing is written at closing.
class TestStore {
 public:
  // `seed`: of its ids; two stores that meet need different ones.
  explicit TestStore(std::uint64_t seed = 7) : random(seed) { open(); }

  void open() {
    auto opened = Store::open(folder_.path(), ids, random, options);
    if (!opened) throw std::runtime_error(opened.error().text);
    store_.emplace(std::move(*opened));
  }
  void close() { store_.reset(); }
  void reopen() {
    close();
    open();
  }
  Store& operator*() { return *store_; }
  Store* operator->() { return &*store_; }
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }

  base::ManualClock clock{1'700'000'000'000, 5000};
  base::SeededRandom random;
  base::UuidV7Source ids{clock, random};
  StoreOptions options;

 private:
  TemporaryFolder folder_;
  std::optional<Store> store_;
};

// All null but for the given columns.
inline rowing::Record make_record(rowing::Stream stream,
                                  std::vector<std::pair<std::string_view, std::int64_t>> values) {
  rowing::Record record;
  record.stream = stream;
  record.values.assign(rowing::metrics(stream).size(), rowing::kNull);
  for (const auto& [column, value] : values) record.values[rowing::column_index(stream, column)] = value;
  return record;
}

inline std::int64_t value_of(const rowing::Record& record, std::string_view column) {
  return record.values[rowing::column_index(record.stream, column)];
}

// `count` samples that differ, the first with at_ms `first` * 500.
inline std::vector<rowing::Record> make_samples(std::size_t first, std::size_t count) {
  std::vector<rowing::Record> records;
  for (std::size_t i = first; i < first + count; ++i) {
    const auto n = static_cast<std::int64_t>(i);
    records.push_back(make_record(
        rowing::Stream::sample,
        {{"at_ms", n * 500}, {"elapsed_cs", n * 50}, {"distance_dm", n * 21}, {"stroke_rate_spm", 20 + n % 5}}));
  }
  return records;
}

// What a server's feed says of an item that it has stored as its `seq`.
inline wire::Change change_of(const PendingItem& item, std::int64_t seq) { return wire::change_of(item.item(), seq); }

inline rowing::Birth make_birth(base::UuidV7Source& ids) {
  rowing::Birth birth;
  birth.rec_id = ids.next();
  birth.started_ms = 1'700'000'000'000;
  birth.origin = rowing::Origin::simulated;
  return birth;
}

// For EXPECT_TRUE(ok(...)): says the error.
inline testing::AssertionResult ok(const base::Status& status) {
  return status ? testing::AssertionSuccess() : testing::AssertionFailure() << status.error().text;
}
template <typename T>
testing::AssertionResult ok(const base::Result<T>& result) {
  return result ? testing::AssertionSuccess() : testing::AssertionFailure() << result.error().text;
}

}  // namespace boathouse::store
