#include "server/backup/find_bodies.hpp"

#include <algorithm>
#include <set>

#include "server/backup/backup.hpp"
#include "server/backup/segment.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Result;
using base::Status;

namespace {

// What cannot be read is passed over: another backup may have it.
Status read_segment(const fs::path& path, const std::set<std::int64_t>& wanted,
                    std::map<std::int64_t, base::Bytes>& found, const Watch& watch) {
  auto reader = SegmentReader::open(path);
  if (!reader) {
    return {};
  }
  while (true) {
    const auto more = reader->next();
    if (!more || !*more || reader->server_seq() > *wanted.rbegin()) {
      return {};
    }
    BOATHOUSE_TRY(watch(reader->body().size()));
    if (wanted.contains(reader->server_seq())) {
      found[reader->server_seq()].assign(reader->body().begin(), reader->body().end());
    }
  }
}

}  // namespace

Result<std::map<std::int64_t, base::Bytes>> find_bodies(const fs::path& destination, const std::string& epoch,
                                                        std::vector<std::int64_t> server_seqs, const Watch& watch) {
  const auto backups = list(destination);
  if (!backups) {
    return backups.error();
  }
  std::set<std::int64_t> wanted(server_seqs.begin(), server_seqs.end());
  std::set<std::string> read;
  std::map<std::int64_t, base::Bytes> found;
  for (const Listed& listed : *backups) {
    if (!listed.manifest || listed.manifest->epoch != epoch) {
      continue;
    }
    for (const Segment& segment : listed.manifest->segments) {
      const auto first = wanted.lower_bound(segment.from);
      if (first == wanted.end() || *first > segment.to || !read.insert(segment.file).second) {
        continue;
      }
      BOATHOUSE_TRY(read_segment(bodies_folder(listed.folder) / segment.file, wanted, found, watch));
    }
  }
  return found;
}

}  // namespace boathouse::backup
