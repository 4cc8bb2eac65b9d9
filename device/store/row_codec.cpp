#include "device/store/row_codec.hpp"

#include <string>

#include "core/base/sha256.hpp"
#include "core/rowing/catalogue.hpp"
#include "core/wire/chunk.hpp"

namespace boathouse::store {
namespace {

constexpr std::int64_t kMaxPoint = 0xFFFF;

base::Error wrong(const rowing::Record& record, const std::string& what) {
  return {base::ErrorCode::invalid_input, "record of stream " + std::string(rowing::name(record.stream)) + ": " + what};
}

}  // namespace

base::Status check_record(const rowing::Record& record) {
  const auto metrics = rowing::metrics(record.stream);
  if (record.values.size() != metrics.size()) {
    return wrong(record, std::to_string(record.values.size()) + " values, the catalogue has " +
                             std::to_string(metrics.size()) + " metrics");
  }
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (!rowing::in_range(metrics[i], record.values[i])) {
      return wrong(record, std::string(metrics[i].column) + " cannot hold " + std::to_string(record.values[i]));
    }
  }
  if (!record.points.empty() && !rowing::has_points(record.stream)) {
    return wrong(record, "points, which the stream does not have");
  }
  for (const std::int64_t point : record.points) {
    if (point < 0 || point > kMaxPoint) {
      return wrong(record, "a point of " + std::to_string(point));
    }
  }
  // Half of what a chunk may hold: one record and its columns always fit.
  if (record.bytes.size() > wire::kMaxChunkBody / 2 || record.points.size() > wire::kMaxChunkBody / 4) {
    return wrong(record, "more bytes or points than a chunk can hold");
  }
  return {};
}

std::int64_t row_sum(std::int64_t recording, rowing::Stream stream, std::uint64_t seq, base::ByteView row) {
  base::ByteWriter place;
  place.u64(static_cast<std::uint64_t>(recording));
  place.u64(static_cast<std::uint64_t>(stream));
  place.u64(seq);
  base::Sha256 hash;
  hash.update(place.view());
  hash.update(row);
  const base::Digest digest = hash.finish();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < 8; ++i) sum = sum << 8 | digest[i];
  return static_cast<std::int64_t>(sum);
}

base::Bytes encode_row(const rowing::Record& record) {
  base::ByteWriter out;
  out.varint(record.values.size());
  for (const std::int64_t value : record.values) {
    // No value is negative and none is wider than 32 bits (check_record), so one above it leaves 0 for null.
    out.varint(value == rowing::kNull ? 0 : static_cast<std::uint64_t>(value) + 1);
  }
  out.varint(record.points.size());
  for (const std::int64_t point : record.points) {
    out.varint(static_cast<std::uint64_t>(point));
  }
  out.bytes(base::as_bytes(record.bytes));
  return out.take();
}

base::Result<rowing::Record> decode_row(rowing::Stream stream, base::ByteView row) {
  const base::Error corrupt{base::ErrorCode::corrupt,
                            "an open row of stream " + std::string(rowing::name(stream)) + " cannot be read"};
  const std::size_t metrics = rowing::metrics(stream).size();
  base::ByteReader in(row);
  rowing::Record record;
  record.stream = stream;
  const std::uint64_t values = in.varint();
  if (values > metrics) return corrupt;
  record.values.assign(metrics, rowing::kNull);
  for (std::size_t i = 0; i < values; ++i) {
    const std::uint64_t value = in.varint();
    if (value != 0) record.values[i] = static_cast<std::int64_t>(value - 1);
  }
  const std::uint64_t points = in.varint();
  if (points > in.remaining()) return corrupt;
  record.points.reserve(points);
  for (std::uint64_t i = 0; i < points; ++i) {
    record.points.push_back(static_cast<std::int64_t>(in.varint()));
  }
  if (!in.ok()) return corrupt;
  record.bytes = base::as_text(in.bytes(in.remaining()));
  if (!check_record(record)) return corrupt;
  return record;
}

}  // namespace boathouse::store
