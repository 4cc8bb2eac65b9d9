// What a backup says about itself: DIR/backup-<time>-<epoch>/manifest.json. Written last; a folder without a whole one
// is no backup.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/sha256.hpp"
#include "server/backup/files.hpp"
#include "server/backup/segment.hpp"
#include "server/backup/tables.hpp"

namespace boathouse::backup {

inline constexpr std::size_t kMaxManifest = std::size_t{64} << 20;  // bytes

struct DatabaseCopy {
  std::string name;  // "ledger", "control"; its file is name + ".db"
  std::int64_t schema_version = 0;
  std::map<std::string, TableSum> tables;  // the ledger's without chunk_body, which the segments have

  bool operator==(const DatabaseCopy&) const = default;
};

struct CopiedFile {
  std::string name;
  std::uint64_t bytes = 0;
  base::Digest sha256{};

  bool operator==(const CopiedFile&) const = default;
};

// ClickHouse's own backups that make up its part: a full one, then, if there is one, the increment on top of it.
struct ClickHouseCopy {
  std::string s3_folder;          // URL of the folder in S3 where they are; empty: DESTINATION/clickhouse
  std::vector<CopiedFile> files;  // those in S3 are folders there: theirs is the hash that look_in_s3() gives, 0 when
                                  // ClickHouse could not be asked for it

  bool operator==(const ClickHouseCopy&) const = default;
};

struct Manifest {
  std::int64_t made_ms = 0;
  std::string epoch;          // of the ledger
  std::int64_t last_seq = 0;  // everything up to this server_seq is in it
  std::uint64_t chunks = 0;
  base::Digest chunk_root{};  // SHA-256 over each chunk's server_seq (8 bytes, little-endian) and hash, in that order
  std::vector<DatabaseCopy> databases;            // the ledger first
  std::vector<CopiedFile> files;                  // of the backup's folder, all but the manifest
  std::vector<Segment> segments;                  // in order of `from`
  std::optional<ClickHouseCopy> clickhouse = {};  // what of it was loaded by then, and may be more; nullopt: no part
  std::int64_t clean_of_ms = 0;  // the last erasure of an athlete: no file that it names was written before it
  std::vector<std::int64_t> left_out = {};  // chunks, by server_seq and rising, whose bodies the ledger had lost: they
                                            // are in no segment

  bool operator==(const Manifest&) const = default;
};

// With a hash of its own over every byte. In format 1, in which all older ones are; with bodies left out in format 2,
// which a program that would take them for damage calls unsupported.
std::string encode_manifest(const Manifest& manifest);
// corrupt: not one byte more, less or other than what was written; unsupported: of a newer program.
base::Result<Manifest> parse_manifest(std::string_view text);

}  // namespace boathouse::backup
