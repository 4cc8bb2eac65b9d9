// A sequence of notifications: decoded, encoded again, and assembled into records, which must all be fit for a chunk.
// Input, repeated: low byte of the characteristic (0x80 = multiplexed), milliseconds / 16 since the last, length,
// payload.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>

#include "core/pm5/assembler.hpp"
#include "core/pm5/notification.hpp"
#include "core/wire/chunk.hpp"

using namespace boathouse;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void check_notification(const pm5::Notification& notification, base::ByteView payload) {
  const auto metrics = rowing::metrics(notification.characteristic->stream);
  must(notification.field_count <= notification.fields.size());
  for (std::size_t i = 0; i < notification.field_count; ++i) {
    const pm5::FieldValue& field = notification.fields[i];
    must(field.index < metrics.size() && rowing::in_range(metrics[field.index], field.value));
  }
  must(notification.tail.size() <= payload.size());
  must(notification.tail.empty() ||
       notification.tail.data() + notification.tail.size() == payload.data() + payload.size());
}

void check_records(const std::vector<rowing::Record>& records) {
  std::map<rowing::Stream, std::vector<rowing::Record>> streams;
  for (const rowing::Record& record : records) {
    streams[record.stream].push_back(record);
  }
  for (auto& [stream, of_stream] : streams) {
    of_stream.resize(std::min(of_stream.size(), wire::kMaxChunkRecords));
    const auto chunk = wire::seal_chunk(stream, 0, of_stream);
    must(chunk.ok());
    must(wire::records_of(*wire::open_chunk(chunk->body, chunk->sha256)) == of_stream);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::ByteReader in({data, size});
  pm5::Assembler assembler;
  std::vector<rowing::Record> records;
  std::int64_t at_ms = 0;
  while (in.remaining() >= 3) {
    const std::uint16_t characteristic = in.u8();
    at_ms += std::int64_t{in.u8()} * 16;
    const std::size_t length = in.u8();
    const base::ByteView payload = in.bytes(std::min(length, in.remaining()));
    pm5::Notification notification;
    const pm5::DecodeStatus status = pm5::decode(characteristic, payload, notification);
    if (status == pm5::DecodeStatus::ok) {
      check_notification(notification, payload);
      assembler.push(notification, at_ms, records);
    } else {
      assembler.push_refused(status, characteristic, payload, at_ms, records);
    }
    assembler.tick(at_ms, records);
  }
  assembler.flush(records);
  check_records(records);
  return 0;
}
