#include "server/backup/manifest.hpp"

#include <algorithm>
#include <optional>

#include "core/base/hex.hpp"
#include "core/base/json.hpp"
#include "core/base/utc_time.hpp"

namespace boathouse::backup {

using base::Error;
using base::ErrorCode;
using base::JsonValue;
using base::Result;

namespace {

constexpr std::int64_t kWholeFormat = 1;
constexpr std::int64_t kFormat = 2;  // with `left_out`
constexpr std::string_view kBegin = R"({"manifest":)";
constexpr std::string_view kMiddle = R"(,"sha256":")";
constexpr std::string_view kEnd = "\"}\n";
constexpr std::size_t kHex = 64;

const Error kDamaged{ErrorCode::corrupt, "manifest.json is not what was written"};

void put_database(base::JsonWriter& json, const DatabaseCopy& database) {
  json.begin_object().key("name").value(database.name).key("schema_version").value(database.schema_version);
  json.key("tables").begin_array();
  for (const auto& [name, sum] : database.tables) {
    json.begin_object().key("name").value(name).key("rows").value(sum.rows);
    json.key("sum").value(base::to_hex(sum.sum)).end_object();
  }
  json.end_array().end_object();
}

void put_files(base::JsonWriter& json, const std::vector<CopiedFile>& files) {
  json.key("files").begin_array();
  for (const CopiedFile& file : files) {
    json.begin_object().key("name").value(file.name).key("bytes").value(file.bytes);
    json.key("sha256").value(base::to_hex(file.sha256)).end_object();
  }
  json.end_array();
}

// Takes fields out of an object; ok() tells whether all were there.
class Fields {
 public:
  explicit Fields(const JsonValue& object) : object_(object) {}
  std::string text(std::string_view key) {
    const JsonValue* found = object_.find(key);
    return found != nullptr && found->text() != nullptr ? *found->text() : (ok_ = false, std::string());
  }
  std::int64_t number(std::string_view key) {
    const JsonValue* found = object_.find(key);
    const std::int64_t number = found != nullptr ? found->integer().value_or(-1) : -1;
    ok_ = ok_ && number >= 0;
    return std::max<std::int64_t>(number, 0);
  }
  std::uint64_t count(std::string_view key) { return static_cast<std::uint64_t>(number(key)); }
  base::Digest digest(std::string_view key) {
    base::Digest digest{};
    const auto bytes = base::from_hex(text(key));
    ok_ = ok_ && bytes && bytes->size() == digest.size();
    if (ok_) {
      std::copy(bytes->begin(), bytes->end(), digest.begin());
    }
    return digest;
  }
  const JsonValue::Array& array(std::string_view key) {
    static const JsonValue::Array kNone;
    const JsonValue* found = object_.find(key);
    ok_ = ok_ && found != nullptr && found->array() != nullptr;
    return ok_ ? *found->array() : kNone;
  }
  // A name that stays within its folder.
  std::string file(std::string_view key) {
    std::string name = text(key);
    ok_ = ok_ && !name.empty() && name[0] != '.' && name.find('/') == std::string::npos;
    return name;
  }
  std::vector<CopiedFile> files(std::string_view key) {
    std::vector<CopiedFile> files;
    for (const JsonValue& value : array(key)) {
      Fields file(value);
      files.push_back({file.file("name"), file.count("bytes"), file.digest("sha256")});
      ok_ = ok_ && file.ok();
    }
    return files;
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  const JsonValue& object_;
  bool ok_ = true;
};

std::optional<DatabaseCopy> database_of(const JsonValue& value) {
  Fields fields(value);
  DatabaseCopy database{fields.file("name"), fields.number("schema_version"), {}};
  for (const JsonValue& table : fields.array("tables")) {
    Fields columns(table);
    database.tables[columns.text("name")] = {columns.count("rows"), columns.digest("sum")};
    if (!columns.ok()) {
      return std::nullopt;
    }
  }
  return fields.ok() ? std::optional(std::move(database)) : std::nullopt;
}

}  // namespace

std::string encode_manifest(const Manifest& manifest) {
  std::string text;
  base::JsonWriter json(text);
  json.begin_object().key("format").value(manifest.left_out.empty() ? kWholeFormat : kFormat);
  json.key("made").value(base::format_utc_ms(manifest.made_ms)).key("made_ms").value(manifest.made_ms);
  json.key("epoch").value(manifest.epoch).key("last_seq").value(manifest.last_seq);
  json.key("chunks").value(manifest.chunks).key("chunk_root").value(base::to_hex(manifest.chunk_root));
  json.key("databases").begin_array();
  for (const DatabaseCopy& database : manifest.databases) {
    put_database(json, database);
  }
  json.end_array();
  put_files(json, manifest.files);
  json.key("segments").begin_array();
  for (const Segment& segment : manifest.segments) {
    json.begin_object().key("file").value(segment.file).key("from").value(segment.from).key("to").value(segment.to);
    json.key("bodies").value(segment.bodies).key("bytes").value(segment.bytes);
    json.key("sha256").value(base::to_hex(segment.sha256)).end_object();
  }
  json.end_array();
  if (manifest.clickhouse) {
    json.key("clickhouse").begin_object().key("s3_folder").value(manifest.clickhouse->s3_folder);
    put_files(json, manifest.clickhouse->files);
    json.end_object();
  }
  if (manifest.clean_of_ms > 0) {
    json.key("clean_of_ms").value(manifest.clean_of_ms);
  }
  if (!manifest.left_out.empty()) {
    json.key("left_out").begin_array();
    for (const std::int64_t server_seq : manifest.left_out) {
      json.value(server_seq);
    }
    json.end_array();
  }
  json.end_object();
  return std::string(kBegin) + text + std::string(kMiddle) + base::to_hex(base::sha256(base::as_bytes(text))) +
         std::string(kEnd);
}

Result<Manifest> parse_manifest(std::string_view text) {
  const std::size_t around = kBegin.size() + kMiddle.size() + kHex + kEnd.size();
  if (text.size() < around || !text.starts_with(kBegin) || !text.ends_with(kEnd)) {
    return kDamaged;
  }
  const std::string_view inside = text.substr(kBegin.size(), text.size() - around);
  const std::string_view rest = text.substr(kBegin.size() + inside.size());
  if (!rest.starts_with(kMiddle) ||
      rest.substr(kMiddle.size(), kHex) != base::to_hex(base::sha256(base::as_bytes(inside)))) {
    return kDamaged;
  }
  const auto json = base::parse_json(inside, {.max_bytes = kMaxManifest});
  if (!json) {
    return kDamaged;
  }
  Fields fields(*json);
  if (fields.number("format") > kFormat) {
    return Error{ErrorCode::unsupported, "manifest.json was written by a newer program; use that one"};
  }
  Manifest manifest{fields.number("made_ms"),    fields.text("epoch"),
                    fields.number("last_seq"),   fields.count("chunks"),
                    fields.digest("chunk_root"), {},
                    fields.files("files"),       {}};
  for (const JsonValue& value : fields.array("databases")) {
    auto database = database_of(value);
    if (!database) {
      return kDamaged;
    }
    manifest.databases.push_back(std::move(*database));
  }
  if (const JsonValue* clickhouse = json->find("clickhouse"); clickhouse != nullptr) {
    Fields copy(*clickhouse);
    manifest.clickhouse = ClickHouseCopy{copy.text("s3_folder"), copy.files("files")};
    if (!copy.ok() || manifest.clickhouse->files.empty()) {
      return kDamaged;
    }
  }
  if (json->find("clean_of_ms") != nullptr) {
    manifest.clean_of_ms = fields.number("clean_of_ms");
  }
  if (json->find("left_out") != nullptr) {
    for (const JsonValue& value : fields.array("left_out")) {
      const std::int64_t server_seq = value.integer().value_or(0);
      if (server_seq <= (manifest.left_out.empty() ? 0 : manifest.left_out.back())) {
        return kDamaged;
      }
      manifest.left_out.push_back(server_seq);
    }
  }
  for (const JsonValue& value : fields.array("segments")) {
    Fields segment(value);
    manifest.segments.push_back({segment.file("file"), segment.number("from"), segment.number("to"),
                                 segment.count("bodies"), segment.count("bytes"), segment.digest("sha256")});
    if (!segment.ok()) {
      return kDamaged;
    }
  }
  if (!fields.ok() || manifest.databases.empty() || manifest.databases.front().name != "ledger") {
    return kDamaged;
  }
  return manifest;
}

}  // namespace boathouse::backup
