// The C ABI's uploads from files.
#include <array>
#include <set>
#include <vector>

#include "core/wire/batch.hpp"
#include "device/capi/bridge.hpp"
#include "device/capi/http_answer.hpp"
#include "device/capi/upload_files.hpp"

namespace capi = boathouse::capi;
namespace wire = boathouse::wire;
using boathouse::base::Status;
using boathouse::store::Store;

static_assert(static_cast<int>(capi::UploadOutcome::taken) == BOATHOUSE_UPLOAD_TAKEN);
static_assert(static_cast<int>(capi::UploadOutcome::unknown) == BOATHOUSE_UPLOAD_UNKNOWN);
static_assert(static_cast<int>(capi::UploadOutcome::retry) == BOATHOUSE_UPLOAD_RETRY);
static_assert(static_cast<int>(capi::UploadOutcome::sign_in) == BOATHOUSE_UPLOAD_SIGN_IN);
static_assert(static_cast<int>(capi::UploadOutcome::refused) == BOATHOUSE_UPLOAD_REFUSED);

struct boathouse_uploads {
  std::string replica;
  std::vector<capi::UploadFile> files;
  std::vector<std::array<boathouse_header, 4>> headers;  // of each file; they point into the two above
};

namespace {

constexpr std::size_t kMaxFiles = 1000;
constexpr std::size_t kMaxTasks = 100'000;

boathouse_uploads* list_of(const Store& store, std::vector<capi::UploadFile> files) {
  auto list = std::make_unique<boathouse_uploads>();
  list->replica = store.identity().replica_id.text();
  list->files = std::move(files);
  for (const capi::UploadFile& file : list->files) {
    list->headers.push_back({{{"Boathouse-Replica", list->replica.c_str()},
                              {"Accept", "application/json"},
                              {"Content-Type", wire::kBatchMediaType},
                              {"Content-Digest", file.content_digest.c_str()}}});
  }
  return list.release();
}

// The frame of the three calls on a folder.
template <typename Work>
boathouse_code on_folder(boathouse_store* store, const char* folder, boathouse_error* error, Work work) noexcept {
  return capi::on_store(store, error, [&](capi::Device&, Store& opened) -> Status {
    BOATHOUSE_TRY(capi::need(folder, "folder"));
    capi::UploadFiles files(opened, folder);
    return work(opened, files);
  });
}

}  // namespace

boathouse_code boathouse_uploads_write(boathouse_store* store, const char* athlete, const char* folder,
                                       size_t max_files, boathouse_uploads** uploads, boathouse_error* error) {
  capi::put<boathouse_uploads*>(uploads, nullptr);
  return on_folder(store, folder, error, [&](const Store& opened, capi::UploadFiles& files) -> Status {
    BOATHOUSE_TRY(capi::need(uploads, "uploads"));
    BOATHOUSE_TRY(capi::need(athlete, "athlete"));
    if (*athlete == '\0') return capi::refused("athlete is empty: a guest's recordings are sent once they are claimed");
    if (max_files < 1 || max_files > kMaxFiles) return capi::refused("max_files is not 1 to 1000");
    auto written = files.write(athlete, max_files);
    if (!written) return written.error();
    *uploads = list_of(opened, std::move(*written));
    return {};
  });
}

boathouse_code boathouse_uploads_reconcile(boathouse_store* store, const char* folder, const char* const* keys,
                                           size_t key_count, boathouse_uploads** uploads, boathouse_error* error) {
  capi::put<boathouse_uploads*>(uploads, nullptr);
  return on_folder(store, folder, error, [&](const Store& opened, capi::UploadFiles& files) -> Status {
    BOATHOUSE_TRY(capi::need(uploads, "uploads"));
    if (key_count > 0) BOATHOUSE_TRY(capi::need(keys, "keys"));
    if (key_count > kMaxTasks) return capi::refused("more than 100,000 keys");
    std::set<std::string, std::less<>> tasks;
    for (std::size_t i = 0; i < key_count; ++i) {
      BOATHOUSE_TRY(capi::need(keys[i], "a key"));
      tasks.emplace(keys[i]);
    }
    auto current = files.reconcile(tasks);
    if (!current) return current.error();
    *uploads = list_of(opened, std::move(*current));
    return {};
  });
}

size_t boathouse_uploads_count(const boathouse_uploads* uploads) {
  return uploads == nullptr ? 0 : uploads->files.size();
}

boathouse_code boathouse_uploads_get(const boathouse_uploads* uploads, size_t index, boathouse_upload* upload,
                                     boathouse_error* error) {
  return capi::guarded(error, nullptr, [&]() -> Status {
    BOATHOUSE_TRY(capi::need(uploads, "uploads"));
    BOATHOUSE_TRY(capi::need_struct(upload, "upload"));
    if (index >= uploads->files.size()) return capi::refused("there is no upload of this index");
    const capi::UploadFile& file = uploads->files[index];
    boathouse_upload given = BOATHOUSE_INIT(boathouse_upload);
    given.key = file.key.c_str();
    given.method = "POST";
    given.path = "/v1/sync/batch";
    given.headers = uploads->headers[index].data();
    given.header_count = uploads->headers[index].size();
    given.body_file = file.path.c_str();
    given.items = file.items;
    given.bytes = file.bytes;
    capi::give_struct(upload, given);
    return {};
  });
}

void boathouse_uploads_free(boathouse_uploads* uploads) { delete uploads; }

boathouse_code boathouse_uploads_finish(boathouse_store* store, const char* folder, const char* key, int32_t status,
                                        const boathouse_header* headers, size_t header_count, const uint8_t* body,
                                        size_t body_size, boathouse_upload_result* result, boathouse_error* error) {
  return on_folder(store, folder, error, [&](const Store&, capi::UploadFiles& files) -> Status {
    BOATHOUSE_TRY(capi::need(key, "key"));
    if (result != nullptr) BOATHOUSE_TRY(capi::need_struct(result, "result"));
    std::optional<boathouse::sync::HttpResponse> response;
    if (status != 0) {
      auto read = capi::response_of(status, headers, header_count, body, body_size);
      if (!read) return read.error();
      response = std::move(*read);
    }
    const auto done = files.finish(key, response);
    if (!done) return done.error();
    if (result == nullptr) return {};
    boathouse_upload_result given = BOATHOUSE_INIT(boathouse_upload_result);
    given.outcome = static_cast<std::int32_t>(done->outcome);
    given.stored = done->stored;
    given.duplicates = done->duplicates;
    given.refused = done->refused;
    given.later = done->later;
    given.retry_after_ms = done->retry_after_ms;
    capi::give_struct(result, given);
    return {};
  });
}
