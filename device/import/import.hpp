// Imports a file of another tool: recognises the dialect by its header, maps rows to records, keeps the file's own
// bytes as stream `source`. All recordings of a file come in one transaction. A file that was imported before (same
// SHA-256) is reported and changes nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.hpp"
#include "core/base/result.hpp"
#include "core/base/uuid.hpp"
#include "device/store/store.hpp"

namespace boathouse::import {

inline constexpr std::size_t kMaxFile = std::size_t{256} << 20;
inline constexpr std::size_t kMaxProblems = 100;  // told one by one; the rest are counted

struct DialectInfo {
  std::string_view name;         // as in Birth::dialect, e.g. "ergstick"
  std::string_view description;  // for a person
};
// All known dialects. Static storage.
std::span<const DialectInfo> dialects();

struct ImportOptions {
  // For files with local times: an IANA name or "+hh:mm" / "-hh:mm". Empty: the offset stays unknown, the local reading
  // is taken as UTC.
  std::string time_zone;
  std::string athlete;  // label of the key
  std::string zoneinfo_folder = "/usr/share/zoneinfo";
};

struct ImportProblem {
  std::uint64_t line = 0;  // from 1
  std::string column;      // "" = the whole line
  std::string text;        // what is wrong
};

struct ImportReport {
  std::string dialect;
  bool already_imported = false;           // then `recordings` are the ones of that time and the rest is empty
  std::vector<base::Uuid> recordings;      // in the file's order
  std::uint64_t rows = 0;                  // data rows that were read
  std::array<std::uint64_t, 8> records{};  // by stream number
  std::uint64_t rejected_values = 0;       // null with an event
  std::uint64_t rejected_lines = 0;        // not imported but for the source bytes, with an event
  std::vector<ImportProblem> problems;     // the first kMaxProblems of both
};

// `name`: the file's name without folders. Errors: invalid_input (not CSV, no known dialect, no readable row, unknown
// time zone: text names line and column), too_large, and the store's.
base::Result<ImportReport> import_file(store::Store& store, base::UuidV7Source& ids, base::Clock& clock,
                                       std::string_view name, std::string_view content, const ImportOptions& options);

// The content of a file, refused above kMaxFile.
base::Result<std::string> read_file(const std::string& path);

}  // namespace boathouse::import
