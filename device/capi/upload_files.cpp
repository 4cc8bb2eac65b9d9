#include "device/capi/upload_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "core/base/hex.hpp"
#include "core/base/sha256.hpp"
#include "core/wire/batch.hpp"
#include "core/wire/content_digest.hpp"
#include "device/sync/reply.hpp"
#include "device/sync/retry_after.hpp"

namespace boathouse::capi {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;

constexpr std::string_view kEnding = ".batch";
constexpr std::string_view kUnfinished = ".part";
constexpr std::size_t kKeyDigits = 64;

bool is_key(std::string_view text) {
  return text.size() == kKeyDigits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string key_of(base::ByteView bytes) { return base::to_hex(base::sha256(bytes)); }

UploadFile describe(std::string key, std::string path, base::ByteView bytes, std::size_t items) {
  return {std::move(key), std::move(path), wire::make_content_digest(bytes), items, bytes.size()};
}

// What an answer that is no 200 asks for.
UploadOutcome outcome_of(int status) {
  if (status == 401 || status == 403) return UploadOutcome::sign_in;
  if (status == 408 || status == 429 || status < 400 || status >= 500) return UploadOutcome::retry;
  return UploadOutcome::refused;
}

}  // namespace

base::Result<std::vector<std::string>> UploadFiles::keys() {
  std::vector<std::string> keys;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.ends_with(kUnfinished)) fs::remove(entry->path(), ignored);
    if (!name.ends_with(kEnding)) continue;
    std::string key = name.substr(0, name.size() - kEnding.size());
    if (is_key(key)) keys.push_back(std::move(key));
  }
  if (error) return Error{ErrorCode::io, "cannot read the folder " + folder_ + ": " + error.message()};
  return keys;
}

std::optional<base::Bytes> UploadFiles::read(std::string_view key) {
  std::ifstream in(path_of(key), std::ios::binary);
  if (!in) return std::nullopt;
  base::Bytes bytes;
  while (bytes.size() <= wire::kMaxBatchBytes) {
    const std::size_t before = bytes.size();
    bytes.resize(before + (std::size_t{64} << 10));
    in.read(reinterpret_cast<char*>(bytes.data() + before), static_cast<std::streamsize>(bytes.size() - before));
    bytes.resize(before + static_cast<std::size_t>(in.gcount()));
    if (!in) break;
  }
  if (key_of(bytes) == key) return bytes;
  remove(key);
  return std::nullopt;
}

void UploadFiles::remove(std::string_view key) {
  std::error_code ignored;  // one that stays is removed by the next reconcile()
  fs::remove(path_of(key), ignored);
}

base::Result<UploadFiles::Batch> UploadFiles::next_batch(std::string_view athlete,
                                                         const std::set<std::int64_t>& taken) {
  store::PendingQuery query;
  query.athlete = athlete;
  query.skip_items = taken;
  query.max_items = wire::kMaxBatchItems / 2;  // each may need its birth
  auto pending = store_.pending(query);
  if (!pending) return pending.error();
  Batch batch;
  wire::BatchWriter writer;
  std::optional<base::Uuid> recording;  // whose birth is in; those of one recording come together
  for (const store::PendingItem& item : *pending) {
    std::optional<store::PendingItem> birth;
    if (recording != item.rec_id && item.kind != wire::ItemKind::birth) {
      auto found = store_.birth_item(item.rec_id);
      // An edit may name a session that this device knows nothing else of: it needs no birth.
      if (!found && found.error().code != ErrorCode::not_found) return found.error();
      if (found) birth = std::move(*found);
    }
    const std::size_t more = writer.size_with(item.item()) + (birth ? birth->body.size() + kKeyDigits : 0);
    if (writer.items() > 0 && more > wire::kTargetBatchBytes) break;
    if (birth) writer.add(birth->item());
    writer.add(item.item());
    recording = item.rec_id;
    batch.items.push_back(item.id);
  }
  if (writer.items() > 0) batch.bytes = writer.take();
  return batch;
}

// Whole under its name, or not there.
base::Result<UploadFile> UploadFiles::put(const Batch& batch) {
  std::string key = key_of(batch.bytes);
  std::string path = path_of(key);
  const std::string unfinished = path + std::string(kUnfinished);
  std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(batch.bytes.data()), static_cast<std::streamsize>(batch.bytes.size()));
  out.close();
  std::error_code error;
  if (out) fs::rename(unfinished, path, error);
  if (!out || error) {
    std::error_code ignored;
    fs::remove(unfinished, ignored);
    return Error{ErrorCode::io, "cannot write " + path + "; is the folder there, and is there room?"};
  }
  return describe(std::move(key), std::move(path), batch.bytes, batch.items.size());
}

