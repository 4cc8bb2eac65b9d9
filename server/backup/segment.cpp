#include "server/backup/segment.hpp"

#include <array>
#include <utility>

#include "core/base/hex.hpp"
#include "core/wire/chunk.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

namespace {

constexpr std::string_view kMagic = "BhBodies1\n";
constexpr std::size_t kHead = 12;

}  // namespace

SegmentWriter::SegmentWriter(fs::path folder, File file, std::int64_t from)
    : folder_(std::move(folder)), file_(std::move(file)) {
  segment_.from = from;
}

Result<SegmentWriter> SegmentWriter::begin(const fs::path& folder, std::int64_t from) {
  auto file = create_file(folder / kUnfinishedSegment);
  if (!file) {
    return file.error();
  }
  SegmentWriter writer(folder, std::move(*file), from);
  BOATHOUSE_TRY(writer.write(base::as_bytes(kMagic)));
  return writer;
}

Status SegmentWriter::write(base::ByteView bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) {
    return io_error(folder_ / kUnfinishedSegment, "cannot be written");
  }
  hash_.update(bytes);
  segment_.bytes += bytes.size();
  return {};
}

Status SegmentWriter::add(std::int64_t server_seq, base::ByteView body) {
  base::ByteWriter head;
  head.u64(static_cast<std::uint64_t>(server_seq));
  head.u32(static_cast<std::uint32_t>(body.size()));
  BOATHOUSE_TRY(write(head.view()));
  ++segment_.bodies;
  return write(body);
}

Result<Segment> SegmentWriter::finish(std::int64_t to) {
  BOATHOUSE_TRY(sync_and_close(std::move(file_), folder_ / kUnfinishedSegment));
  segment_.to = to;
  segment_.sha256 = hash_.finish();
  segment_.file = "bodies-" + std::to_string(segment_.from) + "-" + std::to_string(to) + "-" +
                  base::to_hex(segment_.sha256).substr(0, 16) + ".seg";
  BOATHOUSE_TRY(move_path(folder_ / kUnfinishedSegment, folder_ / segment_.file));
  return segment_;
}

Result<SegmentReader> SegmentReader::open(const fs::path& path) {
  File file(std::fopen(path.c_str(), "rbe"));
  if (!file) {
    return io_error(path, "cannot be read");
  }
  std::array<char, kMagic.size()> magic{};
  if (std::fread(magic.data(), 1, magic.size(), file.get()) != magic.size() ||
      std::string_view(magic.data(), magic.size()) != kMagic) {
    return Error{ErrorCode::corrupt, path.filename().string() + " does not begin as a segment does"};
  }
  SegmentReader reader(path, std::move(file));
  reader.offset_ = kMagic.size();
  return reader;
}

Result<bool> SegmentReader::next() {
  std::array<std::uint8_t, kHead> head{};
  const std::size_t got = std::fread(head.data(), 1, head.size(), file_.get());
  if (got == 0 && std::ferror(file_.get()) == 0) {
    return false;
  }
  const std::string place = path_.filename().string() + ", byte " + std::to_string(offset_);
  base::ByteReader fields(head);
  const auto seq = static_cast<std::int64_t>(fields.u64());
  const std::size_t size = fields.u32();
  if (got != head.size() || seq <= server_seq_ || size > wire::kMaxChunkBody) {
    return Error{ErrorCode::corrupt, place + ": no body begins here"};
  }
  body_.resize(size);
  if (std::fread(body_.data(), 1, size, file_.get()) != size) {
    return Error{ErrorCode::corrupt, place + ": the body of server_seq " + std::to_string(seq) + " is cut off"};
  }
  server_seq_ = seq;
  offset_ += kHead + size;
  return true;
}

}  // namespace boathouse::backup
