#include "server/backup/s3_copies.hpp"

#include <algorithm>
#include <map>
#include <system_error>

#include "core/base/json.hpp"
#include "server/backup/files.hpp"

namespace boathouse::backup {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::JsonValue;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t kMaxFile = std::size_t{16} << 20;  // a copy a day is 50 kB a year

fs::path file_of(const fs::path& destination) { return destination / "clickhouse-in-s3.json"; }

}  // namespace

Result<std::vector<S3Copy>> s3_copies(const fs::path& destination) {
  std::vector<S3Copy> copies;
  const fs::path file = file_of(destination);
  std::error_code error;
  if (!fs::exists(file, error)) {
    return copies;
  }
  const auto text = read_file(file, kMaxFile);
  if (!text) {
    return text.error();
  }
  const Error damaged{ErrorCode::corrupt, file.string() + " is not what was written, so nobody knows what lies in S3"};
  const auto json = base::parse_json(*text, {.max_bytes = kMaxFile});
  if (!json || json->array() == nullptr) {
    return damaged;
  }
  for (const JsonValue& one : *json->array()) {
    const JsonValue* place = one.find("place");
    const JsonValue* made = one.find("made_ms");
    if (place == nullptr || place->text() == nullptr || made == nullptr || !made->integer()) {
      return damaged;
    }
    copies.push_back({*place->text(), *made->integer()});
  }
  return copies;
}

Status note_s3_copies(const fs::path& destination, const std::vector<S3Copy>& copies) {
  const auto before = s3_copies(destination);
  if (!before) {
    return before.error();
  }
  std::map<std::string, std::int64_t> noted;
  for (const S3Copy& copy : *before) {
    noted[copy.place] = copy.made_ms;
  }
  const auto as_before = noted;
  for (const S3Copy& copy : copies) {
    const auto [found, is_new] = noted.emplace(copy.place, copy.made_ms);
    found->second = std::min(found->second, copy.made_ms);
  }
  if (noted == as_before) {
    return {};
  }
  std::string text;
  base::JsonWriter json(text);
  json.begin_array();
  for (const auto& [place, made_ms] : noted) {
    json.begin_object().key("place").value(place).key("made_ms").value(made_ms).end_object();
  }
  json.end_array();
  const fs::path unfinished = destination / ".clickhouse-in-s3.partial";
  BOATHOUSE_TRY(write_file(unfinished, text + "\n"));
  return move_path(unfinished, file_of(destination));
}

}  // namespace boathouse::backup
