// ClickHouse's copies that the backups of one destination have made in S3: DESTINATION/clickhouse-in-s3.json. A copy is
// noted before it is begun and stays noted when the last backup that names it is pruned, because the bucket keeps it
// until its lifecycle's day. Thread rule: as backup.hpp says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace boathouse::backup {

struct S3Copy {
  std::string place;         // URL of its folder
  std::int64_t made_ms = 0;  // not later than it was begun

  bool operator==(const S3Copy&) const = default;
};

// In order of `place`. Empty when none was ever made. corrupt: the file is not what was written, so nobody knows.
base::Result<std::vector<S3Copy>> s3_copies(const std::filesystem::path& destination);

// Adds those that are not noted yet; for who has the destination's lock. Durable when it returns ok.
base::Status note_s3_copies(const std::filesystem::path& destination, const std::vector<S3Copy>& copies);

}  // namespace boathouse::backup
