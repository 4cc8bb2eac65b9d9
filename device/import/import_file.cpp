#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/base/sha256.hpp"
#include "device/import/dialect.hpp"
#include "device/import/ergstick.hpp"
#include "device/import/hero.hpp"
#include "device/import/import.hpp"
#include "device/import/logbook_season.hpp"
#include "device/import/logbook_strokes.hpp"
#include "device/import/rowingdata.hpp"

namespace boathouse::import {
namespace {

constexpr std::size_t kMaxSourceName = 200;  // code points
constexpr std::size_t kMaxShownHeader = 80;

std::string known_dialects() {
  std::string text;
  for (const Dialect& dialect : all_dialects()) {
    text += (text.empty() ? "" : "; ") + std::string(dialect.info.name) + ": " + std::string(dialect.info.description);
  }
  return text;
}

base::Result<const Dialect*> recognise(const Header& header) {
  for (const Dialect& dialect : all_dialects()) {
    if (dialect.recognises(header)) return &dialect;
  }
  std::string first_row;
  for (const std::string& name : header.names()) first_row += (first_row.empty() ? "" : ",") + name;
  return base::Error{base::ErrorCode::invalid_input, "no known kind of file, its first row is \"" +
                                                         cut_text(first_row, kMaxShownHeader) + "\". Known are " +
                                                         known_dialects()};
}

}  // namespace

std::span<const Dialect> all_dialects() {
  static const std::array kAll{kErgStick, kRowingdata, kPainsled, kHero, kLogbookStrokes, kErgData, kLogbookSeason};
  return kAll;
}

std::span<const DialectInfo> dialects() {
  static const std::vector<DialectInfo> kInfos = [] {
    std::vector<DialectInfo> infos;
    for (const Dialect& dialect : all_dialects()) infos.push_back(dialect.info);
    return infos;
  }();
  return kInfos;
}

base::Result<ImportReport> import_file(store::Store& store, base::UuidV7Source& ids, base::Clock& clock,
                                       std::string_view name, std::string_view content, const ImportOptions& options) {
  if (content.size() > kMaxFile) return base::Error{base::ErrorCode::too_large, "the file is larger than 256 MiB"};
  if (content.empty()) return base::Error{base::ErrorCode::invalid_input, "the file is empty"};
  CsvReader reader(content);
  CsvRow first;
  const auto read = reader.next(first);
  if (!read) {
    return base::Error{base::ErrorCode::invalid_input,
                       "no file of comma-separated values (" + read.error().text + "). Known are " + known_dialects()};
  }
  const Header header(first);
  const auto dialect = recognise(header);
  if (!dialect) return dialect.error();
  const auto zone = TimeZone::find(options.time_zone, options.zoneinfo_folder);
  if (!zone) return zone.error();

  ImportReport report;
  report.dialect = (*dialect)->info.name;
  const base::Digest sha256 = base::sha256(base::as_bytes(content));
  auto before = store.imported(sha256);
  if (!before) return before.error();
  if (!before->empty()) {
    report.already_imported = true;
    report.recordings = std::move(*before);
    return report;
  }

  rowing::Birth common;
  common.started_ms = clock.utc_ms();
  common.origin = rowing::Origin::import;
  common.dialect = report.dialect;
  common.source_name = cut_text(name, kMaxSourceName);
  common.source_sha256 = sha256;
  auto transaction = store.begin_import(sha256);
  if (!transaction) return transaction.error();
  ImportSink sink(*transaction, ids, std::move(common), options.athlete, content, report);
  Input input{reader, header, *zone, sink};
  BOATHOUSE_TRY((*dialect)->run(input));
  BOATHOUSE_TRY(sink.finish());
  BOATHOUSE_TRY(transaction->commit());
  return report;
}

base::Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::Error{base::ErrorCode::not_found, "cannot open " + path + ": " + std::strerror(errno)};
  std::string content;
  std::array<char, 65536> buffer{};
  while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0) {
    content.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
    if (content.size() > kMaxFile) return base::Error{base::ErrorCode::too_large, path + " is larger than 256 MiB"};
  }
  if (in.bad()) return base::Error{base::ErrorCode::io, "cannot read " + path};
  return content;
}

}  // namespace boathouse::import
