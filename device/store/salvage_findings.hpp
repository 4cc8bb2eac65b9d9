// What a damaged store's file holds, sorted by table, nothing of it believed yet but the rows that carry a sum. Only
// for the sources of this folder.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/sha256.hpp"
#include "core/base/uuid.hpp"
#include "core/db/damaged_file.hpp"
#include "core/rowing/edit.hpp"
#include "core/rowing/record.hpp"
#include "device/store/store_internal.hpp"

namespace boathouse::store {

struct FoundRecording : RecordingRow {
  bool from_feed = false;
};

struct FoundItem {
  std::int64_t recording = 0;
  wire::ItemKind kind = wire::ItemKind::chunk;
  int stream = 0;
  std::uint64_t first = 0;
  std::uint64_t past = 0;
  std::uint32_t version = 0;
  base::Digest sha256{};
  std::uint64_t bytes = 0;
  bool receipt = false;  // the server has confirmed it
  bool here = true;
  bool wanted = false;
};

// The index's copy of an item's key: recording, kind, stream, first.
using ItemKey = std::array<std::int64_t, 4>;

// Whether `one` is of a later state than `other`.
bool is_further_on(const FoundRecording& one, const FoundRecording& other);

struct Findings {
  // By number: several are under one if a number is damaged. Of several versions of a row the one that is further on.
  std::map<std::int64_t, std::vector<FoundRecording>> recordings;
  std::map<std::int64_t, std::vector<FoundItem>> items;
  std::map<std::int64_t, ItemKey> keys;
  std::multimap<std::int64_t, db::RowPlace> bodies;
  std::map<std::int64_t, rowing::Stamp> stamps;  // of edits, by item
  std::map<std::int64_t, std::map<rowing::Stream, StreamRow>> streams;
  std::map<std::int64_t, std::map<rowing::Stream, std::map<std::uint64_t, rowing::Record>>> rows;
  std::map<std::int64_t, std::map<std::uint64_t, rowing::Record>> tails;
  std::int64_t recordings_begun = 0;  // the file's own count
  std::uint64_t odd_rows = 0;         // that are not as any table has them

  // Of a free page only what has a sum: a record that was sealed since, and whose chunk may be damaged.
  void take(const db::FoundPage& page);

 private:
  bool take_table_row(const db::FoundRow& row);
  bool take_recording(const db::FoundRow& row);
  bool take_item(const db::FoundRow& row);
  bool take_edit(const db::FoundRow& row);
  bool take_key_row(const db::FoundRow& row, bool page_of_tails);
  bool take_open_row(const db::FoundRow& row, bool page_of_tails);
};

}  // namespace boathouse::store
