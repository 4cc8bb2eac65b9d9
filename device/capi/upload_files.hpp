// Requests as files for a host whose uploads go on while the app does not run. A file is a batch, named by the SHA-256
// of its bytes; nothing else is remembered of it, so files and tasks may be lost, repeated and mixed up at will: what
// is in a file is asked of the file, what is still wanted is asked of the store.
//
// Thread rule: any thread; two write() at the same time may put the same item into two files, which does no harm.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "device/store/store.hpp"
#include "device/sync/engine.hpp"

namespace boathouse::capi {

struct UploadFile {
  std::string key;   // 64 hex digits
  std::string path;  // of the body
  std::string content_digest;
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;
};

enum class UploadOutcome : std::uint8_t { taken, unknown, retry, sign_in, refused };

struct UploadResult {
  UploadOutcome outcome = UploadOutcome::unknown;
  std::uint64_t stored = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t refused = 0;
  std::uint64_t later = 0;
  std::int64_t retry_after_ms = 0;
};

class UploadFiles {
 public:
  // The store must outlive it. `folder` must exist and hold nothing else.
  UploadFiles(store::Store& store, std::string folder) : store_(store), folder_(std::move(folder)) {}

  // At most `max_files` more, with what is pending for the athlete and in no file yet. Every recording's birth is in
  // each file before its other items. Errors: the store's, io.
  base::Result<std::vector<UploadFile>> write(std::string_view athlete, std::size_t max_files);
  // Removes the files whose key is not in `keys`, or of which nothing is pending. What is left.
  base::Result<std::vector<UploadFile>> reconcile(const std::set<std::string, std::less<>>& keys);
  // A task's end; nullopt: it got no answer. The file is gone afterwards, but not after an error.
  base::Result<UploadResult> finish(std::string_view key, const std::optional<sync::HttpResponse>& response);

 private:
  struct Batch {
    base::Bytes bytes;
    std::vector<std::int64_t> items;  // of the store
  };

  [[nodiscard]] std::string path_of(std::string_view key) const { return folder_ + "/" + std::string(key) + ".batch"; }
  // Removes what is none of its own or not what its name says.
  base::Result<std::vector<std::string>> keys();
  std::optional<base::Bytes> read(std::string_view key);
  void remove(std::string_view key);
  base::Result<Batch> next_batch(std::string_view athlete, const std::set<std::int64_t>& taken);
  base::Result<UploadFile> put(const Batch& batch);
  base::Result<UploadResult> take_reply(base::ByteView batch, const sync::HttpResponse& response);

  store::Store& store_;
  std::string folder_;
};

}  // namespace boathouse::capi
