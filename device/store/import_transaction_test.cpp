#include <gtest/gtest.h>

#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

using rowing::Stream;

const base::Digest kFile = base::sha256(base::as_bytes("a file"));

TEST(ImportTransaction, BringsAllRecordingsOfAFileAtOnce) {
  TestStore store;
  std::vector<base::Uuid> ids;
  {
    auto import = store->begin_import(kFile);
    ASSERT_TRUE(ok(import));
    for (std::size_t part = 0; part < 3; ++part) {
      const rowing::Birth birth = make_birth(store.ids);
      ids.push_back(birth.rec_id);
      ASSERT_TRUE(ok(import->begin(birth, "anna")));
      for (rowing::Record& record : make_samples(0, 200 * part)) ASSERT_TRUE(ok(import->append(std::move(record))));
      ASSERT_TRUE(ok(import->append(make_record(Stream::summary, {{"distance_dm", 5}}))));
    }
    ASSERT_TRUE(ok(import->commit()));
  }
  store.reopen();
  const auto imported = store->imported(kFile);
  ASSERT_TRUE(ok(imported));
  EXPECT_EQ(*imported, ids);
  for (std::size_t part = 0; part < 3; ++part) {
    EXPECT_EQ(*store->records(ids[part], Stream::sample, 0, 1000), make_samples(0, 200 * part));
    EXPECT_TRUE(store->verify(ids[part])->ok());
    EXPECT_EQ(store->recording(ids[part])->reason, rowing::EndReason::end_of_input);
    EXPECT_EQ(store->recording(ids[part])->athlete, "anna");
  }
  EXPECT_EQ(store->recording(ids[2])->streams[Stream::sample].chunks, 2u);
  EXPECT_TRUE(store->imported(base::sha256(base::as_bytes("another file")))->empty());
}

TEST(ImportTransaction, DroppedLeavesNothing) {
  TestStore store;
  {
    auto import = store->begin_import(kFile);
    ASSERT_TRUE(ok(import));
    ASSERT_TRUE(ok(import->begin(make_birth(store.ids), "")));
    for (rowing::Record& record : make_samples(0, 600)) ASSERT_TRUE(ok(import->append(std::move(record))));
    ASSERT_TRUE(ok(import->begin(make_birth(store.ids), "")));
  }
  EXPECT_EQ(store->status()->items, 0u);
  EXPECT_EQ(store->status()->records, 0u);
  EXPECT_TRUE(store->imported(kFile)->empty());
}

TEST(ImportTransaction, ARecordBeforeARecordingIsAnError) {
  TestStore store;
  auto import = store->begin_import(kFile);
  ASSERT_TRUE(ok(import));
  EXPECT_FALSE(import->append(make_samples(0, 1)[0]));
}

}  // namespace
}  // namespace boathouse::store
