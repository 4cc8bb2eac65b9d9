// Objects as files below a folder, key for key, so that `aws s3 sync` or `rsync` copies them as they are. A file is
// written under another name, synced, renamed, and its folder synced.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/segments/chunk_store.hpp"

namespace boathouse::segments {

class FolderStore final : public ChunkStore {
 public:
  // `begin`: the folder may be made, or be empty; without it a folder that never was one of these is unavailable, so
  // that a disk that is not mounted is not taken for one that has lost everything.
  static base::Result<std::unique_ptr<FolderStore>> open(const std::filesystem::path& folder, bool begin);

  base::Status put(const std::string& key, base::ByteView content) override;
  base::Result<base::Bytes> read(const std::string& key, std::uint64_t position, std::uint64_t size) override;
  base::Result<base::Bytes> read_all(const std::string& key, std::uint64_t max_bytes) override;
  base::Result<std::vector<std::string>> list() override;
  base::Status remove(const std::string& key) override;

 private:
  explicit FolderStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  base::Status is_there() const;

  const std::filesystem::path folder_;
};

}  // namespace boathouse::segments
