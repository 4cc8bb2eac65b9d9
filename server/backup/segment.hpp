// A segment: bodies of chunks one after the other, in order of server_seq. It is written once and never changed; its
// name has the range and the hash of its content, so that a segment that is written again is the same file.
//
//   "BhBodies1\n", then for each body: server_seq (8 bytes, little-endian), size (4), the body.
//
// Thread rule: an object belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "server/backup/files.hpp"

namespace boathouse::backup {

inline constexpr std::string_view kUnfinishedSegment = "segment.partial";  // in the folder

struct Segment {
  std::string file;       // below the destination's folder `bodies`
  std::int64_t from = 0;  // bodies with from <= server_seq <= to: all that there were when it was written
  std::int64_t to = 0;
  std::uint64_t bodies = 0;
  std::uint64_t bytes = 0;
  base::Digest sha256{};

  bool operator==(const Segment&) const = default;
};

class SegmentWriter {
 public:
  // Bodies from `from` on, into the folder.
  static base::Result<SegmentWriter> begin(const std::filesystem::path& folder, std::int64_t from);
  // In order of server_seq.
  base::Status add(std::int64_t server_seq, base::ByteView body);
  [[nodiscard]] std::uint64_t bytes() const { return segment_.bytes; }
  // Durable, under its name.
  base::Result<Segment> finish(std::int64_t to);

 private:
  SegmentWriter(std::filesystem::path folder, File file, std::int64_t from);
  base::Status write(base::ByteView bytes);

  std::filesystem::path folder_;
  File file_;
  base::Sha256 hash_;
  Segment segment_;
};

class SegmentReader {
 public:
  static base::Result<SegmentReader> open(const std::filesystem::path& path);
  // False: the end. corrupt: cut off, or not in order, naming the place.
  base::Result<bool> next();
  [[nodiscard]] std::int64_t server_seq() const { return server_seq_; }
  [[nodiscard]] base::ByteView body() const { return body_; }

 private:
  SegmentReader(std::filesystem::path path, File file) : path_(std::move(path)), file_(std::move(file)) {}

  std::filesystem::path path_;
  File file_;
  std::uint64_t offset_ = 0;
  std::int64_t server_seq_ = 0;
  base::Bytes body_;
};

}  // namespace boathouse::backup