base::Result<std::vector<UploadFile>> UploadFiles::write(std::string_view athlete, std::size_t max_files) {
  const auto there = keys();
  if (!there) return there.error();
  std::set<std::int64_t> taken;
  for (const std::string& key : *there) {
    const auto bytes = read(key);
    if (!bytes) continue;
    const auto items = wire::parse_batch(*bytes);
    if (!items) continue;
    const auto known = store_.find_items(*items);
    if (!known) return known.error();
    for (const store::KnownItem& item : *known) taken.insert(item.id);
  }
  std::vector<UploadFile> files;
  while (files.size() < max_files) {
    auto batch = next_batch(athlete, taken);
    if (!batch) return batch.error();
    if (batch->items.empty()) break;
    auto file = put(*batch);
    if (!file) return file.error();
    taken.insert(batch->items.begin(), batch->items.end());
    files.push_back(std::move(*file));
  }
  return files;
}

base::Result<std::vector<UploadFile>> UploadFiles::reconcile(const std::set<std::string, std::less<>>& tasks) {
  const auto there = keys();
  if (!there) return there.error();
  std::vector<UploadFile> files;
  for (const std::string& key : *there) {
    const auto bytes = read(key);
    if (!bytes) continue;
    const auto items = wire::parse_batch(*bytes);
    std::size_t pending = 0;
    if (items && tasks.contains(key)) {
      const auto known = store_.find_items(*items);
      if (!known) return known.error();
      pending = static_cast<std::size_t>(std::ranges::count_if(*known, &store::KnownItem::pending));
    }
    if (pending > 0) {
      files.push_back(describe(key, path_of(key), *bytes, pending));
    } else {
      remove(key);
    }
  }
  return files;
}

base::Result<UploadResult> UploadFiles::take_reply(base::ByteView batch, const sync::HttpResponse& response) {
  UploadResult result;
  result.outcome = UploadOutcome::retry;
  const auto items = wire::parse_batch(batch);
  if (!items) return items.error();
  auto reply = wire::decode_reply(response.body, items->size());
  if (!reply || reply->replica_id != store_.identity().replica_id || reply->epoch.empty()) return result;
  const auto status = store_.status();
  if (!status) return status.error();
  // Another epoch is for hello to find: an answer that is late must not take the store back to an earlier one.
  if (!status->server_epoch.empty() && status->server_epoch != reply->epoch) return result;
  const auto known = store_.find_items(*items);
  if (!known) return known.error();
  std::vector<sync::InFlight> sent;
  for (std::size_t i = 0; i < items->size(); ++i)
    sent.push_back({(*known)[i].id, (*items)[i].kind, (*items)[i].rec_id});
  sync::put_off_orphans(sent, reply->results);

  std::vector<store::Acknowledgement> answers;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    wire::ItemResult& one = reply->results[i];
    switch (one.outcome) {
      case wire::Outcome::stored:
        ++result.stored;
        break;
      case wire::Outcome::duplicate:
        ++result.duplicates;
        break;
      case wire::Outcome::mismatch:
      case wire::Outcome::rejected:
        ++result.refused;
        break;
      case wire::Outcome::later:
        ++result.later;
        result.retry_after_ms =
            std::max(result.retry_after_ms,
                     std::clamp<std::int64_t>(one.retry_after_s, 0, sync::kMaxRetryAfterMs / 1000) * 1000);
        break;
    }
    if (sent[i].id != 0) answers.push_back({sent[i].id, one.outcome, one.server_seq, std::move(one.detail)});
  }
  BOATHOUSE_TRY(store_.acknowledge(reply->epoch, answers));
  result.outcome = UploadOutcome::taken;
  return result;
}

base::Result<UploadResult> UploadFiles::finish(std::string_view key,
                                               const std::optional<sync::HttpResponse>& response) {
  if (!is_key(key)) return Error{ErrorCode::invalid_input, "a key has 64 lower-case hex digits"};
  const auto batch = read(key);
  UploadResult result;
  if (!batch) return result;
  if (response && response->status == 200) {
    auto taken = take_reply(*batch, *response);
    if (!taken) return taken.error();
    result = *taken;
  } else {
    result.outcome = response ? outcome_of(response->status) : UploadOutcome::retry;
  }
  if (response) {
    if (const auto pause = sync::retry_after_ms(response->headers))
      result.retry_after_ms = std::max(result.retry_after_ms, *pause);
  }
  remove(key);
  return result;
}

}  // namespace boathouse::capi
