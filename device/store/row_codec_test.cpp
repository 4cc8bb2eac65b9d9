#include "device/store/row_codec.hpp"

#include <gtest/gtest.h>

#include "device/store/test_store.hpp"

namespace boathouse::store {
namespace {

using rowing::Record;
using rowing::Stream;

Record full(Stream stream) {
  Record record = make_record(stream, {});
  const auto metrics = rowing::metrics(stream);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    record.values[i] = i % 3 == 0 ? rowing::max_value(metrics[i]) : i % 3 == 1 ? 0 : rowing::kNull;
  }
  if (rowing::has_points(stream)) record.points = {0, 1, 127, 128, 0xFFFF};
  record.bytes = std::string("\x00\xff tail", 7);
  return record;
}

TEST(RowCodec, EveryStreamComesBackAsItWas) {
  for (const Stream stream : rowing::kStreams) {
    const Record record = full(stream);
    ASSERT_TRUE(ok(check_record(record))) << rowing::name(stream);
    const auto back = decode_row(stream, encode_row(record));
    ASSERT_TRUE(ok(back)) << rowing::name(stream);
    EXPECT_EQ(*back, record) << rowing::name(stream);
  }
}

TEST(RowCodec, ARowOfAnOlderCatalogueLacksTheNewMetrics) {
  Record record = full(Stream::stroke);
  const std::size_t old_count = record.values.size() - 2;
  Record old = record;
  old.values.resize(old_count);
  record.values[old_count] = record.values[old_count + 1] = rowing::kNull;
  const auto back = decode_row(Stream::stroke, encode_row(old));
  ASSERT_TRUE(ok(back));
  EXPECT_EQ(*back, record);
}

TEST(RowCodec, RefusesWhatTheCatalogueDoesNotAllow) {
  Record wrong_count = make_record(Stream::stroke, {});
  wrong_count.values.pop_back();
  EXPECT_FALSE(check_record(wrong_count));

  EXPECT_FALSE(check_record(make_record(Stream::stroke, {{"drive_length_cm", 256}})));
  EXPECT_FALSE(check_record(make_record(Stream::stroke, {{"drive_length_cm", -1}})));
  EXPECT_TRUE(ok(check_record(make_record(Stream::stroke, {{"drive_length_cm", 255}}))));

  Record points = make_record(Stream::stroke, {});
  points.points = {1};
  EXPECT_FALSE(check_record(points));
  Record high_point = make_record(Stream::force_curve, {});
  high_point.points = {0x10000};
  EXPECT_FALSE(check_record(high_point));
}

TEST(RowCodec, EveryCutOffRowIsAnError) {
  Record record = full(Stream::force_curve);
  record.bytes.clear();
  const base::Bytes row = encode_row(record);
  for (std::size_t length = 0; length < row.size(); ++length) {
    EXPECT_FALSE(decode_row(Stream::force_curve, base::ByteView(row).first(length))) << length;
  }
  EXPECT_FALSE(decode_row(Stream::event, row)) << "more values than the stream has";
}

}  // namespace
}  // namespace boathouse::store
